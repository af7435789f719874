"""The body controller's state: locks, doors, sleep, presence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from driveway_bridge.proto import VehicleStatus
from driveway_bridge.state.reading import State


class LockState(StrEnum):
    """What the car says of its locks."""

    UNLOCKED = "unlocked"
    LOCKED = "locked"
    INTERNAL_LOCKED = "internal_locked"
    """Locked, from inside."""
    SELECTIVE_UNLOCKED = "selective_unlocked"
    """Some doors are unlocked."""


class ClosureState(StrEnum):
    """What the car says of one door or lid."""

    CLOSED = "closed"
    OPEN = "open"
    AJAR = "ajar"
    FAILED_UNLATCH = "failed_unlatch"
    OPENING = "opening"
    CLOSING = "closing"


_LOCK: Mapping[int, LockState] = dict(enumerate(LockState))
CLOSURE_STATES: Mapping[int, ClosureState] = {
    0: ClosureState.CLOSED,
    1: ClosureState.OPEN,
    2: ClosureState.AJAR,
    4: ClosureState.FAILED_UNLATCH,  # 3 is "unknown", which is None here
    5: ClosureState.OPENING,
    6: ClosureState.CLOSING,
}
_ASLEEP: Mapping[int, bool] = {1: False, 2: True}
_PRESENT: Mapping[int, bool] = {1: False, 2: True}


def _closure(wire_name: str) -> ClosureState | None:
    """A field of Body that is filled from the field `wire_name` of ClosureStatuses."""
    return field(default=None, metadata={"closure": wire_name})


@dataclass(frozen=True, slots=True, kw_only=True)
class Body(State):
    """One status of the body controller; what it did not say, or said in words that we do not know, is None."""

    lock: LockState | None = None
    asleep: bool | None = None
    user_present: bool | None = None
    front_driver_door: ClosureState | None = _closure("frontDriverDoor")
    front_passenger_door: ClosureState | None = _closure("frontPassengerDoor")
    rear_driver_door: ClosureState | None = _closure("rearDriverDoor")
    rear_passenger_door: ClosureState | None = _closure("rearPassengerDoor")
    rear_trunk: ClosureState | None = _closure("rearTrunk")
    front_trunk: ClosureState | None = _closure("frontTrunk")
    charge_port: ClosureState | None = _closure("chargePort")
    tonneau: ClosureState | None = _closure("tonneau")

    @property
    def locked(self) -> bool | None:
        """Whether nobody gets in: locked from outside or inside."""
        if self.lock is None:
            return None
        return self.lock in (LockState.LOCKED, LockState.INTERNAL_LOCKED)

    @classmethod
    def from_message(cls, status: VehicleStatus) -> Body:
        """Read a VehicleStatus.

        Zeros are not sent, so a missing lock state is "unlocked" and, within the message about closures, a missing
        one is "closed"; that whole message is missing while the car sleeps: unknown.
        """
        closures: dict[str, ClosureState | None] = {}
        if status.HasField("closureStatuses"):
            for item in fields(cls):
                if wire_name := item.metadata.get("closure"):
                    closures[item.name] = CLOSURE_STATES.get(getattr(status.closureStatuses, wire_name))
        return cls(
            lock=_LOCK.get(status.vehicleLockState),
            asleep=_ASLEEP.get(status.vehicleSleepStatus),
            user_present=_PRESENT.get(status.userPresence),
            **closures,
        )
