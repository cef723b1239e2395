-- Messages that no backup may hold, or only for a while: few, so a backup counts the others without reading them.
CREATE INDEX message_fleeting ON message (conversation, row) WHERE view_once OR timer_s OR expires_at;
