"""What to do about a radio that does not work, and when to leave it alone: a judgement without a clock of its own.

Three troubles: the radio has gone deaf (no advertisement of anybody while a scan runs), a scan cannot be begun, or
connections fail one after another although the car is heard well. The remedies grow: begin the scan anew, switch the
adapter off and on, let the recovery library reset it, and at last let the service manager restart the bridge. Each is
given time to show an effect, and has a budget. An adapter that is not there, or a Bluetooth service that does not run,
cannot be healed from here: the bridge waits for it to appear.

A lonely garage is silent by nature. Where nobody but our own cars was heard for an hour before the silence, a working
adapter that stays silent after being switched off and on is believed, and only checked in that way every few hours.
Where nobody was heard ever, the pauses grow.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from driveway_bridge.errors import DrivewayError

DEAF_S: Final = 90.0
"""So long without any advertisement while a scan runs. A single quiet device shows itself several times in it."""
REFUSALS: Final = 2
"""Scans that could not be begun, one after another; one fails at times for no lasting reason."""
LINK_FAILURES: Final = 5
LINK_FAILURES_MORE: Final = 2
"""After a remedy."""
WEAK_DBM: Final = -85
"""Below it a failed connection says nothing about the adapter: near -90 dBm they fail by nature."""
POWERS_AN_HOUR: Final = 6
HOUR_S: Final = 3600.0
LONELY_S: Final = HOUR_S
GAP_S: Final = 15.0
"""A scan that is interrupted for no longer, to connect, still counts as listening."""
LOOK_AFTER_S: Final = 20.0
"""So long a silence, and the adapter is asked whether the scan still runs: the Bluetooth service may have restarted."""
MAX_STEPS: Final = 20
FIRST_PAUSE_S: Final = 300.0
LONGEST_PAUSE_S: Final = HOUR_S
LONGEST_QUIET_PAUSE_S: Final = 6 * HOUR_S


class RadioGivenUp(DrivewayError):
    """Nothing that the bridge can do by itself brings its radio back: the service manager is to start it anew."""


class Trouble(StrEnum):
    """What is wrong."""

    DEAF = "deaf"
    NO_SCAN = "no_scan"
    NO_LINK = "no_link"


class Step(StrEnum):
    """What can be done about it, the mildest first."""

    SCAN = "scan"
    POWER = "power"
    LIBRARY = "library"
    RESTART = "restart"
    NONE = "none"
    """Nothing, because healing is switched off."""


_SETTLE_S: Final = {Step.SCAN: 30.0, Step.POWER: 30.0}
_LADDER: Final = (Step.SCAN, Step.POWER, Step.LIBRARY)


@dataclass(slots=True, kw_only=True)
class Taken:
    """A remedy that was tried."""

    at: float
    step: Step
    trouble: Trouble
    worked: bool | None = None
    """Whether the radio worked again after it; None while that is not known."""
    detail: str = ""


class Healing:
    """The judgement on one radio; all times in seconds on one monotonic clock."""

    def __init__(self, now: float, *, heal: bool = True) -> None:
        self.healed = 0
        """Troubles that a remedy has ended."""
        self.taken: deque[Taken] = deque(maxlen=MAX_STEPS)
        self.missing: str | None = None
        """The reason why there is no radio to be healed."""
        self._heal = heal
        self._born_at = now
        self._scanning_since: float | None = None
        self._stopped_at: float | None = None
        self._silence_s = 0.0  # of listening, up to the end of the last scan
        self._silent_from = now  # when the present silence began to be listened to
        self._stranger_at: float | None = None
        self._own_at: float | None = None
        self._refusals = 0
        self._refused_for = ""
        self._link_failures = 0
        self._link_failures_since = 0
        self._trouble: Trouble | None = None
        self._rung = 0
        self._wait_until = now
        self._powers: deque[float] = deque(maxlen=POWERS_AN_HOUR)
        self._believed = False
        self._doubt_at = now
        self._doubts = 0

    # What happens -----------------------------------------------------------------------------------------------------

    def started(self, now: float) -> None:
        """Begin to listen."""
        self.missing = None
        self._refusals = 0
        self._refused_for = ""
        self._scanning_since = now

    def stopped(self, now: float) -> None:
        """End listening, for now."""
        if self._scanning_since is not None:
            self._silence_s += now - max(self._scanning_since, self._silent_from)
            self._scanning_since = None
            self._stopped_at = now

    def refused(self, now: float, reason: str, *, missing: bool) -> None:
        """Note that a scan could not be begun: there is no radio, or it does not want to."""
        self.stopped(now)
        self._stopped_at = None
        self.missing = reason if missing else None
        self._refusals = 0 if missing else self._refusals + 1
        self._refused_for = reason

    def heard(self, now: float, *, ours: bool) -> None:
        """Take any advertisement of anything."""
        self._silence_s = 0.0
        self._silent_from = now
        if self._believed:
            self._believed = False
            self._doubts = 0
            recent = bool(self.taken) and now - self.taken[-1].at < _SETTLE_S[Step.POWER]
            self.healed += self._judge_last(worked=recent)
        if ours:
            self._own_at = now
        else:
            self._stranger_at = now

    def linked(self) -> None:
        """Note that a connection came about."""
        self._link_failures = self._link_failures_since = 0

    def not_linked(self, rssi_dbm: int | None) -> None:
        """Note that a connection failed to a car that was heard; a weak signal explains itself."""
        if rssi_dbm is None or rssi_dbm >= WEAK_DBM:
            self._link_failures += 1
            self._link_failures_since += 1

    @property
    def trouble(self) -> Trouble:
        """What the remedy that is due, or was taken last, is for."""
        return self._trouble or Trouble.DEAF

    @property
    def reason(self) -> str:
        """Tell the code of that trouble, for an owner: a radio that cannot connect hears all the same."""
        return "radio_deaf" if self.trouble is Trouble.DEAF else "radio_unavailable"

    # What it means ----------------------------------------------------------------------------------------------------

    def silence_s(self, now: float) -> float:
        """How long nobody was heard while a scan ran."""
        since = self._scanning_since
        return self._silence_s + (0.0 if since is None else now - max(since, self._silent_from))

    def listening(self, now: float) -> bool:
        """Whether a car near by would be heard now."""
        on = self._scanning_since is not None or (self._stopped_at is not None and now - self._stopped_at < GAP_S)
        return on and (self._believed or self.silence_s(now) < DEAF_S)

    def deaf(self, now: float) -> bool:
        """Whether nobody is heard at all, and that is not believed."""
        return not self._believed and self.silence_s(now) >= DEAF_S

    def state(self, now: float) -> str:
        """`ok`, `starting`, `deaf`, `healing` or `missing`."""
        if self.missing is not None:
            return "missing"
        if self._current(now) is not None:
            return "healing" if self._heal and self._rung else "deaf"
        return "starting" if self._own_at is None and self._stranger_at is None else "ok"

    def report(self, now: float) -> list[dict[str, Any]]:
        """Give what was done, the last first."""
        return [
            {
                "seconds_ago": round(now - taken.at),
                "step": str(taken.step),
                "worked": taken.worked,
                "why": str(taken.trouble),
                "detail": taken.detail,
            }
            for taken in reversed(self.taken)
        ]

    # What to do -------------------------------------------------------------------------------------------------------

    def next(self, now: float, *, linked: bool, may_end: bool = True) -> Step | None:
        """Give the remedy that is due, if any. While `linked`, none that would cut a link that may well work.

        Without `may_end` the bridge is not started anew: another radio works.
        """
        if self.missing is not None:
            return None  # what is not there cannot be healed; a reset may be what has taken it away
        if self._believed:
            due = self._heal and now >= self._doubt_at
            return Step.POWER if due and not linked else None
        trouble = self._current(now)
        if trouble is None:
            self._end_of_trouble(now)
            return None
        if self._trouble is None:
            self._begin_of_trouble(trouble)
        self._trouble = trouble
        if self._waits(now):
            return None
        if trouble is Trouble.DEAF and self._lonely() and self._switched_in_vain():
            self._believe(now)
            return None
        self._judge_last(worked=False)
        step = self._due(now, may_end=may_end)
        return None if linked and step is not Step.SCAN else step

    def done(self, step: Step, now: float, *, possible: bool, detail: str = "") -> None:
        """Note a remedy as taken, or as not possible here: then the next one is due at once.

        After the last one there is a pause in any case, longer each time.
        """
        trouble = self.trouble
        worked = None if possible and step is not Step.NONE else False
        self.taken.append(Taken(at=now, step=step, trouble=trouble, worked=worked, detail=detail))
        self._link_failures_since = 0 if possible else LINK_FAILURES_MORE
        if step is Step.POWER:
            self._powers.append(now)
        if self._believed:
            self._postpone_doubt(now)
            return
        self._rung += 1
        self._wait_until = now + (_SETTLE_S.get(step, 0.0) if possible else 0.0)
        if self._rung >= len(_LADDER):
            longest = LONGEST_PAUSE_S if self._stranger_at is not None else LONGEST_QUIET_PAUSE_S
            self._wait_until = now + min(FIRST_PAUSE_S * 2.0 ** (self._rung - len(_LADDER)), longest)

    def _waits(self, now: float) -> bool:
        """Whether the last remedy is still to show its effect."""
        too_few = self._trouble is Trouble.NO_LINK and self._link_failures_since < LINK_FAILURES_MORE
        return now < self._wait_until or (self._rung > 0 and too_few)

    def _due(self, now: float, *, may_end: bool) -> Step | None:
        if not self._heal:
            return None if self._rung else Step.NONE
        if self._rung < len(_LADDER):
            step = _LADDER[self._rung]
        else:
            step = Step.RESTART if may_end and self._may_restart(now) else Step.POWER
        full = len(self._powers) == POWERS_AN_HOUR and now - self._powers[0] < HOUR_S
        return None if step is Step.POWER and full else step

    def _may_restart(self, now: float) -> bool:
        """Once an hour at most, and only where a fresh start can change something."""
        old_enough = now - self._born_at >= HOUR_S
        worked_once = self._stranger_at is not None or self._own_at is not None
        return old_enough and worked_once and self._refused_for != "adapter_off"

    def _current(self, now: float) -> Trouble | None:
        if self._refusals >= REFUSALS or (self._refusals and self._trouble is Trouble.NO_SCAN):
            return Trouble.NO_SCAN
        if self.deaf(now):
            return Trouble.DEAF
        return Trouble.NO_LINK if self._link_failures >= LINK_FAILURES else None

    def _lonely(self) -> bool:
        """Whether nobody but our own cars was heard in the hour before this silence."""
        if self._own_at is None:
            return False
        return self._stranger_at is None or self._own_at - self._stranger_at >= LONELY_S

    def _switched_in_vain(self) -> bool:
        last = self.taken[-1] if self.taken else None
        return self._rung > 1 and last is not None and last.step is Step.POWER and last.worked is None

    def _believe(self, now: float) -> None:
        """Take the silence for what it is: nobody is here."""
        self._judge_last(worked=False)
        self._trouble = None
        self._rung = 0
        self._believed = True
        self._postpone_doubt(now)

    def _postpone_doubt(self, now: float) -> None:
        self._doubt_at = now + min(HOUR_S * 2.0**self._doubts, LONGEST_QUIET_PAUSE_S)
        self._doubts += 1

    def _begin_of_trouble(self, trouble: Trouble) -> None:
        self._rung = 1 if trouble is Trouble.NO_SCAN and self._refused_for == "adapter_off" else 0

    def _end_of_trouble(self, now: float) -> None:
        if self._trouble is None:
            return
        self._trouble = None
        self._wait_until = now  # a pause after remedies in vain is for that trouble, not for the next one
        self.healed += self._judge_last(worked=True)
        self._rung = 0

    def _judge_last(self, *, worked: bool) -> bool:
        last = self.taken[-1] if self.taken else None
        if last is None or last.worked is not None:
            return False
        last.worked = worked
        return worked
