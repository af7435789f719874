"""A row of the table of actions: who may ask for it, and what happens then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from driveway_bridge.proto import Response, Role
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.faults import Faults

OWNERS = frozenset({Role.ROLE_OWNER})
DRIVERS = OWNERS | {Role.ROLE_DRIVER, Role.ROLE_GUEST}
CHARGERS = DRIVERS | {Role.ROLE_CHARGING_MANAGER}
READERS = CHARGERS | {Role.ROLE_VEHICLE_MONITOR}


class RefusedError(Exception):
    """The car understood and does not do it; the text is the reason in its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of whom, by whom, and in which circumstances."""

    car: Car
    by: str
    faults: Faults


@dataclass(frozen=True, slots=True)
class Row:
    """One action: `do` gets the message of that name, and gives an answer that holds more than "done", or None."""

    name: str
    may: frozenset[Role]
    do: Callable[[Asked, Any], Response | None]


def insist(reason: str | None) -> None:
    """Raise RefusedError with the reason, if there is one."""
    if reason:
        raise RefusedError(reason)


def fitted(there: bool) -> None:  # noqa: FBT001 - reads well: fitted(car.equipment.sunroof)
    """Raise RefusedError when the car does not have it."""
    if not there:
        raise RefusedError("not_supported")
