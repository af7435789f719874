"""The keys that the car knows, and what each may do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from driveway_bridge.proto import Role, vcsec

SLOTS = 32
"""Bits of the slot mask."""
KEY_ID_SIZE = 4
CLOUD_KEY = vcsec.KeyFormFactor.KEY_FORM_FACTOR_CLOUD_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One enrolled key."""

    slot: int
    public: bytes
    role: Role
    form_factor: vcsec.KeyFormFactor = CLOUD_KEY
    impermanent: bool = False
    known_everywhere_at: float = float("-inf")
    """When infotainment knows it too, on the scale of `now`."""

    @property
    def key_id(self) -> bytes:
        """How the car names the key: the first 4 bytes of the SHA-1 of the public key."""
        return key_id(self.public)


def key_id(public: bytes) -> bytes:
    """Name a public key as the car does."""
    return hashlib.sha1(public, usedforsecurity=False).digest()[:KEY_ID_SIZE]


class Whitelist:
    """Up to 32 keys; a slot that became free is used again."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return (self._entries[slot] for slot in sorted(self._entries))

    @property
    def full(self) -> bool:
        """No slot is free."""
        return len(self._entries) >= SLOTS

    def add(
        self,
        public: bytes,
        role: Role,
        *,
        form_factor: vcsec.KeyFormFactor = CLOUD_KEY,
        impermanent: bool = False,
        known_everywhere_at: float = float("-inf"),
    ) -> Entry:
        """Enrol a key, or enrol it anew. Raises ValueError when all slots are taken."""
        known = self.find(public)
        free = (slot for slot in range(SLOTS) if slot not in self._entries)
        slot = known.slot if known else next(free, None)
        if slot is None:
            raise ValueError(f"the car knows {SLOTS} keys and takes no more")
        entry = self._entries[slot] = Entry(
            slot=slot,
            public=public,
            role=role,
            form_factor=form_factor,
            impermanent=impermanent,
            known_everywhere_at=known_everywhere_at,
        )
        return entry

    def change_role(self, public: bytes, role: Role) -> None:
        """Give a known key another role; KeyError when it is not known."""
        entry = self._known(public)
        self._entries[entry.slot] = replace(entry, role=role)

    def remove(self, public: bytes) -> None:
        """Forget a key; KeyError when it is not known."""
        del self._entries[self._known(public).slot]

    def find(self, public: bytes) -> Entry | None:
        """Look a key up."""
        return next((entry for entry in self if entry.public == public), None)

    def at(self, slot: int) -> Entry | None:
        """Look a slot up."""
        return self._entries.get(slot)

    def _known(self, public: bytes) -> Entry:
        entry = self.find(public)
        if entry is None:
            raise KeyError("the car does not know this key")
        return entry
