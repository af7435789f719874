"""What the bridge has cost the car's rest in the last 24 hours, and what it may still cost.

A wake-up is one command of an owner that found the car asleep and woke it, however often it had to knock.

Awake time caused by us: a car stays awake some eleven minutes (STAYS_AWAKE_S) after the last thing that needed it. Be
`ours` the time when we last spoke to infotainment or woke the car, and `others` the time when anything else last
needed it: somebody inside, a door, a lock or a cable that moved, charging, climate, the guard. Then what lies between
`others` + STAYS_AWAKE_S and `ours` + STAYS_AWAKE_S is caused by us, as far as the car has not been seen asleep. Where
it is not seen when others let go of the car, the look before counts: the estimate errs to our cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge.boot import Boot
from driveway_bridge.car import Observer
from driveway_bridge.contract import Outcome
from driveway_bridge.judgement.day import Day
from driveway_bridge.judgement.phase import STAYS_AWAKE_S, Signs
from driveway_bridge.protocol.domain import Domain

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.commands.base import Command
    from driveway_bridge.config import CarSettings
    from driveway_bridge.errand import Execution
    from driveway_bridge.state.body import Body
    from driveway_bridge.state.reading import State

OWN_EFFECT_S: Final = 10.0
"""What moves at the car so shortly after we spoke to it may be our own doing, and does not count as others'."""
LATE_S: Final = 120.0
"""A car that is awake so long after it should have fallen asleep is kept awake by something that we do not see."""
SAVE_S: Final = 30.0
"""So many seconds more are worth writing down."""
_UNHEARD: Final = frozenset({"car_asleep", "car_booting"})


class Budget(Observer):
    """The budget of one car. With nothing remembered a day begins; of unknown age counts as used just now."""

    def __init__(
        self,
        settings: CarSettings,
        *,
        remembered: Mapping[str, Any] | None = None,
        remembered_age_s: float | None = None,
        save: Callable[[dict[str, Any]], None] = lambda _document: None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`save` is called with what to remember; `clock` counts seconds, also while the computer sleeps."""
        self._settings = settings
        self._save = save
        self._clock = clock or Boot().now
        self._day = Day()
        self._signs = Signs()
        self._awake = False
        self._puzzling = False
        """It is awake for longer than anything explains that we see or did: others keep it so."""
        self._woke_at = -math.inf
        self._our_wake_at = -math.inf
        self._ours_at = -math.inf
        self._others_at = -math.inf
        self._others_before = -math.inf
        self._accounted_at = self._clock()
        self._unsaved_s = 0.0
        if remembered is not None:
            self._day.restore(remembered, remembered_age_s or 0.0, self._clock())

    # What is left -----------------------------------------------------------------------------------------------------

    def may_wake(self) -> bool:
        """Whether one more command may wake the car."""
        return self._day.wakes(self._clock()) < self._settings.wakes

    def may_prolong(self) -> bool:
        """Whether a question may prolong the car's being awake; what it is bound to cost already is counted."""
        now = self._clock()
        self._account(now)
        bound_s = self._ours_at - max(now - STAYS_AWAKE_S, self._others_at) if self._awake else 0.0
        return self._day.awake_s(now) + max(0.0, bound_s) < self._settings.awake_minutes * 60

    def report(self) -> dict[str, Any]:
        """Say what was used and what is allowed, in the last 24 hours."""
        now = self._clock()
        self._account(now)
        return {
            "wakes_today": self._day.wakes(now),
            "wakes_allowed": self._settings.wakes,
            "awake_minutes_today": round(self._day.awake_s(now) / 60, 1),
            "awake_minutes_allowed": self._settings.awake_minutes,
        }

    # What is heard ----------------------------------------------------------------------------------------------------

    def heard_body(self, body: Body, source: str, old_s: float) -> None:  # noqa: ARG002 - the observer's shape
        """Learn whether it is awake, and who touched it."""
        now = self._clock()
        self._account(now)
        before_at, was_asleep = self._signs.body_at, self._signs.asleep
        self._signs.heard_body(body, now)
        self._awake = body.asleep is False
        if self._awake and was_asleep and self._our_wake_at <= before_at:
            self._woke_at, self._others_before = now, self._others_at
            self._others_at = max(self._others_at, before_at)
        if now - self._ours_at > OWN_EFFECT_S:
            self._others_at = max(self._others_at, self._signs.touched_after)
        self._others_at = max(self._others_at, self._signs.held_at())
        last = max(self._ours_at, self._others_at)
        self._puzzling = self._awake and (self._puzzling or -math.inf < last < now - STAYS_AWAKE_S - LATE_S)
        if self._puzzling:
            self._others_at = now

    def heard_state(self, subject: str, state: State) -> None:
        """Learn what holds it awake."""
        now = self._clock()
        self._account(now)
        self._signs.heard_state(subject, state, now)
        self._others_at = max(self._others_at, self._signs.held_at())

    def executed(self, command: Command, execution: Execution, *, asked: bool) -> None:
        """Learn what we did: a wake-up, a word with infotainment."""
        now = self._clock()
        begun = now - execution.phases_ms.get("total", 0.0) / 1000
        woke = execution.wakes > 0
        if command.name == "wake" and asked and execution.outcome in (Outcome.CONFIRMED, Outcome.UNCONFIRMED):
            woke = not self._awake or self._woke_at >= begun
        if woke:
            self._note_wake(now, begun)
        elif command.domain is not Domain.INFOTAINMENT or not _reached(execution):
            return
        self._account(now)
        self._ours_at, self._puzzling = now, False

    def _note_wake(self, now: float, begun: float) -> None:
        self._account(now)
        if self._woke_at >= begun:  # it was seen to wake up, and taken for others' doing
            self._others_at = min(self._others_at, self._others_before)
            self._accounted_at = self._ours_at = self._woke_at
        self._awake, self._our_wake_at = True, now
        self._day.add(now, wakes=1)
        self._account(now)
        self._note()

    # Accounts ---------------------------------------------------------------------------------------------------------

    def _account(self, now: float) -> None:
        """Count what has passed since the last time."""
        begin = max(self._accounted_at, self._others_at + STAYS_AWAKE_S)
        end = min(now, self._ours_at + STAYS_AWAKE_S)
        self._accounted_at = now
        if self._awake and end > begin:
            self._day.add(now, awake_s=end - begin)
            self._unsaved_s += end - begin
            if self._unsaved_s >= SAVE_S:
                self._note()

    def _note(self) -> None:
        self._unsaved_s = 0.0
        self._save(self._day.document(self._clock()))


def _reached(execution: Execution) -> bool:
    """Whether infotainment may have heard it."""
    if execution.outcome is Outcome.FAILED:
        return execution.reason not in _UNHEARD and execution.exchanges > 0
    return True
