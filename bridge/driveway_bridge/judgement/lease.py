"""Which of several bridges looks after a car: asks how it is, and may keep a link to it. Pure judgement.

Each bridge says a `Word` every few seconds, and hears those of the others. One says that it holds the lease, the others
follow. Nobody takes the lease from a holder that is there: it ends when the holder says so, leaves, or falls silent.

- A word counts for `lasts_s` from the moment that it was heard, on the hearer's own clock. No other clock is believed,
  and what lay stored in the broker counts as nothing.
- A bridge hears its own words too. It holds the lease only for LASTS_S from the moment at which it *said* the last one
  that came back. The others count from a later moment, when they heard it; so a holder that nobody hears any more has
  stopped before another one begins.
- When nobody holds it, the one that reaches the car best begins; each of the others waits a turn longer.
- Whom no other bridge was heard beside looks after its cars as if there were no lease.
- A lease never forbids a command, and who follows still asks now and then: what is said here is not signed, and a liar
  can make the car be asked more rarely or twice, and no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from driveway_bridge.judgement.lease_word import LASTS_S, Reach, Word

BEAT_S: Final = 5.0
"""Between two words of a bridge that has company."""
ALONE_BEAT_S: Final = 60.0
LISTEN_S: Final = 2.0
"""After connecting, before the lease is taken: who holds it answers at once. LASTS_S where others are known: the one
who held it last may have been cut off in the same moment, without a word that came here."""
TURN_S: Final = 2.0
"""Each bridge that reaches the car better is given so long to begin."""
REACH_S: Final = 5.0
"""So long the holder must not have reached the car, and another have, before it gives the lease up."""
SIGNAL_S: Final = 120.0
"""The same where both reach it and another hears it louder by SIGNAL_DB: two equal ones must not take turns."""
SIGNAL_DB: Final = 12.0
FORGET_S: Final = 3600.0
"""A bridge that was not heard for so long is no company any more. Time without the broker does not count."""
ANSWER_S: Final = 0.5
"""Between two words, whatever happens."""
MOST: Final = 8
"""Others that are listened to for one car."""
REMEMBERED: Final = 32
"""Of so many bridges it is known what they said last."""
TICK_S: Final = 1.0
AWAY_S: Final = 4.0
"""Who has not judged for so long, though it should every TICK_S, has hung."""
_UNSAID_DBM: Final = -200.0
_WEIGHT: Final = 0.2
"""Of a new signal in the mean of those said: single ones differ by 10 dB while nothing moves."""


class Why(StrEnum):
    """Why this bridge looks after the car, or does not."""

    ALONE = "alone"
    """No other bridge of this car is heard."""
    VACANT = "vacant"
    """Nobody else held the lease."""
    LEFT = "left"
    """Its holder went away in order, or the broker said so."""
    SILENT = "silent"
    """Its holder fell silent."""
    GIVEN_UP = "given_up"
    """Its holder gave it up."""
    OTHER = "other"
    """Another one holds it."""
    BETTER = "better"
    """It was given up for one that reaches the car better."""
    CUT_OFF = "cut_off"
    """What this bridge says does not come back to it, so that the others may not hear it either."""
    WAITING = "waiting"
    """Nobody holds it at the moment."""


class _Other(NamedTuple):
    word: Word
    heard_at: float

    @property
    def until(self) -> float:
        return self.heard_at + self.word.lasts_s


@dataclass(slots=True)
class _Own:
    """What this bridge has said, and how far it came."""

    word: Word | None = None
    said_at: float = -math.inf
    on_the_way: dict[int, float] = field(default_factory=dict)
    """When the words that have not come back yet were said, by number."""
    back_at: float = -math.inf
    """When the last word that came back was said."""
    beat: int = 0
    signal_dbm: float | None = None

    def next_beat(self, now: float) -> int:
        """Count up; by the clock, so that a car that comes back within the boot goes on above what was said before."""
        self.beat = max(self.beat + 1, round(now * 1000))
        return self.beat


class Lease:
    """Of one car, as one bridge sees it. All times are seconds on one clock that also counts while nobody runs us."""

    def __init__(self, bridge: str, boot: str, now: float) -> None:
        """Know of nobody yet."""
        self.bridge = bridge
        self.why = Why.ALONE
        self.since = now
        """When `why`, or the holder, changed."""
        self.twice = False
        """Whether another one speaks with our own id."""
        self._boot = boot
        self._own = _Own()
        self._others: dict[str, _Other] = {}
        self._last: dict[str, tuple[str, int]] = {}
        """Boot and number of the last word of each, also of those who are gone."""
        self._holds = False
        self._connected_at: float | None = None
        self._company_at = -math.inf
        self._looked_at = now
        self._listen_until = now
        self._vacant = (now, Why.VACANT)
        """Since when nobody holds it, and why."""
        self._unreached_since = math.inf
        """Since when this bridge does not reach the car and another does."""
        self._quieter_since = math.inf
        """Since when another one hears it much louder."""
        self._answer = False
        self._holder: str | None = None

    # What is heard ----------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """The broker is there, from now on or again."""
        self._connected_at = now
        self._listen_until = now + (LASTS_S if self._has_company() else LISTEN_S)
        self._give_time(now)
        self._answer = True

    def disconnected(self) -> None:
        """It is not."""
        self._connected_at = None

    def heard(self, bridge: str, word: Word, now: float) -> None:
        """A bridge, perhaps this one, said something just now."""
        if bridge == self.bridge:
            self._heard_own(word)
            return
        last = self._last.get(bridge)
        if last is not None and last[0] == word.boot and word.beat <= last[1]:
            return  # late, or played again
        self._last.pop(bridge, None)
        self._last = dict(list(self._last.items())[1 - REMEMBERED :]) | {bridge: (word.boot, word.beat)}
        before = self._others.get(bridge)
        if not word.lasts_s:
            self.gone(bridge, now)
            return
        if before is None and len(self._others) >= MOST:
            return
        if not self._has_company():
            self._own.back_at = max(self._own.back_at, now)  # whom nobody answered so far has not been cut off
            self._unreached_since = self._quieter_since = math.inf
        self._others[bridge] = _Other(word, now)
        self._company_at = now
        self._answer = self._answer or before is None or (word.holds and self._holds)
        if before is not None and before.word.holds and not word.holds:
            self._leave_vacant(now, Why.GIVEN_UP)

    def _heard_own(self, word: Word) -> None:
        if word.boot != self._boot:
            self.twice = True
            return
        said_at = self._own.on_the_way.pop(word.beat, None)
        if said_at is not None:
            self._own.back_at = max(self._own.back_at, said_at)

    def gone(self, bridge: str, now: float) -> None:
        """A bridge has left, or the broker says that it is gone."""
        other = self._others.pop(bridge, None)
        if other is not None and other.word.holds:
            self._leave_vacant(now, Why.LEFT)

    # What follows -----------------------------------------------------------------------------------------------------

    def look(self, now: float, reach: Reach, signal_dbm: float | None) -> Word | None:
        """Judge anew, given how this bridge reaches the car; a word to publish now, if there is one."""
        if now - self._looked_at >= AWAY_S:
            self._give_time(now)
        self._looked_at = now
        for bridge in [one for one, other in self._others.items() if other.until <= now]:
            if self._others.pop(bridge).word.holds:
                self._leave_vacant(now, Why.SILENT)
        before = self._holds
        if before:
            self._look_whether_to_stop(now, reach)
        if not self._holds:
            self._look_whether_to_begin(now)
        self._note(now)
        return self._speak(now, reach, signal_dbm, news=self._holds is not before)

    def leads(self, now: float) -> bool:
        """Whether this bridge looks after the car now; also right when nobody has judged for a while."""
        return not self._has_company() or (self._holds and now < self._own.back_at + LASTS_S)

    def holder(self, now: float) -> str | None:
        """Who looks after the car, as far as is known."""
        return self.bridge if self.leads(now) else next(self._other_holders(), None)

    def pause_s(self, now: float) -> float:
        """How long nothing has to be judged unless something is heard."""
        if self._has_company():
            return TICK_S
        if self._connected_at is None:
            return ALONE_BEAT_S
        if not self._holds:
            return TICK_S
        return max(ANSWER_S, min(ALONE_BEAT_S, self._own.said_at + ALONE_BEAT_S - now))

    def farewell(self, now: float) -> Word:
        """The last word, for when this bridge has nothing to do with the car any more."""
        return Word(boot=self._boot, beat=self._own.next_beat(now), holds=False, lasts_s=0.0)

    def report(self, now: float) -> dict[str, Any]:
        """How it is, for people: `others` are the bridges that are heard for this car."""
        return {
            "holder": self.holder(now),
            "own": self.leads(now),
            "why": self.why.value,
            "since_s": round(now - self.since),
            "others": {
                bridge: {"holds": other.word.holds, "heard_s_ago": round(now - other.heard_at, 1)}
                for bridge, other in self._others.items()
            },
        }

    # Inside -----------------------------------------------------------------------------------------------------------

    def _give_time(self, now: float) -> None:
        """Who was away itself has missed what the others said, and counts from now."""
        self._others = {bridge: _Other(other.word, now) for bridge, other in self._others.items()}

    def _has_company(self) -> bool:
        return bool(self._others) or max(self._own.back_at, self._company_at) - self._company_at < FORGET_S

    def _other_holders(self) -> Iterator[str]:
        return (bridge for bridge, other in self._others.items() if other.word.holds)

    def _leave_vacant(self, now: float, why: Why) -> None:
        self._vacant = (now, why)

    def _rank(self, bridge: str, word: Word) -> tuple[int, float, list[int]]:
        """The greater one goes first; made of what was said, so that all come to the same."""
        signal = _UNSAID_DBM if word.signal_dbm is None else word.signal_dbm
        return word.reach, signal, [-ord(letter) for letter in bridge]

    def _ahead(self) -> int:
        """How many of the others go first."""
        if self._own.word is None:
            return len(self._others)
        own = self._rank(self.bridge, self._own.word)
        return sum(self._rank(bridge, other.word) > own for bridge, other in self._others.items())

    def _look_whether_to_stop(self, now: float, reach: Reach) -> None:
        if not self._has_company():
            return
        said = self._own.word
        if now >= self._own.back_at + LASTS_S:
            self._stop(now, Why.CUT_OFF)
        elif any(
            said is not None and self._rank(one, self._others[one].word) > self._rank(self.bridge, said)
            for one in self._other_holders()
        ):
            self._stop(now, Why.OTHER)
        elif self._is_worse_for_long(now, reach):
            self._stop(now, Why.BETTER)

    def _is_worse_for_long(self, now: float, reach: Reach) -> bool:
        reached = [other.word for other in self._others.values() if other.word.reach is Reach.YES]
        loudest = max((word.signal_dbm for word in reached if word.signal_dbm is not None), default=-math.inf)
        own_dbm = self._own.signal_dbm
        unreached = reach is Reach.NO and bool(reached)
        quieter = own_dbm is not None and loudest - own_dbm >= SIGNAL_DB
        self._unreached_since = min(self._unreached_since, now) if unreached else math.inf
        self._quieter_since = min(self._quieter_since, now) if quieter else math.inf
        return now - self._unreached_since >= REACH_S or now - self._quieter_since >= SIGNAL_S

    def _look_whether_to_begin(self, now: float) -> None:
        if any(self._other_holders()):
            self.why = Why.OTHER
            return
        vacant_since, why = self._vacant
        if self._has_company():
            if self.why in (Why.OTHER, Why.ALONE):
                self.why = Why.WAITING
            if now >= self._own.back_at + LASTS_S:
                self.why = Why.CUT_OFF
                return
        if self._connected_at is None:
            return
        if now >= max(vacant_since, self._listen_until) + self._ahead() * TURN_S:
            self._holds = True
            self.why = why if self._has_company() else Why.ALONE
            self._unreached_since = self._quieter_since = math.inf

    def _stop(self, now: float, why: Why) -> None:
        self._holds = False
        self.why = why
        self._leave_vacant(now, Why.GIVEN_UP)

    def _note(self, now: float) -> None:
        holder = self.holder(now)
        if not self._has_company():
            self.why = Why.ALONE
        elif self._holds and self.why is Why.ALONE:
            self.why = Why.VACANT
        if holder != self._holder:
            self._holder, self.since = holder, now

    def _speak(self, now: float, reach: Reach, signal_dbm: float | None, *, news: bool) -> Word | None:
        own = self._own
        every_s = BEAT_S if self._has_company() else ALONE_BEAT_S
        wanted = news or self._answer or now - own.said_at >= every_s
        if self._connected_at is None or not wanted or (not news and now - own.said_at < ANSWER_S):
            return None
        if signal_dbm is not None:
            before = signal_dbm if own.signal_dbm is None else own.signal_dbm
            own.signal_dbm = before + _WEIGHT * (signal_dbm - before)
        own.next_beat(now)
        own.said_at = now
        own.on_the_way = {beat: at for beat, at in own.on_the_way.items() if now - at < LASTS_S} | {own.beat: now}
        shown = None if own.signal_dbm is None else round(own.signal_dbm, 1)
        own.word = Word(boot=self._boot, beat=own.beat, holds=self._holds, reach=reach, signal_dbm=shown)
        self._answer = False
        return own.word
