"""The bridge's own link on real BlueZ, to a car that echoes: there every byte can be counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from bumble.gatt import Characteristic, Service

from driveway_bridge.simulator.bluetooth import BluetoothCar
from tests.figures import Figures
from tests.radio.echo import EchoCar
from tests.radio.machine import Machine, Python, PythonError
from tests.radio.street import Street

PATIENCE_S = 15.0
GUEST = """
import asyncio, contextlib, time
from driveway_bridge.errors import DrivewayError, LinkLost, NotReached
from driveway_bridge.link import bluez
from driveway_bridge.link.air import Air
from driveway_bridge.link.bluetooth import BluetoothDialer

air = Air(heal=False)
running = asyncio.ensure_future(air.run())
dialer = link = reading = None
got, took = [], {}

def timed(what, began):
    took[what] = time.monotonic() - began

async def read(link):
    with contextlib.suppress(LinkLost):
        while True:
            got.append((await link.receive()).hex())

async def connect(within=20.0):
    global link, reading
    began = time.monotonic()
    link = await dialer.connect(within)
    timed("connect", began)
    reading = asyncio.ensure_future(read(link))

async def exchange(data, within=3.0):
    wanted = sum(map(len, got)) + 2 * len(data)
    began = time.monotonic()
    async with asyncio.timeout(within):  # BlueZ does not answer a write to what it has just removed
        await link.send(data)
        while sum(map(len, got)) < wanted:
            await asyncio.sleep(0.002)
    timed("exchange", began)

async def reason_of(job):
    try:
        await job
    except NotReached as error:
        return [error.reason, error.detail]

async def lost(within=10.0):
    async with asyncio.timeout(within):
        await reading

async def stop():
    if dialer is not None:
        await dialer.close()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
"""
COMMAND = bytes(range(180))  # a signed lock command, framed


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def python(machine: Machine) -> AsyncIterator[Python]:
    """The bridge's link in the machine, with the radio for itself."""
    await machine.sh("systemctl stop driveway 2>/dev/null || true")
    async with machine.python() as python:
        await python(GUEST)
        try:
            yield python
        finally:
            await python("await stop()")


@asynccontextmanager
async def calling(python: Python, vin: str, address: str | None = None) -> AsyncIterator[None]:
    """Look for this car, by its name."""
    await python(f"got.clear(); dialer = BluetoothDialer({vin!r}, air, address={address!r})")
    try:
        yield
    finally:
        await python("await dialer.close()")


async def seconds(python: Python, what: str) -> float:
    return float(await python(f"took[{what!r}]"))


@pytest.mark.parametrize(("vin", "mtu"), [("5YJ3E7EB0KF000003", 247), ("5YJ3E7EB0KF000004", 115)])
async def test_find_connect_and_exchange(vin: str, mtu: int, python: Python, street: Street, figures: Figures) -> None:
    echo = EchoCar()
    async with BluetoothCar(street.air, vin, echo, mtu=mtu) as car, calling(python, vin):
        await python("await connect()")
        figures.note("connect, services not known", await seconds(python, "connect"))
        for _ in range(5):
            await python(f"await exchange({COMMAND!r})")
            figures.note(f"exchange of {len(COMMAND)} bytes, MTU {mtu}", await seconds(python, "exchange"))
        assert [len(piece) for piece in echo.heard[:2]] == ([180, 180] if mtu == 247 else [112, 68])
        await python("await connect()")
        figures.note("connect again after a goodbye of ours", await seconds(python, "connect"))
        await python(f"await exchange({COMMAND!r})")
        await car.drop()
        await python("await lost(); await connect()")
        figures.note("connect again after a loss", await seconds(python, "connect"))
        await python(f"await exchange({COMMAND!r})")
        assert "".join(await python("got")) == COMMAND.hex() * 7


async def test_no_indication_is_handled_twice_whatever_breaks(python: Python, street: Street, figures: Figures) -> None:
    vin, echo, sent = "5YJ3E7EB0KF000005", EchoCar(), 0
    async with BluetoothCar(street.air, vin, echo) as car, calling(python, vin):
        for drop in range(10):
            await python("await connect()")
            if drop:
                figures.note("connect again after a loss", await seconds(python, "connect"))
            for _ in range(3):
                await python(f"await exchange({sent.to_bytes(4, 'big')!r})")
                sent += 1
            if drop % 3 == 0:
                await car.drop()
            elif drop % 3 == 1:
                car.drop_at_write()
                await python(f"with contextlib.suppress(LinkLost): await link.send({sent.to_bytes(4, 'big')!r})")
                sent += 1
            else:
                car.drop_at_indication()
                await python(f"with contextlib.suppress(LinkLost): await link.send({sent.to_bytes(4, 'big')!r})")
                sent += 1
            await python("await lost()")
        handled = await python("got")
    assert len(set(handled)) == len(handled)
    assert len(handled) >= 30
    assert len(handled) <= car.indications
    assert [int.from_bytes(piece, "big") for piece in echo.heard] == list(range(sent))


async def test_a_car_that_hangs_up_at_once_is_called_again(python: Python, street: Street) -> None:
    vin = "5YJ3E7EB0KF000006"
    async with BluetoothCar(street.air, vin, EchoCar()) as car, calling(python, vin):
        car.drop_at_connection()
        await python("await connect()")
        await python(f"await exchange({COMMAND!r})")
        assert car.connections == 2


async def test_the_cars_computer_is_exchanged(python: Python, street: Street, figures: Figures) -> None:
    """The same name, another address."""
    vin, old, new = "5YJ3E7EB0KF000007", "06:00:00:00:0A:01", "06:00:00:00:0A:02"
    async with calling(python, vin, address=old):
        async with BluetoothCar(street.air, vin, EchoCar(), address=old):
            await python("await connect()")
            await python(f"await exchange({COMMAND!r})")
        await python("await lost()")
        async with BluetoothCar(street.air, vin, EchoCar(), address=new) as car:
            began = asyncio.get_running_loop().time()
            reasons = []
            while told := await python("await reason_of(connect(10))"):
                reasons.append(told[0])
            figures.note("connect to an exchanged computer", asyncio.get_running_loop().time() - began)
            assert reasons in ([], ["no_connection"])  # the old address is called once, where it was heard a moment ago
            await python(f"await exchange({COMMAND!r})")
            assert car.links == 1


@pytest.mark.parametrize("tells", [True, False], ids=["the car tells that", "the car does not tell"])
async def test_an_update_of_the_cars_software_moves_its_service(
    tells: bool, python: Python, street: Street, figures: Figures
) -> None:
    """BlueZ subscribes by what it remembers, and the car says nothing: then it has to be made to forget."""
    vin, address = "5YJ3E7EB0KF000008", f"06:00:00:00:0B:0{tells:d}"
    added = Service(
        "FEED", [Characteristic("BEEF", Characteristic.Properties.READ, Characteristic.Permissions.READABLE, b"")]
    )
    async with calling(python, vin):
        for services in ((), (added,), ()):
            echo = EchoCar()
            async with BluetoothCar(
                street.air, vin, echo, address=address, services=services, service_changes=tells
            ) as car:
                began = asyncio.get_running_loop().time()
                failures: list[str] = []
                while True:
                    try:
                        await python("got.clear(); await connect()")
                        await python(f"await exchange({COMMAND!r})")
                        break
                    except PythonError as error:
                        failures.append(str(error))
                        await python("await link.close()")
                assert len(failures) <= 2, failures
                if failures:
                    figures.note("recovery after an update of the car", asyncio.get_running_loop().time() - began)
                assert await python("got") == [COMMAND.hex()]
                assert car.links == 1
                await python("await link.close()")
            await until(lambda: not car.links)


async def test_a_car_whose_places_are_all_taken(python: Python, street: Street, figures: Figures) -> None:
    vin = "5YJ3E7EB0KF000009"
    car = BluetoothCar(street.air, vin, EchoCar())
    car.accept_links(on=False)
    async with car, calling(python, vin):
        began = asyncio.get_running_loop().time()
        reason, detail = await python("await reason_of(dialer.connect(15))")
        figures.note("all places taken: said after", asyncio.get_running_loop().time() - began)
        assert reason == "places_full", detail
        assert car.connections == 0
        car.accept_links(on=True)
        began = asyncio.get_running_loop().time()
        await python("await connect()")
        figures.note("a place is free again: connected after", asyncio.get_running_loop().time() - began)
        assert car.links == 1
