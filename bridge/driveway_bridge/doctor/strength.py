"""What a signal of the car is worth, in words."""

from __future__ import annotations

from typing import Final

GOOD_DBM: Final = -70
WEAK_DBM: Final = -85
"""Below this connections begin to fail; from about -90 dBm on they mostly do (seen by owners)."""
NEARER: Final = (
    "Move the bridge or its adapter closer to the car, with nothing of metal between them; some centimetres can "
    "matter. `driveway signal` shows the effect."
)
WIFI: Final = (
    "A computer whose Wi-Fi uses 2.4 GHz disturbs its own Bluetooth: use a network cable, 5 GHz, or a USB adapter on "
    "a short extension lead."
)


def word(rssi_dbm: float) -> str:
    """`good`, `fair` or `weak`."""
    if rssi_dbm < WEAK_DBM:
        return "weak"
    return "good" if rssi_dbm >= GOOD_DBM else "fair"
