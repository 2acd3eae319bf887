-- Those that wait have no password: they are asked for again.
DELETE FROM registrations;
ALTER TABLE registrations ADD COLUMN email_key TEXT NOT NULL UNIQUE;
ALTER TABLE registrations ADD COLUMN password TEXT NOT NULL;
