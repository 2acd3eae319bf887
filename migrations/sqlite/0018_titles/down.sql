-- An index in order is no worse.
SELECT 1;
