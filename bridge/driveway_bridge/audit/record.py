"""What the audit holds of one command, and what it leaves out. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

MQTT: Final = "mqtt"
COMMAND: Final = "command"
"""The kind of a line that tells of a command."""
WITHHELD: Final = "left out"
_WORDS: Final = frozenset(
    {"door", "preconditioning", "off_peak_charging", "mode", "level", "seat", "setting", "role", "form_factor", "days"}
)
"""Arguments that are choices among our own words."""
_PLACES: Final = frozenset({"latitude", "longitude", "site_id"})
_KEYS: Final = frozenset({"public_key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One command and what became of it."""

    boot_s: float
    """Seconds since the start of the bridge in which it ended."""
    who: str
    """A client's name, or the part of the bridge that took it, as `page`; `unsigned` for who proved to be nobody."""
    client: str | None
    """The client's id."""
    path: str
    """`mqtt`, or the part of the bridge that took it."""
    car: str | None
    command: str | None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """As `told` gives them."""
    outcome: str
    """One of `contract.Outcome`."""
    reason: str
    """A code of `reasons.REASONS`."""
    detail: str = ""
    """What the car, or the bridge, said beside the reason."""
    sent: bool = False
    """Whether anything of it may have gone to the car."""
    route: str | None = None
    ms: float | None = None
    """From when it was taken to its end."""

    def fields(self) -> dict[str, Any]:
        """What stands in its line, in this order."""
        return {"kind": COMMAND, **asdict(self)}

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Record | None:
        """The record of a line; None where it tells of something else, or not as we write it."""
        texts = all(isinstance(line.get(name), str) for name in ("who", "path", "outcome", "reason", "detail"))
        named = all(isinstance(line.get(name), str | None) for name in ("client", "car", "command", "route"))
        numbers = isinstance(line.get("boot_s"), int | float) and isinstance(line.get("ms"), int | float | None)
        right = texts and named and numbers and isinstance(line.get("arguments"), dict)
        if line.get("kind") != COMMAND or not right:
            return None
        told: dict[str, Any] = {item.name: line.get(item.name) for item in fields(cls)}
        return cls(**told)


def told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without PINs, places, and texts that somebody has typed; of a key only its id."""
    return {name: _told(name, value) for name, value in arguments.items()}


def _told(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        impossible = isinstance(value, float) and not math.isfinite(value)
        return WITHHELD if name in _PLACES or impossible else value
    if name in _WORDS and (isinstance(value, str) or _is_list_of_texts(value)):
        return value
    if name in _KEYS and isinstance(value, str) and re.fullmatch("([0-9a-fA-F]{2})+", value):
        return hashlib.sha1(bytes.fromhex(value), usedforsecurity=False).hexdigest()[:8]
    return WITHHELD


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
