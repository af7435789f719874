"""A Bluetooth proxy as ESPHome makes them, with a radio on the virtual air: its habits are those of the firmware.

It serves one subscriber: the newest since the firmware of July 2026, the first one before (`first_wins`). Whoever lost
it keeps an open connection, hears nothing any more and is answered nothing. A proxy has a few connections to devices
and says how many are free; when the last client goes, it hangs up on them.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aioesphomeapi.model import BluetoothProxyFeature
from bumble.att import ATT_Error
from bumble.core import BaseBumbleError
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.hci import Address

from driveway_bridge.virtual_radio.host import RadioHost, before, open_host
from driveway_bridge.virtual_radio.uuids import long_form
from tests.bridge.link.proxies.native_api import Encrypted, HungUp, Plain, Wire, api_pb2, decode, encode

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OTHER_KEY = "OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg="
GOOD = (
    BluetoothProxyFeature.PASSIVE_SCAN
    | BluetoothProxyFeature.ACTIVE_CONNECTIONS
    | BluetoothProxyFeature.REMOTE_CACHING
    | BluetoothProxyFeature.RAW_ADVERTISEMENTS
    | BluetoothProxyFeature.FEATURE_STATE_AND_MODE
)
SLOTS = 3
NOT_CONNECTED = -1
WANTED_MTU = 517


def number(address: Address) -> int:
    return int(address.to_string(with_type_qualifier=False).replace(":", ""), 16)


def halves(text: str) -> list[int]:
    value = uuid.UUID(text).int
    return [value >> 64, value & (1 << 64) - 1]


class Client:
    """One connection of the native API, as the proxy sees it."""

    def __init__(self, wire: Wire, writer: asyncio.StreamWriter) -> None:
        self.name = ""
        self._wire, self._writer = wire, writer

    def send(self, message: Any) -> None:
        if not self._writer.is_closing():
            self._wire.write(*encode(message))


class PlayedProxy:
    """One proxy. `heard_at` is the signal at which it hears everybody."""

    def __init__(self, name: str, host: RadioHost, *, rssi_dbm: int, key: str | None, features: int = GOOD) -> None:
        self.name, self.key, self.features, self.rssi_dbm = name, key, features, rssi_dbm
        self.first_wins = False
        self.deaf_mute = False
        """Takes connections and bytes, and does nothing any more, as without power behind a switch that keeps TCP."""
        self.limit = SLOTS
        self.reserved = 0
        """Connections that others hold."""
        self.claims = 0
        self.connects = 0
        self.writes = 0
        self.confirmed_writes = 0
        self.modes: list[int] = []
        self.swallow = False
        """Writes go out to the car, and neither their confirmation nor the car's answer comes back."""
        self.subscriber: Client | None = None
        self._host = host
        self._clients: set[Client] = set()
        self._peers: dict[int, Peer] = {}
        self._ended: dict[int, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        host.device.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)

    # What the test does with it.

    @property
    def port(self) -> int:
        return self._port

    @property
    def clients(self) -> int:
        return len(self._clients)

    @property
    def links(self) -> int:
        return len(self._peers)

    async def switch_on(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def switch_off(self) -> None:
        """Power is gone; the port answers no more, the car notices by silence."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await self._end_tasks()
        await server.wait_closed()
        self.subscriber = None
        await self._hang_up_all()

    async def drop_clients(self) -> None:
        """The network breaks the connections; the proxy is there again at once."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def taken_by_another(self) -> None:
        """Another program subscribes: nothing more is told to whom it was told before."""
        self.subscriber = Client(_Nowhere(), _NoWriter())  # type: ignore[arg-type]

    def tell_slots(self) -> None:
        if self.subscriber is not None:
            self.subscriber.send(self._slots())

    async def drop_links(self) -> None:
        """The car hangs up, or is out of range."""
        await self._hang_up_all()

    # The API.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire: Plain | Encrypted = Plain(reader, writer)
        if self.key is not None:
            wire = Encrypted(reader, writer, self.key, self.name)
        client = Client(wire, writer)
        self._writers.add(writer)
        try:
            await wire.greet()
            self._clients.add(client)
            while True:
                self._on_message(client, decode(*await wire.read()))
        except (OSError, EOFError, HungUp):
            pass
        finally:
            self._clients.discard(client)
            self._writers.discard(writer)
            if self.subscriber is client:
                self.subscriber = None
                if self._server is not None:
                    self._spawn(self._hang_up_all())
            with contextlib.suppress(OSError):
                writer.close()

    def _on_message(self, client: Client, message: Any) -> None:
        if self.deaf_mute:
            return
        match type(message).__name__:
            case "HelloRequest":
                client.name = message.client_info
                hello = {"api_version_major": 1, "api_version_minor": 14, "server_info": "played", "name": self.name}
                client.send(api_pb2.HelloResponse(**hello))
            case "PingRequest":
                client.send(api_pb2.PingResponse())
            case "DisconnectRequest":
                client.send(api_pb2.DisconnectResponse())
                raise HungUp
            case "DeviceInfoRequest":
                client.send(self._info())
            case _:
                self._on_bluetooth(client, message)

    def _on_bluetooth(self, client: Client, message: Any) -> None:
        match type(message).__name__:
            case "SubscribeBluetoothLEAdvertisementsRequest":
                self._subscribe(client)
            case "SubscribeBluetoothConnectionsFreeRequest":
                client.send(self._slots())
            case "BluetoothScannerSetModeRequest":
                self.modes.append(message.mode)
            case "BluetoothDeviceRequest":
                self._spawn(self._on_device(message))
            case "BluetoothGATTGetServicesRequest":
                self._spawn(self._services(message.address))
            case "BluetoothGATTNotifyRequest":
                self._notify(message)
            case "BluetoothGATTWriteRequest":
                self._spawn(self._write(message, with_response=message.response))
            case "BluetoothGATTWriteDescriptorRequest":
                self._spawn(self._write(message, with_response=True))

    def _info(self) -> Any:
        return api_pb2.DeviceInfoResponse(
            name=self.name,
            mac_address="AA:BB:CC:00:00:01",
            bluetooth_mac_address="AA:BB:CC:00:00:02",
            esphome_version="2026.10.0",
            bluetooth_proxy_feature_flags=int(self.features),
        )

    def _slots(self) -> Any:
        return api_pb2.BluetoothConnectionsFreeResponse(
            free=self.limit - self.reserved - len(self._peers),
            limit=self.limit,
            allocated=[*range(1, self.reserved + 1), *self._peers],
        )

    def _subscribe(self, client: Client) -> None:
        if self.first_wins and self.subscriber not in (None, client):
            return
        self.claims += 1
        self.subscriber = client
        if self.features & BluetoothProxyFeature.FEATURE_STATE_AND_MODE:
            client.send(
                api_pb2.BluetoothScannerStateResponse(
                    state=api_pb2.BLUETOOTH_SCANNER_STATE_RUNNING, mode=api_pb2.BLUETOOTH_SCANNER_MODE_ACTIVE
                )
            )

    def _tell(self, message: Any) -> None:
        if self.subscriber is not None and not self.deaf_mute:
            self.subscriber.send(message)

    # The radio.

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        self._tell(
            api_pb2.BluetoothLERawAdvertisementsResponse(
                advertisements=[
                    api_pb2.BluetoothLERawAdvertisement(
                        address=number(advertisement.address),
                        rssi=self.rssi_dbm,
                        address_type=0,
                        data=bytes(advertisement.data),
                    )
                ]
            )
        )

    async def _on_device(self, request: Any) -> None:
        if request.request_type == api_pb2.BLUETOOTH_DEVICE_REQUEST_TYPE_DISCONNECT:
            await self._hang_up(request.address)
            self._tell(api_pb2.BluetoothDeviceConnectionResponse(address=request.address, connected=False))
            self.tell_slots()
            return
        self.connects += 1
        if self.limit - self.reserved - len(self._peers) <= 0:
            self._tell(api_pb2.BluetoothDeviceConnectionResponse(address=request.address, connected=False))
            return
        address = Address(request.address.to_bytes(6, "big")[::-1], Address.PUBLIC_DEVICE_ADDRESS)
        try:
            connection = await self._host.dial(address)
            self._attach(request.address, connection)
            peer = self._peers[request.address]
            mtu = await before(peer.request_mtu(WANTED_MTU), self._ended[request.address])
        except BaseBumbleError:
            self._tell(api_pb2.BluetoothDeviceConnectionResponse(address=request.address, connected=False, error=133))
            return
        self._tell(api_pb2.BluetoothDeviceConnectionResponse(address=request.address, connected=True, mtu=mtu))
        self.tell_slots()

    def _attach(self, address: int, connection: Connection) -> None:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_disconnection(_reason: int) -> None:
            self._peers.pop(address, None)
            ended.set_result(None)
            self._tell(api_pb2.BluetoothDeviceConnectionResponse(address=address, connected=False, error=19))
            self.tell_slots()

        connection.once(connection.EVENT_DISCONNECTION, on_disconnection)
        self._peers[address] = Peer(connection)
        self._ended[address] = ended

    async def _services(self, address: int) -> None:
        peer = self._peers.get(address)
        if peer is None:
            return
        answer = api_pb2.BluetoothGATTGetServicesResponse(address=address)
        with contextlib.suppress(BaseBumbleError):
            for service in await before(peer.discover_services(), self._ended[address]):
                told = answer.services.add(uuid=halves(long_form(service.uuid)), handle=service.handle)
                for one in await before(service.discover_characteristics(), self._ended[address]):
                    characteristic = told.characteristics.add(
                        uuid=halves(long_form(one.uuid)), handle=one.handle, properties=int(one.properties)
                    )
                    for descriptor in await before(one.discover_descriptors(), self._ended[address]):
                        characteristic.descriptors.add(
                            uuid=halves(long_form(descriptor.type)), handle=descriptor.handle
                        )
            self._tell(answer)
            self._tell(api_pb2.BluetoothGATTGetServicesDoneResponse(address=address))

    def _notify(self, request: Any) -> None:
        peer = self._peers.get(request.address)
        if peer is None:
            self._tell(self._gatt_error(request))
            return

        def told(value: bytes) -> None:
            if self.swallow:
                return
            self._tell(
                api_pb2.BluetoothGATTNotifyDataResponse(address=request.address, handle=request.handle, data=value)
            )

        peer.gatt_client.indication_subscribers[request.handle] = {told} if request.enable else set()
        self._tell(api_pb2.BluetoothGATTNotifyResponse(address=request.address, handle=request.handle))

    async def _write(self, request: Any, *, with_response: bool) -> None:
        peer = self._peers.get(request.address)
        if peer is None:
            self._tell(self._gatt_error(request))
            return
        self.writes += 1
        try:
            await before(
                peer.gatt_client.write_value(request.handle, request.data, with_response),
                self._ended[request.address],
            )
        except (BaseBumbleError, ATT_Error):
            self._tell(self._gatt_error(request))
            return
        if not self.swallow:
            self.confirmed_writes += 1
            self._tell(api_pb2.BluetoothGATTWriteResponse(address=request.address, handle=request.handle))

    def _gatt_error(self, request: Any) -> Any:
        return api_pb2.BluetoothGATTErrorResponse(address=request.address, handle=request.handle, error=NOT_CONNECTED)

    async def _hang_up(self, address: int) -> None:
        if (peer := self._peers.get(address)) is not None:
            with contextlib.suppress(BaseBumbleError):
                await self._host.disconnect(peer.connection)

    async def _hang_up_all(self) -> None:
        for address in tuple(self._peers):
            await self._hang_up(address)

    def _spawn(self, job: Any) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_tasks(self) -> None:
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


class _Nowhere:
    async def read(self) -> tuple[int, bytes]:
        raise HungUp

    def write(self, number: int, body: bytes) -> None:
        """It goes to another."""


class _NoWriter:
    def is_closing(self) -> bool:
        return False


@asynccontextmanager
async def proxy(
    air_port: int, name: str, *, rssi_dbm: int, key: str | None = KEY, features: int = GOOD
) -> AsyncIterator[PlayedProxy]:
    """A proxy whose radio is on the virtual air with that port; switched on, on a port of its own."""
    async with open_host(f"tcp-client:127.0.0.1:{air_port}") as host:
        played = PlayedProxy(name, host, rssi_dbm=rssi_dbm, key=key, features=features)
        await host.scan_for(played, active=True)
        await played.switch_on()
        try:
            yield played
        finally:
            await played.switch_off()
            await host.stop_scan_for(played)
