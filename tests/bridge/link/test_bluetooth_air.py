"""The air that is always run, on the virtual radio: presence without a link, connecting from what is known, losses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.air import Air
from driveway_bridge.link.base import Link, Sighting
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.protocol.framing import Unframer, frame
from driveway_bridge.simulator.bluetooth import BluetoothCar, address_of
from driveway_bridge.virtual_radio.air import Air as VirtualAir
from tests.bridge.link.test_bluetooth import EchoCar

pytestmark = pytest.mark.timeout(40)

VIN = "5YJ30123456789ABC"
OTHER_VIN = "5YJ3F1FB9JF111111"


@pytest.fixture(autouse=True)
async def no_leftover_tasks() -> AsyncIterator[None]:
    yield
    assert asyncio.all_tasks() - {asyncio.current_task()} == set()


@pytest.fixture
async def ether() -> AsyncIterator[VirtualAir]:
    async with VirtualAir.serve("127.0.0.1", 0, supervision_s=0.1) as ether:
        yield ether


@pytest.fixture
async def car(ether: VirtualAir) -> AsyncIterator[BluetoothCar]:
    async with BluetoothCar(ether, VIN, EchoCar(), interval_ms=20) as car:
        yield car


@asynccontextmanager
async def running(port: int) -> AsyncIterator[Air]:
    air = Air(hci=f"tcp-client:127.0.0.1:{port}")
    task = asyncio.create_task(air.run())
    try:
        yield air
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def air(ether: VirtualAir) -> AsyncIterator[Air]:
    async with running(ether.port) as air:
        yield air


@pytest.fixture
async def dialer(air: Air) -> AsyncIterator[BluetoothDialer]:
    dialer = BluetoothDialer(VIN, air)
    yield dialer
    await dialer.close()


async def until(condition: Callable[[], bool], within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.005)


async def ask(link: Link, message: bytes = b"hello") -> bytes:
    await link.send(frame(message))
    unframer = Unframer()
    async with asyncio.timeout(5):
        while not (messages := unframer.feed(await link.receive(), time.monotonic())):
            pass
    assert len(messages) == 1
    return messages[0]


async def reason(attempt: Callable[[], object]) -> str:
    with pytest.raises(NotReached) as caught:
        await attempt()  # type: ignore[misc]
    return caught.value.reason


async def test_presence_is_told_without_a_link(air: Air, car: BluetoothCar, dialer: BluetoothDialer) -> None:
    """Pains 22, 86."""
    sightings: list[Sighting] = []
    dialer.on_sighting(sightings.append)
    car.heard_at(-77)
    await until(lambda: len(sightings) >= 3)
    assert sightings[-1].rssi_dbm == -77
    assert sightings[-1].connectable is True
    assert sightings[2].at - sightings[0].at >= 2
    assert car.links == 0
    assert dialer.listening
    report = air.report()
    assert (report["kind"], report["state"], report["scanning"]) == ("virtual", "ok", True)


async def test_a_car_that_drove_off_is_not_in_range_within_3_s(
    ether: VirtualAir, car: BluetoothCar, air: Air, dialer: BluetoothDialer
) -> None:
    """Pains 22, 96."""
    async with BluetoothCar(ether, OTHER_VIN, EchoCar(), interval_ms=20):
        await until(lambda: dialer.last_heard is not None and air.listened_s() > 5)
        await car.vanish()
        dialer._ear.failed(asyncio.get_running_loop().time())  # as a poll would have found out
        begun = time.monotonic()
        assert await reason(lambda: dialer.connect(20)) == "not_in_range"
        assert 2 < time.monotonic() - begun < 15
        await car.reappear()
        assert await ask(await dialer.connect(5)) == b"echo hello"


async def test_a_car_with_all_places_taken_says_so(car: BluetoothCar, dialer: BluetoothDialer) -> None:
    """Pain 34."""
    car.accept_links(on=False)
    await until(lambda: dialer.last_heard is not None and dialer.last_heard.connectable is False)
    assert await reason(lambda: dialer.connect(20)) == "places_full"
    car.accept_links(on=True)
    assert await ask(await dialer.connect(5)) == b"echo hello"


async def test_two_cars_on_one_air(ether: VirtualAir, air: Air, car: BluetoothCar, dialer: BluetoothDialer) -> None:
    other = BluetoothDialer(OTHER_VIN, air)
    async with BluetoothCar(ether, OTHER_VIN, EchoCar(), interval_ms=20) as other_car:
        links = await asyncio.gather(dialer.connect(10), other.connect(10))
        assert await asyncio.gather(*(ask(link) for link in links)) == [b"echo hello"] * 2
        assert (car.links, other_car.links, ether.clients) == (1, 1, 1)
        await other.close()
        assert await ask(links[0]) == b"echo hello"
        await until(lambda: air.scanning)


async def test_a_link_that_breaks_off_again_and_again_brings_each_answer_once(
    car: BluetoothCar, dialer: BluetoothDialer
) -> None:
    """Pains 4, 33."""
    for _ in range(4):
        link = await dialer.connect(5)
        assert await ask(link) == b"echo hello"
        car.drop_at_write()
        with pytest.raises(LinkLost):
            await link.send(frame(b"lost"))
    link = await dialer.connect(5)
    assert await ask(link, b"once") == b"echo once"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(link.receive(), 0.2)


async def test_a_car_with_a_new_computer_is_found_at_its_new_address(ether: VirtualAir, air: Air) -> None:
    """Pains 53, 54."""
    told: list[str] = []
    old = "06:11:11:11:11:11"
    dialer = BluetoothDialer(VIN, air, address=old, on_address=told.append)
    async with BluetoothCar(ether, VIN, EchoCar(), interval_ms=20):
        assert await ask(await dialer.connect(10)) == b"echo hello"
        assert told == [address_of(VIN)]
        await dialer.close()


async def test_the_radio_is_opened_again_when_it_was_lost(unused_tcp_port: int) -> None:
    """Pains 2, 17, 29."""
    async with running(unused_tcp_port) as air:
        dialer = BluetoothDialer(VIN, air)
        await until(lambda: air.report()["state"] == "missing")
        assert await reason(lambda: dialer.connect(5)) == "radio_unavailable"
        for _ in range(2):
            async with (
                VirtualAir.serve("127.0.0.1", unused_tcp_port) as ether,
                BluetoothCar(ether, VIN, EchoCar(), interval_ms=20),
            ):
                await until(lambda: dialer.listening)
                link = await dialer.connect(10)
                assert await ask(link) == b"echo hello"
            with pytest.raises(LinkLost):
                await link.receive()
            await until(lambda: air.report()["state"] == "missing")
            assert not dialer.listening
        assert air.report()["steps"] == []
        await dialer.close()
