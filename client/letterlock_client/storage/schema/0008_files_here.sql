-- What a file's bytes take here, as long as they are a copy that may go: not while they move, nor while they have still
-- to go to the relay, nor once a view-once message was viewed. NULL where there is no such copy.
ALTER TABLE attachment ADD COLUMN here INTEGER GENERATED ALWAYS AS (
    CASE WHEN path <> '' AND upload = 0 AND descriptor <> x'' AND state <> 'moving' THEN max(moved, size) END
) VIRTUAL;

-- Sums by kind and by chat come from these two alone: neither texts nor previews are read for them.
CREATE INDEX attachment_here ON attachment (message, here) WHERE here IS NOT NULL;
CREATE INDEX message_with_file ON message (conversation, row, kind) WHERE kind <> 'text';
