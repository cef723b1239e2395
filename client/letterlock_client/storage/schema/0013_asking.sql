-- Whether nobody has asked the realms yet if what a restored backup said of the vault still holds.
ALTER TABLE vault ADD COLUMN unasked INTEGER NOT NULL DEFAULT 0;
