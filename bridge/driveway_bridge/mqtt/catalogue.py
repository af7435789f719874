"""What may be commanded over MQTT, and how each command is treated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from driveway_bridge.contract import LOCK_TTL_S, MAX_TTL_S
from driveway_bridge.lane import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command; none of them takes arguments so far."""

    priority: Priority
    max_ttl_s: float
    """A longer time to live is cut to this."""


CATALOGUE: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "lock": Entry(priority=Priority.LOCK, max_ttl_s=LOCK_TTL_S),
        "unlock": Entry(priority=Priority.LOCK, max_ttl_s=LOCK_TTL_S),
        "status": Entry(priority=Priority.ORDER, max_ttl_s=MAX_TTL_S),
        "wake": Entry(priority=Priority.ORDER, max_ttl_s=MAX_TTL_S),
    }
)
"""By name; `commands.security` has the function of the same name that makes the request."""
