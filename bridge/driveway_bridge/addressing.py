"""Which car, and the way to it, as people write them in the configuration and on the command line.

ValueErrors say what is wrong and what is allowed; they never repeat what was typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from driveway_bridge import vin


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """The frames of the car over TCP, at this address."""

    host: str
    port: int


LinkSettings = Literal["bluetooth"] | TcpAddress
"""How a car is reached."""


def parse_link(text: str) -> LinkSettings:
    """Read `bluetooth` or `tcp://HOST:PORT` (IPv6 in brackets); ValueError says what is allowed."""
    if text == "bluetooth":
        return "bluetooth"
    found = re.fullmatch(r"tcp://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+)):([0-9]{1,5})/?", text)
    if found is None or not 1 <= int(found[3]) <= 65535:
        raise ValueError("must be `bluetooth` or `tcp://HOST:PORT`, with a port from 1 to 65535")
    return TcpAddress(found[1] or found[2], int(found[3]))


def check_vin(text: str) -> str:
    """Give the VIN its plain form; ValueError says what is wrong without repeating it."""
    try:
        return vin.normalise(text)
    except ValueError:
        pass
    letters = text.strip()
    if len(letters) != 17:
        raise ValueError(f"a VIN has 17 letters and digits, this has {len(letters)}; see the car's screen or papers")
    if re.search("[IOQioq]", letters):
        raise ValueError("the letters I, O and Q never occur in a VIN; 1 or 0 is meant")
    raise ValueError("a VIN has 17 letters and digits and nothing else; see the car's screen or papers")
