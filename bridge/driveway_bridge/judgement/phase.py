"""What a car is doing, and what keeps it awake, from what it has said.

A car falls asleep about eleven minutes after the last thing that needed it awake, and each question to infotainment
begins those minutes anew. So it matters to know what keeps it awake apart from us: then questions cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from driveway_bridge.known import CLOSURES

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.state.body import Body
    from driveway_bridge.state.reading import State

STAYS_AWAKE_S: Final = 660.0
"""So long after the last thing that needed it a car stays awake, as owners have measured."""
STALE_S: Final = 600.0
"""What the body said longer ago than that tells nothing of now."""
OCCUPIED_S: Final = 900.0
"""So long somebody inside counts. The car's word on it has been seen to stick, and such a car never slept."""
PUZZLING_S: Final = 3600.0
"""Awake for so long without any reason that we see: something else keeps it awake."""


class Phase(StrEnum):
    """What the car is doing, in one word."""

    UNKNOWN = "unknown"
    AWAY = "away"
    ASLEEP = "asleep"
    AWAKE = "awake"
    """And nothing that we know of keeps it so: it is on its way to sleep."""
    OCCUPIED = "occupied"
    DRIVING = "driving"
    CHARGING = "charging"
    HELD = "held"
    """Kept awake by something else than the former three."""


class Hold(StrEnum):
    """What keeps a car awake."""

    DRIVE = "drive"
    OCCUPANT = "occupant"
    CHARGE = "charge"
    CLIMATE = "climate"
    UPDATE = "update"
    SENTRY = "sentry"


_PHASES: Final[Mapping[Hold, Phase]] = MappingProxyType(
    {
        Hold.DRIVE: Phase.DRIVING,
        Hold.OCCUPANT: Phase.OCCUPIED,
        Hold.CHARGE: Phase.CHARGING,
        Hold.CLIMATE: Phase.HELD,
        Hold.UPDATE: Phase.HELD,
        Hold.SENTRY: Phase.HELD,
    }
)
"""The first of these that holds gives the word."""
_BELIEVED_S: Final[Mapping[Hold, float]] = MappingProxyType(
    {Hold.DRIVE: 120.0, Hold.CHARGE: 600.0, Hold.CLIMATE: 600.0, Hold.UPDATE: 900.0, Hold.SENTRY: 5400.0}
)
"""How long infotainment's word on a hold is believed when it is not said again."""
_SHOWN: Final[Mapping[str, tuple[Hold, str, frozenset[object]]]] = MappingProxyType(
    {
        "drive": (Hold.DRIVE, "gear", frozenset({"drive", "reverse", "neutral"})),
        "charge": (Hold.CHARGE, "charging", frozenset({"starting", "charging", "calibrating"})),
        "climate": (Hold.CLIMATE, "on", frozenset({True})),
        "software": (Hold.UPDATE, "status", frozenset({"installing"})),
        "closures": (Hold.SENTRY, "sentry", frozenset({"armed", "aware", "panic", "quiet"})),
    }
)
"""By the subject of the state: the hold that it shows, the field, and its values that mean that it holds."""


def shown(subject: str, state: State) -> tuple[Hold, bool] | None:
    """Give the hold that a subject shows, and whether it holds; None for a subject that shows none."""
    if subject not in _SHOWN:
        return None
    hold, field, values = _SHOWN[subject]
    return hold, getattr(state, field, None) in values


class Signs:
    """What a car has shown. All times are seconds on one monotonic clock, -inf for never."""

    def __init__(self) -> None:
        self.body_at = -math.inf
        """When the body last spoke."""
        self.asleep: bool | None = None
        self.awake_since = -math.inf
        """Since when it has been seen awake without a break; what was before the first look is not known."""
        self.touched_after = -math.inf
        """Somebody did something to it that shows: after this moment, which is the look before."""
        self.touched_at = -math.inf
        """When that was noticed."""
        self.cable_at = -math.inf
        """When something showed that may be a cable going in or out, or a car that wakes up for the one that is in."""
        self.port_open: bool | None = None
        """Of the charge port; what was heard last, as a sleeping car does not say."""
        self.lids_move = False
        self._user_since: float | None = None
        self._shown_at: dict[Hold, float] = {}
        self._held_at = -math.inf
        self._body: dict[str, object] = {}
        self._phase = Phase.UNKNOWN
        self._phase_since = -math.inf

    # What is heard ----------------------------------------------------------------------------------------------------

    def heard_body(self, body: Body, now: float) -> None:
        """Take a report of the body controller, asked for or not."""
        before_at, was_asleep = self.body_at, self.asleep
        fresh = now - before_at <= STALE_S
        self.body_at, self.asleep = now, body.asleep
        if body.asleep is not False:
            self.awake_since = -math.inf
        elif was_asleep is not False or not fresh:
            self.awake_since = now
        if not body.user_present:
            self._user_since = None
        elif self._user_since is None or not fresh:
            self._user_since = now
        if self._user_since is not None:
            self._held_at = max(self._held_at, min(now, self._user_since + OCCUPIED_S))
        self._look_at_the_body(body, before_at if fresh else None, now)
        if body.asleep is False and self.port_open and (was_asleep is not False or not fresh):
            self.cable_at = now
        if body.asleep:
            self._shown_at.clear()

    def _look_at_the_body(self, body: Body, before_at: float | None, now: float) -> None:
        """Compare it with the look before; None: that one was too long ago to tell when something happened."""
        said: dict[str, object] = {"lock": body.lock, "user_present": body.user_present}
        said |= {name: state for name in CLOSURES if (state := getattr(body, name)) is not None}
        changed = {name for name, value in said.items() if self._body.get(name, value) != value}
        if changed and before_at is not None:
            self.touched_after, self.touched_at = before_at, now
        if "charge_port" in said:
            self.port_open = said["charge_port"] != "closed"
            if "charge_port" in changed and said["charge_port"] in ("open", "closed"):
                self.cable_at = now
                self._shown_at.pop(Hold.CHARGE, None)
        self.lids_move = bool({"opening", "closing"} & {str(said.get(name)) for name in CLOSURES})
        self._body |= said

    def heard_state(self, subject: str, state: State, now: float) -> None:
        """Take an answer of infotainment."""
        found = shown(subject, state)
        if found is not None:
            hold, holds = found
            if holds:
                self._shown_at[hold] = self._held_at = now
            else:
                self._shown_at.pop(hold, None)

    # What follows -----------------------------------------------------------------------------------------------------

    def holds(self, now: float) -> frozenset[Hold]:
        """What keeps it awake now, as far as is known; empty when it sleeps or when nobody knows."""
        if self.asleep is not False or now - self.body_at > STALE_S:
            return frozenset()
        found = {hold for hold, at in self._shown_at.items() if now - at <= _BELIEVED_S[hold]}
        if self._user_since is not None and now - self._user_since < OCCUPIED_S:
            found.add(Hold.OCCUPANT)
        return frozenset(found)

    def held_at(self) -> float:
        """When it was last seen to be held."""
        return self._held_at

    def look(self, now: float, *, in_range: bool | None) -> tuple[Phase, float]:
        """Say what it is doing and since when; `in_range` is the radio's word, None when it has none."""
        phase = self._judge(now, in_range)
        if phase is not self._phase or self._phase_since == -math.inf:
            self._phase, self._phase_since = phase, now
        return phase, self._phase_since

    def _judge(self, now: float, in_range: bool | None) -> Phase:  # noqa: FBT001 - only passed on
        if in_range is False:
            return Phase.AWAY
        if now - self.body_at > STALE_S or self.asleep is None:
            return Phase.UNKNOWN
        if self.asleep:
            return Phase.ASLEEP
        holds = self.holds(now)
        return next((phase for hold, phase in _PHASES.items() if hold in holds), Phase.AWAKE)
