CREATE OR REPLACE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT replace(lower(normalize($1, NFC) COLLATE "und-x-icu"), 'ς', 'σ') $$;
