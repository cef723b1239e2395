-- The first schema. Times are milliseconds since 1970, ids the bytes that `letterlock.ids` describes.
-- The file as a whole is encrypted; nothing in here is sealed a second time.

-- Who this client is. One row.
CREATE TABLE identity (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    account BLOB NOT NULL CHECK (length(account) = 20),
    handle TEXT NOT NULL,
    relay TEXT NOT NULL,
    insecure INTEGER NOT NULL,
    device INTEGER NOT NULL,
    root_public BLOB NOT NULL,
    list_certificate BLOB NOT NULL,
    device_list BLOB NOT NULL,
    handle_entry BLOB NOT NULL,
    list_seed BLOB NOT NULL,
    identity_seed BLOB NOT NULL,
    agreement_private BLOB NOT NULL,
    sealing_private BLOB NOT NULL,
    registered INTEGER NOT NULL,
    invite TEXT NOT NULL
);

-- Every sealing key that envelopes may still be sealed to.
CREATE TABLE sealing_key (
    private BLOB PRIMARY KEY,
    created INTEGER NOT NULL
) WITHOUT ROWID;

-- One session with each device that was ever written to or heard from.
CREATE TABLE session (
    account BLOB NOT NULL,
    device INTEGER NOT NULL,
    state BLOB NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (account, device)
);

-- Retries asked for or granted, so that they stay few.
CREATE TABLE retry (
    account BLOB NOT NULL,
    device INTEGER NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX retry_by_device ON retry (account, device, at);

-- Own prekeys with their private halves.
CREATE TABLE prekey (
    kind INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    record BLOB NOT NULL,
    created INTEGER NOT NULL,
    published INTEGER NOT NULL,
    PRIMARY KEY (kind, key_id)
) WITHOUT ROWID;

-- The next free id of each kind: an id that was deleted must not come back with another key.
CREATE TABLE prekey_counter (
    kind INTEGER PRIMARY KEY,
    next_id INTEGER NOT NULL
);

-- First contacts that were opened; a repeat of one is a duplicate and makes no second session.
CREATE TABLE first_contact (
    digest BLOB PRIMARY KEY,
    at INTEGER NOT NULL
) WITHOUT ROWID;

-- The change counter: each change of a row that a backup would carry gets the next number. Triggers below
-- count, so that no code path can forget to.
CREATE TABLE change (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq INTEGER NOT NULL
);
INSERT INTO change (only, seq) VALUES (1, 0);

-- What was deleted, so that a resend or an older backup does not bring it back.
CREATE TABLE tombstone (
    kind TEXT NOT NULL CHECK (kind IN ('message', 'conversation', 'contact')),
    id BLOB NOT NULL,
    change_seq INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX tombstone_by_change ON tombstone (change_seq);

-- The other accounts.
CREATE TABLE contact (
    account BLOB PRIMARY KEY CHECK (length(account) = 20),
    handle TEXT NOT NULL,
    handle_entry BLOB NOT NULL,
    root_key BLOB NOT NULL,
    list_certificate BLOB NOT NULL,
    device_list BLOB NOT NULL,
    list_epoch INTEGER NOT NULL,
    list_version INTEGER NOT NULL,
    list_digest BLOB NOT NULL,
    standing TEXT NOT NULL,
    verified INTEGER NOT NULL,
    key_changed_at INTEGER NOT NULL,
    warning TEXT NOT NULL,
    created INTEGER NOT NULL,
    known INTEGER NOT NULL,
    change_seq INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX contact_by_handle ON contact (handle);
CREATE INDEX contact_by_change ON contact (change_seq);

-- The chats. `id` is local and short, because every message carries it.
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY,
    peer BLOB NOT NULL UNIQUE REFERENCES contact (account) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    timer_s INTEGER NOT NULL,
    timer_set_at INTEGER NOT NULL,
    muted INTEGER NOT NULL DEFAULT 0,
    draft TEXT NOT NULL DEFAULT '',
    change_seq INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX conversation_by_change ON conversation (change_seq);

-- The messages. `row` is the order in which they came here; a number is never used twice, because the screen
-- names messages by it.
CREATE TABLE message (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL CHECK (length(id) = 16),
    conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    author BLOB NOT NULL,
    mine INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    width INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    delivery TEXT NOT NULL,
    failure TEXT NOT NULL,
    reply_to BLOB,
    edited_at INTEGER NOT NULL DEFAULT 0,
    edits INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL,
    view_once INTEGER NOT NULL,
    viewed INTEGER NOT NULL,
    timer_s INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    change_seq INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX message_by_id ON message (id);
-- Holds all that the timeline needs, so a million messages are read without touching their texts.
CREATE INDEX message_timeline ON message (conversation, row, width);
CREATE INDEX message_unread ON message (conversation, row) WHERE unread = 1;
CREATE INDEX message_expiry ON message (expires_at) WHERE expires_at > 0;
CREATE INDEX message_by_change ON message (change_seq);

-- Earlier texts of edited messages, by when they were written.
CREATE TABLE edit (
    message INTEGER NOT NULL REFERENCES message (row) ON DELETE CASCADE,
    written_at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (message, written_at)
) WITHOUT ROWID;

-- One reaction of each author; an empty one was taken back, and is kept to know when.
CREATE TABLE reaction (
    message INTEGER NOT NULL REFERENCES message (row) ON DELETE CASCADE,
    author BLOB NOT NULL,
    emoji TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (message, author)
) WITHOUT ROWID;

-- The file of a message: what is shown, its secret descriptor, and where its bytes are.
CREATE TABLE attachment (
    message INTEGER PRIMARY KEY REFERENCES message (row) ON DELETE CASCADE,
    blob BLOB NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    state TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    preview BLOB NOT NULL,
    descriptor BLOB NOT NULL,
    path TEXT NOT NULL,
    upload INTEGER NOT NULL,
    moved INTEGER NOT NULL,
    sealed_size INTEGER NOT NULL,
    blob_expires INTEGER NOT NULL
);
CREATE INDEX attachment_unfinished ON attachment (message) WHERE upload = 1 AND state IN ('remote', 'moving');

-- How a message travelled: sizes and ratchet position.
CREATE TABLE inspection (
    message INTEGER PRIMARY KEY REFERENCES message (row) ON DELETE CASCADE,
    body BLOB NOT NULL
);

-- What waits for the relay, in order, as the exact bytes that go.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    envelope BLOB NOT NULL UNIQUE CHECK (length(envelope) = 16),
    account BLOB NOT NULL,
    list_epoch INTEGER NOT NULL,
    list_version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    message BLOB,
    original BLOB,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL
);
CREATE INDEX outbox_by_account ON outbox (account, position);
CREATE INDEX outbox_by_message ON outbox (message) WHERE message IS NOT NULL;

-- Payloads that may have to be sealed again, until they are delivered or too old.
CREATE TABLE original (
    message BLOB PRIMARY KEY CHECK (length(message) = 16),
    account BLOB NOT NULL,
    payload BLOB NOT NULL,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX original_by_account ON original (account, created);
CREATE INDEX original_by_age ON original (created);

-- The devices that each original was sealed for, as they were known then.
CREATE TABLE original_device (
    message BLOB NOT NULL REFERENCES original (message) ON DELETE CASCADE,
    device INTEGER NOT NULL,
    identity BLOB NOT NULL,
    resent INTEGER NOT NULL,
    PRIMARY KEY (message, device)
) WITHOUT ROWID;

-- Envelopes that were dealt with.
CREATE TABLE seen (
    envelope BLOB PRIMARY KEY,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX seen_by_age ON seen (at);

-- News that no `receive` has printed.
CREATE TABLE news (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    conversation BLOB,
    message BLOB,
    detail TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX news_by_conversation ON news (conversation);

-- Small values under names: the owner's settings, and facts that outlive a restart.
CREATE TABLE fact (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    change_seq INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- The counting of changes. Each update trigger leaves `change_seq` out of its list, so it never fires itself.
CREATE TRIGGER message_added AFTER INSERT ON message BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE message SET change_seq = (SELECT seq FROM change) WHERE row = NEW.row;
END;
-- Reading a message changes `unread` alone, and is not worth carrying it to a backup again.
CREATE TRIGGER message_changed AFTER UPDATE OF
    text, delivery, failure, edited_at, edits, deleted, viewed, timer_s, expires_at, kind, reply_to
ON message BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE message SET change_seq = (SELECT seq FROM change) WHERE row = NEW.row;
END;
CREATE TRIGGER message_deleted AFTER DELETE ON message BEGIN
    UPDATE change SET seq = seq + 1;
    INSERT OR REPLACE INTO tombstone (kind, id, change_seq)
    VALUES ('message', OLD.id, (SELECT seq FROM change));
END;
CREATE TRIGGER reaction_added AFTER INSERT ON reaction BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE message SET change_seq = (SELECT seq FROM change) WHERE row = NEW.message;
END;
CREATE TRIGGER reaction_changed AFTER UPDATE ON reaction BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE message SET change_seq = (SELECT seq FROM change) WHERE row = NEW.message;
END;
CREATE TRIGGER edit_added AFTER INSERT ON edit BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE message SET change_seq = (SELECT seq FROM change) WHERE row = NEW.message;
END;
CREATE TRIGGER attachment_added AFTER INSERT ON attachment BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE message SET change_seq = (SELECT seq FROM change) WHERE row = NEW.message;
END;
-- Moving bytes is not a change of the message; what it says about the file is.
CREATE TRIGGER attachment_changed AFTER UPDATE OF blob, name, media_type, size, preview, descriptor
ON attachment BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE message SET change_seq = (SELECT seq FROM change) WHERE row = NEW.message;
END;
CREATE TRIGGER contact_added AFTER INSERT ON contact BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE contact SET change_seq = (SELECT seq FROM change) WHERE account = NEW.account;
    DELETE FROM tombstone WHERE kind = 'contact' AND id = NEW.account;
END;
CREATE TRIGGER contact_changed AFTER UPDATE OF
    handle, handle_entry, root_key, list_certificate, device_list, list_epoch, list_version, list_digest,
    standing, verified, key_changed_at, warning, known
ON contact BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE contact SET change_seq = (SELECT seq FROM change) WHERE account = NEW.account;
END;
CREATE TRIGGER contact_deleted AFTER DELETE ON contact BEGIN
    UPDATE change SET seq = seq + 1;
    INSERT OR REPLACE INTO tombstone (kind, id, change_seq)
    VALUES ('contact', OLD.account, (SELECT seq FROM change));
END;
CREATE TRIGGER conversation_added AFTER INSERT ON conversation BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE conversation SET change_seq = (SELECT seq FROM change) WHERE id = NEW.id;
    DELETE FROM tombstone WHERE kind = 'conversation' AND id = NEW.peer;
END;
CREATE TRIGGER conversation_changed AFTER UPDATE OF timer_s, timer_set_at, muted, draft ON conversation BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE conversation SET change_seq = (SELECT seq FROM change) WHERE id = NEW.id;
END;
CREATE TRIGGER conversation_deleted AFTER DELETE ON conversation BEGIN
    UPDATE change SET seq = seq + 1;
    INSERT OR REPLACE INTO tombstone (kind, id, change_seq)
    VALUES ('conversation', OLD.peer, (SELECT seq FROM change));
END;
CREATE TRIGGER fact_added AFTER INSERT ON fact BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE fact SET change_seq = (SELECT seq FROM change) WHERE name = NEW.name;
END;
CREATE TRIGGER fact_changed AFTER UPDATE OF value ON fact BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE fact SET change_seq = (SELECT seq FROM change) WHERE name = NEW.name;
END;
