"""Recognising one car among all that advertises, and what is known of it.

The car puts its name, which follows from the VIN, into the scan response only. Once heard by name it is known by its
address too, since BlueZ puts the name that a linked car gives itself in place of the one that was heard, until it hears
that again. Some cars also call themselves by another name at times, which is believed as long as nothing better is
known. The address stays the same unless the car's computer is exchanged. Connecting in vain again and again casts doubt
on an address.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from driveway_bridge.link.base import Sighting

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

NO_RSSI: Final = (-127, 127)
"""`Known, but not heard now` in BlueZ; `no figure` in HCI."""
TELL_EVERY_S: Final = 1.0
FORGET_AFTER: Final = 3
"""Attempts in vain, one after another, and the address is no longer believed."""
_A_CAR: Final = re.compile(r"S[0-9a-f]{16}[CDRP]")


def _nobody(_address: str) -> None:
    """Take no note of the address."""


class Ear:
    """Listens for one car. All times in seconds on the clock of the loop, which is `time.monotonic`."""

    def __init__(
        self,
        name: str,
        other_name: str | None = None,
        *,
        address: str | None = None,
        on_address: Callable[[str], None] = _nobody,
    ) -> None:
        self.last_heard: Sighting | None = None
        self.device: BLEDevice | None = None
        """What the car was last heard as; to be connected to."""
        self.news = asyncio.Event()
        """Set when the car was heard, or when the air has changed in a way that a listener must know."""
        self._name = name
        self._other_name = other_name
        self._address = None if address is None else address.upper()
        self._told_address = self._address
        self._on_address = on_address
        self._listeners: list[Callable[[Sighting], None]] = []
        self._told_at: float | None = None
        self._failures = 0
        self._failed_at: float | None = None

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        """Call `tell` from now on when the car is heard, once a second at most."""
        self._listeners.append(tell)

    def hear(self, device: BLEDevice, data: AdvertisementData, now: float) -> bool:
        """Take an advertisement; whether it is the car's."""
        if not self._is_ours(device, data):
            return False
        self.device = device
        rssi_dbm = None if data.rssi in NO_RSSI else data.rssi
        sighting = Sighting(at=now, rssi_dbm=rssi_dbm, connectable=_connectable(data))
        self.last_heard = sighting
        self._learn(device.address.upper())
        self.news.set()
        if self._told_at is None or now - self._told_at >= TELL_EVERY_S:
            self._told_at = now
            for tell in self._listeners:
                tell(sighting)
        return True

    def heard_since(self, at: float) -> Sighting | None:
        """Give the last sighting if it is not older than that, nor than the last attempt that failed."""
        sighting = self.last_heard
        if sighting is None or sighting.at < at:
            return None
        return None if self._failed_at is not None and sighting.at <= self._failed_at else sighting

    def failed(self, now: float) -> None:
        """Connecting failed: the car must be heard again first, and at last its address is believed no more."""
        self._failures += 1
        self._failed_at = now
        if self._failures >= FORGET_AFTER:
            self._address = None

    def worked(self) -> None:
        """Connecting worked: what was heard is true."""
        self._failures = 0
        self._failed_at = None

    def _is_ours(self, device: BLEDevice, data: AdvertisementData) -> bool:
        if data.rssi == NO_RSSI[0]:
            return False
        if data.local_name == self._name:
            return True
        if self._address is None:
            return data.local_name is not None and data.local_name == self._other_name
        if device.address.upper() != self._address:
            return False
        return _A_CAR.fullmatch(data.local_name or "") is None  # else the address belongs to another car now

    def _learn(self, address: str) -> None:
        self._address = address
        if address != self._told_address:
            self._told_address = address
            self._on_address(address)


def _connectable(data: AdvertisementData) -> bool | None:
    """Whether the advertisement allowed connections, where the platform passes that on (BlueZ does not)."""
    for item in data.platform_data:
        if isinstance(item, dict) and isinstance(answer := item.get("connectable"), bool):
            return answer
    return None
