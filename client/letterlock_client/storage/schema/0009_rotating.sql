-- A rotation of the recovery secret that is under way, or what it left behind: one row until nothing is.
CREATE TABLE backup_rotation (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    phase TEXT NOT NULL CHECK (phase IN ('writing', 'committing', 'leaving')),
    -- The row of `backup` that is to be, packed; once it is, the one that was.
    state BLOB NOT NULL,
    -- The media master key of what is written.
    media_master BLOB NOT NULL CHECK (length(media_master) = 32),
    started INTEGER NOT NULL
);
