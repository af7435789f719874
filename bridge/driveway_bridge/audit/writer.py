"""The audit of the running bridge: takes what happened at once, and has a thread write it, in order.

Nothing that a command needs waits for it. What could not be written yet is kept, within bounds, and tried again.

Who gives commands without end shall not wash away what is on the disk: of what did not go to the car, some lines a
minute are written for each who asked, and the rest is counted, by reason, in one line when the minute is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from driveway_bridge import __version__
from driveway_bridge.audit import chain, history
from driveway_bridge.audit.history import Shown
from driveway_bridge.audit.record import Record
from driveway_bridge.audit.trail import Mark, Trail
from driveway_bridge.boot import Boot
from driveway_bridge.clients import UNSIGNED
from driveway_bridge.wall_clock import WallClock

_LOGGER = logging.getLogger(__name__)
SHOWN: Final = 500
"""Commands that are at hand without reading the files."""
WAITING: Final = 2000
"""Lines that are kept while the disk takes none; the oldest are lost first, and counted."""
RETRY_S: Final = 60.0
CLOCK_S: Final = 15.0
"""How often the clock is asked whether it is right, until it is."""
MINUTE_S: Final = 60.0
UNSENT_PER_MINUTE: Final = 30
"""Lines for each who signed."""
UNSIGNED_PER_MINUTE: Final = 10
"""Lines for all who did not."""
CLOCK, COUNTED, LOST = "clock", "counted", "lost"
"""Kinds of lines beside those of commands."""
_NEVER: Final = float("inf")


@dataclass(slots=True)
class _Minute:
    """What one who asks was refused within a minute."""

    ends: float
    written: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Audit:
    """One for the bridge, on its loop. `run` writes while it runs, `close` what is left."""

    def __init__(
        self, data: Path, boot: Boot, clock: WallClock, mark: Mark | None, remember: Callable[[dict[str, Any]], None]
    ) -> None:
        """`mark` is what was remembered last of the chain, elsewhere; `remember` hears what is to be remembered."""
        self._data = data
        self._boot = boot
        self._clock = clock
        self._mark = mark
        self._remember = remember
        self._trail: Trail | None = None
        self._waiting: deque[dict[str, Any]] = deque()
        self._lost = 0
        self._recent: deque[Shown] = deque(maxlen=SHOWN)
        self._earlier: list[Shown] | None = None
        """What earlier starts did; None until it was read, and empty once it was taken over."""
        self._minutes: dict[str, _Minute] = {}
        self._news = asyncio.Event()
        self._writing: asyncio.Future[None] | None = None
        self._due = _NEVER
        self._placed = False
        self.failing = False
        """Whether the disk took nothing the last time."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when `failing` has changed."""
        self.event("start", version=__version__)

    def record(self, record: Record) -> None:
        """Take what has become of a command."""
        self._look_at_the_clock()
        if record.who != UNSIGNED:
            self._recent.append(Shown(record, self._clock.unix_now()))
        if record.sent or self._may_write(record):
            self._put(record.boot_s, record.fields())

    def event(self, kind: str, **fields: Any) -> None:
        """Take something else that belongs into the audit."""
        self._put(self._boot.now(), {"kind": kind, **fields})

    def shown(self, limit: int = SHOWN) -> list[Shown]:
        """The last commands, the newest first. Those of this start have a time, by the clock as it is if need be."""
        chosen = itertools.islice(reversed(self._recent), limit)
        return [replace(one, unix_s=self._guess(one)) if one.own and one.unix_s is None else one for one in chosen]

    def report(self) -> dict[str, Any]:
        """For the health document. Who keeps the number and the hash can prove later what was there."""
        number, digest = chain.START if self._mark is None else self._mark.at
        return {"works": not self.failing, "number": number, "hash": digest, "waiting": len(self._waiting)}

    # Time -------------------------------------------------------------------------------------------------------------

    def _put(self, boot_s: float, fields: Mapping[str, Any]) -> None:
        self._waiting.append(self._line(boot_s, fields))
        while len(self._waiting) > WAITING:
            self._waiting.popleft()
            self._lost += 1
        if not self.failing:
            self._want(0.0)

    def _line(self, boot_s: float, fields: Mapping[str, Any]) -> dict[str, Any]:
        unix_s = self._clock.unix_now()
        told = None if unix_s is None else history.time_text(unix_s)
        return {"time": told, "boot": self._boot.id, "boot_s": round(boot_s, 3), **fields}

    def _look_at_the_clock(self) -> None:
        """Say once in each start what time it is: lines before that can be placed by it."""
        if not self._placed and self._clock.unix_now() is not None:
            self._placed = True
            self.event(CLOCK)

    def _guess(self, one: Shown) -> float:
        unix_s = self._clock.unix_now()
        return (time.time() if unix_s is None else unix_s) - (self._boot.now() - one.record.boot_s)

    # Floods -----------------------------------------------------------------------------------------------------------

    def _may_write(self, record: Record) -> bool:
        minute = self._minutes.get(record.who)
        if minute is None:
            minute = self._minutes[record.who] = _Minute(asyncio.get_running_loop().time() + MINUTE_S)
            self._news.set()
        if minute.written < (UNSIGNED_PER_MINUTE if record.who == UNSIGNED else UNSENT_PER_MINUTE):
            minute.written += 1
            return True
        minute.reasons[record.reason] += 1
        return False

    def _end_minutes(self, now: float) -> None:
        for who, minute in list(self._minutes.items()):
            if minute.ends <= now:
                del self._minutes[who]
                if minute.reasons:
                    self.event(COUNTED, who=who, count=minute.reasons.total(), reasons=dict(minute.reasons))

    # Writing ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write what is new, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            self._look_at_the_clock()
            self._end_minutes(now)
            if self._due <= now:
                self._due = _NEVER
                self._writing = asyncio.ensure_future(self._write())
                await asyncio.shield(self._writing)  # a thread cannot be broken off: `close` waits for it
                continue
            ends = (minute.ends for minute in self._minutes.values())
            until = min([self._due, _NEVER if self._placed else now + CLOCK_S, *ends])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if until == _NEVER else until):
                    await self._news.wait()
            self._news.clear()

    async def close(self) -> None:
        """Write all that is left; nothing may be told to it afterwards."""
        if self._writing is not None:
            await asyncio.wait([self._writing])  # its errors were `run`'s
        self._end_minutes(_NEVER)
        await self._write()

    def _want(self, within_s: float) -> None:
        due = asyncio.get_running_loop().time() + within_s
        if due < self._due:
            self._due = due
            self._news.set()

    async def _write(self) -> None:
        batch, lost = list(self._waiting), self._lost
        self._waiting.clear()
        self._lost = 0
        told = [self._line(self._boot.now(), {"kind": LOST, "lines": lost})] if lost else []
        try:
            await asyncio.to_thread(self._append, [*told, *batch])
        except OSError as error:
            self._trail = None  # it looks at the files anew before the next attempt
            self._waiting.extendleft(reversed(batch))
            self._lost += lost
            self._want(RETRY_S)
            self._fails(error.strerror or type(error).__name__)
            return
        except Exception as error:  # a mistake in here must not end a bridge that can open the car
            _LOGGER.exception("The audit has failed")
            self._trail = None
            self._lost += lost + len(batch)
            self._want(RETRY_S)
            self._fails(type(error).__name__)
            return
        self._fails(None)
        if self._earlier:
            self._recent.extendleft(self._earlier[: SHOWN - len(self._recent)])
            self._earlier = []
        if self._trail is not None and self._trail.mark != self._mark:
            self._mark = self._trail.mark
            self._remember(self._mark.document())

    def _append(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """On a thread."""
        if self._earlier is None:
            self._earlier = history.earlier(self._data, SHOWN)
        if self._trail is None:
            self._trail = Trail(self._data, self._mark)
            if self._trail.broken:
                _LOGGER.error("Lines of the audit are missing or were changed: `driveway audit verify` says which")
        if batch:
            self._trail.append(batch)

    def _fails(self, why: str | None) -> None:
        was, self.failing = self.failing, why is not None
        if why is not None and not was:
            _LOGGER.error("The audit cannot be written (%s); what happens is kept in memory and written later", why)
        if was and why is None:
            _LOGGER.info("The audit can be written again")
        if was != self.failing:
            self.on_change()
