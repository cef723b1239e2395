"""What goes into a backup about its owner, and how it is read again: who that is, and how backups were set up.

Both records are written together, under one version. Must not know how a backup is written or read, nor whether the
realms agree.
"""

from dataclasses import dataclass, field, replace

import msgspec

from letterlock.backup import choices
from letterlock.backup.choices import Choices, Guard, Turn
from letterlock.backup.records import IdentityRecord, Row, SettingRecord, Tag
from letterlock.encoding import pack
from letterlock.errors import MalformedError
from letterlock.primitives.derivation import sha256
from letterlock_client.backup_models import Frequency
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage.backup_state import BackupState, VaultState


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a backup is."""

    identity: IdentityRecord
    choices: Choices | None = None
    """How backups were set up; None in a backup of a release that did not say."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a backup is to say of its owner."""

    digest: bytes
    """Tells whether that changed."""
    _identity: tuple[bytes | str | int, ...] = field(repr=False)
    _choices: bytes = field(repr=False)

    def rows(self, version: int) -> tuple[Row, ...]:
        """The records, under one version."""
        return (
            (Tag.IDENTITY.value, version, *self._identity),
            (Tag.SETTING.value, version, choices.NAME, self._choices),
        )


def carried(
    place: Workplace, state: BackupState, vault: VaultState | None, turn: Turn | None = None
) -> Carried:
    """Put together who we are, how backups are set up, and which rotation left something."""
    own = place.own.identity
    identity = (
        own.account,
        own.handle,
        own.relay,
        int(own.insecure),
        own.root_public,
        state.sealed_root,
        own.list_certificate,
        own.device_list,
        own.handle_entry,
    )
    set_up = Choices(
        frequency=state.frequency.value,
        media=state.include_media,
        videos=state.include_videos,
        recovery_key=state.has_recovery_key,
        vault=Guard(vault.fleet, vault.epoch, vault.locator) if vault else None,
        turn=turn,
    )
    # Each backup has another generation, which is no news of its owner.
    still = turn and msgspec.structs.replace(turn, generation=0)
    known = choices.pack(msgspec.structs.replace(set_up, turn=still))
    return Carried(sha256(pack(*identity, known)), identity, choices.pack(set_up))


def owner_in(records: list[IdentityRecord | SettingRecord]) -> Owner | None:
    """Who the owner is, from the records of one segment; None where it does not say.

    How backups were set up counts only where it was written with that: an older release may have written since.
    What cannot be read is left out, for it must keep nobody from a backup.
    """
    identities = [each for each in records if isinstance(each, IdentityRecord)]
    if not identities:
        return None
    newest = max(identities, key=lambda each: each.version)
    for each in records:
        if isinstance(each, SettingRecord) and (each.name, each.version) == (choices.NAME, newest.version):
            try:
                return Owner(newest, choices.read(each.value))
            except MalformedError:
                break
    return Owner(newest)


def as_chosen(state: BackupState, said: Choices | None) -> BackupState:
    """Set backups up as the owner had them; what nobody said stays as it is."""
    if said is None:
        return state
    known = {each.value: each for each in Frequency}
    return replace(
        state,
        frequency=known.get(said.frequency, state.frequency),
        include_media=said.media,
        include_videos=said.videos,
        has_recovery_key=state.has_recovery_key or said.recovery_key,
    )
