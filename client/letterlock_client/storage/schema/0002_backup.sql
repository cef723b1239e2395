-- Backups: whether they are on, how far the last one came, and what a restore has still to do.
-- The recovery secret is not here but in the key file.

-- Whether and how this profile is backed up. One row while backups are on.
CREATE TABLE backup (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    key_check BLOB NOT NULL CHECK (length(key_check) = 32),
    -- Seals segments and manifests. A device keeps it, so that backing up asks for no passphrase.
    backup_key BLOB NOT NULL CHECK (length(backup_key) = 32),
    -- The account's root seed, sealed under the recovery secret.
    sealed_root BLOB NOT NULL,
    provider TEXT NOT NULL,
    frequency TEXT NOT NULL,
    include_media INTEGER NOT NULL,
    include_videos INTEGER NOT NULL,
    has_recovery_key INTEGER NOT NULL,
    turned_on INTEGER NOT NULL,
    -- Names this device's watermark: a restored copy of a profile is another writer.
    writer BLOB NOT NULL CHECK (length(writer) = 16),
    -- The highest change_seq that a complete backup holds.
    watermark INTEGER NOT NULL,
    -- The last identity record written: its digest and version.
    identity_digest BLOB NOT NULL,
    identity_version INTEGER NOT NULL,
    -- The last complete backup: its manifest's name, and the sealed manifest; empty before the first.
    generation INTEGER NOT NULL,
    manifest_name TEXT NOT NULL,
    manifest BLOB NOT NULL,
    -- Its totals, and when and how it was checked; empty before the first.
    last BLOB NOT NULL
);

-- Messages whose files are in a complete backup.
CREATE TABLE backup_media (
    message INTEGER PRIMARY KEY REFERENCES message (row) ON DELETE CASCADE
);

-- The vault that guards the recovery secret. One row where there is a password.
CREATE TABLE vault (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    fleet BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    locator BLOB NOT NULL
);

-- Sealed messages for realms that were away when the owner registered.
CREATE TABLE vault_pending (
    realm TEXT NOT NULL,
    position INTEGER NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (realm, position)
) WITHOUT ROWID;

-- How far each realm's ledger is known: one that goes back was rolled back.
CREATE TABLE vault_ledger (
    realm TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    head BLOB NOT NULL
) WITHOUT ROWID;

-- Passwords that were wrong, salted, so that no guess is spent on one twice.
CREATE TABLE wrong_password (
    salt BLOB NOT NULL,
    digest BLOB PRIMARY KEY,
    at INTEGER NOT NULL
) WITHOUT ROWID;

-- Objects that no manifest refers to, by when that was first seen: only what was unreferenced a week before is
-- deleted.
CREATE TABLE backup_garbage (
    name TEXT PRIMARY KEY,
    first_seen INTEGER NOT NULL
) WITHOUT ROWID;

-- A restore that is under way. One row until it is complete.
CREATE TABLE restore (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    backup_key BLOB NOT NULL CHECK (length(backup_key) = 32),
    provider TEXT NOT NULL,
    manifest_name TEXT NOT NULL,
    manifest BLOB NOT NULL,
    generation INTEGER NOT NULL,
    freshness TEXT NOT NULL,
    -- The chats that were asked for, as pack() of their ids; empty is all.
    chats BLOB NOT NULL,
    media TEXT NOT NULL,
    started INTEGER NOT NULL
);

-- What the restore has dealt with: segments and media objects, by name.
CREATE TABLE restore_done (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

-- Restored rows keep the numbers that their backup knows them by: the counting leaves rows alone that come with one.
DROP TRIGGER message_added;
CREATE TRIGGER message_added AFTER INSERT ON message WHEN NEW.change_seq = 0 BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE message SET change_seq = (SELECT seq FROM change) WHERE row = NEW.row;
END;
DROP TRIGGER contact_added;
CREATE TRIGGER contact_added AFTER INSERT ON contact WHEN NEW.change_seq = 0 BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE contact SET change_seq = (SELECT seq FROM change) WHERE account = NEW.account;
    DELETE FROM tombstone WHERE kind = 'contact' AND id = NEW.account;
END;
DROP TRIGGER conversation_added;
CREATE TRIGGER conversation_added AFTER INSERT ON conversation WHEN NEW.change_seq = 0 BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE conversation SET change_seq = (SELECT seq FROM change) WHERE id = NEW.id;
    DELETE FROM tombstone WHERE kind = 'conversation' AND id = NEW.peer;
END;
DROP TRIGGER fact_added;
CREATE TRIGGER fact_added AFTER INSERT ON fact WHEN NEW.change_seq = 0 BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE fact SET change_seq = (SELECT seq FROM change) WHERE name = NEW.name;
END;
