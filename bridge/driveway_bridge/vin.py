"""What follows from a vehicle identification number: the advertised name and the public car id."""

from __future__ import annotations

import hashlib
import re

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


def normalise(text: str) -> str:
    """Give the VIN as the car knows it, 17 upper-case characters; raise ValueError for anything else."""
    vin = text.strip().upper()
    if not _VIN.fullmatch(vin):
        raise ValueError("a VIN has 17 letters and digits, without I, O and Q")
    return vin


def local_name(vin: str) -> str:
    """The Bluetooth name that the car puts into its scan response: S, 16 hex digits of SHA-1(VIN), C."""
    # SHA-1 is the car's choice here; nothing secret depends on it.
    return f"S{hashlib.sha1(vin.encode(), usedforsecurity=False).hexdigest()[:16]}C"


def other_name(vin: str) -> str:
    """The name that some cars since 2023 show at times instead: Tesla, and the last six characters of the VIN."""
    return f"Tesla {vin[-6:]}"


def car_id(vin: str) -> str:
    """The name of the car in topics: the same on every bridge, and it does not give the VIN away at a glance."""
    return f"car-{hashlib.sha256(vin.encode()).hexdigest()[:8]}"
