-- When receipts of own messages came here, by this clock; 0 is not known. No backup holds them: they are what
-- this terminal saw and when, so the counting of changes leaves them out.
ALTER TABLE message ADD COLUMN delivered_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN read_at INTEGER NOT NULL DEFAULT 0;
