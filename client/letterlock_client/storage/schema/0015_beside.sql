-- What a terminal that was lost in the middle of a rotation left at the provider, as the restored backup says: one row
-- until it is gone.
CREATE TABLE backup_beside (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    provider TEXT NOT NULL,
    prefix TEXT NOT NULL,
    -- The last generation that lay under the old key; 0 where the prefix is of a new one that nobody uses.
    generation INTEGER NOT NULL,
    -- When what lies there was first seen as it is, and its digest; 0 and empty before that.
    first_seen INTEGER NOT NULL,
    digest BLOB NOT NULL
);
