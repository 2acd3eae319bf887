-- A skill is told once by each person, whatever its case. The key is cut: an imported name may have thousands of letters, for which an
-- index has no room.
ALTER TABLE skills ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE skills SET name_key = substr(fold(trim(name)), 1, 200);

-- Of those that were told twice the first stays, described as the first of them that is.
UPDATE skills SET description = (SELECT d.description FROM skills d WHERE d.user_id = skills.user_id AND d.name_key = skills.name_key
                                 AND d.description <> '' ORDER BY d.id LIMIT 1)
    WHERE description = '' AND EXISTS (SELECT 1 FROM skills d WHERE d.user_id = skills.user_id AND d.name_key = skills.name_key
                                       AND d.description <> '');
DELETE FROM skills WHERE id NOT IN (SELECT min(id) FROM skills GROUP BY user_id, name_key);
CREATE UNIQUE INDEX skills_name ON skills (user_id, name_key);
DROP INDEX skills_user;
