-- Realms that were away when backups were turned off: what each keeps of the registration is still to be deleted there.
CREATE TABLE vault_leaving (
    realm TEXT NOT NULL,
    -- The fleet file, and the owner's last registration.
    fleet BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (realm, fleet)
) WITHOUT ROWID;
