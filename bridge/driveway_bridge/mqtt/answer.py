"""What a command that reads gives back to whoever asked: plain values, and never more than a message should hold."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any, Final

from driveway_bridge.known import plain

MAX_DATA: Final = 32 * 1024
"""Bytes of JSON; what is longer is left out."""
_UNTOLD: Final = frozenset({"public_key", "pin"})
"""Fields that are nobody's business on the broker, at any depth."""


def data(state: object) -> dict[str, Any] | None:
    """Give what was read as an object for JSON; None when there is nothing, or too much."""
    if state is None or not is_dataclass(state):
        return None
    told = {item.name: _told(plain(getattr(state, item.name))) for item in fields(state) if item.name not in _UNTOLD}
    return told if len(json.dumps(told)) <= MAX_DATA else None


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _told(item) for name, item in value.items() if name not in _UNTOLD}
    return [_told(item) for item in value] if isinstance(value, list) else value
