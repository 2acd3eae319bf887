-- The two forms of the small sigma are one letter: SQLite's fold and the program's chose by the letter typed, PostgreSQL's by its
-- place in the word, so that ΟΔΟΣ was not found by its own name there.
CREATE OR REPLACE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT replace(lower(normalize($1, NFC) COLLATE "und-x-icu"), 'ς', 'σ') $$;

-- Names are ordered as on SQLite, by their letters' numbers, whatever the server's own order is.
ALTER TABLE topics ALTER COLUMN name_key TYPE TEXT COLLATE "C";
ALTER TABLE tags ALTER COLUMN name_key TYPE TEXT COLLATE "C";

-- The keys of names follow. Of two that had differed by this letter alone each keeps his, and the name leads to the one with the new key;
-- a person who is not led to by his name any more logs in by his address.
UPDATE users SET username_key = replace(username_key, 'ς', 'σ')
    WHERE username_key LIKE '%ς%' AND replace(username_key, 'ς', 'σ') NOT IN
        (SELECT replace(username_key, 'ς', 'σ') FROM users GROUP BY 1 HAVING count(*) > 1);
UPDATE users SET email_key = replace(email_key, 'ς', 'σ')
    WHERE email_key LIKE '%ς%' AND replace(email_key, 'ς', 'σ') NOT IN
        (SELECT replace(email_key, 'ς', 'σ') FROM users WHERE email_key IS NOT NULL GROUP BY 1 HAVING count(*) > 1);
UPDATE topics SET name_key = replace(name_key, 'ς', 'σ')
    WHERE name_key LIKE '%ς%' AND replace(name_key, 'ς', 'σ') NOT IN
        (SELECT replace(name_key, 'ς', 'σ') FROM topics GROUP BY 1 HAVING count(*) > 1);
UPDATE tags SET name_key = replace(name_key, 'ς', 'σ')
    WHERE name_key LIKE '%ς%' AND replace(name_key, 'ς', 'σ') NOT IN
        (SELECT replace(name_key, 'ς', 'σ') FROM tags GROUP BY 1 HAVING count(*) > 1);
UPDATE rooms SET lobby_key = replace(lobby_key, 'ς', 'σ')
    WHERE lobby_key LIKE '%ς%' AND replace(lobby_key, 'ς', 'σ') NOT IN
        (SELECT replace(lobby_key, 'ς', 'σ') FROM rooms WHERE lobby_key IS NOT NULL GROUP BY 1 HAVING count(*) > 1);
UPDATE registrations SET email_key = replace(email_key, 'ς', 'σ')
    WHERE email_key LIKE '%ς%' AND replace(email_key, 'ς', 'σ') NOT IN
        (SELECT replace(email_key, 'ς', 'σ') FROM registrations GROUP BY 1 HAVING count(*) > 1);
UPDATE projects SET title_key = replace(title_key, 'ς', 'σ') WHERE title_key LIKE '%ς%';
