"""What became of a command, and what the car says of itself, in sentences and lists for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from driveway_bridge.contract import Outcome
from driveway_bridge.known import plain
from driveway_bridge.reasons import REASONS
from driveway_bridge.state.body import Body, ClosureState, LockState
from driveway_bridge.state.reading import State

_DONE: Final[Mapping[str, str]] = {"lock": "Locked.", "unlock": "Unlocked.", "status": "The car answered."}
_ALREADY: Final[Mapping[str, str]] = {"lock": "It was locked already.", "unlock": "It was unlocked already."}
_NOT_DONE: Final[Mapping[str, str]] = {"lock": "Not locked.", "unlock": "Not unlocked."}
_UNKNOWN: Final[Mapping[str, str]] = {
    "lock": "It is not known whether the car is locked.",
    "unlock": "It is not known whether the car is unlocked.",
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


def sentence(command: str, outcome: Outcome, reason: str, *, reads: bool = False) -> str:
    """What became of a command, and what can be done."""
    if outcome is Outcome.CONFIRMED:
        already = _ALREADY.get(command, "It was so already.") if reason == "already_so" else None
        return already or _DONE.get(command, "Done.")
    if reads:
        opening = ""
    elif outcome is Outcome.UNCONFIRMED:
        opening = _UNKNOWN.get(command, "It is not known whether it was done.")
    else:
        opening = _NOT_DONE.get(command, "Not done.")
    entry = REASONS[reason]
    return " ".join(part for part in (opening, entry.meaning, entry.remedy) if part)


def state_lines(state: State | Body) -> list[str]:
    """What the car says, as a small list for people."""
    return _body_lines(state) if isinstance(state, Body) else list(_lines(state_fields(state), ""))


def state_fields(state: State | Body) -> dict[str, Any]:
    """The same for programs: each value, None where the car did not say; of the body also whether it is locked."""
    told = {item.name: plain(getattr(state, item.name)) for item in fields(state)}
    return {"locked": state.locked, **told} if isinstance(state, Body) else told


def _lines(told: Mapping[str, Any], indent: str) -> Iterator[str]:
    """One line a value; what the car did not say is left out."""
    for name, value in told.items():
        title = f"{indent}{name.replace('_', ' ')}:"
        if isinstance(value, dict):
            yield title
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                yield title
                yield from _lines(item, f"{indent}  ")
        elif isinstance(value, bool):
            yield f"{title} {'yes' if value else 'no'}"
        elif isinstance(value, list):
            yield f"{title} {', '.join(map(str, value)) or 'none'}"
        elif value is not None:
            yield f"{title} {value}"


def _body_lines(body: Body) -> list[str]:
    """Locks, doors, sleep, somebody inside."""
    untold = "unknown (the car sleeps)" if body.asleep else "unknown (the car does not say)"
    rows = {
        "Locks": untold if body.lock is None else _LOCKS[body.lock],
        "Doors and lids": _closures(body) or untold,
        "Car": untold if body.asleep is None else ("asleep" if body.asleep else "awake"),
        "Inside": untold if body.user_present is None else ("somebody" if body.user_present else "nobody"),
    }
    width = max(map(len, rows)) + 2
    return [f"{name + ':':<{width}}{value}" for name, value in rows.items()]


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
