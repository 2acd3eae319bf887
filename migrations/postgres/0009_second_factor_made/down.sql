ALTER TABLE users DROP COLUMN email_serial;
ALTER TABLE second_factors DROP COLUMN made;
