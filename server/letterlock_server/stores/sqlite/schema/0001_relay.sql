-- The relay's first schema. Times are milliseconds since 1970; ids are raw bytes.

-- Numbers and secrets of the store itself.
--   secret    32 random bytes: keys the hashes that stand in place of names
--   reserved  no sequence from here on was ever given to an envelope
--   batch     how many transactions were committed: what a reopened file is checked against
CREATE TABLE store (
    name  TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- The directory. Certificates, lists and entries are the exact bytes that were signed.
CREATE TABLE accounts (
    account          BLOB PRIMARY KEY,
    handle           TEXT NOT NULL UNIQUE,
    handle_entry     BLOB NOT NULL,
    root_key         BLOB NOT NULL,
    list_certificate BLOB NOT NULL,
    device_list      BLOB NOT NULL,
    epoch            INTEGER NOT NULL,
    version          INTEGER NOT NULL
) WITHOUT ROWID;

-- Listed devices, and the number of each one's mailbox. AUTOINCREMENT: a number is never used again.
CREATE TABLE devices (
    mailbox      INTEGER PRIMARY KEY AUTOINCREMENT,
    account      BLOB NOT NULL,
    device       INTEGER NOT NULL,
    identity_key BLOB NOT NULL,
    UNIQUE (account, device)
);

-- Sealed envelopes. There is no sender here, and no column that could lead to one.
CREATE TABLE envelopes (
    sequence    INTEGER PRIMARY KEY,
    mailbox     INTEGER NOT NULL,
    envelope    BLOB NOT NULL,
    received_ms INTEGER NOT NULL,
    body        BLOB NOT NULL
);
-- Holds (mailbox, sequence): a mailbox is read in order from any place, however long it is.
CREATE INDEX envelopes_by_mailbox ON envelopes (mailbox);

-- The memory for repeats: keyed hashes of the envelope ids a mailbox ever got, while it may matter.
-- First by mailbox, so that what arrives together is written together.
CREATE TABLE seen (
    mailbox  INTEGER NOT NULL,
    tag      BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (mailbox, tag)
) WITHOUT ROWID;

-- The first sequence of each day: turns "older than a week" into a number, without a time on each row.
CREATE TABLE days (
    day      INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL
);

-- Signed and last-resort prekeys: one of each for a device.
CREATE TABLE lasting_prekeys (
    mailbox     INTEGER PRIMARY KEY,
    signed      BLOB NOT NULL,
    last_resort BLOB NOT NULL
);

-- One-time prekeys. `record` is NULL once handed out: the id stays taken, so that an upload that is
-- repeated after its answer was lost cannot bring one back.
CREATE TABLE one_time_prekeys (
    mailbox INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    key_id  INTEGER NOT NULL,
    record  BLOB,
    PRIMARY KEY (mailbox, kind, key_id)
) WITHOUT ROWID;
CREATE INDEX prekeys_left ON one_time_prekeys (mailbox, kind, key_id) WHERE record IS NOT NULL;

-- How many bundles a (requester, device) pair may still take. `pair` is a keyed hash of both.
CREATE TABLE prekey_budgets (
    pair     BLOB PRIMARY KEY,
    tokens   REAL NOT NULL,
    stamp_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Attachments. The bytes lie in files named after the id; `uploader` is a keyed hash, NULL once whole.
CREATE TABLE blobs (
    blob       BLOB PRIMARY KEY,
    size       INTEGER NOT NULL,
    held       INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    uploader   BLOB
) WITHOUT ROWID;
CREATE INDEX blobs_by_expiry ON blobs (expires_ms);
-- What an uploader has begun and not finished, which is all that is ever counted for one.
CREATE INDEX blobs_unfinished ON blobs (uploader) WHERE uploader IS NOT NULL;
