DROP INDEX participants_order;
