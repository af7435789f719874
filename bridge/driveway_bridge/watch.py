"""Keeps what is known of one car true: reads its status now and then, and sooner when there is doubt.

The status of the body controller neither wakes the car nor keeps it awake, and needs no key.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from driveway_bridge.car import Car

_LOGGER = logging.getLogger(__name__)

FIRST_RETRY_S: Final = 2.0
"""After a failed reading; doubled each time up to the normal interval."""
LOOK_S: Final = 10.0
"""How often the signal is looked at between two readings."""


class Watch:
    """Reads one car's status, every `every_s` seconds while all is well."""

    def __init__(self, car: Car, every_s: float) -> None:
        self._car = car
        self._every_s = every_s
        self._failures = 0
        self._due = 0.0
        self._changed = asyncio.Event()
        car.on_doubt = self.soon

    def soon(self, after_s: float) -> None:
        """Read within so many seconds."""
        self._due = min(self._due, asyncio.get_running_loop().time() + after_s)
        self._changed.set()

    async def run(self) -> None:
        """Read for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self._due = float("inf")  # doubt that comes up while we read counts
            answered = await self._read()
            self._car.look_for_signal()
            self.soon(self._pause_s(answered))
            while (left := self._due - loop.time()) > 0:
                self._changed.clear()
                try:
                    async with asyncio.timeout(min(left, LOOK_S)):
                        await self._changed.wait()
                except TimeoutError:
                    self._car.look_for_signal()

    async def _read(self) -> bool | None:
        try:
            return await self._car.poll()
        except Exception:  # a mistake of ours with one car must not take the others down with it
            _LOGGER.exception("Reading %s failed inside the bridge", self._car.name)
            return False

    def _pause_s(self, answered: bool | None) -> float:  # noqa: FBT001 - what poll answered
        if answered is None:  # gave way to a lock command, whose effect is to be seen
            return min(1.0, self._every_s)
        self._failures = 0 if answered else self._failures + 1
        if answered:
            return self._every_s
        return min(self._every_s, FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 10))
