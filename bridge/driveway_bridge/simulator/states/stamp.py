"""The car's calendar, as the messages have it."""

from __future__ import annotations

from driveway_bridge.proto import Timestamp
from driveway_bridge.simulator.car import Car


def stamp(car: Car, unix_s: float | None = None) -> Timestamp:
    """Now, or another time, in whole seconds and nanoseconds."""
    seconds = car.unix_s if unix_s is None else unix_s
    return Timestamp(seconds=int(seconds), nanos=int(seconds % 1 * 1000) * 1_000_000)
