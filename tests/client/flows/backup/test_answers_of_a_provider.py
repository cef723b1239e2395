"""Each thing that can be wrong with a backup is a type of its own, with a public code and a sentence: what to do."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from letterlock import errors
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup.objects import told as told_as
from letterlock_client.providers.interface import FullError, ProviderError, RefusedError, UnreachableError
from tests.client.flows.backup.backup_scene import Shelf, pair, restore, shelf, turn_on
from tests.client.providers.faulty import FaultyProvider
from tests.town import Pair

__all__ = ["pair", "shelf"]

Objects = dict[str, bytes]


def segments(objects: Objects) -> list[str]:
    return sorted(name for name in objects if "/segment/" in name)


def damaged(objects: Objects) -> None:
    for name in segments(objects):
        objects[name] = objects[name][:100] + bytes([objects[name][100] ^ 1]) + objects[name][101:]


def cut(objects: Objects) -> None:
    for name in segments(objects):
        objects[name] = objects[name][: len(objects[name]) // 2]


def lost(objects: Objects) -> None:
    for name in segments(objects):
        del objects[name]


def swapped(objects: Objects) -> None:
    for name in segments(objects):
        objects[name] += b"more"


def newer(objects: Objects) -> None:
    for name, raw in objects.items():
        objects[name] = raw[:3] + b"\xff" + raw[4:]


@dataclass(frozen=True)
class Fault:
    """What is done to the objects, and what comes of it."""

    spoil: Callable[[Objects], None]
    kind: type[errors.BackupError]
    code: Code
    advice: str
    facts: tuple[str, ...] = ()


FAULTS = (
    Fault(Objects.clear, errors.WrongSecretError, Code.NOTHING_FOUND, "Check the key"),
    Fault(
        damaged,
        errors.DamagedChunkError,
        Code.BACKUP_DAMAGED,
        "restore the rest without it",
        ("object", "chunk"),
    ),
    Fault(
        cut, errors.TruncatedError, Code.BACKUP_TRUNCATED, "Wait until the provider has finished", ("object",)
    ),
    Fault(lost, errors.MissingObjectError, Code.BACKUP_MISSING, "Wait until it has finished", ("object",)),
    Fault(
        swapped,
        errors.ManifestMismatchError,
        Code.BACKUP_MISMATCH,
        "restore the rest without it",
        ("object",),
    ),
    Fault(newer, errors.NewerFormatError, Code.BACKUP_NEWER, "Update this program"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind.__name__)
async def test_each_fault_is_named_by_a_restore_and_says_what_to_do(
    pair: Pair, shelf: Shelf, fault: Fault
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    fault.spoil(shelf.memory.objects)
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits)
    assert (told.value.code, tuple(told.value.facts)) == (fault.code, fault.facts)
    assert fault.advice in told.value.message


@pytest.mark.parametrize(
    ("error", "code", "advice"),
    [
        (errors.StaleGenerationError(3, 0, 4), Code.BACKUP_STALE, "Look for the newer one"),
        (
            errors.OtherAccountError(),
            Code.BACKUP_OTHER_ACCOUNT,
            "Use the key and the provider of this account",
        ),
    ],
)
def test_what_only_a_vault_or_another_account_brings_about_says_what_to_do(
    error: errors.BackupError, code: Code, advice: str
) -> None:
    """How each comes about is in the tests of backups by password and of backups in trouble."""
    told = told_as(error)
    assert told.code is code
    assert advice in told.message


def test_every_error_of_a_backup_has_a_code_of_its_own() -> None:
    def leaves(kind: type[errors.BackupError]) -> list[type[errors.BackupError]]:
        below = kind.__subclasses__()
        return [leaf for each in below for leaf in leaves(each)] if below else [kind]

    made = {
        errors.DamagedChunkError: errors.DamagedChunkError("a", 0),
        errors.ManifestMismatchError: errors.ManifestMismatchError("a", "b"),
        errors.StaleGenerationError: errors.StaleGenerationError(1, 0, 2),
        errors.TruncatedError: errors.TruncatedError("a"),
        errors.MissingObjectError: errors.MissingObjectError("a"),
        errors.WrongSecretError: errors.WrongSecretError(),
        errors.OtherAccountError: errors.OtherAccountError(),
        errors.NewerFormatError: errors.NewerFormatError(),
    }
    assert set(made) == set(leaves(errors.BackupError))
    told = [told_as(error) for error in made.values()]
    assert len({one.code for one in told}) == len({one.message for one in told}) == len(made)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnreachableError, Code.PROVIDER_UNREACHABLE),
        (RefusedError, Code.PROVIDER_REFUSED),
        (FullError, Code.PROVIDER_FULL),
    ],
)
async def test_how_a_provider_fails_is_told_as_it_is_and_the_last_backup_restores(
    pair: Pair, shelf: Shelf, error: Callable[[str], ProviderError], code: Code
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.send_text(pair.to_bob, "one more")
    faulty = FaultyProvider(shelf.memory)
    faulty.at_call = {number: lambda: error("it fails; do something about it") for number in range(2, 50)}
    shelf.seen = faulty
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.back_up()
    assert (type(told.value), told.value.code) == (error, code)
    assert told.value.message == "it fails; do something about it"
    shelf.seen = shelf.memory
    await pair.alice.close()
    assert (await restore(pair.town, digits)).messages == 2
