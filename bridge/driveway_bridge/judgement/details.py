"""Which subject of infotainment to ask about next, and when: while something else keeps the car awake, mostly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from driveway_bridge.judgement import pace
from driveway_bridge.judgement.phase import PUZZLING_S, Hold, Signs
from driveway_bridge.judgement.retry import Failures
from driveway_bridge.judgement.window import READ_BACK_S, Window

if TYPE_CHECKING:
    from driveway_bridge.state.reading import State

GAP_S: Final = 2.0
"""Between two questions that need a link each: the phones want the car's radio too."""
FIRST_RETRY_S: Final = 5.0
"""After a subject failed; doubled each time up to the next. The others go on meanwhile."""
LONGEST_RETRY_S: Final = 3600.0
BOOTING_S: Final = 5.0
GLANCE_S: Final = (0.0, 20.0)
"""After a cable may have gone in, charging is looked at, and again: a charger takes its time to begin."""
GLANCE_LIMIT_S: Final = 60.0
GLANCE_EVERY_S: Final = 3600.0
"""The most often that this is done where nobody was seen to touch the car."""
ROUND_S: Final = 60.0
"""So long a round of questions about why the car is awake may last."""
ENDING_MINUTES: Final = 2
"""With so many minutes of charging left, or fewer, its end is watched for: the body does not tell it, and a question
after the end delays the car's sleep by as many seconds as it comes late."""
ENDING_EVERY_S: Final = 10.0
FOLLOWING: Final = 10.0
"""While another bridge looks after the car, this one asks so many times less often: never not at all."""
ENDING_LIMIT_S: Final = 600.0
"""A battery can stand at "no minutes left" for long."""


class Details:
    """The questions to infotainment about one car. All times are seconds on one monotonic clock."""

    def __init__(self, signs: Signs, subjects: list[str]) -> None:
        self.failures: dict[str, Failures] = {}
        """By subject; those that work are not in it."""
        self.asked_at = -math.inf
        """When infotainment was last spoken to, by us or for somebody."""
        self._signs = signs
        self._subjects = subjects
        self._heard_at: dict[str, float] = {}
        self._pause_until = -math.inf
        self._window = Window()
        self._glanced_at = -math.inf
        self._round_at = -math.inf
        self._ending_from: float | None = None
        """When the end of charging came near."""
        self._charge_ends = False

    def next(
        self, now: float, *, linked: bool, may_prolong: bool, following_since: float | None = None
    ) -> tuple[str, float] | None:
        """Give a subject and when it is due; `may_prolong`: it may cost a little of the car's awake time.

        `following_since`: since then another bridge has been looking after the car. What a command of ours did is read
        as ever then, and all else FOLLOWING times more rarely.
        """
        if self._signs.asleep is not False:
            return None
        holds = self._signs.holds(now)
        not_before = max(self._signs.body_at, self._pause_until)
        gap_s = 0.0 if linked else GAP_S
        best: tuple[float, bool, float, int] | None = None
        for rank, subject in enumerate(self._subjects):
            dues = (
                self._dues(subject, holds, now, may_prolong=may_prolong)
                if following_since is None
                else self._dues_while_following(subject, holds, now, following_since, may_prolong=may_prolong)
            )
            due = min(dues, default=None)
            if due is not None:
                failed = self.failures.get(subject, Failures())
                owed = subject == self._window.subject and due <= self._window.at + READ_BACK_S[0]
                apart = self.asked_at + (0.0 if owed else gap_s)
                # Of all that is due now, what a command did comes first: somebody waits to see it.
                entry = (max(due, not_before, apart, failed.retry_at, now), not owed, due, rank)
                best = entry if best is None else min(best, entry)
        return None if best is None else (self._subjects[best[3]], best[0])

    def _dues(self, subject: str, holds: frozenset[Hold], now: float, *, may_prolong: bool) -> Iterator[float]:
        heard_at = self._heard_at.get(subject, -math.inf)
        window = self._window
        if holds:
            yield heard_at + self._every_s(subject, holds, now)
        if not holds and not may_prolong:
            return
        dues = [window.round_due(now, heard_at)]
        if subject == window.subject:
            dues.append(window.read_back_due(now, heard_at))
            dues.append(window.fast_due(now, heard_at) if holds else None)
        if subject == "charge":
            dues.append(self._glance_due(now, heard_at))
        if subject in pace.REVEALING and not holds:
            dues.append(self._round_due(now, heard_at))
        yield from (due for due in dues if due is not None)

    def _dues_while_following(
        self, subject: str, holds: frozenset[Hold], now: float, since: float, *, may_prolong: bool
    ) -> Iterator[float]:
        heard_at = self._heard_at.get(subject, -math.inf)
        if holds:
            yield max(heard_at, since) + self._every_s(subject, holds, now) * FOLLOWING
        if subject == self._window.subject and (holds or may_prolong):
            due = self._window.read_back_due(now, heard_at)
            if due is not None:
                yield due

    def _every_s(self, subject: str, holds: frozenset[Hold], now: float) -> float:
        every_s = pace.every_s(subject, holds) or math.inf
        ending = self._ending_from is not None and self._charge_ends and now - self._ending_from < ENDING_LIMIT_S
        return min(every_s, ENDING_EVERY_S) if subject == "charge" and ending and Hold.CHARGE in holds else every_s

    def _glance_due(self, now: float, heard_at: float) -> float | None:
        """A cable may have gone in or out, or the car woke up with one in it: perhaps it charges."""
        signs = self._signs
        at = signs.cable_at
        if now - at > GLANCE_LIMIT_S:
            return None
        if signs.touched_at < at and at - GLANCE_EVERY_S < self._glanced_at < at:
            return None
        return next((at + after for after in GLANCE_S[: 2 if signs.port_open else 1] if heard_at < at + after), None)

    def _round_due(self, now: float, heard_at: float) -> float | None:
        """Awake for an hour without a reason that we see, it does not sleep anyway: what keeps it is asked."""
        if now - self._round_at <= ROUND_S:
            return self._round_at if heard_at < self._round_at else None
        signs = self._signs
        quiet_since = max(signs.awake_since, signs.touched_at, signs.held_at(), self._round_at, self._window.at)
        return quiet_since + PUZZLING_S

    # What is learnt ---------------------------------------------------------------------------------------------------

    def asking(self, subject: str, now: float) -> None:
        """A question goes out."""
        self.asked_at = now
        if not self._signs.holds(now):
            if subject == "charge":
                self._glanced_at = now
            due = self._round_due(now, -math.inf)
            if subject in pace.REVEALING and due is not None and self._round_at < due <= now:
                self._round_at = now

    def heard(self, subject: str, state: State, now: float) -> None:
        """Infotainment answered, us or somebody."""
        self.answered(subject, now)
        if subject == "charge":
            self._note_end(state, now)

    def answered(self, subject: str, now: float) -> None:
        """Infotainment answered, with a state or without one."""
        self.failures.pop(subject, None)
        self._heard_at[subject] = self.asked_at = now

    def _note_end(self, state: State, now: float) -> None:
        left = getattr(state, "minutes_to_limit", None)
        left = getattr(state, "minutes_to_full", None) if left is None else left
        charges = Hold.CHARGE in self._signs.holds(now)
        self._charge_ends = charges and left is not None and left <= ENDING_MINUTES
        if not charges:
            self._ending_from = None
        elif self._charge_ends and self._ending_from is None:
            self._ending_from = now

    def failed(self, subject: str, reason: str, now: float, *, temporary: bool) -> None:
        """A question was not answered, or not with what was asked for."""
        self.asked_at = now
        first_s = FIRST_RETRY_S if temporary else LONGEST_RETRY_S
        before = self.failures.get(subject, Failures())
        self.failures[subject] = before.more(reason, now, first_s=first_s, longest_s=LONGEST_RETRY_S)

    def not_ready(self, now: float) -> None:
        """Infotainment cannot hear yet, whatever the subject."""
        self._pause_until = now + BOOTING_S

    def commanded(self, subject: str | None, now: float) -> None:
        """An owner's command has been to infotainment."""
        self.asked_at = now
        self._window = Window(now, subject)
