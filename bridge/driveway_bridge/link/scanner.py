"""One active scan, without a filter: the car's name is in the scan response, and its service is not advertised."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from bleak import BleakScanner

from driveway_bridge.link.deadline import within
from driveway_bridge.link.radio import RADIO_ERRORS, Radio, describe

if TYPE_CHECKING:
    from bleak.backends.scanner import AdvertisementDataCallback

_LOGGER = logging.getLogger(__name__)

STOP_S: Final = 3.0
"""A bus that stays silent must not hold up the answer."""
LATE_S: Final = 1.0
"""For a beginning or an end that nobody waits for any more. BlueZ does what it was asked all the same, and lets nobody
begin a second scan: one whose beginning was dropped halfway would go on, and the next one would be refused."""


class Scan:
    """Runs from `begin` to `end`; each scan has a scanner of its own."""

    def __init__(self, radio: Radio, scanner: BleakScanner) -> None:
        self.radio = radio
        self.begun_at = asyncio.get_running_loop().time()
        self._scanner = scanner

    @classmethod
    async def begin(cls, radio: Radio, hear: AdvertisementDataCallback, within_s: float) -> Scan:
        """Begin to listen. NotReached with the cause when it cannot be had within the time."""
        try:
            scanner = BleakScanner(hear, scanning_mode="active", **radio.scanner_arguments)
            try:
                await within(within_s, scanner.start(), late_s=LATE_S)
            except asyncio.CancelledError:
                await cls(radio, scanner).end()
                raise
        except RADIO_ERRORS as error:
            raise radio.failure(error, "radio_unavailable") from error
        return cls(radio, scanner)

    async def end(self) -> None:
        """Stop listening; what fails in that is told by the next scan."""
        try:
            await within(STOP_S, self._scanner.stop(), late_s=LATE_S)
        except RADIO_ERRORS as error:
            _LOGGER.debug("The scan could not be ended in order: %s", describe(error))
