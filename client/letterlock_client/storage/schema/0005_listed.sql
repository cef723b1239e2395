-- Where a chat stands in the list: pinned on top, or out of sight in the archive until somebody writes in it.
ALTER TABLE conversation ADD COLUMN listed TEXT NOT NULL DEFAULT '' CHECK (listed IN ('', 'pinned', 'archived'));

DROP TRIGGER conversation_changed;
CREATE TRIGGER conversation_changed AFTER UPDATE OF timer_s, timer_set_at, muted, draft, listed ON conversation BEGIN
    UPDATE change SET seq = seq + 1;
    UPDATE conversation SET change_seq = (SELECT seq FROM change) WHERE id = NEW.id;
END;

-- What a restore puts in has a change number already. In a muted chat only its owner's own words bring it back.
CREATE TRIGGER message_brings_back AFTER INSERT ON message WHEN NEW.change_seq = 0 AND NEW.kind <> 'note' BEGIN
    UPDATE conversation SET listed = ''
    WHERE id = NEW.conversation AND listed = 'archived' AND (NEW.mine OR NOT muted);
END;
