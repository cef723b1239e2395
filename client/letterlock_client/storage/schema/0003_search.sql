-- Finding messages by their words. The index holds no text of its own: it reads it from `message`, and physically
-- forgets the words of what is deleted. It is filled behind the messages, in order, up to `search_mark`, so that
-- nothing that writes many messages waits for it. View-once messages are never in it.
CREATE VIRTUAL TABLE message_search USING fts5 (
    text, content = 'message', content_rowid = 'row', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);

-- The last row of `message` whose words are in the index.
CREATE TABLE search_mark (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    row INTEGER NOT NULL
);
INSERT INTO search_mark (only, row) VALUES (1, 0);

CREATE TRIGGER message_unsearchable BEFORE DELETE ON message
WHEN NOT OLD.view_once AND OLD.row <= (SELECT row FROM search_mark) BEGIN
    INSERT INTO message_search (message_search, rowid, text) VALUES ('delete', OLD.row, OLD.text);
END;
CREATE TRIGGER message_reworded AFTER UPDATE OF text ON message
WHEN NOT OLD.view_once AND OLD.text <> NEW.text AND OLD.row <= (SELECT row FROM search_mark) BEGIN
    INSERT INTO message_search (message_search, rowid, text) VALUES ('delete', OLD.row, OLD.text);
    INSERT INTO message_search (rowid, text) VALUES (NEW.row, NEW.text);
END;
