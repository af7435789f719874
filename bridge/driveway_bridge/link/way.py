"""The way to a car that was just heard: which radio connects, and to what it heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice

    from driveway_bridge.link.air import Air
    from driveway_bridge.link.choice import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """How many connections a radio can have at a time, where it tells that."""

    free: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One radio and the car as that radio heard it."""

    air: Air
    device: BLEDevice
    radio_name: str | None = None
    path: Path | None = None
    """What has become of earlier attempts, where there are several radios."""
    others: int = 0
    """How many other radios could connect, if this one fails."""

    def failed(self, now: float) -> None:
        """Note that connecting has failed: where there is another way, it is tried next."""
        if self.path is not None:
            self.path.failed(now)

    def worked(self) -> None:
        """Note that connecting has worked."""
        if self.path is not None:
            self.path.worked()
