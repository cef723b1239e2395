-- What else the restore under way was asked for: the newest generation that will do, 0 for any, and whether what is whole
-- of a damaged backup will.
ALTER TABLE restore ADD COLUMN upto INTEGER NOT NULL DEFAULT 0;
ALTER TABLE restore ADD COLUMN accept_damaged INTEGER NOT NULL DEFAULT 0;
