"""What has happened to a car, judged from what was heard of it and when. Pure: `now` in seconds of one monotonic clock.

Only what changed while somebody watched has happened. The first word after a start, or after a time in which the car
was not asked or did not answer, says how it is, and not that it became so just now: a restart invents nothing.

A car at the edge of range comes and goes without being moved. It has driven off only if somebody was in it, or its gear
was not in park, shortly before it was heard the last time; and only what has driven off arrives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

ARRIVED: Final = "arrived"
DROVE_OFF: Final = "drove_off"
LOCKED: Final = "locked"
UNLOCKED: Final = "unlocked"
GAP_S: Final = 90.0
"""A state that is older was not watched since, where the car is asked every 30 s."""
GAP_QUESTIONS: Final = 2.5
"""The same in times between two questions: with an open link every other one is left out, as the car then tells."""
PUSH_S: Final = 0.5
"""What the car said by itself before another bridge told of a change may arrive so long after that word."""
STIR_S: Final = 300.0
"""Somebody was in the car so shortly before it was heard the last time: then it was driven away."""
BLIND_S: Final = 300.0
"""So long nobody may have listened while a car was away, that it still counts as heard again."""
_LOCKING: Final = {"lock": True, "auto_secure": True, "unlock": False}
"""Commands that change the lock, and whether it is locked then."""


def gap_s(question_every_s: float) -> float:
    """How old the last word on the lock may be for a change to have just happened."""
    return max(GAP_S, GAP_QUESTIONS * question_every_s)


@dataclass(frozen=True, slots=True)
class Change:
    """The lock has changed, after the moment `since` at which it was still as before."""

    locked: bool
    since: float
    assumed: bool = False
    """Nobody here knows how it was before."""

    @property
    def event(self) -> str:
        """The word for it: one of `contract.EVENTS`."""
        return LOCKED if self.locked else UNLOCKED


class LockWatch:
    """Of one car."""

    def __init__(self) -> None:
        self.blind = True
        """Whether it was not known, at the last word on the lock, how that had been just before."""
        self.told_at = -math.inf
        """When another bridge told of a change the last time."""
        self._locked: bool | None = None
        self._heard_at = -math.inf

    def heard(
        self,
        locked: bool | None,  # noqa: FBT001 - what the car said
        now: float,
        gap_s: float,
        *,
        old_s: float = 0.0,
    ) -> Change | None:
        """The car told its lock (None: in a word that we do not know); what has happened by that, if anything.

        `old_s`: so old that word may be. What may be older than another bridge's word on the lock is passed over.
        """
        before, since = self._locked, self._heard_at
        if locked != before and now - self.told_at < old_s:
            return None
        self._locked, self._heard_at = locked, now
        self.blind = before is None or now - since > gap_s
        if self.blind or locked is None or before == locked:
            return None
        return Change(locked, since)

    def told(self, event: str, now: float) -> None:
        """Another bridge has told of a change, and so how the lock is."""
        if event in (LOCKED, UNLOCKED):
            self._locked = event == LOCKED
            self._heard_at = self.told_at = now
            self.blind = False


@dataclass(frozen=True, slots=True)
class Doer:
    """Who gave a command: `by` and `client` of `contract.Event`."""

    by: str
    client: str | None = None


@dataclass(slots=True)
class _Deed:
    locked: bool
    doer: Doer
    may_have_left: bool = False
    over_at: float = math.inf


class Deeds:
    """Commands of this bridge for the lock of one car: those under way, and the last ones that ended."""

    def __init__(self) -> None:
        self._deeds: dict[str, _Deed] = {}

    def begun(self, command_id: str, command: str, doer: Doer) -> None:
        """A command was taken; it need not be one for the lock."""
        if command in _LOCKING:
            self._deeds[command_id] = _Deed(_LOCKING[command], doer)

    def sent(self, command_id: str) -> None:
        """It may have gone to the car."""
        if command_id in self._deeds:
            self._deeds[command_id].may_have_left = True

    def ended(self, command_id: str, now: float, *, may_have_happened: bool) -> None:
        """It has come to its end."""
        deed = self._deeds.pop(command_id, None)
        if deed is not None and may_have_happened:
            deed.may_have_left, deed.over_at = True, now
            # Of those that did the same the last one is enough: a car that is locked each minute fills no memory.
            self._deeds = {
                one: other
                for one, other in self._deeds.items()
                if other.over_at == math.inf or other.locked != deed.locked
            } | {command_id: deed}

    def doer(self, change: Change) -> Doer | None:
        """Who did it, if it was done by this bridge: a command for it was under way since the lock was otherwise."""
        self._deeds = {one: deed for one, deed in self._deeds.items() if deed.over_at >= change.since}
        fitting = [deed for deed in self._deeds.values() if deed.may_have_left and deed.locked == change.locked]
        return fitting[-1].doer if fitting else None


class Whereabouts:
    """Whether one car has driven off and come back; `away` may be remembered over a restart."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        """It has driven off, and was not heard since."""
        self.near: bool | None = None
        """As it was judged the last time."""
        self._stirred_at = -math.inf
        self._not_near_at = -math.inf

    def stirred(self, now: float) -> None:
        """Somebody is in the car, or it moves."""
        self._stirred_at = now

    def judge(self, near: bool | None, heard_at: float, now: float) -> str | None:  # noqa: FBT001 - three answers
        """Whether it is near (None: nobody can tell), when it was heard the last time; what has happened by that."""
        before, self.near = self.near, near
        if before is False:
            self._not_near_at = now
        if near is False and before is not False and self._driven_away(heard_at):
            self.away = True
            return DROVE_OFF
        if near and self.away:
            self.away = False
            if now - self._not_near_at <= BLIND_S:
                return ARRIVED
        return None

    def _driven_away(self, heard_at: float) -> bool:
        return not self.away and math.isfinite(heard_at) and self._stirred_at >= heard_at - STIR_S
