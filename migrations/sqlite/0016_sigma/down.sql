-- Which letter a key had is not known any more: it stays as it is.
SELECT 1;
