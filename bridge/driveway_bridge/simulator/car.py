"""The facts about the virtual car: locks, doors, sleep, who is inside; and what happens to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from driveway_bridge.proto import ClosureState_E

CLOSURES: Mapping[str, str] = {
    "front_driver_door": "frontDriverDoor",
    "front_passenger_door": "frontPassengerDoor",
    "rear_driver_door": "rearDriverDoor",
    "rear_passenger_door": "rearPassengerDoor",
    "rear_trunk": "rearTrunk",
    "front_trunk": "frontTrunk",
    "charge_port": "chargePort",
    "tonneau": "tonneau",
}
"""Names of doors and lids: ours, and the one in the car's messages."""
DOORS = tuple(CLOSURES)[:4]

CLOSED = ClosureState_E.CLOSURESTATE_CLOSED
OPEN = ClosureState_E.CLOSURESTATE_OPEN


class DoorOpenError(Exception):
    """The car does not lock while a door is open."""


class Car:
    """A car on a driveway. Every verb names who did it; `on_change(by)` is called when a fact has changed."""

    def __init__(self, *, locked: bool = True, asleep: bool = False) -> None:
        self.locked = locked
        self.asleep = asleep
        self.user_present = False
        self.closures: dict[str, ClosureState_E] = dict.fromkeys(CLOSURES, CLOSED)
        self.on_change: Callable[[str], None] = lambda _by: None

    def facts(self) -> dict[str, Any]:
        """All facts as they are, whatever the car would tell about them."""
        closures = {name: ClosureState_E.Name(state)[13:].lower() for name, state in self.closures.items()}
        return {
            "locked": self.locked,
            "asleep": self.asleep,
            "user_present": self.user_present,
            "closures": closures,
        }

    def lock(self, by: str) -> None:
        """Lock; a lid may be open, a door may not: DoorOpenError."""
        if any(self.closures[door] != CLOSED for door in DOORS):
            raise DoorOpenError("a door is open")
        self._set(by, locked=True)

    def unlock(self, by: str) -> None:
        """Unlock."""
        self._set(by, locked=False)

    def secure(self, by: str) -> None:
        """Close the doors, which are powered where this is possible, and lock."""
        for door in DOORS:
            self.move(door, CLOSED, by)
        self.lock(by)

    def move(self, closure: str, state: ClosureState_E, by: str) -> None:
        """Put a door or lid of CLOSURES into a state, at once; which wakes the car."""
        if self.closures[closure] == state:
            return
        self.closures[closure] = state
        self.asleep = False
        self.on_change(by)

    def sleep(self, by: str) -> None:
        """Fall asleep."""
        self._set(by, asleep=True)

    def wake(self, by: str) -> None:
        """Wake up."""
        self._set(by, asleep=False)

    def enter(self, by: str) -> None:
        """Somebody sits down inside, which wakes the car."""
        self._set(by, user_present=True, asleep=False)

    def leave(self, by: str) -> None:
        """Nobody is inside any more."""
        self._set(by, user_present=False)

    def _set(self, by: str, **facts: bool) -> None:
        changed = {name: value for name, value in facts.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self.on_change(by)
