"""The log: lines on standard error, with levels that systemd's journal understands, and without any VIN."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping

_SYSTEMD_LEVELS = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))


class _Formatter(logging.Formatter):
    """Puts a car's id where its VIN would stand, also in the text of errors from elsewhere."""

    def __init__(self, cars: Mapping[str, str], *, for_journal: bool) -> None:
        super().__init__("%(message)s" if for_journal else "%(asctime)s %(levelname)-7s %(message)s")
        self._cars = cars
        self._for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """One record, of one or more lines; each line of the journal carries the level."""
        text = super().format(record)
        for vin, car in self._cars.items():
            text = text.replace(vin, car)
        if not self._for_journal:
            return text
        level = next(number for least, number in _SYSTEMD_LEVELS if record.levelno >= least)
        return "\n".join(f"<{level}>{line}" for line in text.splitlines())


def open_log(level: str, cars: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
    """Write everything from `level` on to standard error; `cars` maps each VIN to the id that is written instead."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(cars, for_journal="JOURNAL_STREAM" in environment))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("asyncio", "bleak", "bleak_retry_connector", "bumble"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
