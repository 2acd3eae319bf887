DROP TABLE stash;
DROP TABLE settings;
DROP TABLE sessions;
DROP TABLE users;
DROP FUNCTION fold(text);
