-- Which letter a key had is not known any more: it stays as it is.
ALTER TABLE tags ALTER COLUMN name_key TYPE TEXT COLLATE "default";
ALTER TABLE topics ALTER COLUMN name_key TYPE TEXT COLLATE "default";
CREATE OR REPLACE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT lower(normalize($1, NFC) COLLATE "und-x-icu") $$;
