"""The signal of one car over the last seconds, and the best so far."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from driveway_bridge.link.ear import NO_RSSI, Ear
from driveway_bridge.vin import local_name, other_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

MEAN_S: Final = 5.0
CURRENT_S: Final = 3.0
"""What is older is no longer how it is now. BlueZ passes some devices on only every few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the meter shows; dBm, and None where nothing was heard."""

    current: int | None
    mean: float | None
    """Of the last MEAN_S seconds."""
    best: int | None
    best_at: float | None
    """On the clock that the meter is given."""
    per_s: float
    """Calls of the car a second, over the same time."""


class Meter:
    """Takes each call of the car."""

    def __init__(self) -> None:
        self._calls: deque[tuple[float, int | None]] = deque()
        self._best: tuple[int, float] | None = None
        self._begun: float | None = None

    def begin(self, now: float) -> None:
        """From now on it is listened."""
        self._begun = now

    def hear(self, now: float, rssi_dbm: int | None) -> None:
        """The car called; None: without a figure."""
        self._calls.append((now, rssi_dbm))
        if rssi_dbm is not None and (self._best is None or rssi_dbm > self._best[0]):
            self._best = (rssi_dbm, now)

    def read(self, now: float) -> Reading:
        """How it is now."""
        while self._calls and self._calls[0][0] <= now - MEAN_S:
            self._calls.popleft()
        figures = [rssi for _, rssi in self._calls if rssi is not None]
        current = next((rssi for at, rssi in reversed(self._calls) if rssi is not None and at > now - CURRENT_S), None)
        best, best_at = self._best or (None, None)
        span = MEAN_S if self._begun is None else min(MEAN_S, max(1.0, now - self._begun))
        return Reading(
            current=current,
            mean=sum(figures) / len(figures) if figures else None,
            best=best,
            best_at=best_at,
            per_s=len(self._calls) / span,
        )


class CountingEar(Ear):
    """An ear that passes on every call of the car, and not one a second only."""

    def __init__(self, vin: str, tell: Callable[[float, int | None], None]) -> None:
        super().__init__(local_name(vin), other_name(vin))
        self._tell = tell

    def hear(self, device: BLEDevice, data: AdvertisementData, now: float) -> bool:
        """Take an advertisement; whether it is the car's."""
        ours = super().hear(device, data, now)
        if ours:
            self._tell(now, None if data.rssi in NO_RSSI else data.rssi)
        return ours
