-- The looks of names also compare similar letters of other scripts, which the program knows and PostgreSQL does not: it computes
-- those that are empty before it serves.
UPDATE users SET username_look = '', name_look = '';
