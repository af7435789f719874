"""Listening for the car, and the radio to do it with: the computer's own Bluetooth, or a virtual one.

The car puts its name, which follows from the VIN, into the scan response only, and does not advertise its service: the
scan is active and has no filter. Once heard by name it is known by its address too, since BlueZ may later put another
name in place of the one that was heard.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bleak import BleakScanner
from bleak.exc import BleakError

from driveway_bridge.errors import NotReached
from driveway_bridge.link.base import Sighting

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback

RADIO_ERRORS = (BleakError, OSError, EOFError)
"""What bleak lets through when BlueZ, its bus or the adapter is missing, silent (TimeoutError) or goes away."""
NO_RSSI = (-127, 127)  # "known, but not heard now" in BlueZ; "no figure" in HCI
FULL_PATIENCE_S = 1.0  # a car that has just lost a link says "full" for a moment longer
STOP_S = 3.0  # a bus that stays silent must not hold up the answer
_A_CAR = re.compile(r"S[0-9a-f]{16}[CDRP]")


def describe(error: BaseException) -> str:
    """An error of bleak for the log."""
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """An open radio, as arguments for bleak's two classes."""

    scanner_arguments: Mapping[str, Any]
    client_arguments: Mapping[str, Any]
    lost: asyncio.Future[None] | None = None
    """Done when this radio is gone for good; None where bleak and BlueZ look after that."""


class RadioOpener:
    """Gives a working radio: the system's (adapter `adapter`, e.g. `hci0`), or a virtual one on a bumble transport."""

    def __init__(self, *, hci: str | None, adapter: str | None) -> None:
        self._hci = hci
        arguments = {"bluez": {"adapter": adapter}} if adapter else {}
        self._system = Radio(scanner_arguments=arguments, client_arguments=arguments)
        self._virtual: Radio | None = None
        self._stack = AsyncExitStack()

    async def open(self, until: float) -> Radio:
        """The radio, opened anew if it was lost. NotReached `radio_unavailable` if there is none by `until`."""
        if self._hci is None:
            return self._system
        if self._virtual and self._virtual.lost and self._virtual.lost.done():
            await self.close()
        if self._virtual is None:
            try:
                async with asyncio.timeout_at(until):
                    self._virtual = await self._open_virtual(self._hci)
            except RADIO_ERRORS as error:
                raise NotReached("radio_unavailable", describe(error)) from error
        return self._virtual

    async def _open_virtual(self, hci: str) -> Radio:
        try:
            # bumble is an optional extra, and only the virtual radio needs it
            from driveway_bridge.virtual_radio.bleak_backend import adapter
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "bumble":
                raise
            detail = "bumble is missing: install driveway-bridge[virtual-radio]"
            raise NotReached("radio_unavailable", detail) from error
        backend = await self._stack.enter_async_context(adapter(hci))
        return Radio(
            scanner_arguments={"backend": backend.scanner},
            client_arguments={"backend": backend.client},
            lost=backend.lost,
        )

    async def close(self) -> None:
        """Give the virtual radio back; the next `open` makes another."""
        self._virtual = None
        await self._stack.aclose()


class Ear:
    """Listens for one car: by its name, and by its address once the name was heard."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._address: str | None = None
        self.last_heard: Sighting | None = None

    def forget_address(self) -> None:
        """Believe nothing but the name again: what answered at the address was no use."""
        self._address = None

    def recognise(self, device: BLEDevice, data: AdvertisementData) -> Sighting | None:
        """What an advertisement tells of the car; None if it is not the car's."""
        if data.rssi == NO_RSSI[0] or (data.local_name != self._name and device.address != self._address):
            return None
        if data.local_name != self._name and _A_CAR.fullmatch(data.local_name or ""):
            return None  # the address now belongs to another car
        self._address = device.address
        self.last_heard = Sighting(
            at=time.monotonic(),
            rssi_dbm=None if data.rssi in NO_RSSI else data.rssi,
            connectable=_connectable(data),
        )
        return self.last_heard

    async def find(self, radio: Radio, until: float) -> BLEDevice:
        """Scan until the car is heard with a free place, and stop scanning.

        NotReached `radio_unavailable`, `not_in_range` by `until`, or `places_full`.
        """
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[None] = loop.create_future()
        free: asyncio.Future[BLEDevice] = loop.create_future()

        def on_advertisement(device: BLEDevice, data: AdvertisementData) -> None:
            sighting = self.recognise(device, data)
            if sighting is None:
                return
            if not heard.done():
                heard.set_result(None)
            if sighting.connectable is not False and not free.done():
                free.set_result(device)

        async with _scan(radio, on_advertisement, until):
            if not await _wait(heard, radio, until):
                raise NotReached("not_in_range", "no advertisement of the car")
            if not await _wait(free, radio, min(until, loop.time() + FULL_PATIENCE_S)):
                raise NotReached("places_full", "the car advertises as not connectable")
        return free.result()


def _connectable(data: AdvertisementData) -> bool | None:
    """Whether the advertisement allowed connections, where the platform passes that on (BlueZ does not)."""
    for item in data.platform_data:
        if isinstance(item, dict) and isinstance(answer := item.get("connectable"), bool):
            return answer
    return None


async def _wait(event: asyncio.Future[Any], radio: Radio, until: float) -> bool:
    """Whether `event` came by `until`; NotReached if the radio went away instead."""
    waited = {event} if radio.lost is None else {event, radio.lost}
    left = until - asyncio.get_running_loop().time()
    await asyncio.wait(waited, timeout=max(left, 0.0), return_when=asyncio.FIRST_COMPLETED)
    if radio.lost is not None and radio.lost.done():
        raise NotReached("radio_unavailable", "the virtual radio went away during the scan")
    return event.done()


@asynccontextmanager
async def _scan(radio: Radio, on_advertisement: AdvertisementDataCallback, until: float) -> AsyncIterator[None]:
    """An active scan for as long as the block lasts; NotReached `radio_unavailable` if it cannot be had."""
    try:
        scanner = BleakScanner(on_advertisement, scanning_mode="active", **radio.scanner_arguments)
        async with asyncio.timeout_at(until):
            await scanner.start()
    except RADIO_ERRORS as error:
        raise NotReached("radio_unavailable", describe(error)) from error
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(STOP_S):
                await scanner.stop()
        except RADIO_ERRORS as error:
            raise NotReached("radio_unavailable", describe(error)) from error
