"""What an account's device signs for a vault, with the chain that proves the device to a stranger.

::

    raw = pack(VAULT_OWNED, sender chain, signed object)

The chain leads from the account id to the device's identity key, so whoever knows the account id needs nothing
else to check it; whether the device still stands in the account's list is for the realm to say, which knows the
highest. Spec: shared/spec/vault.md. Must not know what is signed.
"""

from typing import Final

import msgspec

from letterlock.devices import signed
from letterlock.devices.account import ListCertificate
from letterlock.devices.device_list import SenderChain, VerifiedAccount, VerifiedSender, open_account
from letterlock.devices.signed import Fields, Kind
from letterlock.encoding import Reader, pack
from letterlock.errors import MisuseError, RevokedDeviceError
from letterlock.ids import AccountId
from letterlock.primitives.derivation import Label
from letterlock.primitives.keys import Secret, SigningKey

MAX_CHAIN: Final = 2048
MAX_OWNED: Final = signed.MAX_OBJECT + MAX_CHAIN + 64


class Owned(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified object: what was signed, by which device, and its exact bytes."""

    fields: Fields
    sender: VerifiedSender
    raw: bytes

    @property
    def account(self) -> AccountId:
        """The account that the chain proves."""
        return self.sender.account


class Owner(Secret):
    """The device that speaks for an account to its vault: its place in the device list, and its identity key."""

    __slots__ = ("_identity", "account", "chain", "device")

    account: Final[VerifiedAccount]
    device: Final[int]
    chain: Final[bytes]

    def __init__(self, chain: bytes, device_list: bytes, identity: SigningKey) -> None:
        """Take a packed sender chain and the account's device list, as they were signed.

        Raises MisuseError where the key is not the one of the chain's device, or the list does not have it.
        """
        sender = SenderChain.open(chain)
        raws = SenderChain.read(chain)
        self.account = open_account(raws.root_key, raws.list_certificate, device_list)
        listed = self.account.devices.device(sender.device.device)
        if sender.device.identity_key != identity.public or listed is None:
            raise MisuseError("this device does not speak for this account")
        self.device = sender.device.device
        self.chain = chain
        self._identity = identity

    @property
    def certificate(self) -> ListCertificate:
        """The list certificate in whose epoch this device speaks."""
        return self.account.certificate

    def sign(self, kind: Kind, *, number: int, created: int, body: bytes) -> bytes:
        """Sign one object of this kind; `number` is the registration epoch, `created` milliseconds."""
        fields = Fields(
            kind=kind,
            number=number,
            account=self.account.account,
            device=self.device,
            created=created,
            body=body,
        )
        return pack(Label.VAULT_OWNED, self.chain, signed.sign(self._identity, fields))


def open_owned(raw: bytes, *kinds: Kind) -> Owned:
    """Verify an object of one of these kinds and its device's chain: three Ed25519 verifications.

    Raises MalformedError, BadKeyError, WrongAccountError, StaleListError, BadSignatureError.
    """
    reader = Reader(raw)
    reader.constant(Label.VAULT_OWNED)
    chain = reader.blob(most=MAX_CHAIN)
    inner = reader.blob(most=signed.MAX_OBJECT)
    reader.end()
    signed.read(inner, *kinds)
    sender = SenderChain.open(chain)
    return Owned(fields=_check_inner(inner, sender, *kinds), sender=sender, raw=raw)


def check_maker(owned: Owned, known: VerifiedAccount) -> None:
    """Check that whoever signed stands in this list, with this key.

    Raises MisuseError where the account is another: callers look it up by the object's.
    """
    if known.account != owned.account:
        raise MisuseError("this list belongs to another account")
    listed = known.devices.device(owned.sender.device.device)
    if listed is None or listed.identity_key != owned.sender.device.identity_key:
        raise RevokedDeviceError("the device that signed does not stand in the account's device list")


def _check_inner(inner: bytes, sender: VerifiedSender, *kinds: Kind) -> Fields:
    fields = signed.read(inner, *kinds)
    signed.check_owner(fields, sender.account, sender.device.device)
    signed.check_signature(inner, sender.device.identity_key)
    return fields
