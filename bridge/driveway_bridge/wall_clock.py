"""How old is what was heard before a restart? Only clocks that cannot mislead are asked.

Within one start of the machine its own clock counts on, whatever becomes of the bridge. Over a restart of the machine
only the time of day can tell, and only if it was right both times: a small computer without a battery comes back with
the time at which it was switched off, and would make old values young. So each start of the machine is placed in time
once its clock is known to be right, also for what was heard in it before; until then ages over a restart are unknown.
"""

from __future__ import annotations

import ctypes
import functools
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_TIMESYNC: Final = Path("/run/systemd/timesync/synchronized")
"""Made by systemd-timesyncd when it has set the clock, gone with the next start of the machine."""
_STA_UNSYNC: Final = 0x0040
"""adjtimex(2): the clock is not synchronised; the kernel sets it again half a day after the last server was heard."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, told so that it keeps its meaning: which start of the machine, and seconds since then."""

    start: str
    up_s: float


def machine_start() -> str | None:
    """The id of this start of the machine, where the system has one: monotonic times mean something only within it."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return None


def up_s() -> float:
    """Seconds since the machine started, also while it was suspended."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def synchronised() -> bool:
    """Whether the time of day is known to be right: the kernel says so, or where it may not be asked, timesyncd."""
    status = _kernel_status()
    return _TIMESYNC.exists() if status is None else not status & _STA_UNSYNC


class _Timex(ctypes.Structure):
    """The beginning of the kernel's struct timex, and room for what follows."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


@functools.cache
def _adjtimex() -> Callable[[object], int] | None:
    try:
        found: Callable[[object], int] = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):  # no Linux
        return None
    return found


def _kernel_status() -> int | None:
    """The kernel's word on its clock; None where there is none, or where the service's sandbox forbids the question."""
    adjtimex = _adjtimex()
    asked = _Timex()
    if adjtimex is None or adjtimex(ctypes.byref(asked)) < 0:
        return None
    return int(asked.status)


class WallClock:
    """The age of moments of this and of earlier starts of the machine."""

    def __init__(
        self,
        *,
        start: str | None = None,
        up: Callable[[], float] = up_s,
        unix: Callable[[], float] = time.time,
        right: Callable[[], bool] = synchronised,
    ) -> None:
        """`start`: by default the system's; where it has none, nothing is of the same start as we are."""
        self._start = start or machine_start() or secrets.token_hex(16)
        self._up = up
        self._unix = unix
        self._right = right
        self._began: dict[str, float] = {}

    def now(self) -> Moment:
        """This moment."""
        return Moment(self._start, self._up())

    def learn(self, began: Mapping[str, float]) -> None:
        """Take in when earlier starts began (Unix time), as `look` told it in their time."""
        self._began = {**began, **self._began}

    def look(self) -> float | None:
        """When this start of the machine began (Unix time), as far as a right clock has told yet."""
        if self._right():
            self._began[self._start] = self._unix() - self._up()
        return self._began.get(self._start)

    def unix_s(self, moment: Moment) -> float | None:
        """The Unix time of a moment, if the clock was right in its start of the machine."""
        began = self._began.get(moment.start)
        return None if began is None else began + moment.up_s

    def unix_now(self) -> float | None:
        """The time of day (Unix), if a right clock has told it in this start of the machine."""
        self.look()
        return self.unix_s(self.now())

    def age_s(self, moment: Moment) -> float | None:
        """Seconds since a moment; None when no clock can tell."""
        now = self.now()
        if moment.start == now.start:
            return max(0.0, now.up_s - moment.up_s)
        here, there = self.unix_s(now), self.unix_s(moment)
        if here is None or there is None or here - there < now.up_s:  # what was before our start is older than that
            return None
        return here - there

    def may_tell_later(self, moment: Moment) -> bool:
        """Whether its age is unknown only as long as this start of the machine is not placed in time."""
        return moment.start != self._start and moment.start in self._began and self._start not in self._began
