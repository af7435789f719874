"""A link over Bluetooth, on bleak: connect, subscribe, and carry framed bytes.

A frame goes out in pieces of at most the MTU less three bytes, each a write that the car confirms; answers come as
indications, cut anyhow. A link that has failed once is not mended: it is given back, and another one is opened with a
client object of its own, because bleak's client for BlueZ stays subscribed after the car has hung up and would then
deliver every indication twice.

BlueZ remembers the car's services from one connection to the next, by handles that an update of the car's software may
change. It subscribes by what it remembers before it looks again, and then goes on with objects that are no more. So
where the car's service is missing, or the car says nothing at all, BlueZ is told to forget the car.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from bleak import BleakClient
from bleak.exc import BleakDBusError, BleakDeviceNotFoundError
from bleak_retry_connector import BleakNotFoundError, establish_connection

from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.deadline import within
from driveway_bridge.link.gatt import FROM_CAR, SERVICE, TO_CAR
from driveway_bridge.link.radio import RADIO_ERRORS, Radio, describe
from driveway_bridge.protocol.framing import split

if TYPE_CHECKING:
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice

_LOGGER = logging.getLogger(__name__)

MAX_PIECE = 1021  # bytes; the car's largest message less the header of a write
INBOX_PIECES = 256  # unread indications; a car that sends more than this is not understood anyway
DISCONNECT_S = 5.0  # BlueZ takes 2 s
_NO_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"


class Forgotten(NotReached):
    """BlueZ knows the car no more, and it has to be heard again before the next attempt; the reason if that fails too.

    `places_full`: BlueZ drops, at the end of a scan, what was not connectable when it was heard last. What it drops
    after a call in vain is something else: that was connectable, and did not answer.
    """


class NotTheCar(NotReached):
    """A connection came about, but not with a car."""


class BluetoothLink:
    """One open link, on a connected client of bleak; `path` is the car's object in BlueZ, where there is one."""

    def __init__(self, client: BleakClient, path: str | None = None) -> None:
        self.forgotten = False
        """Whether BlueZ was told to forget the car when the link was given back."""
        self.radio_hangs = False
        """Whether the proxy that has the link did not answer when it was given back."""
        self._client = client
        self._path = path
        self._said = self._heard = False
        self._stale = False  # BlueZ's memory of the car is wrong
        self._to_car: BleakGATTCharacteristic | None = None
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._end: str | None = None  # why nothing is sent or received any more
        self._given_back = False
        self._writing = asyncio.Lock()
        self._closing = asyncio.Lock()

    @property
    def open(self) -> bool:
        """Whether nothing has ended it yet."""
        return self._end is None

    async def subscribe(self) -> None:
        """Check that this is a car and listen to it, before anything is written. NotTheCar or an error of bleak."""
        self._stale = True  # unless all this works
        service = self._client.services.get_service(SERVICE)
        self._to_car = service.get_characteristic(TO_CAR) if service else None
        from_car = service.get_characteristic(FROM_CAR) if service else None
        if self._to_car is None or from_car is None:
            raise NotTheCar("no_connection", "what answers to the car's name lacks the car's service")
        await self._client.start_notify(from_car, self._on_indication)
        self._stale = False

    async def send(self, framed: bytes) -> None:
        """Send one frame in pieces, never between those of another. LinkLost, and the link is of no more use."""
        async with self._writing:
            if self._end is None and not self._client.is_connected:
                self.finish("not connected")
            if self._end is not None or self._to_car is None:
                raise LinkLost("link_lost", self._end or "not subscribed", may_have_happened=False)
            self._said = True
            size = min(self._to_car.max_write_without_response_size, MAX_PIECE)
            try:
                for piece in split(framed, size):
                    await self._client.write_gatt_char(self._to_car, piece, response=True)
            except RADIO_ERRORS as error:
                self._stale = isinstance(error, BleakDBusError) and error.dbus_error == _NO_OBJECT
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
            doubtful = self._client.is_connected and (self._stale or (self._said and not self._heard))
            try:
                await within(DISCONNECT_S, self._client.disconnect())
            except RADIO_ERRORS as error:
                _LOGGER.debug("The link could not be given back in order: %s", describe(error))
            except asyncio.CancelledError:
                # BlueZ is waited for once more. A proxy has been told, and hangs up by itself when it has lost us.
                self.radio_hangs = self._given_back = self._path is None
                raise
            self._given_back = True
            if doubtful and self._path is not None:
                await self._forget(self._path)

    def finish(self, why: str) -> None:
        """Nothing is sent or received from now on, for this reason; the first reason stays."""
        if self._end is None:
            self._end = why
            self._inbox.put_nowait(None)

    async def _forget(self, path: str) -> None:
        from driveway_bridge.link import bluez  # needs BlueZ's bus library

        try:
            await bluez.forget(path)
        except NotReached as error:
            _LOGGER.debug("BlueZ could not be told to forget the car: %s", error.detail)
        else:
            self.forgotten = True

    def _on_indication(self, _characteristic: BleakGATTCharacteristic, data: bytearray) -> None:
        self._heard = True
        if self._end is not None:
            return
        if self._inbox.qsize() >= INBOX_PIECES:
            self.finish("too much was received and not read")
            return
        self._inbox.put_nowait(bytes(data))


async def open_link(radio: Radio, device: BLEDevice, within_s: float) -> BluetoothLink:
    """Connect and subscribe. Forgotten, NotTheCar, NotReached `no_connection` or with what is wrong with the radio."""
    _spare_version(device)
    made: list[BluetoothLink] = []
    failures: list[Exception] = []
    given_up = False

    def on_disconnected(_client: BleakClient) -> None:
        if made:  # else an attempt failed, and another may follow
            made[0].finish("the car hung up or fell silent")

    async def connect() -> BluetoothLink:
        client = await establish_connection(
            _noting(failures), device, "car", disconnected_callback=on_disconnected, **radio.client_arguments
        )
        link = BluetoothLink(client, _path(device))
        made.append(link)
        if given_up:  # it was stuck so long that nobody waits for it any more
            await link.close()
        else:
            await link.subscribe()
        return link

    try:
        return await within(within_s, connect())
    except BaseException as error:
        given_up = True
        for link in made:
            await link.close()
        if any(link.forgotten for link in made) and isinstance(error, (NotTheCar, *RADIO_ERRORS)):
            detail = error.detail if isinstance(error, NotTheCar) else describe(error)
            raise Forgotten("no_connection", detail) from error
        if not isinstance(error, RADIO_ERRORS):
            raise
        raise _failure(radio, device, error, failures) from error


def _failure(radio: Radio, device: BLEDevice, error: BaseException, failures: list[Exception]) -> NotReached:
    """What to make of the connector's error, and of those of its attempts."""
    failure = radio.failure(error, "no_connection")
    if failure.reason != "no_connection" or not _dropped(error) or _path(device) is None:
        return failure
    if failures and _is_missing(failures[0]):
        return Forgotten("places_full", "BlueZ has dropped the car: it was not connectable when last heard")
    return Forgotten("no_connection", describe(failures[0] if failures else error))


def _noting(failures: list[Exception]) -> type[BleakClient]:
    """A client of bleak that notes how its attempts fail: of several the connector tells the last one only."""

    class Noting(BleakClient):
        async def connect(self, **options: Any) -> None:
            try:
                await super().connect(**options)
            except Exception as error:
                failures.append(error)
                raise

    return Noting


def _spare_version(device: BLEDevice) -> None:
    """Keep bleak from asking bluetoothctl for BlueZ's version before its first connection.

    If that connection is given up meanwhile, all later ones wait for the answer for ever.
    """
    if _path(device) is not None:
        from bleak.backends.bluezdbus.version import BlueZFeatures  # only where there is BlueZ

        BlueZFeatures.checked_bluez_version = True


def _path(device: BLEDevice) -> str | None:
    """Give the object that BlueZ has for a device that it has heard."""
    path = device.details.get("path") if isinstance(device.details, dict) else None
    return path if isinstance(path, str) else None


def _dropped(error: BaseException) -> bool:
    """Whether BlueZ had no such object any more, and not merely no success in time."""
    missing = isinstance(error, (BleakNotFoundError, BleakDeviceNotFoundError))
    return missing and not isinstance(error.__cause__, TimeoutError)


def _is_missing(failure: Exception) -> bool:
    """Whether the car was not even called, because BlueZ had dropped it before."""
    return isinstance(failure, BleakDeviceNotFoundError) or "not found" in str(failure)
