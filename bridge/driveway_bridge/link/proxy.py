"""A Bluetooth proxy in the network as a source of radios: reached, kept, taken back, and given up.

A proxy serves one program. One that was taken away falls silent without a word; so after a silence it is claimed anew,
and what hears everybody again at once had been taken away. That takes it back, and the owner is told: the other
program, which mostly does not notice, needs a proxy of its own.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from driveway_bridge.errors import NotReached
from driveway_bridge.link.radio import RADIO_ERRORS, Radio, describe
from driveway_bridge.link.way import Slots

if TYPE_CHECKING:
    from driveway_bridge.link.esphome import Session
    from driveway_bridge.settings import ProxySettings

_LOGGER = logging.getLogger(__name__)

AGAIN_S: Final = 3.0
"""A proxy that had been taken away is full of voices in this time."""
LIVELY: Final = 20
"""So many advertisements in the last minute that silence is no accident."""
TOLD_S: Final = 600.0
"""So long after it was taken away the owner is told."""
INSTALL: Final = "the libraries for proxies are missing: install driveway-bridge[proxies]"


class ProxyRadio:
    """One proxy of the configuration."""

    kind = "proxy"

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        self._session: Session | None = None
        self._radio: Radio | None = None
        self._taken_at: float | None = None

    # As a RadioSource -------------------------------------------------------------------------------------------------

    async def open(self, within_s: float) -> Radio:
        """Connect if need be. NotReached `proxy_unreachable`, `proxy_key_wrong`, `proxy_unsuitable`."""
        if self._radio is not None and self._radio.gone:
            await self.close()
        if self._radio is None:
            try:
                from driveway_bridge.link import esphome  # the door to an optional library
            except ModuleNotFoundError as error:
                raise NotReached("proxy_unsuitable", f"{INSTALL} ({error})") from error
            self._session = session = await esphome.Session.open(self._settings, within_s)
            self._radio = Radio(
                scanner_arguments={"backend": session.scanner_class()},
                client_arguments={"backend": session.client_class()},
                lost=session.lost,
                gone_reason="proxy_unreachable",
                cause=esphome.cause,
            )
        return self._radio

    async def scans(self, radio: Radio) -> bool:
        """Whether it still tells what it hears: after a silence it is claimed anew."""
        session = self._session
        if session is None or radio.gone:
            return False
        lively = session.lively >= LIVELY
        try:
            await session.claim()
        except RADIO_ERRORS as error:
            _LOGGER.debug("The proxy %s has fallen silent: %s", self._settings.shown, describe(error))
            return False
        if lively and await session.hears_within(AGAIN_S):
            self._note_taken()
        return True

    async def power_cycle(self, radio: Radio | None) -> None:  # noqa: ARG002 - there is only one
        """Hang up; the next `open` connects anew."""
        await self.close()

    async def close(self) -> None:
        """Give it back; the next `open` connects anew."""
        self._radio = None
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # What only proxies have -------------------------------------------------------------------------------------------

    def slots(self) -> Slots | None:
        """Its connections; None while it has not told."""
        return None if self._session is None else self._session.slots

    def remark(self) -> str | None:
        """What the owner should know although it works."""
        return "proxy_taken" if self._taken_of_late() else None

    def _taken_of_late(self) -> bool:
        return self._taken_at is not None and asyncio.get_running_loop().time() - self._taken_at < TOLD_S

    def _note_taken(self) -> None:
        if not self._taken_of_late():
            _LOGGER.warning("Another program had taken the Bluetooth proxy %s; it is ours again", self._settings.shown)
        self._taken_at = asyncio.get_running_loop().time()
