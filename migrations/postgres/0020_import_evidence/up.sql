-- What an imported row said of itself, as hashes: another copy of the same database may hold another row under the same id.
ALTER TABLE import_ids ADD COLUMN evidence TEXT NOT NULL DEFAULT '';
