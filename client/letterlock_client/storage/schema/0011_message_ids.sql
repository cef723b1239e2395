-- The index by which messages are found is one that a restore can leave for the end. A profile that was made before has
-- the same a second time, as part of its table.
CREATE UNIQUE INDEX IF NOT EXISTS message_by_id ON message (id);
