-- What the restore under way was asked for, so that whoever comes back types none of it again, and what it needs to run
-- beside chatting. Nothing in here opens a backup; a restore that an older release began left none of it.
ALTER TABLE restore ADD COLUMN handle TEXT NOT NULL DEFAULT '';
ALTER TABLE restore ADD COLUMN relay TEXT NOT NULL DEFAULT '';
ALTER TABLE restore ADD COLUMN insecure INTEGER NOT NULL DEFAULT 0;
-- Files on this terminal, and the vault locator; empty where none was named.
ALTER TABLE restore ADD COLUMN fleet TEXT NOT NULL DEFAULT '';
ALTER TABLE restore ADD COLUMN sheet TEXT NOT NULL DEFAULT '';
ALTER TABLE restore ADD COLUMN locator TEXT NOT NULL DEFAULT '';
-- Whether the 64 digits opened it, and not a password.
ALTER TABLE restore ADD COLUMN by_key INTEGER NOT NULL DEFAULT 0;
-- Whether it began in an empty history: then what is here came out of it, or after it.
ALTER TABLE restore ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0;

-- Reactions, edits, deletions and receipts that came before the message they are about, while a restore was under way:
-- they wait here for it. `payload` is what was opened, as it was sealed.
CREATE TABLE late_change (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    target BLOB NOT NULL CHECK (length(target) = 16),
    account BLOB NOT NULL CHECK (length(account) = 20),
    payload BLOB NOT NULL
);
CREATE INDEX late_change_by_target ON late_change (target);

-- How far chats were read while a restore was under way: what it brings in before that is read as well. A row of
-- `message`, which is never used twice: the message itself may be gone by then.
CREATE TABLE late_read (
    conversation BLOB PRIMARY KEY CHECK (length(conversation) = 20),
    up_to INTEGER NOT NULL
) WITHOUT ROWID;

-- Chats that were deleted while a restore was under way: what it brings in of them stays deleted, whoever writes in them
-- again. `up_to` is the last row of `message` that was given out by then, or kept free.
CREATE TABLE late_gone (
    conversation BLOB PRIMARY KEY CHECK (length(conversation) = 20),
    up_to INTEGER NOT NULL
) WITHOUT ROWID;

-- A restore that an older release began had them dropped until its end.
CREATE INDEX IF NOT EXISTS message_timeline ON message (conversation, row, width);
CREATE INDEX IF NOT EXISTS message_by_change ON message (change_seq);
