-- How far each realm's ledger is known, by the realm's public keys as the fleet file shows them: a name says nothing of
-- who keeps the ledger, for another fleet may have the same ones.
CREATE TABLE vault_ledger_by_key (
    realm TEXT PRIMARY KEY CHECK (length(realm) = 192),
    sequence INTEGER NOT NULL,
    head BLOB NOT NULL
) WITHOUT ROWID;

-- What was known by name is known by the key that the fleet in use has under this name, where its file is as
-- `letterlock vault fleet` writes it. What cannot be told is let go: the next look at the ledger learns it again.
INSERT OR IGNORE INTO vault_ledger_by_key (realm, sequence, head)
SELECT substr(entry, instr(entry, 'key = "') + 7, 192), sequence, head
FROM (
    SELECT sequence, head, substr(after, 1, instr(after || '[[realm]]', '[[realm]]') - 1) AS entry
    FROM (
        SELECT sequence, head, substr(text, instr(text, 'name = "' || realm || '"')) AS after
        FROM vault_ledger, (SELECT CAST(fleet AS TEXT) AS text FROM vault)
        WHERE instr(text, 'name = "' || realm || '"') > 0
    )
)
WHERE instr(entry, 'key = "') > 0
    AND substr(entry, instr(entry, 'key = "') + 199, 1) = '"'
    AND substr(entry, instr(entry, 'key = "') + 7, 192) NOT GLOB '*[^0-9a-f]*';

DROP TABLE vault_ledger;
ALTER TABLE vault_ledger_by_key RENAME TO vault_ledger;

-- The highest generation that realms may have been told of, while backups were on before. Realms never take one that is
-- not above it, so backups that are turned on again go on behind it.
CREATE TABLE generation_told (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    highest INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO generation_told (only, highest) VALUES (1, 0);
