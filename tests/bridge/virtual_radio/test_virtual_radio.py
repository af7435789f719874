"""The virtual radio by itself: what bleak sees of it, and what a rude client cannot do to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakError, BleakGATTProtocolError
from bumble.hci import (
    Address,
    HCI_ErrorCode,
    HCI_LE_Connection_Complete_Event,
    HCI_LE_Create_Connection_Command,
    HCI_Packet,
    HCI_Reset_Command,
)

from driveway_bridge.link.gatt import FROM_CAR, SERVICE, TO_CAR, VERSION
from driveway_bridge.link.memory import Plug
from driveway_bridge.simulator.bluetooth import BluetoothCar, address_of
from driveway_bridge.simulator.live import PlacesTaken
from driveway_bridge.vin import local_name
from driveway_bridge.virtual_radio.air import Air
from driveway_bridge.virtual_radio.bleak_backend import Backend, adapter

pytestmark = pytest.mark.timeout(30)

VIN = "5YJ30123456789ABC"


class Mute:
    """A car that says nothing; full when told so."""

    def __init__(self) -> None:
        self.full = False
        self.written = bytearray()

    def attach(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> Plug:
        if self.full:
            raise PlacesTaken
        return self

    def feed(self, data: bytes) -> None:
        self.written += data

    def detach(self) -> None:
        pass


@pytest.fixture(autouse=True)
async def no_leftover_tasks() -> AsyncIterator[None]:
    yield
    assert asyncio.all_tasks() - {asyncio.current_task()} == set()


@pytest.fixture
async def air() -> AsyncIterator[Air]:
    async with Air.serve("127.0.0.1", 0, supervision_s=0.1) as air:
        yield air


@pytest.fixture
async def radio(air: Air) -> AsyncIterator[Backend]:
    async with adapter(f"tcp-client:127.0.0.1:{air.port}") as radio:
        yield radio


@pytest.fixture
def mute() -> Mute:
    return Mute()


@pytest.fixture
async def car(air: Air, mute: Mute) -> AsyncIterator[BluetoothCar]:
    async with BluetoothCar(air, VIN, mute, interval_ms=20) as car:
        yield car


async def hear(radio: Backend, *, named: bool = True, active: bool = True) -> tuple[BLEDevice, AdvertisementData]:
    async with (
        asyncio.timeout(5),
        BleakScanner(scanning_mode="active" if active else "passive", backend=radio.scanner) as scanner,
    ):
        async for device, data in scanner.advertisement_data():
            if bool(data.local_name) == named:
                return device, data
    raise AssertionError


async def test_the_name_is_in_the_scan_response_and_the_service_nowhere(radio: Backend, car: BluetoothCar) -> None:
    device, data = await hear(radio)
    assert data.local_name == local_name(VIN)
    assert device.address == address_of(VIN)
    assert data.service_uuids == []
    assert data.platform_data == ({"connectable": True},)


async def test_a_chip_that_still_has_a_link_which_its_host_has_forgotten_connects_again(
    air: Air, car: BluetoothCar
) -> None:
    events: asyncio.Queue[bytes] = asyncio.Queue()

    class Sink:
        def on_packet(self, packet: bytes) -> None:
            events.put_nowait(packet)

    async def connection() -> int:
        """Dial; the handle of the connection that came about."""
        unit.on_packet(bytes(dial))
        async with asyncio.timeout(5):
            while True:
                event = HCI_Packet.from_bytes(await events.get())
                if isinstance(event, HCI_LE_Connection_Complete_Event):
                    assert event.status == 0
                    return event.connection_handle

    unit = air.unit("forgetful")
    unit.set_packet_sink(Sink())
    dial = HCI_LE_Create_Connection_Command(
        le_scan_interval=16,
        le_scan_window=16,
        initiator_filter_policy=0,
        peer_address_type=0,
        peer_address=Address(car.address, Address.PUBLIC_DEVICE_ADDRESS),
        own_address_type=0,
        connection_interval_min=24,
        connection_interval_max=40,
        max_latency=0,
        supervision_timeout=42,
        min_ce_length=0,
        max_ce_length=0,
    )
    await connection()
    await connection()
    assert len(unit.le_connections) == 1
    assert car.links == 1


async def test_a_passive_scan_hears_no_name(radio: Backend, car: BluetoothCar) -> None:
    device, data = await hear(radio, named=False, active=False)
    assert device.address == address_of(VIN)
    assert data.local_name is None


async def test_bleak_finds_the_service_as_a_car_has_it(radio: Backend, car: BluetoothCar) -> None:
    device, _ = await hear(radio)
    async with BleakClient(device, backend=radio.client) as client:
        service = client.services.get_service(SERVICE)
        assert service is not None
        assert {c.uuid: c.properties for c in service.characteristics} == {
            TO_CAR: ["write"],
            FROM_CAR: ["indicate"],
            VERSION: ["read"],
        }
        assert client.mtu_size == 247
        assert await client.read_gatt_char(VERSION) == b"\x00\x00\x00\x01"
        assert not client.name.startswith("06")
    assert not client.is_connected


async def test_a_write_that_does_not_fit_is_refused(radio: Backend, car: BluetoothCar, mute: Mute) -> None:
    device, _ = await hear(radio)
    async with BleakClient(device, backend=radio.client) as client:
        with pytest.raises(BleakError, match="245 bytes do not fit"):
            await client.write_gatt_char(TO_CAR, bytes(245), response=True)
        await client.write_gatt_char(TO_CAR, bytes(244), response=True)
        with pytest.raises(BleakGATTProtocolError):
            await client.read_gatt_char(TO_CAR)
    assert mute.written == bytes(244)


async def test_the_loss_of_the_link_is_told_once(radio: Backend, car: BluetoothCar) -> None:
    device, _ = await hear(radio)
    told: list[BleakClient] = []
    client = BleakClient(device, told.append, backend=radio.client)
    await client.connect()
    write = asyncio.create_task(client.write_gatt_char(TO_CAR, b"x", response=True))
    car.drop_at_write()
    with pytest.raises(BleakError):
        await write
    assert told == [client]
    assert not client.is_connected
    with pytest.raises(BleakError):
        await client.write_gatt_char(TO_CAR, b"x", response=True)
    await client.disconnect()
    await client.connect()
    await client.disconnect()
    assert told == [client, client]


async def test_a_connection_that_takes_too_long_is_given_up(radio: Backend, car: BluetoothCar) -> None:
    device, _ = await hear(radio)
    await car.advertise(on=False)
    with pytest.raises(TimeoutError):
        await BleakClient(device, timeout=0.1, backend=radio.client).connect()
    await car.advertise(on=True)
    async with BleakClient(device, backend=radio.client) as client:
        assert client.is_connected
        assert car.links == 1


async def test_a_car_without_a_place_hangs_up(radio: Backend, car: BluetoothCar, mute: Mute) -> None:
    device, _ = await hear(radio)
    mute.full = True
    gone = asyncio.Event()
    client = BleakClient(device, lambda _client: gone.set(), backend=radio.client)
    try:
        await client.connect()
        await asyncio.wait_for(gone.wait(), 5)
    except BleakError:
        pass
    assert not client.is_connected
    assert car.links == 0


async def test_a_radio_without_a_process_behind_it(unused_tcp_port: int) -> None:
    with pytest.raises(BleakBluetoothNotAvailableError):
        async with adapter(f"tcp-client:127.0.0.1:{unused_tcp_port}"):
            pass
    with pytest.raises(BleakBluetoothNotAvailableError):
        async with adapter("tcp-client:nonsense"):
            pass


async def test_when_the_air_ends_bleak_is_told(mute: Mute) -> None:
    async with Air.serve("127.0.0.1", 0) as air, BluetoothCar(air, VIN, mute, interval_ms=20):
        radio_context = adapter(f"tcp-client:127.0.0.1:{air.port}")
        radio = await radio_context.__aenter__()
        device, _ = await hear(radio)
        gone = asyncio.Event()
        client = BleakClient(device, lambda _client: gone.set(), backend=radio.client)
        await client.connect()
        scanner = BleakScanner(backend=radio.scanner)
        await scanner.start()
        for port in list(air.ports):
            port.close()
        await asyncio.wait_for(gone.wait(), 5)
        await asyncio.wait_for(radio.lost, 5)
        await scanner.stop()
        with pytest.raises(BleakError):
            await scanner.start()
        with pytest.raises(BleakError):
            await client.connect()
        await radio_context.__aexit__(None, None, None)


async def test_every_client_is_a_radio_of_its_own(air: Air, car: BluetoothCar) -> None:
    name = f"tcp-client:127.0.0.1:{air.port}"
    async with adapter(name) as first, adapter(name) as second:
        assert air.clients == 2
        devices = [(await hear(radio))[0] for radio in (first, second)]
        async with (
            BleakClient(devices[0], backend=first.client),
            BleakClient(devices[1], backend=second.client),
        ):
            assert car.links == 2


async def test_clients_come_and_go_without_end(air: Air, car: BluetoothCar) -> None:
    units = len(air.controllers)
    for _ in range(30):
        async with adapter(f"tcp-client:127.0.0.1:{air.port}") as radio:
            device, _ = await hear(radio)
            client = BleakClient(device, backend=radio.client)
            await client.connect()
            for port in list(air.ports):
                port.close()  # no goodbye on the air
            await radio.lost
    async with asyncio.timeout(5):
        while car.links:  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.01)
    assert len(air.controllers) == units
    assert air.clients == 0


async def test_a_client_that_speaks_no_hci_is_cut_off_and_nobody_else(
    air: Air, radio: Backend, car: BluetoothCar
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", air.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    device, _ = await hear(radio)
    assert device.address == address_of(VIN)


async def test_a_client_that_stops_reading_is_cut_off(air: Air) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", air.port, limit=1)  # it reads a little, then stops
    async with asyncio.timeout(5):
        while not air.ports:  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.01)
    (port,) = air.ports
    async with asyncio.timeout(20):
        while air.ports:
            port.on_packet(bytes(100_000))
            await asyncio.sleep(0)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_reset_ends_what_the_host_had_asked_for(air: Air) -> None:
    """A computer that switches its adapter off in the midst of a scan resets it when it comes back."""
    unit = air.unit("chip")
    unit.le_scan_enable = True
    assert unit.on_hci_reset_command(HCI_Reset_Command()).status == HCI_ErrorCode.SUCCESS
    assert not unit.le_scan_enable
