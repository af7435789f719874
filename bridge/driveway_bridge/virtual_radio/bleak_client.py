"""bleak's client on the virtual radio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble.att import ATT_Error
from bumble.core import BaseBumbleError
from bumble.device import Connection, Peer
from bumble.gatt_client import CharacteristicProxy, ServiceProxy
from bumble.hci import Address

from driveway_bridge.virtual_radio.host import before
from driveway_bridge.virtual_radio.uuids import long_form

if TYPE_CHECKING:
    from driveway_bridge.virtual_radio.host import RadioHost

T = TypeVar("T")

DEFAULT_MTU = 23  # ATT, before anything is negotiated
WANTED_MTU = 517  # the most that BlueZ asks for
ATT_HEADER = 3  # bytes of a write or an indication that are not the value


class VirtualClient(BaseBleakClient):
    """Made by bleak; `host` is set in the subclass that `bleak_backend.adapter` gives out."""

    host: ClassVar[RadioHost]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        services: set[str] | None = None,
        timeout: float,
        disconnected_callback: Callable[[], None] | None = None,
        **_platform: Any,
    ) -> None:
        super().__init__(address_or_ble_device, timeout=timeout, disconnected_callback=disconnected_callback)
        self._wanted = services
        self._peer_name: str | None = None
        if isinstance(address_or_ble_device, BLEDevice):
            self._peer_address: Address = address_or_ble_device.details
            self._peer_name = address_or_ble_device.name
        else:
            self._peer_address = Address(address_or_ble_device, Address.PUBLIC_DEVICE_ADDRESS)
        self._connection: Connection | None = None
        self._ended: asyncio.Future[None] | None = None  # done when the present connection ends
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """The name heard when the device was found, else its address."""
        return self._peer_name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT MTU of the present connection, in bytes."""
        return self._connection.att_mtu if self._connection else DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:  # noqa: FBT001 - bleak's signature
        """Connect and discover the services; `timeout` seconds for both. TimeoutError or BleakError if it fails."""
        if self.is_connected:
            raise BleakError("already connected")
        if pair:
            await self.pair()
        try:
            async with asyncio.timeout(kwargs.get("timeout", self._timeout)):
                connection = await self.host.dial(self._peer_address)
                self._attach(connection)
                self.services = await self._call(self._discover(connection))
        except BaseBumbleError as error:
            raise BleakError(f"connection failed: {error}") from error
        except BaseException:
            await self.disconnect()
            raise

    def _attach(self, connection: Connection) -> None:
        if connection not in self.host.device.connections.values():
            raise BleakError("the peer did not take the connection")  # it took another's, or went out of range
        ended = asyncio.get_running_loop().create_future()

        def on_disconnection(_reason: int) -> None:
            self._connection = self.services = None
            self._subscribers.clear()
            ended.set_result(None)
            if self._disconnected_callback:
                self._disconnected_callback()

        connection.once(connection.EVENT_DISCONNECTION, on_disconnection)
        self._connection, self._ended = connection, ended

    async def _call(self, job: Coroutine[Any, Any, T]) -> T:
        """Do a GATT procedure; its failure, or the loss of the link meanwhile, as a BleakError."""
        if self._connection is None or self._ended is None:
            job.close()
            raise BleakError("not connected")
        try:
            return await before(job, self._ended, self.host.lost)
        except ATT_Error as error:
            raise BleakGATTProtocolError(int(error.error_code)) from error
        except BaseBumbleError as error:
            raise BleakError(str(error)) from error

    async def _discover(self, connection: Connection) -> BleakGATTServiceCollection:
        peer = Peer(connection)
        await peer.request_mtu(WANTED_MTU)
        found = BleakGATTServiceCollection()
        for remote in await peer.discover_services():
            uuid = long_form(remote.uuid)
            if self._wanted is None or uuid in self._wanted:
                service = BleakGATTService(remote, remote.handle, uuid)
                found.add_service(service)
                await self._discover_characteristics(remote, service, found)
        return found

    async def _discover_characteristics(
        self, remote: ServiceProxy, service: BleakGATTService, found: BleakGATTServiceCollection
    ) -> None:
        for proxy in await remote.discover_characteristics():
            characteristic = BleakGATTCharacteristic(
                proxy,
                proxy.handle,
                long_form(proxy.uuid),
                sorted(gatt_char_props_to_strs(int(proxy.properties))),
                lambda: self.mtu_size - ATT_HEADER,
                service,
            )
            found.add_characteristic(characteristic)
            for descriptor in await proxy.discover_descriptors():
                found.add_descriptor(
                    BleakGATTDescriptor(descriptor, descriptor.handle, long_form(descriptor.type), characteristic)
                )

    async def disconnect(self) -> None:
        """Hang up; nothing to do without a connection."""
        if self._connection:
            with suppress(BaseBumbleError):  # it is going down by itself
                await self.host.disconnect(self._connection)

    async def pair(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """The virtual radio does not pair; the car needs none."""
        raise BleakError("the virtual radio does not pair")

    async def unpair(self) -> NoReturn:
        """See `pair`."""
        raise BleakError("the virtual radio does not pair")

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,  # noqa: ARG002 - nothing is cached
        **_kwargs: Any,
    ) -> bytearray:
        """The value, read from the peer."""
        proxy: CharacteristicProxy[bytes] = characteristic.obj
        return bytearray(await self._call(proxy.read_value()))

    async def read_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,
        *,
        use_cached: bool = False,  # noqa: ARG002 - nothing is cached
        **_kwargs: Any,
    ) -> bytearray:
        """The value, read from the peer."""
        return bytearray(await self._call(descriptor.obj.read_value()))

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001 - bleak's signature
    ) -> None:
        """Write in one request; BleakError for more than fits, where BlueZ would do a long write."""
        if self.is_connected and len(data) > self.mtu_size - ATT_HEADER:
            raise BleakError(f"{len(data)} bytes do not fit an MTU of {self.mtu_size}")
        proxy: CharacteristicProxy[bytes] = characteristic.obj
        await self._call(proxy.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """Write and wait for the response."""
        await self._call(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_kwargs: Any
    ) -> None:
        """Subscribe: to notifications where the characteristic has them, else to indications."""

        def subscriber(value: bytes) -> None:
            callback(bytearray(value))

        proxy: CharacteristicProxy[bytes] = characteristic.obj
        await self._call(proxy.subscribe(subscriber, prefer_notify="notify" in characteristic.properties))
        self._subscribers[characteristic.handle] = subscriber

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """End the subscription, if there is one."""
        if subscriber := self._subscribers.pop(characteristic.handle, None):
            await self._call(characteristic.obj.unsubscribe(subscriber))
