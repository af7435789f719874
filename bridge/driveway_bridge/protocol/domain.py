"""The parts of the car that answer for themselves, each with keys, epoch, clock and counter of its own."""

from __future__ import annotations

from enum import IntEnum


class Domain(IntEnum):
    """Numbers of the vehicle-command protocol (`Destination.domain`)."""

    BROADCAST = 0
    """Only a destination of what the car tells everybody."""
    VEHICLE_SECURITY = 2
    """VCSEC: body controller, Bluetooth, keys, locks. It answers while the car sleeps."""
    INFOTAINMENT = 3
    """Charging, climate, media and most of the state. It is silent while the car sleeps."""
