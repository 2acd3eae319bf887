CREATE FUNCTION look(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT btrim(regexp_replace(normalize(replace(lower(regexp_replace(normalize($1, NFKC),
        '[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]+', '', 'g')
        COLLATE "und-x-icu"), 'ς', 'σ'), NFKC), '[\t\n\v\f\r \u0085\u1680\u2028\u2029]+', ' ', 'g')) $$;
UPDATE users SET username_look = look(username), name_look = look(name);
