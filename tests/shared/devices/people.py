"""Accounts for the tests: all keys follow from a name, so that every run signs the same bytes."""

import hashlib
from dataclasses import dataclass

from letterlock.devices.account import ListCertificate, account_id, certify_list_key, open_list_certificate
from letterlock.devices.device_list import (
    DeviceCertificate,
    VerifiedAccount,
    certify_device,
    open_account,
    open_device_certificate,
    sign_device_list,
)
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.kem import KemKey
from letterlock.primitives.keys import AgreementKey, SigningKey

NOW = 1_764_000_000_000
DAY = 24 * 60 * 60 * 1000


def seed(*parts: object, size: int = 32) -> bytes:
    """Bytes that follow from what they are for."""
    return hashlib.shake_256(repr(parts).encode()).digest(size)


@dataclass(frozen=True)
class Person:
    """One account in one epoch."""

    name: str
    epoch: int = 1

    @property
    def root(self) -> SigningKey:
        return SigningKey(seed(self.name, "root"))

    @property
    def list_key(self) -> SigningKey:
        return SigningKey(seed(self.name, "list", self.epoch))

    @property
    def account(self) -> AccountId:
        return account_id(self.root.public)

    @property
    def list_certificate(self) -> bytes:
        return certify_list_key(self.root, list_key=self.list_key.public, epoch=self.epoch, created=NOW)

    @property
    def certificate(self) -> ListCertificate:
        return open_list_certificate(self.list_certificate, self.root.public)

    def identity(self, device: int = 1) -> SigningKey:
        return SigningKey(seed(self.name, "identity", device))

    def agreement(self, device: int = 1) -> AgreementKey:
        return AgreementKey(seed(self.name, "agreement", device))

    def sealing(self, device: int = 1, month: int = 0) -> AgreementKey:
        return AgreementKey(seed(self.name, "sealing", device, month))

    def kem(self, device: int = 1) -> KemKey:
        return KemKey(seed(self.name, "kem", device, size=64))

    def device_raw(self, device: int = 1, month: int = 0) -> bytes:
        return certify_device(
            self.list_key,
            account=self.account,
            device=DeviceId(device),
            epoch=self.epoch,
            identity_key=self.identity(device).public,
            agreement_key=self.agreement(device).public,
            sealing_key=self.sealing(device, month).public,
            created=NOW,
        )

    def device(self, device: int = 1) -> DeviceCertificate:
        return open_device_certificate(self.device_raw(device), self.certificate)

    def list_raw(self, version: int = 1, *devices: int, highest: int = 0, issued: int = NOW) -> bytes:
        return sign_device_list(
            self.list_key,
            account=self.account,
            epoch=self.epoch,
            version=version,
            issued=issued,
            devices=[self.device_raw(device) for device in devices or (1,)],
            highest_device=highest,
        )

    def verified(self, version: int = 1, *devices: int, highest: int = 0) -> VerifiedAccount:
        raw = self.list_raw(version, *devices, highest=highest)
        return open_account(self.root.public, self.list_certificate, raw)


ALICE = Person("alice")
BOB = Person("bob")
