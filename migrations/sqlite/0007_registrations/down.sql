ALTER TABLE users DROP COLUMN email_confirmed;
DROP TABLE registrations;
DROP TABLE invites;
