"""The Bluetooth link, through bleak's public API, to a car on the virtual radio."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from bumble.core import AdvertisingData
from bumble.device import Device, DeviceConfiguration
from bumble.hci import OwnAddressType
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from driveway_bridge.errors import DrivewayError, LinkLost, NotReached
from driveway_bridge.link.air import Air as Radio
from driveway_bridge.link.base import Link
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.protocol.framing import Unframer, frame
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.vin import local_name
from driveway_bridge.virtual_radio.air import Air

pytestmark = pytest.mark.timeout(30)

VIN = "5YJ30123456789ABC"
OTHER_VIN = "5YJ3F1FB9JF111111"
COMMAND = bytes(range(178))  # a signed lock command has 178 bytes, 180 framed


class EchoPlug:
    def __init__(self, car: EchoCar, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> None:
        self.send, self.hang_up = send, hang_up
        self._car = car
        self._unframer = Unframer()

    def feed(self, data: bytes) -> None:
        for message in self._unframer.feed(data, time.monotonic()):
            self._car.heard.append(message)
            self.send(frame(b"echo " + message))

    def detach(self) -> None:
        self._car.plugs.remove(self)


class EchoCar:
    """Says every message again."""

    def __init__(self) -> None:
        self.plugs: list[EchoPlug] = []
        self.heard: list[bytes] = []

    def attach(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> EchoPlug:
        plug = EchoPlug(self, send, hang_up)
        self.plugs.append(plug)
        return plug


@pytest.fixture(autouse=True)
async def no_leftover_tasks() -> AsyncIterator[None]:
    yield
    assert asyncio.all_tasks() - {asyncio.current_task()} == set()


@pytest.fixture(autouse=True)
def quiet_bumble(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    said = [f"{r.name}: {r.getMessage()}" for when in ("setup", "call") for r in caplog.get_records(when)
            if r.name.startswith(("bumble", "asyncio")) and r.levelno >= logging.WARNING]  # fmt: skip
    assert said == []


@pytest.fixture
async def air() -> AsyncIterator[Air]:
    async with Air.serve("127.0.0.1", 0, supervision_s=0.1) as air:
        yield air


@pytest.fixture
async def dialer(air: Air) -> AsyncIterator[BluetoothDialer]:
    async with dialing(air) as dialer:
        yield dialer


@pytest.fixture
def echo() -> EchoCar:
    return EchoCar()


@pytest.fixture
async def car(air: Air, echo: EchoCar) -> AsyncIterator[BluetoothCar]:
    async with BluetoothCar(air, VIN, echo, interval_ms=20) as car:
        yield car


@asynccontextmanager
async def dialing(air: Air, vin: str = VIN) -> AsyncIterator[BluetoothDialer]:
    dialer = BluetoothDialer(vin, Radio(hci=f"tcp-client:127.0.0.1:{air.port}"))
    try:
        yield dialer
    finally:
        await dialer.close()


async def answer(link: Link) -> bytes:
    unframer = Unframer()
    async with asyncio.timeout(5):
        while not (messages := unframer.feed(await link.receive(), time.monotonic())):
            pass
    return messages[0]


async def ask(link: Link, message: bytes = COMMAND) -> bytes:
    await link.send(frame(message))
    return await answer(link)


async def everything(link: Link) -> list[bytes]:
    """What is received until the link is lost."""
    pieces: list[bytes] = []
    try:
        while True:
            pieces.append(await link.receive())
    except LinkLost:
        return pieces


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.005)


async def reason(attempt: Callable[[], object]) -> str:
    with pytest.raises(DrivewayError) as caught:
        await attempt()  # type: ignore[misc]
    return caught.value.reason


# Finding ------------------------------------------------------------------------------------------------------------


async def test_finds_the_car_by_the_name_in_its_scan_response(car: BluetoothCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    assert await ask(link, b"hello") == b"echo hello"
    heard = dialer.last_heard
    assert heard is not None
    assert heard.rssi_dbm == -60
    assert heard.connectable is True
    assert 0 <= time.monotonic() - heard.at < 5


async def test_the_signal_is_that_of_the_car(car: BluetoothCar, dialer: BluetoothDialer) -> None:
    car.heard_at(-87)
    await dialer.connect(5)
    assert dialer.last_heard is not None
    assert dialer.last_heard.rssi_dbm == -87


async def test_another_car_is_not_taken(air: Air, echo: EchoCar, dialer: BluetoothDialer) -> None:
    async with BluetoothCar(air, OTHER_VIN, echo, interval_ms=20):
        assert await reason(lambda: dialer.connect(0.3)) == "not_in_range"
    assert dialer.last_heard is None


async def test_our_car_is_told_from_another_beside_it(air: Air, car: BluetoothCar, dialer: BluetoothDialer) -> None:
    other = EchoCar()
    async with BluetoothCar(air, OTHER_VIN, other, interval_ms=20):
        await ask(await dialer.connect(5))
    assert other.heard == []


async def test_a_car_that_is_not_there_is_not_in_range_at_the_deadline(dialer: BluetoothDialer) -> None:
    started = time.monotonic()
    assert await reason(lambda: dialer.connect(0.3)) == "not_in_range"
    assert 0.25 < time.monotonic() - started < 10


async def test_a_stranger_with_the_cars_name_is_not_taken_for_the_car(air: Air, dialer: BluetoothDialer) -> None:
    unit = air.unit("stranger", "06:99:99:99:99:99")
    stranger = Device(config=DeviceConfiguration(name="x"), host=Host(unit, AsyncPipeSink(unit)))
    await stranger.power_on()
    name = AdvertisingData([(AdvertisingData.Type.COMPLETE_LOCAL_NAME, local_name(VIN).encode())])
    await stranger.start_advertising(
        own_address_type=OwnAddressType.PUBLIC,
        advertising_data=bytes(name),
        advertising_interval_min=20,
        advertising_interval_max=20,
    )
    with pytest.raises(NotReached) as caught:
        await dialer.connect(5)
    assert caught.value.reason == "no_connection"
    assert "service" in caught.value.detail


async def test_a_hidden_car_that_shows_itself_is_found(car: BluetoothCar, dialer: BluetoothDialer) -> None:
    await car.advertise(on=False)
    attempt = asyncio.create_task(dialer.connect(5))
    await asyncio.sleep(0.1)
    assert not attempt.done()
    await car.advertise(on=True)
    assert await ask(await attempt) == b"echo " + COMMAND


# Carrying -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mtu", "writes"), [(23, 9), (115, 2), (247, 1)])
async def test_frames_are_cut_to_the_mtu(air: Air, dialer: BluetoothDialer, mtu: int, writes: int) -> None:
    echo = EchoCar()
    async with BluetoothCar(air, VIN, echo, mtu=mtu, interval_ms=20) as car:
        link = await dialer.connect(5)
        assert await ask(link) == b"echo " + COMMAND
        assert car.writes == writes
        await link.send(frame(COMMAND))
        pieces = [len(await link.receive())]
        while sum(pieces) < 2 + 5 + len(COMMAND):
            pieces.append(len(await link.receive()))
    assert max(pieces) == min(mtu - 3, sum(pieces))


@pytest.mark.parametrize("mtu", [23, 247])
async def test_frames_of_two_senders_never_mix(air: Air, dialer: BluetoothDialer, mtu: int) -> None:
    echo = EchoCar()
    async with BluetoothCar(air, VIN, echo, mtu=mtu, interval_ms=20):
        link = await dialer.connect(5)
        messages = [bytes([number]) * 500 for number in range(8)]
        await asyncio.gather(*(link.send(frame(message)) for message in messages))
        assert sorted(echo.heard) == messages


async def test_what_the_car_says_unasked_is_received(car: BluetoothCar, echo: EchoCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    for number in range(20):
        echo.plugs[0].send(frame(bytes([number]) * 300))
    unframer, received = Unframer(), list[bytes]()
    while len(received) < 20:
        received += unframer.feed(await link.receive(), time.monotonic())
    assert received == [bytes([number]) * 300 for number in range(20)]


async def test_slow_air_keeps_the_order(air: Air, car: BluetoothCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    air.delay_s = 0.005
    assert [await ask(link, bytes([n]) * 400) for n in range(5)] == [b"echo " + bytes([n]) * 400 for n in range(5)]


async def test_a_flood_that_nobody_reads_ends_the_link_instead_of_filling_the_memory(
    car: BluetoothCar, echo: EchoCar, dialer: BluetoothDialer
) -> None:
    link = await dialer.connect(5)
    for _ in range(300):
        echo.plugs[0].send(frame(b"x"))
    await until(lambda: link._end is not None)  # type: ignore[attr-defined]
    assert len(await everything(link)) == 256


# Places -------------------------------------------------------------------------------------------------------------


async def test_the_fourth_is_told_that_all_places_are_taken(air: Air, car: BluetoothCar, echo: EchoCar) -> None:
    async with dialing(air) as first, dialing(air) as second, dialing(air) as third, dialing(air) as fourth:
        links = [await dialer.connect(5) for dialer in (first, second, third)]
        assert [await ask(link, b"%d" % n) for n, link in enumerate(links)] == [b"echo 0", b"echo 1", b"echo 2"]
        assert car.links == len(echo.plugs) == 3
        assert await reason(lambda: fourth.connect(5)) == "places_full"
        assert fourth.last_heard is not None
        assert fourth.last_heard.connectable is False
        await links[1].close()
        assert await ask(await fourth.connect(5)) == b"echo " + COMMAND


async def test_two_who_call_at_once_are_both_served(air: Air, car: BluetoothCar) -> None:
    async with dialing(air) as first, dialing(air) as second:
        links = await asyncio.gather(first.connect(5), second.connect(5))
        assert await asyncio.gather(*(ask(link) for link in links)) == [b"echo " + COMMAND] * 2


async def test_a_place_is_given_back(car: BluetoothCar, echo: EchoCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    await link.close()
    await link.close()
    await until(lambda: car.links == 0 and echo.plugs == [])
    with pytest.raises(LinkLost) as caught:
        await link.send(frame(b"late"))
    assert caught.value.may_have_happened is False
    with pytest.raises(LinkLost):
        await link.receive()
    assert echo.heard == []


async def test_a_new_connection_gives_the_old_link_back(car: BluetoothCar, dialer: BluetoothDialer) -> None:
    old = await dialer.connect(5)
    new = await dialer.connect(5)
    assert await ask(new) == b"echo " + COMMAND
    assert car.links == 1
    with pytest.raises(LinkLost):
        await old.receive()


# Losing -------------------------------------------------------------------------------------------------------------


async def test_the_car_drops_the_link_in_the_middle_of_a_frame(air: Air, dialer: BluetoothDialer) -> None:
    echo = EchoCar()
    async with BluetoothCar(air, VIN, echo, mtu=23, interval_ms=20) as car:
        link = await dialer.connect(5)
        car.drop_at_write(4)
        with pytest.raises(LinkLost) as caught:
            await link.send(frame(COMMAND))
        assert caught.value.may_have_happened is True
        assert caught.value.reason == "link_lost"
        assert echo.heard == []
        with pytest.raises(LinkLost):
            await link.receive()
        assert await ask(await dialer.connect(5)) == b"echo " + COMMAND


async def test_the_car_has_the_command_and_drops_the_link_without_confirming(
    car: BluetoothCar, echo: EchoCar, dialer: BluetoothDialer
) -> None:
    link = await dialer.connect(5)
    car.drop_at_write()
    with pytest.raises(LinkLost) as caught:
        await link.send(frame(COMMAND))
    assert caught.value.may_have_happened is True
    assert echo.heard == [COMMAND]


async def test_the_car_drops_the_link_in_the_middle_of_an_answer(air: Air, dialer: BluetoothDialer) -> None:
    async with BluetoothCar(air, VIN, EchoCar(), mtu=23, interval_ms=20) as car:
        link = await dialer.connect(5)
        car.drop_at_indication(4)
        await link.send(frame(COMMAND))
        assert b"".join(await everything(link)) == frame(b"echo " + COMMAND)[:60]
        with pytest.raises(LinkLost):
            await link.receive()


async def test_the_car_drops_the_link_right_after_it_was_made(car: BluetoothCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    await car.drop()
    with pytest.raises(LinkLost):
        await link.receive()
    with pytest.raises(LinkLost) as caught:
        await link.send(frame(COMMAND))
    assert caught.value.may_have_happened is False
    assert await ask(await dialer.connect(5)) == b"echo " + COMMAND


async def test_the_car_hangs_up_by_itself(car: BluetoothCar, echo: EchoCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    echo.plugs[0].hang_up()
    with pytest.raises(LinkLost):
        await link.receive()
    await until(lambda: echo.plugs == [])


async def test_each_answer_comes_once_however_often_the_link_was_dropped(
    car: BluetoothCar, dialer: BluetoothDialer
) -> None:
    for _ in range(3):
        await dialer.connect(5)
        await car.drop()
    link = await dialer.connect(5)
    await link.send(frame(b"once"))
    assert await link.receive() == frame(b"echo once")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(link.receive(), 0.1)


async def test_out_of_range_and_back(car: BluetoothCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    await car.vanish()
    with pytest.raises(LinkLost):
        await asyncio.wait_for(link.receive(), 5)
    assert await reason(lambda: dialer.connect(0.2)) == "not_in_range"
    await until(lambda: car.links == 0)
    await car.reappear()
    assert await ask(await dialer.connect(5)) == b"echo " + COMMAND


async def test_silence_during_a_write_is_an_unknown_outcome(car: BluetoothCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    await car.vanish()
    with pytest.raises(LinkLost) as caught:
        await link.send(frame(COMMAND))
    assert caught.value.may_have_happened is True


async def test_a_frame_given_up_halfway_ends_the_link(air: Air, car: BluetoothCar, dialer: BluetoothDialer) -> None:
    link = await dialer.connect(5)
    air.delay_s = 0.5
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(link.send(frame(COMMAND)), 0.05)
    with pytest.raises(LinkLost):
        await link.send(frame(COMMAND))
    air.delay_s = 0


async def test_a_call_that_is_given_up_leaves_nothing_behind(
    car: BluetoothCar, echo: EchoCar, dialer: BluetoothDialer
) -> None:
    await car.vanish()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(dialer.connect(5), 0.1)
    await car.reappear()
    await asyncio.sleep(0.2)
    assert car.links == 0
    assert await ask(await dialer.connect(5)) == b"echo " + COMMAND


# The radio ----------------------------------------------------------------------------------------------------------


async def test_no_radio_at_the_address(unused_tcp_port: int) -> None:
    dialer = BluetoothDialer(VIN, Radio(hci=f"tcp-client:127.0.0.1:{unused_tcp_port}"))
    assert await reason(lambda: dialer.connect(5)) == "radio_unavailable"
    await dialer.close()


async def test_a_radio_that_never_answers() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    hung_up = asyncio.Event()
    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        mute = BluetoothDialer(VIN, Radio(hci=f"tcp-client:127.0.0.1:{port}"))
        assert await reason(lambda: mute.connect(0.3)) == "radio_unavailable"
        await mute.close()
        await hung_up.wait()


async def test_the_radio_goes_away_during_the_scan_and_comes_back(unused_tcp_port: int) -> None:
    dialer = BluetoothDialer(VIN, Radio(hci=f"tcp-client:127.0.0.1:{unused_tcp_port}"))
    async with Air.serve("127.0.0.1", unused_tcp_port) as air:
        attempt = asyncio.create_task(dialer.connect(20))
        await until(lambda: air.clients == 1)
        await asyncio.sleep(0.1)
    started = time.monotonic()
    assert await reason(lambda: attempt) == "radio_unavailable"
    assert time.monotonic() - started < 10
    async with (
        Air.serve("127.0.0.1", unused_tcp_port) as air,
        BluetoothCar(air, VIN, EchoCar(), interval_ms=20),
    ):
        link = await dialer.connect(5)
        assert await ask(link) == b"echo " + COMMAND
    with pytest.raises(LinkLost):
        await link.receive()
    await dialer.close()


async def test_a_system_without_bluetooth_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    dialer = BluetoothDialer(VIN, Radio())
    assert await reason(lambda: dialer.connect(5)) == "no_bluetooth_service"
    await dialer.close()
