"""What to ask a car next, and when.

The body's status neither wakes the car nor keeps it awake; it is read now and then, and sooner on doubt. Infotainment
is asked one subject at a time, and only while something else keeps the car awake or an owner's command just did
(`details` has the few rare questions beyond that), and never before the body has just said that it is so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from driveway_bridge.judgement import pace
from driveway_bridge.judgement.details import FOLLOWING, Details
from driveway_bridge.judgement.phase import Hold, Phase, Signs
from driveway_bridge.judgement.retry import Failures

if TYPE_CHECKING:
    from driveway_bridge.state.body import Body
    from driveway_bridge.state.reading import State

STATUS: Final = "status"
FIRST_RETRY_S: Final = 2.0
"""After the car was not reached; doubled each time up to the next."""
LONGEST_RETRY_S: Final = 300.0
UNHEARD_S: Final = 30.0
"""A car that was not reached and is heard for the first time after so long is tried at once."""
AWAY_S: Final = 3600.0
"""A car that the radio calls away is asked so often all the same: it costs nothing, and the radio may be wrong."""
KEPT_S: Final = 20.0
"""A link that is to be kept is spoken on so often: cars drop those that are silent for some 30 s."""
AGAIN_S: Final = 1.0
"""After a question gave way to a lock command, to see what the command did."""
MOVING_S: Final = 3.0
"""Between two looks at lids that move, MOVING_LIMIT_S long: one may never end."""
MOVING_LIMIT_S: Final = 60.0
LOOK_BEFORE_S: Final = 45.0
"""Infotainment is only asked when the body has answered so lately."""
LOOK_BEFORE_OCCUPIED_S: Final = 5.0
"""The same when all that holds the car is somebody inside, who may be gone in no time."""
_NOT_READY: Final = frozenset({"car_asleep", "car_booting"})


@dataclass(frozen=True, slots=True)
class Question:
    """A command that reads, and when it is due: finite seconds on the caller's clock; in the past means at once."""

    name: str
    due: float


class Plan:
    """For one car. All times are seconds on one monotonic clock."""

    def __init__(self, *, every_s: float, kept: bool, details: bool, location: bool) -> None:
        """`kept`: the link is meant to stay open."""
        self.signs = Signs()
        subjects = [one for one in pace.QUESTIONS if details and (location or one != "location")]
        self.details = Details(self.signs, subjects)
        self.unreached = Failures()
        """How often in a row the car was not reached."""
        self.following_since: float | None = None
        """Since when another bridge looks after the car; None: this one does."""
        self._every_s = every_s
        self._kept = kept
        self._in_range: bool | None = None
        self._linked = False
        self._status_at = -math.inf
        """When the body last answered or told something."""
        self._tried_at = -math.inf
        self._doubt = math.inf
        self._moving_since: float | None = None
        self._sighted_at = -math.inf
        self._connectable: bool | None = None

    # What to ask ------------------------------------------------------------------------------------------------------

    def next(self, now: float, *, may_prolong: bool = True) -> Question:
        """There is always one; look again when it is due. `may_prolong`: it may cost some of the car's awake time."""
        status_due = max(self._status_due(now), self._tried_at, self._status_at)
        status = Question(STATUS, status_due if math.isfinite(status_due) else now)
        if self._in_range is False or self.unreached.count:
            return status
        detail = self.details.next(
            now, linked=self._linked, may_prolong=may_prolong, following_since=self.following_since
        )
        if detail is None:
            return status
        subject, due = detail
        if status.due <= max(due, now):
            return status
        look_before_s = LOOK_BEFORE_OCCUPIED_S if self.signs.holds(now) == {Hold.OCCUPANT} else LOOK_BEFORE_S
        return Question(STATUS if now - self._status_at > look_before_s else pace.QUESTIONS[subject], due)

    def _status_due(self, now: float) -> float:
        if self._in_range is False:
            return min(max(self._tried_at, self._status_at) + AWAY_S, self._doubt)
        following = self.following_since is not None
        if self.unreached.count:
            rarely = self._tried_at + self._every_s * FOLLOWING if following else -math.inf
            return min(max(self.unreached.retry_at, rarely), self._doubt)
        if following:
            return min(self._status_at + self._every_s * FOLLOWING, self._doubt)
        every_s = min(self._every_s, KEPT_S) if self._kept else self._every_s
        every_s *= 2.0 if self._linked and not self._kept else 1.0  # a link tells by itself
        if self._moving_since is not None and now - self._moving_since < MOVING_LIMIT_S:
            every_s = min(every_s, MOVING_S)
        return min(self._status_at + every_s, self._doubt)

    def phase(self, now: float) -> tuple[Phase, float]:
        """Say what the car is doing, and since when."""
        return self.signs.look(now, in_range=self._in_range)

    # What became of a question ----------------------------------------------------------------------------------------

    def asking(self, question: str, now: float) -> None:
        """A question goes out."""
        self._tried_at = now
        if question == STATUS:
            self._doubt = math.inf
        else:
            self.details.asking(pace.SUBJECT_OF[question], now)

    def answered(self, question: str, now: float) -> None:
        """The car answered what was asked; what it said is told by `heard_body` and `heard_state`."""
        self._reached()
        if question == STATUS:
            self._status_at = now
        else:
            self.details.answered(pace.SUBJECT_OF[question], now)

    def refused(self, question: str, reason: str, now: float, *, temporary: bool) -> None:
        """The car answered otherwise, or infotainment not at all: the others go on."""
        if question == STATUS:
            self.answered(question, now)
        elif reason in _NOT_READY:
            self.details.not_ready(now)
        else:
            self.details.failed(pace.SUBJECT_OF[question], reason, now, temporary=temporary)

    def not_reached(self, reason: str, now: float) -> None:
        """There was no way to the car."""
        self.unreached = self.unreached.more(reason, now, first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)

    def gave_way(self, now: float) -> None:
        """The question was dropped for a lock command; it is simply due again."""
        self.soon(AGAIN_S, now)

    def _reached(self) -> None:
        self.unreached = Failures()

    # What else is heard -----------------------------------------------------------------------------------------------

    def soon(self, after_s: float, now: float) -> None:
        """Read the status within so many seconds."""
        self._doubt = min(self._doubt, now + after_s)

    def heard_body(self, body: Body, now: float) -> None:
        """The body told its state, asked or by itself."""
        self._status_at = now
        self._reached()
        self.signs.heard_body(body, now)
        if not self.signs.lids_move:
            self._moving_since = None
        elif self._moving_since is None:
            self._moving_since = now

    def heard_state(self, subject: str, state: State, now: float) -> None:
        """Infotainment answered, us or somebody."""
        self.signs.heard_state(subject, state, now)
        self.details.heard(subject, state, now)

    def heard_link(self, *, linked: bool) -> None:
        """A link was opened, or there is none any more."""
        self._linked = linked

    def sighted(self, now: float, *, connectable: bool | None) -> bool:
        """The car was heard without a link; whether that is a reason to ask it at once."""
        freed = connectable is not False and self._connectable is False
        back = now - self._sighted_at > UNHEARD_S
        self._sighted_at, self._connectable = now, connectable
        if not self.unreached.count or not (freed or back):
            return False
        self._return(now)
        return True

    def judged(self, in_range: bool | None, now: float) -> None:  # noqa: FBT001 - the radio's word
        """The radio's word on whether the car is near; None when it has none."""
        before = self._in_range
        self._in_range = None if in_range is False and self._linked else in_range  # who is linked is near
        if before is False and self._in_range is not False:
            self._return(now)

    def _return(self, now: float) -> None:
        self.unreached = Failures()
        self.soon(0.0, now)

    def commanded(self, subject: str | None, now: float, *, infotainment: bool) -> None:
        """An owner's command has been to the car; `subject` is what it was about, where that can be read."""
        if infotainment:
            self.details.commanded(subject, now)
            # What it did may show at the body too, or there alone; but its own subject goes first.
            self.soon(AGAIN_S if subject is None else MOVING_S, now)
        else:
            self.soon(AGAIN_S, now)
