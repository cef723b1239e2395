-- Messages that left, of those that a backup may hold, until a backup has counted that they did: so it can tell what was
-- deleted or ended from what is missing. `version` is the number of their last change before.
CREATE TABLE backup_departed (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- Whether its file was in a backup.
    file INTEGER NOT NULL
);

-- Before the deletion, because afterwards nothing says any more whether its file was in a backup.
DROP TRIGGER message_deleted;
CREATE TRIGGER message_deleted BEFORE DELETE ON message BEGIN
    UPDATE change SET seq = seq + 1;
    INSERT OR REPLACE INTO tombstone (kind, id, change_seq)
    VALUES ('message', OLD.id, (SELECT seq FROM change));
    INSERT INTO backup_departed (message, conversation, expires_at, version, file)
    SELECT OLD.row, OLD.conversation, OLD.expires_at, OLD.change_seq,
        EXISTS (
            SELECT 1 FROM backup_media JOIN attachment USING (message) WHERE message = OLD.row AND descriptor <> x''
        )
    WHERE NOT OLD.view_once AND (OLD.timer_s = 0 OR OLD.timer_s >= 86400) AND EXISTS (SELECT 1 FROM backup);
END;
