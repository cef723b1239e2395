-- How many accounts there are, kept with them: counting them reads them all.
--   accounts   rows of that table, which never go
INSERT INTO store SELECT 'accounts', count(*) FROM accounts;
CREATE TRIGGER account_counted AFTER INSERT ON accounts BEGIN
    UPDATE store SET value = value + 1 WHERE name = 'accounts';
END;
