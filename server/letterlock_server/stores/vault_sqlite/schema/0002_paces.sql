-- How much an account's owner added of late: the realm's own clock, in milliseconds, at which all of it is forgotten.
-- 0: nothing.
ALTER TABLE accounts ADD COLUMN paced_until INTEGER NOT NULL DEFAULT 0;
