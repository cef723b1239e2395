"""The rivals of `ratchet`, doing the same: vodozemac (Olm, in Rust), and doubleratchet with x3dh (Python)."""

import os
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import vodozemac
import x3dh
from doubleratchet import DoubleRatchet, Header
from doubleratchet.recommended import (
    HashFunction,
    aead_aes_hmac,
    diffie_hellman_ratchet_curve25519,
    kdf_hkdf,
    kdf_separate_hmacs,
)

Work = Callable[[int], float]
T = TypeVar("T")


def olm_pair() -> tuple[Any, Any]:
    alice, bob = vodozemac.Account(), vodozemac.Account()
    bob.generate_one_time_keys(1)
    ours = alice.create_outbound_session(bob.curve25519_key, next(iter(bob.one_time_keys.values())))
    first = ours.encrypt(b"hello").to_pre_key()
    assert first is not None
    theirs, _ = bob.create_inbound_session(alice.curve25519_key, first)
    ours.decrypt(theirs.encrypt(b"hello back"))
    return ours, theirs


def olm_one_way(plaintext: bytes) -> Work:
    alice, bob = olm_pair()

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            assert bob.decrypt(alice.encrypt(plaintext)) == plaintext
        return time.process_time() - start

    return work


def olm_ping_pong(plaintext: bytes) -> Work:
    alice, bob = olm_pair()

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times // 2):
            assert bob.decrypt(alice.encrypt(plaintext)) == plaintext
            assert alice.decrypt(bob.encrypt(plaintext)) == plaintext
        return time.process_time() - start

    return work


def olm_pickled(plaintext: bytes) -> Work:
    alice, bob = olm_pair()
    key = os.urandom(32)

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            message = alice.encrypt(plaintext)
            alice.pickle(key)
            assert bob.decrypt(message) == plaintext
            bob.pickle(key)
        return time.process_time() - start

    return work


def olm_set_up(plaintext: bytes) -> Work:
    def work(times: int) -> float:
        alice, bob = vodozemac.Account(), vodozemac.Account()
        bob.generate_one_time_keys(times)
        prekeys = list(bob.one_time_keys.values())
        assert len(prekeys) == times
        start = time.process_time()
        for prekey in prekeys:
            ours = alice.create_outbound_session(bob.curve25519_key, prekey)
            first = ours.encrypt(plaintext).to_pre_key()
            assert first is not None
            _, opened = bob.create_inbound_session(alice.curve25519_key, first)
            assert opened == plaintext
        return time.process_time() - start

    return work


class RootKdf(kdf_hkdf.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256

    @staticmethod
    def _get_info() -> bytes:
        return b"benchmark root"


class ChainKdf(kdf_separate_hmacs.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256


class Aead(aead_aes_hmac.AEAD):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256

    @staticmethod
    def _get_info() -> bytes:
        return b"benchmark message"


class Plain(DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data: bytes, header: Header) -> bytes:
        counters = header.previous_sending_chain_length, header.sending_chain_length
        return associated_data + header.ratchet_pub + b"".join(n.to_bytes(4, "big") for n in counters)


class State(x3dh.BaseState):
    @staticmethod
    def _encode_public_key(key_format: x3dh.IdentityKeyFormat, pub: bytes) -> bytes:
        return pub


SETTINGS: dict[str, Any] = {
    "diffie_hellman_ratchet_class": diffie_hellman_ratchet_curve25519.DiffieHellmanRatchet,
    "root_chain_kdf": RootKdf,
    "message_chain_kdf": ChainKdf,
    "message_chain_constant": b"\x02\x01",
    "dos_protection_threshold": 1000,
    "max_num_skipped_message_keys": 1000,
    "aead": Aead,
}


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("the coroutine waits")


def plain_pair() -> tuple[Plain, Plain]:
    secret, private = os.urandom(32), os.urandom(32)
    ratchet = diffie_hellman_ratchet_curve25519.DiffieHellmanRatchet
    public = ratchet._derive_pub(private)  # noqa: SLF001  # it has no public way to a public key
    alice, first = done(
        Plain.encrypt_initial_message(
            **SETTINGS,
            shared_secret=secret,
            recipient_ratchet_pub=public,
            message=b"hello",
            associated_data=b"",
        )
    )
    bob, _ = done(
        Plain.decrypt_initial_message(
            **SETTINGS, shared_secret=secret, own_ratchet_priv=private, message=first, associated_data=b""
        )
    )
    plain_send(bob, alice, b"hello back")
    return alice, bob


def plain_send(sender: Plain, recipient: Plain, plaintext: bytes) -> None:
    message = done(sender.encrypt_message(plaintext, b""))
    assert done(recipient.decrypt_message(message, b"")) == plaintext


def plain_one_way(plaintext: bytes) -> Work:
    alice, bob = plain_pair()

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            plain_send(alice, bob, plaintext)
        return time.process_time() - start

    return work


def plain_ping_pong(plaintext: bytes) -> Work:
    alice, bob = plain_pair()

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times // 2):
            plain_send(alice, bob, plaintext)
            plain_send(bob, alice, plaintext)
        return time.process_time() - start

    return work


def plain_set_up(plaintext: bytes) -> Work:
    def state() -> State:
        return State.create(x3dh.IdentityKeyFormat.CURVE_25519, x3dh.HashFunction.SHA_256, b"benchmark")

    def work(times: int) -> float:
        alice, bob = state(), state()
        bob.generate_pre_keys(1)
        bundle = bob.bundle
        start = time.process_time()
        for _ in range(times):
            secret, ad, header = done(alice.get_shared_secret_active(bundle))
            _, first = done(
                Plain.encrypt_initial_message(
                    **SETTINGS,
                    shared_secret=secret,
                    recipient_ratchet_pub=bundle.signed_pre_key,
                    message=plaintext,
                    associated_data=ad,
                )
            )
            secret, ad, signed = done(bob.get_shared_secret_passive(header))
            _, opened = done(
                Plain.decrypt_initial_message(
                    **SETTINGS,
                    shared_secret=secret,
                    own_ratchet_priv=signed.priv,
                    message=first,
                    associated_data=ad,
                )
            )
            assert opened == plaintext
        return time.process_time() - start

    return work
