"""The way to the car over Bluetooth, on bleak: find it, connect, subscribe, and carry framed bytes.

A frame goes out in pieces of at most the MTU less three bytes, each a write that the car confirms; answers come as
indications, cut anyhow. A link that has failed once is not mended: it is given back, and another one is opened with a
client object of its own, because bleak's client for BlueZ stays subscribed after the car has hung up and would then
deliver every indication twice.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bleak import BleakClient
from bleak.exc import BleakBluetoothNotAvailableError
from bleak_retry_connector import establish_connection

from driveway_bridge.errors import DrivewayError, LinkLost, NotReached
from driveway_bridge.link.base import Link, Sighting
from driveway_bridge.link.gatt import FROM_CAR, SERVICE, TO_CAR
from driveway_bridge.link.scanner import RADIO_ERRORS, Ear, Radio, RadioOpener, describe
from driveway_bridge.protocol.framing import split
from driveway_bridge.vin import local_name

if TYPE_CHECKING:
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice

_LOGGER = logging.getLogger(__name__)

MAX_PIECE = 1021  # bytes; the car's largest message less the header of a write
INBOX_PIECES = 256  # unread indications; a car that sends more than this is not understood anyway
DISCONNECT_S = 5.0  # BlueZ takes 2 s
_NO_RADIO = (BleakBluetoothNotAvailableError, FileNotFoundError, ConnectionError, EOFError)  # the last three: the bus


class BluetoothLink:
    """One open link, on a connected client of bleak."""

    def __init__(self, client: BleakClient) -> None:
        self._client = client
        self._to_car: BleakGATTCharacteristic | None = None
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._end: str | None = None  # why nothing is sent or received any more
        self._given_back = False
        self._writing = asyncio.Lock()
        self._closing = asyncio.Lock()

    async def subscribe(self) -> None:
        """Check that this is a car and listen to it, before anything is written. NotReached or an error of bleak."""
        service = self._client.services.get_service(SERVICE)
        self._to_car = service.get_characteristic(TO_CAR) if service else None
        from_car = service.get_characteristic(FROM_CAR) if service else None
        if self._to_car is None or from_car is None:
            raise NotReached("no_connection", "what answers to the car's name lacks the car's service")
        await self._client.start_notify(from_car, self._on_indication)

    async def send(self, framed: bytes) -> None:
        """Send one frame in pieces, never between those of another. LinkLost, and the link is of no more use."""
        async with self._writing:
            if self._end is None and not self._client.is_connected:
                self.finish("not connected")
            if self._end is not None or self._to_car is None:
                raise LinkLost("link_lost", self._end or "not subscribed", may_have_happened=False)
            size = min(self._to_car.max_write_without_response_size, MAX_PIECE)
            try:
                for piece in split(framed, size):
                    await self._client.write_gatt_char(self._to_car, piece, response=True)
            except RADIO_ERRORS as error:
                self.finish(describe(error))
                raise LinkLost("link_lost", describe(error), may_have_happened=True) from error
            except asyncio.CancelledError:
                self.finish("a frame was given up halfway")  # the car still waits for the rest of it
                raise

    async def receive(self) -> bytes:
        """The next indication; what came before a loss is still delivered, then LinkLost."""
        data = await self._inbox.get()
        if data is None:
            self._inbox.put_nowait(None)  # whoever asks again gets the same answer
            raise LinkLost("link_lost", self._end or "")
        return data

    async def close(self) -> None:
        """Disconnect, also after a loss: bleak keeps things until then."""
        self.finish("given back")
        async with self._closing:
            if self._given_back:
                return
            try:
                async with asyncio.timeout(DISCONNECT_S):
                    await self._client.disconnect()
            except RADIO_ERRORS as error:
                _LOGGER.debug("The link could not be given back in order: %s", describe(error))
            self._given_back = True

    def finish(self, why: str) -> None:
        """Nothing is sent or received from now on, for this reason; the first reason stays."""
        if self._end is None:
            self._end = why
            self._inbox.put_nowait(None)

    def _on_indication(self, _characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        if self._end is not None:
            return
        if self._inbox.qsize() >= INBOX_PIECES:
            self.finish("too much was received and not read")
            return
        self._inbox.put_nowait(bytes(data))


async def open_link(radio: Radio, device: BLEDevice, until: float) -> BluetoothLink:
    """Connect and subscribe by `until`. NotReached `no_connection` or `radio_unavailable`."""
    link: BluetoothLink | None = None

    def on_disconnected(_client: BleakClient) -> None:
        if link is not None:  # else an attempt failed, and another may follow
            link.finish("the car hung up or fell silent")

    try:
        async with asyncio.timeout_at(until):
            client = await establish_connection(
                BleakClient, device, "car", disconnected_callback=on_disconnected, **radio.client_arguments
            )
            link = BluetoothLink(client)
            await link.subscribe()
    except BaseException as error:
        if link is not None:
            await link.close()
        if not isinstance(error, RADIO_ERRORS):
            raise
        no_radio = isinstance(error, _NO_RADIO) or (radio.lost is not None and radio.lost.done())
        raise NotReached("radio_unavailable" if no_radio else "no_connection", describe(error)) from error
    return link


class BluetoothDialer:
    """Finds the car with this VIN and opens links to it, one at a time.

    `adapter` names one of the system's (`hci0`); `hci` is a bumble transport to use a virtual radio instead.
    """

    name = "bluetooth"

    def __init__(self, vin: str, *, hci: str | None = None, adapter: str | None = None) -> None:
        self._ear = Ear(local_name(vin))
        self._opener = RadioOpener(hci=hci, adapter=adapter)
        self._link: BluetoothLink | None = None
        self._dialling = asyncio.Lock()

    @property
    def last_heard(self) -> Sighting | None:
        """When, how strongly and how the car was last heard."""
        return self._ear.last_heard

    async def connect(self, deadline_s: float) -> Link:
        """Find the car and open a link; an earlier one is given back first.

        NotReached `radio_unavailable`, `not_in_range`, `places_full` or `no_connection`.
        """
        until = asyncio.get_running_loop().time() + deadline_s
        async with self._dialling:
            await self._hang_up()
            radio = await self._opener.open(until)
            device = await self._ear.find(radio, until)
            try:
                self._link = await open_link(radio, device, until)
            except DrivewayError:
                self._ear.forget_address()
                raise
            return self._link

    async def close(self) -> None:
        """Give back the link and the radio; `connect` opens them anew."""
        async with self._dialling:
            await self._hang_up()
            await self._opener.close()

    async def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
