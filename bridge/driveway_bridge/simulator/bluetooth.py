"""The virtual car on the virtual radio: a Bluetooth peripheral with the habits of the real one.

Its name is only in the scan response, its service is not advertised, it takes a few links at a time and then marks its
advertisement as not connectable, and it answers in indications of at most the MTU less three bytes. What is said on a
link is not its business: that is fed to the car's plug, one for each link.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from bumble.att import ATT_Error, ErrorCode
from bumble.core import AdvertisingData, BaseBumbleError
from bumble.device import AdvertisingType, Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import HCI_ErrorCode, OwnAddressType
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from driveway_bridge.link.gatt import ATT_HEADER, FROM_CAR, SERVICE, TO_CAR, VERSION
from driveway_bridge.link.memory import Plug
from driveway_bridge.protocol.framing import split
from driveway_bridge.simulator.live import PlacesTaken
from driveway_bridge.vin import local_name
from driveway_bridge.virtual_radio.air import Air

_LOGGER = logging.getLogger(__name__)

MTU = 247  # bytes; older cars answer 115
PLACES = 3  # links at a time, shared with phones and watches
INTERVAL_MS = 150.0  # between advertisements
GAP_NAME = "\N{KEY}"  # what a linked client reads as the device's name: not what is advertised
_FLAGS = 0x06  # generally discoverable, no classic Bluetooth
_VERSION = (1).to_bytes(4, "big")


class Attachable(Protocol):
    """A car that takes links: `attach` gives the plug of a new one, or raises PlacesTaken."""

    def attach(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> Plug:
        """Open a link; the car calls `send` with framed bytes and `hang_up` to drop it."""
        ...


def address_of(vin: str) -> str:
    """The Bluetooth address of the virtual car with this VIN: the same for all its life."""
    digest = hashlib.sha256(f"address of {vin}".encode()).digest()
    return ":".join(f"{byte:02X}" for byte in (0x06, *digest[:5]))  # 0x06: given out by nobody


def _named(name: str) -> bytes:
    """Give a scan response with that name."""
    return bytes(AdvertisingData([(AdvertisingData.Type.COMPLETE_LOCAL_NAME, name.encode())]))


def _refuse(_connection: Connection) -> bytes:
    raise ATT_Error(ErrorCode.READ_NOT_PERMITTED)  # bumble looks at no permission here, and would never answer


class _Place:
    """One link to the car: its plug, and the indications that wait for their turn."""

    def __init__(self, car: BluetoothCar, connection: Connection) -> None:
        self.connection = connection
        self._car = car
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._open = True
        self.plug = car.attach(self._outbox.put_nowait, self.hang_up)
        self._indicating = asyncio.ensure_future(self._indicate())

    def hang_up(self) -> None:
        self._car.spawn(self._car.drop_one(self.connection))

    async def leave(self) -> None:
        """The link is gone: tell the plug, forget what was still to be said."""
        self._open = False  # bumble may swallow the cancellation where it coincides with a confirmation
        self.plug.detach()
        self._indicating.cancel()
        await asyncio.wait({self._indicating})

    async def _indicate(self) -> None:
        while self._open:
            framed = await self._outbox.get()
            for piece in split(framed, self.connection.att_mtu - ATT_HEADER):
                if not await self._car.indicate(self.connection, piece):
                    return


class BluetoothCar:
    """The car as others see it on `air`; use as a context manager, or `start` and `stop`.

    `address` is for a car whose computer was exchanged; `services` come before its own, as after an update of its
    software, which changes the handles of all that follow. Without `service_changes` it lacks the service by which a
    client can tell that.
    """

    def __init__(
        self,
        air: Air,
        vin: str,
        live_car: Attachable,
        *,
        mtu: int = MTU,
        places: int = PLACES,
        interval_ms: float = INTERVAL_MS,
        address: str | None = None,
        services: Sequence[Service] = (),
        service_changes: bool = True,
    ) -> None:
        self.attach = live_car.attach
        self.max_places = places
        self.address = address or address_of(vin)
        self.connections = 0
        """Connections that came about so far."""
        self.subscriptions = 0
        """Times that a client has asked for indications."""
        self.at_subscription: Callable[[], object] = lambda: None
        """Called when one does, before that is confirmed."""
        self.writes = 0
        """Writes received so far."""
        self.indications = 0
        """Indications sent to clients that had asked for them."""
        self._air = air
        self._unit = air.unit("car", self.address)
        self._device = Device(
            config=DeviceConfiguration(
                name=GAP_NAME,
                advertising_interval_min=interval_ms,
                advertising_interval_max=interval_ms,
                gatt_service_enabled=service_changes,
            ),
            host=Host(self._unit, AsyncPipeSink(self._unit)),
        )
        self._device.advertising_data = bytes(AdvertisingData([(AdvertisingData.Type.FLAGS, bytes([_FLAGS]))]))
        self._device.scan_response_data = _named(local_name(vin))
        self._device.gatt_server.max_mtu = mtu
        self._device.add_services(list(services))
        self._from_car = self._add_service()
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        self._places: dict[int, _Place] = {}
        self._visible = False
        self._full = False
        self._advertising = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections_until_drop = self._writes_until_drop = self._indications_until_drop = 0

    def _add_service(self) -> Characteristic[bytes]:
        properties, permissions = Characteristic.Properties, Characteristic.Permissions
        from_car = Characteristic(FROM_CAR, properties.INDICATE, permissions.READABLE, b"")
        to_car: Characteristic[bytes] = Characteristic(
            TO_CAR, properties.WRITE, permissions.WRITEABLE, CharacteristicValue(read=_refuse, write=self._on_write)
        )
        version = Characteristic(VERSION, properties.READ, permissions.READABLE, _VERSION)
        from_car.on(from_car.EVENT_SUBSCRIPTION, self._on_subscription)
        self._device.add_service(Service(SERVICE, [to_car, from_car, version]))
        return from_car

    async def start(self) -> None:
        """Switch on and advertise."""
        await self._device.power_on()
        await self.advertise(on=True)

    async def stop(self) -> None:
        """Say goodbye on all links and switch off."""
        await self.advertise(on=False)
        await self.drop()
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._air.remove(self._unit)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def links(self) -> int:
        """Places that are taken."""
        return len(self._places)

    # What can happen to it.

    async def advertise(self, *, on: bool) -> None:
        """Advertise or do not; links stay as they are."""
        self._visible = on
        await self._update_advertising()

    async def call_itself(self, name: str) -> None:
        """Give another name in the scan response from now on."""
        self._device.scan_response_data = _named(name)
        if self._visible:
            await self.advertise(on=False)
            await self.advertise(on=True)

    def accept_links(self, *, on: bool) -> None:
        """Mark the advertisement as connectable or not: others may take the car's places in other ways."""
        self._full = not on
        self.spawn(self._update_advertising())

    async def drop(self) -> None:
        """End all links with a goodbye."""
        for place in list(self._places.values()):
            await self.drop_one(place.connection)

    async def vanish(self) -> None:
        """Go out of range: no advertisement is heard, links die silently."""
        self._air.take_out_of_range(self._unit)

    async def reappear(self) -> None:
        """Come back into range."""
        self._air.bring_into_range(self._unit)

    def heard_at(self, rssi_dbm: int | None) -> None:
        """Be heard this strongly; None: as everybody on this air."""
        self._unit.own_rssi_dbm = rssi_dbm

    def drop_at_connection(self, count: int = 1) -> None:
        """Drop the `count`-th link from now as soon as it has come about."""
        self._connections_until_drop = count

    def drop_at_write(self, count: int = 1) -> None:
        """Take the `count`-th write from now, but drop the link instead of confirming it."""
        self._writes_until_drop = count

    def drop_at_indication(self, count: int = 1) -> None:
        """Drop the link instead of sending the `count`-th piece of an answer from now."""
        self._indications_until_drop = count

    # For its places.

    def spawn(self, job: Coroutine[Any, Any, None]) -> None:
        """Do a job of this car; `stop` waits for it."""
        task = asyncio.ensure_future(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drop_one(self, connection: Connection) -> None:
        """End one link with a goodbye, if it is still there."""
        if connection not in self._device.connections.values():
            return
        try:
            await connection.disconnect(HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)
        except BaseBumbleError as error:
            _LOGGER.debug("The link was gone before it could be dropped: %s", error)

    async def indicate(self, connection: Connection, piece: bytes) -> bool:
        """Send one piece of an answer and wait for its confirmation; False if the link ends instead."""
        if self._indications_until_drop:
            self._indications_until_drop -= 1
            if not self._indications_until_drop:
                self.spawn(self.drop_one(connection))
                return False
        if self._device.gatt_server.subscribers.get(connection, {}).get(self._from_car.handle):  # else nothing is sent
            self.indications += 1
        try:
            await self._device.indicate_subscriber(connection, self._from_car, piece)
        except TimeoutError:  # after which the specification allows nothing more on this link
            self.spawn(self.drop_one(connection))
            return False
        return True

    # What the radio reports.

    def _on_connection(self, connection: Connection) -> None:
        connection.once(connection.EVENT_DISCONNECTION, lambda _reason: self._on_disconnection(connection))
        try:
            self._places[connection.handle] = _Place(self, connection)
        except PlacesTaken:
            self.spawn(self.drop_one(connection))
        self.connections += 1
        if self._connections_until_drop:
            self._connections_until_drop -= 1
            if not self._connections_until_drop:
                self.spawn(self.drop_one(connection))
        self.spawn(self._update_advertising())

    def _on_subscription(self, _connection: Connection, _notify: bool, indicate: bool) -> None:  # noqa: FBT001 - bumble's
        if indicate:
            self.subscriptions += 1
            self.at_subscription()

    def _on_disconnection(self, connection: Connection) -> None:
        if place := self._places.pop(connection.handle, None):
            self.spawn(place.leave())
        self.spawn(self._update_advertising())

    async def _on_write(self, connection: Connection, value: bytes) -> None:
        self.writes += 1
        place = self._places.get(connection.handle)
        if place is None:
            return
        place.plug.feed(value)
        if self._writes_until_drop:
            self._writes_until_drop -= 1
            if not self._writes_until_drop:
                await self.drop_one(connection)
                raise asyncio.CancelledError  # else bumble goes on to confirm, and wonders that nobody is there

    async def _update_advertising(self) -> None:
        """Advertise what is so now: connectable with a free place, not connectable with none, nothing if hidden."""
        async with self._advertising:
            free = len(self._places) < self.max_places and not self._full
            kind = AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE if free else AdvertisingType.UNDIRECTED_SCANNABLE
            wanted = kind if self._visible else None
            advertiser = self._device.legacy_advertiser
            if wanted == (advertiser.advertising_type if advertiser else None):
                return
            if wanted is None:
                await self._device.stop_advertising()
            else:
                await self._device.start_advertising(wanted, own_address_type=OwnAddressType.PUBLIC)
