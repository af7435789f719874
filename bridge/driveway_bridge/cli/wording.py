"""What became of a command, and what the car says of itself, in sentences and lists for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from driveway_bridge.contract import Outcome
from driveway_bridge.reasons import REASONS
from driveway_bridge.state.body import Body, ClosureState, LockState

_DONE: Final[Mapping[str, str]] = {"lock": "Locked.", "unlock": "Unlocked.", "status": "The car answered."}
_ALREADY: Final[Mapping[str, str]] = {"lock": "It was locked already.", "unlock": "It was unlocked already."}
_NOT_DONE: Final[Mapping[str, str]] = {"lock": "Not locked.", "unlock": "Not unlocked.", "status": ""}
_UNKNOWN: Final[Mapping[str, str]] = {
    "lock": "It is not known whether the car is locked.",
    "unlock": "It is not known whether the car is unlocked.",
    "status": "",
}
_LOCKS: Final[Mapping[LockState, str]] = {
    LockState.LOCKED: "locked",
    LockState.UNLOCKED: "unlocked",
    LockState.INTERNAL_LOCKED: "locked from inside",
    LockState.SELECTIVE_UNLOCKED: "some doors are unlocked",
}
_CLOSURES: Final[Mapping[str, str]] = {
    "front_driver_door": "driver's door",
    "front_passenger_door": "passenger's door",
    "rear_driver_door": "rear door, driver's side",
    "rear_passenger_door": "rear door, passenger's side",
    "rear_trunk": "trunk",
    "front_trunk": "frunk",
    "charge_port": "charge port",
    "tonneau": "tonneau",
}


def sentence(command: str, outcome: Outcome, reason: str) -> str:
    """What became of `lock`, `unlock` or `status`, and what can be done."""
    if outcome is Outcome.CONFIRMED:
        already = _ALREADY.get(command) if reason == "already_so" else None
        return already or _DONE[command]
    opening = (_UNKNOWN if outcome is Outcome.UNCONFIRMED else _NOT_DONE)[command]
    entry = REASONS[reason]
    return " ".join(part for part in (opening, entry.meaning, entry.remedy) if part)


def state_lines(body: Body) -> list[str]:
    """A small list of what the car says: locks, doors, sleep, somebody inside."""
    untold = "unknown (the car sleeps)" if body.asleep else "unknown (the car does not say)"
    rows = {
        "Locks": untold if body.lock is None else _LOCKS[body.lock],
        "Doors and lids": _closures(body) or untold,
        "Car": untold if body.asleep is None else ("asleep" if body.asleep else "awake"),
        "Inside": untold if body.user_present is None else ("somebody" if body.user_present else "nobody"),
    }
    width = max(map(len, rows)) + 2
    return [f"{name + ':':<{width}}{value}" for name, value in rows.items()]


def state_fields(body: Body) -> dict[str, Any]:
    """The same for programs: each value, None where the car did not say, and whether it is locked."""
    return {"locked": body.locked, **asdict(body)}


def _closures(body: Body) -> str:
    told: dict[str, ClosureState] = {}
    for field, name in _CLOSURES.items():
        state: ClosureState | None = getattr(body, field)
        if state is not None:
            told[name] = state
    if not told:
        return ""
    open_ones = [f"{name} {state.replace('_', ' ')}" for name, state in told.items() if state != ClosureState.CLOSED]
    return "; ".join(open_ones) or "all closed"
