"""Threshold OPAQUE: any threshold of realms gives the secret back, fewer give nothing, and a liar is named."""

from dataclasses import replace
from itertools import combinations

import pytest

from letterlock.encoding import pack
from letterlock.errors import (
    LyingRealmError,
    MisuseError,
    OpenError,
    PeerError,
    WrongAccountError,
    WrongPasswordError,
)
from letterlock.primitives import oprf
from letterlock.primitives.derivation import sha256
from letterlock.primitives.ristretto import multiply_base, scalar_from_wide
from letterlock.vault import opaque_client, threshold
from letterlock.vault.ledger import Event
from letterlock.vault.opaque_exchange import Parties
from letterlock.vault.opaque_messages import KE1, KE2, KE3
from letterlock.vault.record import door_key, open_record
from letterlock.vault.requests import Addressed, sign_anchor
from letterlock.vault.threshold import Recovery
from tests.shared.devices.people import ALICE, NOW
from tests.shared.vault.realms import (
    CHEAP,
    LOCATOR,
    PASSWORD,
    MemoryRealm,
    R,
    Stream,
    dealt,
    owner,
    realm_secret,
    realms,
    recovered,
)

DEALT = dealt()


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (2, 2), (3, 2), (5, 3)])
def test_any_threshold_of_realms_gives_the_secret_back(count: int, needed: int) -> None:
    made = dealt(count, needed)
    for asked in combinations(range(1, count + 1), needed):
        secret, _ = recovered(realms(made, asked))
        assert secret.secret == R.secret


def test_more_realms_than_needed_give_the_same_secret() -> None:
    assert recovered(realms(DEALT))[0].secret == R.secret


def test_fewer_realms_than_the_threshold_give_nothing() -> None:
    with pytest.raises(MisuseError):
        recovered(realms(DEALT, (1,)))


def test_a_wrong_password_is_called_one_and_opens_no_envelope() -> None:
    for wrong in (b"correct horse batterz", b"", PASSWORD + b" ", PASSWORD.upper()):
        with pytest.raises(WrongPasswordError):
            recovered(realms(DEALT, (1, 2)), wrong)


def test_one_realm_with_a_threshold_of_one_is_plain_opaque() -> None:
    made = dealt(1, 1)
    (realm,) = realms(made, (1,))
    blinding = scalar_from_wide(Stream("blind")(64))
    login = opaque_client.begin(oprf.blind(PASSWORD, blinding), bytes(32), bytes(range(32)))
    _, ke2, _ = realm.answer(login.ke1.pack())
    stretched = threshold._stretch(CHEAP)
    answer = KE2.read(ke2)
    randomized = opaque_client.randomize(PASSWORD, blinding, answer.evaluated, stretched)
    statement = made.statement
    plain = Parties(
        context=pack(b"letterlock v1 vault opaque", "realm-1", statement.hash),
        client=pack(statement.account, statement.epoch),
        server=realm_secret(1).public.pack(),
    )
    assert login.finish(answer, randomized, plain).record == realm.record.opaque


def test_no_two_realms_see_more_in_common_than_the_blinded_password() -> None:
    one, two, _ = realms(DEALT)
    for first, second in (
        (one.record.opaque.client_public, two.record.opaque.client_public),
        (one.record.opaque.masking_key, two.record.opaque.masking_key),
        (one.record.opaque.envelope.nonce, two.record.opaque.envelope.nonce),
        (one.record.share, two.record.share),
        (one.record.sealed_share, two.record.sealed_share),
        (one.record.door_hash, two.record.door_hash),
    ):
        assert first != second
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    first_ke1, second_ke1 = (recovery.start(one.name, random).login.ke1 for one in (one, two))
    assert first_ke1.blinded == second_ke1.blinded
    assert first_ke1.nonce != second_ke1.nonce
    assert first_ke1.key_share != second_ke1.key_share


def test_two_tries_show_a_realm_two_unrelated_blinded_passwords() -> None:
    random = Stream("client")
    tries = [Recovery(DEALT.statement, PASSWORD, random).start("realm-1", random) for _ in range(2)]
    assert tries[0].login.ke1.blinded != tries[1].login.ke1.blinded


def test_a_realm_that_evaluates_with_another_share_is_named() -> None:
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    other = dealt(epoch=2)
    for number in (1, 2, 3):
        begun = recovery.start(f"realm-{number}", random)
        liar = MemoryRealm(number, other)
        _, ke2, proof = liar.answer(begun.login.ke1.pack())
        with pytest.raises(LyingRealmError) as told:
            recovery.check(begun, ke2 + proof)
        assert told.value.realm == f"realm-{number}"


def test_a_realm_cannot_pass_another_s_answer_for_its_own() -> None:
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    first, second = recovery.start("realm-1", random), recovery.start("realm-2", random)
    _, ke2, proof = realms(DEALT)[0].answer(first.login.ke1.pack())
    with pytest.raises(LyingRealmError, match="realm-2"):
        recovery.check(second, ke2 + proof)


def test_a_realm_that_reflects_what_it_was_sent_is_named() -> None:
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    begun = recovery.start("realm-1", random)
    _, ke2, proof = realms(DEALT)[0].answer(begun.login.ke1.pack())
    reflected = begun.login.ke1.blinded + ke2[32:]
    with pytest.raises(LyingRealmError):
        recovery.check(begun, reflected + proof)
    with pytest.raises(LyingRealmError):
        recovery.check(begun, begun.login.ke1.pack() + proof)


def test_an_answer_to_another_blinded_password_is_refused() -> None:
    random = Stream("client")
    old, new = (Recovery(DEALT.statement, PASSWORD, random) for _ in range(2))
    begun = old.start("realm-1", random)
    _, ke2, proof = realms(DEALT)[0].answer(begun.login.ke1.pack())
    with pytest.raises(LyingRealmError):
        new.check(new.start("realm-1", random), ke2 + proof)


@pytest.mark.parametrize(
    "bad", [bytes(32), b"\xff" * 32, b"\x01" + bytes(31)], ids=["identity", "big", "odd"]
)
def test_bad_group_elements_are_refused_by_both_sides(bad: bytes) -> None:
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    begun = recovery.start("realm-1", random)
    raw = begun.login.ke1.pack()
    for at in (0, 64):
        with pytest.raises(PeerError):
            KE1.read(raw[:at] + bad + raw[at + 32 :])
    _, ke2, proof = realms(DEALT)[0].answer(raw)
    for at in (0, 224):
        with pytest.raises(LyingRealmError):
            recovery.check(begun, ke2[:at] + bad + ke2[at + 32 :] + proof)


def test_messages_of_wrong_lengths_are_refused() -> None:
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    begun = recovery.start("realm-1", random)
    raw = begun.login.ke1.pack()
    _, ke2, proof = realms(DEALT)[0].answer(raw)
    for cut in (b"", raw[:-1], raw + b"\0"):
        with pytest.raises(PeerError):
            KE1.read(cut)
    for cut in (b"", ke2[:-1], ke2 + b"\0"):
        with pytest.raises(LyingRealmError):
            recovery.check(begun, cut + proof)
    for cut in (b"", bytes(63), bytes(65)):
        with pytest.raises(PeerError):
            KE3.read(cut)


def test_every_byte_of_a_realm_s_answer_matters_and_the_realm_is_named() -> None:
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    good, bad = recovery.start("realm-1", random), recovery.start("realm-2", random)
    _, ke2, proof = realms(DEALT)[0].answer(good.login.ke1.pack())
    first = recovery.check(good, ke2 + proof)
    _, ke2, proof = realms(DEALT)[1].answer(bad.login.ke1.pack())
    true = recovery.check(bad, ke2 + proof)
    assert len(recovery.open([first, true])) == 2
    for at in range(len(ke2)):
        broken = bytearray(ke2)
        broken[at] ^= 1 << at % 8
        with pytest.raises(LyingRealmError, match="realm-2"):
            recovery.open([first, recovery.check(bad, bytes(broken) + proof)])


def test_every_byte_of_the_client_s_messages_matters_to_the_realm() -> None:
    realm = realms(DEALT)[0]
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    begun, other = recovery.start("realm-1", random), recovery.start("realm-2", random)
    login, ke2, proof = realm.answer(begun.login.ke1.pack())
    _, other_ke2, other_proof = realms(DEALT)[1].answer(other.login.ke1.pack())
    answers = [recovery.check(begun, ke2 + proof), recovery.check(other, other_ke2 + other_proof)]
    first, second = recovery.open(answers)
    ke3 = first.login.ke3.pack()
    for at in range(len(ke3)):
        broken = bytearray(ke3)
        broken[at] ^= 1 << at % 8
        with pytest.raises(WrongPasswordError):
            login.finish(KE3.read(bytes(broken)))
    with pytest.raises(WrongPasswordError):
        login.finish(second.login.ke3)
    assert login.finish(first.login.ke3)
    # KE1 with one bit of its nonce changed on the way: the server's proof does not hold for what was sent.
    altered = bytearray(begun.login.ke1.pack())
    altered[40] ^= 1
    _, ke2, proof = realm.answer(bytes(altered))
    with pytest.raises(LyingRealmError, match="realm-1"):
        recovery.open([recovery.check(begun, ke2 + proof), answers[1]])


def test_what_a_realm_releases_is_checked_to_the_last_byte() -> None:
    one, two = realms(DEALT, (1, 2))
    one.note(Event.REGISTERED, 1)
    to = Addressed(realm=one.name, keys=realm_secret(1).public, nonce=bytes(32))
    one.anchor = sign_anchor(
        owner(), to, epoch=1, generation=7, manifest_hash=sha256(b"manifest"), created=NOW
    )
    random = Stream("client")
    recovery = Recovery(DEALT.statement, PASSWORD, random)
    begun = {realm.name: recovery.start(realm.name, random) for realm in (one, two)}
    answered = {realm.name: realm.answer(begun[realm.name].login.ke1.pack()) for realm in (one, two)}
    opened = recovery.open([recovery.check(begun[name], b"".join(answered[name][1:])) for name in answered])
    sealed = one.release(answered[one.name][0], opened[0].login.ke3.pack())
    share = recovery.take(opened[0], sealed)
    assert share.anchor is not None
    assert (share.anchor.generation, share.anchor.manifest_hash) == (7, sha256(b"manifest"))
    assert [entry.event for entry in share.ledger] == [Event.REGISTERED]
    for at in range(0, len(sealed), 7):
        broken = bytearray(sealed)
        broken[at] ^= 1
        with pytest.raises(LyingRealmError, match="realm-1"):
            recovery.take(opened[0], bytes(broken))
    with pytest.raises(LyingRealmError, match="realm-2"):
        recovery.take(opened[1], sealed)


def test_an_anchor_made_for_another_realm_is_a_lie() -> None:
    one, two = realms(DEALT, (1, 2))
    to = Addressed(realm=two.name, keys=realm_secret(2).public, nonce=bytes(32))
    one.anchor = sign_anchor(owner(), to, epoch=1, generation=7, manifest_hash=bytes(32), created=NOW)
    with pytest.raises(LyingRealmError, match="realm-1"):
        recovered([one, two])


def test_records_of_different_registrations_never_combine() -> None:
    old, new = dealt(epoch=1), dealt(epoch=2)
    mixed = [MemoryRealm(1, old), MemoryRealm(2, new)]
    with pytest.raises(LyingRealmError, match="realm-2"):
        recovered(mixed)


def test_a_record_opens_only_at_its_realm_and_under_its_statement() -> None:
    sealed = DEALT.records["realm-1"]
    assert open_record(realm_secret(1), "realm-1", sealed, DEALT.statement).realm == "realm-1"
    with pytest.raises(PeerError):
        open_record(realm_secret(2), "realm-2", sealed, DEALT.statement)
    with pytest.raises(WrongAccountError):
        open_record(realm_secret(2), "realm-1", sealed, DEALT.statement)
    with pytest.raises(OpenError):
        open_record(realm_secret(1), "realm-1", sealed, dealt(epoch=2).statement)
    for at in range(0, len(sealed), 11):
        broken = bytearray(sealed)
        broken[at] ^= 1
        with pytest.raises(PeerError):
            open_record(realm_secret(1), "realm-1", bytes(broken), DEALT.statement)


def test_a_door_key_opens_one_realm_s_door_only() -> None:
    account = DEALT.statement.account
    one, two, _ = realms(DEALT)
    key = door_key(LOCATOR, one.name, account)
    assert one.record.opens_door(key)
    assert not two.record.opens_door(key)
    assert not one.record.opens_door(door_key(bytes(10), one.name, account))
    assert not one.record.opens_door(b"")


def test_a_threshold_of_stolen_disks_allows_guessing_without_the_realms() -> None:
    """What the page says is not protected: with `t` records at hand, every guess is free but for Argon2id."""
    stolen = [realm.record for realm in realms(DEALT, (1, 3))]
    tried = []
    for word in (b"password", b"12345678", PASSWORD):
        shares = {entry.index: record.share for entry, record in zip(_entries(1, 3), stolen, strict=True)}
        blinding = scalar_from_wide(Stream("thief")(64))
        key = oprf.combine_shares(shares)
        evaluated = oprf.evaluate(key, oprf.blind(word, blinding))
        randomized = opaque_client.randomize(word, blinding, evaluated, threshold._stretch(CHEAP))
        tried.append(threshold._password_check(randomized) == DEALT.statement.checks.password)
    assert tried == [False, False, True]


def test_fewer_stolen_disks_than_the_threshold_do_not_tell_the_password_from_any_other() -> None:
    """One disk of 3/2: whatever the password is, there is a second share that fits all that lies on the disk.

    The share of the other realm is unknown and uniform, so for every word some key fits; nothing on the disk is
    computed from the password other than through that key. Here the right word and a wrong one are both
    tried with the stolen share alone, and with a made-up second share: none of it checks.
    """
    stolen = realms(DEALT, (1,))[0].record
    made_up = scalar_from_wide(Stream("thief")(64))
    for word in (b"password", PASSWORD):
        blinding = scalar_from_wide(Stream("blind")(64))
        blinded = oprf.blind(word, blinding)
        for evaluated in (
            oprf.evaluate(stolen.share, blinded),
            oprf.combine({1: oprf.evaluate(stolen.share, blinded), 2: oprf.evaluate(made_up, blinded)}),
        ):
            randomized = opaque_client.randomize(word, blinding, evaluated, threshold._stretch(CHEAP))
            assert threshold._password_check(randomized) != DEALT.statement.checks.password
            own = threshold._realm_password(randomized, stolen.realm, 1, 3)
            assert opaque_client._masking_key(own) != stolen.opaque.masking_key


def test_nothing_that_a_stranger_sees_gives_a_share_away() -> None:
    statement = DEALT.statement
    for realm in realms(DEALT):
        record = realm.record
        for secret in (record.share, record.opaque.masking_key, record.sealed_share, record.wrapped):
            assert secret not in statement.raw
        assert R.secret not in record.pack()
        assert statement.realm(realm.name).commitment == multiply_base(record.share)  # type: ignore[union-attr]


def test_shares_and_records_are_never_printed() -> None:
    record = realms(DEALT)[0].record
    _, shares = recovered(realms(DEALT, (1, 2)))
    for shown in (
        repr(record),
        repr(shares),
        repr(R),
        repr(Recovery(DEALT.statement, PASSWORD, Stream("x"))),
    ):
        for secret in (record.share, record.opaque.masking_key, shares[0].value, R.secret, PASSWORD):
            assert repr(bytes(secret))[2:14] not in shown


def test_a_statement_that_speaks_of_another_secret_is_noticed() -> None:
    _, shares = recovered(realms(DEALT, (1, 2)))
    recovery = Recovery(DEALT.statement, PASSWORD, Stream("x"))
    with pytest.raises(OpenError):
        recovery.join([replace(shares[0], value=shares[1].value), shares[1]])
    with pytest.raises(MisuseError):
        recovery.join([shares[0], shares[0]])
    assert ALICE.account == DEALT.statement.account


def _entries(*numbers: int) -> list[threshold.RealmEntry]:
    return [entry for entry in DEALT.statement.realms if int(entry.name[-1]) in numbers]
