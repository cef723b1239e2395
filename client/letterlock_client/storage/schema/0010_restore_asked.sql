-- What the restore under way was asked for, so that whoever comes back types none of it again. Nothing in here opens a
-- backup; a restore that an older release began left none of it.
ALTER TABLE restore ADD COLUMN handle TEXT NOT NULL DEFAULT '';
ALTER TABLE restore ADD COLUMN relay TEXT NOT NULL DEFAULT '';
ALTER TABLE restore ADD COLUMN insecure INTEGER NOT NULL DEFAULT 0;
-- Files on this terminal, and the vault locator; empty where none was named.
ALTER TABLE restore ADD COLUMN fleet TEXT NOT NULL DEFAULT '';
ALTER TABLE restore ADD COLUMN sheet TEXT NOT NULL DEFAULT '';
ALTER TABLE restore ADD COLUMN locator TEXT NOT NULL DEFAULT '';
-- Whether the 64 digits opened it, and not a password.
ALTER TABLE restore ADD COLUMN by_key INTEGER NOT NULL DEFAULT 0;
