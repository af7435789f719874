"""The log: lines on standard error, with levels that systemd's journal understands, and without any VIN.

Keys, codes, passwords and PINs are in no line because nobody puts them there; a test reads the log of a whole day for
them. A line that comes again and again is folded, so that a broker that is away for a night does not fill the disk.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TextIO

from driveway_bridge.vin import car_id

LEVELS: Final = ("debug", "info", "warning", "error")
OFTEN: Final = 3
"""So often the same line is written within a minute; from then on it is only counted."""
WINDOW_S: Final = 60.0
_MAX_LINES: Final = 200
"""Different lines whose repetitions are counted at the same time."""
_SYSTEMD_LEVELS: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))
_CHATTY: Final = ("aiohttp.access", "asyncio", "bleak", "bleak_retry_connector", "bumble", "dbus_fast")
"""Their lines below a warning hold addresses and raw bytes, many a second."""
_VIN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-HJ-NPR-Za-hj-npr-z0-9]{17}(?![A-Za-z0-9])"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Formatter(logging.Formatter):
    """Puts a car's id where a VIN would stand, also in the text of errors from elsewhere."""

    def __init__(self, *, for_journal: bool) -> None:
        """Lines for the journal carry their level instead of the time, which it notes itself."""
        super().__init__("%(message)s" if for_journal else "%(asctime)s %(levelname)-7s %(message)s")
        self._for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """One record, of one or more lines; each line of the journal carries the level."""
        text = _VIN.sub(lambda found: car_id(found[0].upper()), super().format(record))
        text = _CONTROL.sub("?", text)  # a terminal that shows the log obeys nobody who got into it
        if not self._for_journal:
            return text
        level = next(number for least, number in _SYSTEMD_LEVELS if record.levelno >= least)
        return "\n".join(f"<{level}>{line}" for line in text.splitlines())


@dataclass(slots=True)
class _Repeated:
    """One line within its minute."""

    record: logging.LogRecord
    since: float
    written: int = 1
    more: int = 0
    last: float = 0.0


class FoldingHandler(logging.StreamHandler[TextIO]):
    """Writes the same line OFTEN times a minute at most, and then says how often more it came.

    That is said with the next line of any kind once the minute is over, or at the end: there is no timer. Lines at
    debug level are all written.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to `stream`; `clock` counts seconds."""
        super().__init__(stream)
        self._clock = clock
        self._repeated: dict[tuple[int, str], _Repeated] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        now = self._clock()
        self._tell_counts(now - WINDOW_S)
        if record.levelno < logging.INFO or record.exc_info:
            super().emit(record)
            return
        key = (record.levelno, record.getMessage())
        known = self._repeated.get(key)
        if known is None:
            if len(self._repeated) >= _MAX_LINES:
                self._tell_counts(now)
            self._repeated[key] = _Repeated(record, now)
        elif known.written < OFTEN:
            known.written += 1
        else:
            known.record, known.last = record, now
            known.more += 1
            return
        super().emit(record)

    def close(self) -> None:
        """Say what was still only counted."""
        self._tell_counts(self._clock())
        super().close()

    def _tell_counts(self, until: float) -> None:
        """End the minutes that began before then; in the order in which the lines came last."""
        over = [key for key, known in self._repeated.items() if known.since <= until]
        ended = [self._repeated.pop(key) for key in over]
        for known in sorted((known for known in ended if known.more), key=lambda known: known.last):
            again = logging.makeLogRecord(known.record.__dict__)
            again.msg, again.args = f"{known.record.getMessage()} ({known.more} times more in the last minute)", ()
            super().emit(again)


def open_log(level: str, environment: Mapping[str, str] = os.environ) -> None:
    """Write everything from `level` on (a word of LEVELS) to standard error."""
    handler = FoldingHandler(sys.stderr)
    handler.setFormatter(Formatter(for_journal="JOURNAL_STREAM" in environment))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
