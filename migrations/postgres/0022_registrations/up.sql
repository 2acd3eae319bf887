-- Several may wait for one address: a stranger's does not replace its owner's. The password is chosen behind the link.
ALTER TABLE registrations DROP COLUMN email_key;
ALTER TABLE registrations DROP COLUMN password;
