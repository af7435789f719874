"""The keys that the body controller knows (its "whitelist")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from driveway_bridge.proto import vcsec
from driveway_bridge.state.reading import State

SLOTS: Final = 32


class Role(StrEnum):
    """What a key may do. It is fixed when the key is enrolled."""

    SERVICE = "service"
    OWNER = "owner"
    DRIVER = "driver"
    FLEET_MANAGER = "fleet_manager"
    VEHICLE_MONITOR = "vehicle_monitor"
    CHARGING_MANAGER = "charging_manager"
    GUEST = "guest"


class FormFactor(StrEnum):
    """What a key is, as far as it matters here."""

    UNKNOWN = "unknown"
    NFC_CARD = "nfc_card"
    IOS_DEVICE = "ios_device"
    ANDROID_DEVICE = "android_device"
    CLOUD_KEY = "cloud_key"


ROLE_NUMBERS: Final = {
    Role.SERVICE: 1,
    Role.OWNER: 2,
    Role.DRIVER: 3,
    Role.FLEET_MANAGER: 4,
    Role.VEHICLE_MONITOR: 5,
    Role.CHARGING_MANAGER: 6,
    Role.GUEST: 8,
}
FORM_FACTOR_NUMBERS: Final = {
    FormFactor.UNKNOWN: 0,
    FormFactor.NFC_CARD: 1,
    FormFactor.IOS_DEVICE: 6,
    FormFactor.ANDROID_DEVICE: 7,
    FormFactor.CLOUD_KEY: 9,
}
_ROLES = {number: role for role, number in ROLE_NUMBERS.items()}
_FORM_FACTORS = {number: form for form, number in FORM_FACTOR_NUMBERS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyList(State):
    """Which keys there are. Cars shorten ids to the first four bytes of the SHA-1 of the public key."""

    count: int = 0
    ids: tuple[bytes, ...] = ()
    slots: tuple[int, ...] = ()
    """The places that are taken, from 0."""

    @classmethod
    def from_message(cls, info: vcsec.WhitelistInfo) -> Self:
        """Read a WhitelistInfo."""
        return cls(
            count=info.numberOfEntries,
            ids=tuple(entry.publicKeySHA1 for entry in info.whitelistEntries),
            slots=tuple(slot for slot in range(SLOTS) if info.slotMask >> slot & 1),
        )

    def holds(self, key_id: bytes) -> bool:
        """Whether a key is among them, by its whole SHA-1."""
        return any(known and key_id.startswith(known) for known in self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry(State):
    """One key. A role or form that we do not know is None."""

    slot: int = 0
    id: bytes = b""
    public_key: bytes = b""
    """An uncompressed point, 65 bytes; empty when the car does not tell it."""
    role: Role | None = None
    form_factor: FormFactor | None = None

    @classmethod
    def from_message(cls, info: vcsec.WhitelistEntryInfo) -> Self:
        """Read a WhitelistEntryInfo."""
        form = info.metadataForKey.keyFormFactor if info.HasField("metadataForKey") else None
        return cls(
            slot=info.slot,
            id=info.keyId.publicKeySHA1,
            public_key=info.publicKey.PublicKeyRaw,
            role=_ROLES.get(info.keyRole),
            form_factor=None if form is None else _FORM_FACTORS.get(form),
        )
