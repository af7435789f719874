"""Doors and lids. What a motor moves takes its time; what a hand moves is there at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
AJAR = ClosureState_E.CLOSURESTATE_AJAR
OPENING = ClosureState_E.CLOSURESTATE_OPENING
CLOSING = ClosureState_E.CLOSURESTATE_CLOSING


@dataclass(frozen=True, slots=True)
class _Motion:
    began: float
    ends: float
    towards: ClosureState_E


class Lids:
    """The state of each, by our names."""

    def __init__(self) -> None:
        self.states: dict[str, ClosureState_E] = dict.fromkeys(CLOSURES, CLOSED)
        self._motions: dict[str, _Motion] = {}

    def put(self, name: str, state: ClosureState_E) -> bool:
        """Bring one into a state at once; tells whether that changed anything."""
        self._motions.pop(name, None)
        changed = self.states[name] != state
        self.states[name] = state
        return changed

    def drive(self, name: str, towards: ClosureState_E, now: float, takes_s: float) -> bool:
        """Let its motor open or close it."""
        motion = self._motions.get(name)
        if self.states[name] == towards or (motion and motion.towards == towards):
            return False
        if not takes_s:
            return self.put(name, towards)
        self.states[name] = OPENING if towards == OPEN else CLOSING
        self._motions[name] = _Motion(now, now + takes_s, towards)
        return True

    def halt(self, name: str) -> bool:
        """Stop its motor where it is."""
        return name in self._motions and self.put(name, AJAR)

    def settle(self, now: float) -> bool:
        """End the motions that are over."""
        over = {name: motion for name, motion in self._motions.items() if motion.ends <= now}
        for name, motion in over.items():
            self.put(name, motion.towards)
        return bool(over)

    def next_deadline(self) -> float | None:
        """When the next motion ends."""
        return min((motion.ends for motion in self._motions.values()), default=None)

    def percent_open(self, name: str, now: float) -> int:
        """How far one is open."""
        motion = self._motions.get(name)
        if motion is None:
            return {CLOSED: 0, AJAR: 50}.get(self.states[name], 100)
        done = round(100 * (now - motion.began) / (motion.ends - motion.began))
        return done if motion.towards == OPEN else 100 - done
