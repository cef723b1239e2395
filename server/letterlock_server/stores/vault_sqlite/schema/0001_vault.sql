-- A realm's first schema. Ids and hashes are raw bytes; `at` of a door is the realm's own clock, in milliseconds.

-- Numbers of the store itself.
--   clock   how long this realm has run, over all its starts, in milliseconds
CREATE TABLE store (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO store VALUES ('clock', 0);

-- What outlives every record. Certificates, lists, anchors and tombstones are the exact bytes that were signed.
CREATE TABLE accounts (
    account          BLOB PRIMARY KEY,
    root_key         BLOB NOT NULL,
    list_certificate BLOB NOT NULL,
    device_list      BLOB NOT NULL,
    list_epoch       INTEGER NOT NULL,
    list_version     INTEGER NOT NULL,
    highest_epoch    INTEGER NOT NULL,
    handle_spent     INTEGER NOT NULL,
    handle_at        INTEGER NOT NULL,
    locator_spent    INTEGER NOT NULL,
    locator_at       INTEGER NOT NULL,
    tombstone        BLOB NOT NULL,
    generation       INTEGER NOT NULL,
    anchor           BLOB NOT NULL,
    entries          INTEGER NOT NULL,
    head             BLOB NOT NULL
) WITHOUT ROWID;

-- Registrations: `place` 0 answers, 1 waits for its commit. The key of `box` lies in slot `slot` of the key file
-- beside this one, where it can be overwritten in place; a slot that no row names is zeroed when the store opens.
CREATE TABLE records (
    account   BLOB NOT NULL,
    place     INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    statement BLOB NOT NULL,
    door_hash BLOB NOT NULL,
    receipts  BLOB NOT NULL,
    box       BLOB NOT NULL,
    slot      INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (account, place)
) WITHOUT ROWID;

-- What happened to each account's record, as this realm signed it. Only ever added to.
CREATE TABLE ledger (
    account BLOB NOT NULL,
    number  INTEGER NOT NULL,
    entry   BLOB NOT NULL,
    PRIMARY KEY (account, number)
) WITHOUT ROWID;
