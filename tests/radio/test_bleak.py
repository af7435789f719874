"""What the link relies on in bleak, bleak-retry-connector and BlueZ: one fact, one test, on the real ones.

An upgrade that breaks a fact is seen here, by its name. Where the facts are relied on:

- link/scanner.py `Scan.begin`: the keywords of the scanner; the name of the scan response is `local_name`
- link/radio.py `EVERY_CALL`, link/bluetooth.py `FRESH_S`: each call of a car that stands still is passed on
- link/bluetooth.py `_find`: a device can be connected to after the scan in which it was heard
- link/bluetooth_link.py `Forgotten`: a car that takes no links is dropped with the end of the scan; services are cached
- link/radio.py `RADIO_ERRORS`, `failure`: which errors come, for which cause
- link/bluetooth_link.py `send`: pieces of MTU - 3 bytes, each confirmed; what a loss in the middle looks like
- link/bluetooth_link.py `subscribe`, `_on_indication`: indications are asked for, and each comes once
- link/bluetooth_link.py `close`: disconnecting after a loss is what keeps them from coming twice
- link/bluetooth_link.py `open_link`: `establish_connection` tries again; a connection that is given up leaves nothing
- link/bluetooth_link.py `_spare_version`: bleak's question for the version of BlueZ must not be given up
- link/ear.py: the name that BlueZ keeps for a linked car is another one
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from driveway_bridge.link.gatt import ATT_HEADER, SERVICE
from driveway_bridge.simulator.bluetooth import GAP_NAME, BluetoothCar
from driveway_bridge.vin import local_name
from tests.figures import Figures
from tests.radio.echo import EchoCar
from tests.radio.machine import Machine, Python, PythonError
from tests.radio.street import Street

ECHO_VIN = "5YJ3E7EB0KF000001"
SHORT_VIN = "5YJ3E7EB0KF000002"
SHORT_MTU = 115
PATIENCE_S = 15.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ALL_RADIO_ERRORS = "(BleakError, OSError, EOFError)"
GUEST = """
import asyncio, contextlib, os, time, warnings
from bleak import BleakClient, BleakScanner
from bleak.exc import *
from bleak_retry_connector import establish_connection
from driveway_bridge.link.gatt import FROM_CAR, SERVICE, TO_CAR

WITH = {"bluez": {"adapter": "hci0"}}
EVERY_CALL = {"bluez": {"adapter": "hci0", "filters": {"DuplicateData": True}}}
heard, lost, got = [], [], []

async def scan(name, seconds=12.0, calls=1, all_calls=True):
    heard.clear()
    news = asyncio.Event()
    def hear(device, data):
        if data.local_name == name:
            heard.append((time.monotonic(), device, data))
            news.set()
    scanner = BleakScanner(hear, scanning_mode="active", **(EVERY_CALL if all_calls else WITH))
    await scanner.start()
    try:
        async with asyncio.timeout(seconds):
            while len(heard) < calls:
                news.clear()
                await news.wait()
    finally:
        await scanner.stop()
    return heard[-1][1]

def made(device, **more):
    return BleakClient(device, disconnected_callback=lambda _: lost.append(time.monotonic()), **WITH, **more)

async def listen(client):
    await client.start_notify(FROM_CAR, lambda _, data: got.append(bytes(data).hex()))

async def until(condition, seconds=10.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)

async def error_of(job):
    try:
        await job
    except BaseException as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        reason = getattr(error, "reason", None)
        return [kinds, getattr(reason, "name", None), getattr(error, "dbus_error", None), str(error)]
"""


class Error:
    """What a call of bleak has ended with."""

    def __init__(self, told: list[Any] | None) -> None:
        assert told is not None, "no error at all"
        self.kinds: list[str] = told[0]
        self.reason: str | None = told[1]
        self.dbus: str | None = told[2]
        self.text: str = told[3]

    def __repr__(self) -> str:
        return f"{self.kinds[0]} {self.reason} {self.dbus}: {self.text}"

    @property
    def expected(self) -> bool:
        """Whether the link takes it for an error of the radio."""
        return bool({"BleakError", "OSError", "EOFError"} & set(self.kinds))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def python(machine: Machine) -> AsyncIterator[Python]:
    await machine.sh("systemctl stop driveway 2>/dev/null || true")
    async with machine.python() as python:
        await python(GUEST)
        yield python


@pytest.fixture(scope="module")
def echo() -> EchoCar:
    return EchoCar()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def parked(street: Street, echo: EchoCar) -> AsyncIterator[BluetoothCar]:
    async with BluetoothCar(street.air, ECHO_VIN, echo) as car:
        yield car


@pytest_asyncio.fixture(loop_scope="session")
async def car(parked: BluetoothCar, python: Python, street: Street) -> AsyncIterator[BluetoothCar]:
    """A car that echoes, of which nobody knows anything; `client` is not connected to it afterwards."""
    await python("lost.clear(); got.clear(); client = None")
    yield parked
    await parked.reappear()
    parked.accept_links(on=True)
    parked.at_subscription = lambda: None
    await street.machine.sh("bluetoothctl power on")
    await python(f"if client is not None:\n with contextlib.suppress{ALL_RADIO_ERRORS}:\n  await client.disconnect()")
    await until(lambda: not parked.links)


@pytest.fixture
def requests() -> Iterator[list[str]]:
    """Each request that the machine sends to a car's services."""
    found: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "GATT Request to server" in (text := record.getMessage()):
                found.append(" ".join(_COLOUR.sub("", text).split()))

    logger, listener = logging.getLogger("bumble.gatt_server"), Listener()
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield found
    logger.removeHandler(listener)
    logger.setLevel(level)
    logger.propagate = True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.01)


async def find(python: Python, vin: str = ECHO_VIN) -> None:
    await python(f"device = await scan({local_name(vin)!r})")


async def connect(python: Python, vin: str = ECHO_VIN) -> None:
    """Find the car, connect and listen to it; once more where BlueZ was still ending an earlier connection."""
    await find(python, vin)
    try:
        await python("client = made(device); await client.connect()")
    except PythonError as error:
        if error.kind != "BleakError":
            raise
        await find(python, vin)
        await python("lost.clear(); client = made(device); await client.connect()")
    await python("await listen(client)")


async def error_of(python: Python, job: str) -> Error:
    return Error(await python(f"await error_of({job})"))


# Listening ----------------------------------------------------------------------------------------------------------


async def test_a_scan_tells_the_name_of_the_scan_response_and_the_signal(
    car: BluetoothCar, python: Python, street: Street
) -> None:
    car.heard_at(-71)
    await find(python)
    address, name, rssi, services, connectable = await python(
        "_, device, data = heard[-1]\n"
        "told = repr(data.platform_data).lower()\n"
        "[device.address, device.name, data.rssi, data.service_uuids, 'connectable' in told]"
    )
    car.heard_at(None)
    assert (address, name, rssi) == (car.address, local_name(ECHO_VIN), -71)
    assert SERVICE not in services
    assert not connectable, "BlueZ tells now whether a car takes links: link/ear.py can use that"


async def test_each_call_of_a_car_that_stands_still_is_passed_on(
    car: BluetoothCar, python: Python, figures: Figures
) -> None:
    await python(f"await scan({local_name(ECHO_VIN)!r}, calls=20)")
    for gap in await python("[later[0] - earlier[0] for earlier, later in zip(heard, heard[1:])]"):
        figures.note("a car that stands still is passed on again after", gap)


async def test_without_being_asked_for_each_call_a_newer_bluez_passes_on_the_first_only(
    car: BluetoothCar, python: Python, machine: Machine
) -> None:
    scanning = f"await error_of(scan({local_name(ECHO_VIN)!r}, calls=3, seconds=5, all_calls=False))"
    told = await python(scanning)
    if machine.release == "bookworm":
        assert told is None, "and the older one does not either: link/radio.py tells why it asks"
    else:
        assert told is not None, "it need not be asked any more: EVERY_CALL in link/radio.py"


async def test_a_car_can_be_connected_to_after_the_scan_has_ended(car: BluetoothCar, python: Python) -> None:
    await connect(python)
    assert car.links == 1
    assert await python("[client.is_connected, client.services.get_service(SERVICE) is not None]") == [True, True]


async def test_a_car_that_takes_no_links_is_dropped_when_the_scan_ends(car: BluetoothCar, python: Python) -> None:
    car.accept_links(on=False)
    await find(python)
    error = await error_of(python, "establish_connection(BleakClient, device, 'car', **WITH)")
    assert error.kinds[0] == "BleakNotFoundError"
    assert "not found" in error.text


async def test_the_name_that_bluez_keeps_is_another_one_until_it_hears_the_car_again(
    car: BluetoothCar, python: Python, machine: Machine
) -> None:
    await connect(python)
    path = await python("device.details['path']")
    await machine.until(
        f"busctl get-property org.bluez {path} org.bluez.Device1 Name | grep -F '{_octal(GAP_NAME)}'", 10
    )
    await python("await client.disconnect()")
    await find(python)
    assert await python("[device.name, heard[-1][2].local_name]") == [local_name(ECHO_VIN)] * 2


def _octal(text: str) -> str:
    """As busctl prints it."""
    return "".join(f"\\{byte:03o}" for byte in text.encode())


# Talking ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vin", [ECHO_VIN, SHORT_VIN], ids=["MTU 247", "MTU 115"])
async def test_a_piece_has_three_bytes_less_than_the_mtu(
    vin: str, car: BluetoothCar, echo: EchoCar, python: Python, street: Street
) -> None:
    async with BluetoothCar(street.air, SHORT_VIN, echo, mtu=SHORT_MTU):
        await connect(python, vin)
        largest = await python("client.services.get_characteristic(TO_CAR).max_write_without_response_size")
        assert largest == (247 if vin == ECHO_VIN else SHORT_MTU) - ATT_HEADER
        echo.heard.clear()
        await python(f"await client.write_gatt_char(TO_CAR, bytes(range({largest})), response=True)")
        assert echo.heard == [bytes(range(largest))]
        await python("await until(lambda: got)")
        assert await python("got") == [bytes(range(largest)).hex()]
        assert (
            await python("import warnings\nwith warnings.catch_warnings(action='ignore'): _ = client.mtu_size\n_") == 23
        )
        await python("await client.disconnect()")


async def test_a_longer_write_is_cut_by_bluez_itself(
    car: BluetoothCar, echo: EchoCar, python: Python, requests: list[str]
) -> None:
    """The link does not leave it to BlueZ, since not every car and adapter carries such writes."""
    await connect(python)
    echo.heard.clear()
    await python("await client.write_gatt_char(TO_CAR, bytes(300), response=True)")
    assert echo.heard == [bytes(300)]
    assert sum("ATT_PREPARE_WRITE_REQUEST" in request for request in requests) == 2


async def test_indications_are_asked_for_and_each_comes_once(
    car: BluetoothCar, echo: EchoCar, python: Python, requests: list[str]
) -> None:
    subscriptions = car.subscriptions
    await connect(python)
    assert car.subscriptions == subscriptions + 1
    assert "attribute_value: 0200" in requests[-1]
    for number in range(20):
        echo.say(bytes([number]))
    await python("await until(lambda: len(got) >= 20)")
    await python("await client.write_gatt_char(TO_CAR, b'last', response=True)")
    await python("await until(lambda: got[-1] == b'last'.hex())")
    assert await python("got") == [bytes([number]).hex() for number in range(20)] + [b"last".hex()]


@pytest.mark.parametrize("given_back", [True, False], ids=["given back after the loss", "not given back"])
async def test_whoever_does_not_disconnect_after_a_loss_hears_everything_twice(
    given_back: bool, car: BluetoothCar, echo: EchoCar, python: Python
) -> None:
    await connect(python)
    await car.drop()
    await python("await until(lambda: lost)")
    if given_back:
        await python("await client.disconnect()")
    await find(python)
    await python("await client.connect(); await listen(client)")
    echo.say(b"once")
    echo.say(b"end")
    await python("await until(lambda: got and got[-1] == b'end'.hex())")
    await python(
        "await client.write_gatt_char(TO_CAR, b'z', response=True); await until(lambda: got[-1] == b'z'.hex())"
    )
    times = (await python("got")).count(b"once".hex())
    if given_back:
        assert times == 1
    else:
        assert times == 2, "bleak no longer delivers twice: `close` after a loss could be simpler"


async def test_services_are_not_asked_for_again_on_the_second_connection(
    car: BluetoothCar, python: Python, requests: list[str], figures: Figures
) -> None:
    await find(python)
    await python(
        "with contextlib.suppress(BleakError): await made(device).unpair()"
    )  # forgets, also what is not paired
    asked = []
    for what in ("connect and discover", "connect, services known"):
        await find(python)
        requests.clear()
        seconds = await python(
            "began = time.monotonic(); client = made(device); await client.connect(); time.monotonic() - began"
        )
        figures.note(f"bleak: {what}", seconds)
        asked.append(sum("CHARACTERISTIC" in request.upper() for request in requests))
        await python("await client.disconnect()")
    assert asked[0] > 0
    assert asked[1] == 0


# Losing -------------------------------------------------------------------------------------------------------------


async def test_a_loss_is_told_once(car: BluetoothCar, python: Python, figures: Figures) -> None:
    await connect(python)
    await car.drop()
    await python("await until(lambda: lost)")
    assert await python("client.is_connected") is False
    assert (await error_of(python, "client.write_gatt_char(TO_CAR, b'x', response=True)")).kinds[0] == "BleakError"
    seconds = await python("began = time.monotonic(); await client.disconnect(); time.monotonic() - began")
    figures.note("bleak: disconnect after a loss", seconds)
    assert len(await python("lost")) == 1


async def test_an_own_goodbye_is_told_once(car: BluetoothCar, python: Python, figures: Figures) -> None:
    await connect(python)
    seconds = await python("began = time.monotonic(); await client.disconnect(); time.monotonic() - began")
    figures.note("bleak: disconnect", seconds)
    await python("await client.disconnect()")
    assert len(await python("lost")) == 1
    await until(lambda: not car.links)


async def test_silence_is_told_after_the_supervision_timeout(
    car: BluetoothCar, python: Python, street: Street, figures: Figures
) -> None:
    await connect(python)
    began = asyncio.get_running_loop().time()
    await car.vanish()
    await python("await until(lambda: lost)")
    figures.note("a silent loss is told after", asyncio.get_running_loop().time() - began)
    assert len(await python("lost")) == 1


async def test_a_loss_in_the_middle_of_a_write_is_an_error_of_bleak(car: BluetoothCar, python: Python) -> None:
    await connect(python)
    car.drop_at_write()
    error = await error_of(python, "client.write_gatt_char(TO_CAR, b'x', response=True)")
    assert error.expected, error
    await python("await until(lambda: lost)")


async def test_a_loss_while_subscribing_is_an_error_of_bleak(car: BluetoothCar, python: Python) -> None:
    await find(python)
    await python("client = made(device); await client.connect()")
    car.at_subscription = lambda: asyncio.ensure_future(car.vanish())
    error = await error_of(python, "listen(client)")
    assert error.expected, error


# Not reaching -------------------------------------------------------------------------------------------------------


async def test_a_car_that_has_left_ends_in_a_timeout(car: BluetoothCar, python: Python) -> None:
    await find(python)
    await car.vanish()
    error = await error_of(python, "asyncio.wait_for(made(device, timeout=60).connect(), 3)")
    assert error.kinds[0] == "TimeoutError"


async def test_a_connection_that_is_given_up_leaves_nothing_connected(car: BluetoothCar, python: Python) -> None:
    await find(python)
    await car.vanish()
    await python("await error_of(asyncio.wait_for(establish_connection(BleakClient, device, 'car', **WITH), 2))")
    await car.reappear()
    connections = car.connections
    await find(python)
    await find(python)
    assert (car.links, car.connections) == (0, connections)


async def test_bleak_never_connects_again_once_its_question_for_the_version_of_bluez_was_given_up(
    car: BluetoothCar, machine: Machine
) -> None:
    """The first connection of a process starts bluetoothctl for that."""
    async with machine.python() as fresh:
        await fresh(GUEST)
        await find(fresh)
        await fresh("await error_of(asyncio.wait_for(made(device).connect(), 0.001))")
        await find(fresh)
        error = await error_of(fresh, "asyncio.wait_for(made(device).connect(), 5)")
        assert error.kinds[0] == "TimeoutError", "`_spare_version` is not needed any more"
        await fresh("from bleak.backends.bluezdbus.version import BlueZFeatures")
        await fresh("BlueZFeatures.checked_bluez_version = True")
        await find(fresh)
        await fresh("client = made(device); await client.connect(); await client.disconnect()")


async def test_the_connector_tries_again_when_a_connection_breaks_at_once(car: BluetoothCar, python: Python) -> None:
    await find(python)
    connections = car.connections
    car.drop_at_connection()
    await python("client = await establish_connection(BleakClient, device, 'car', **WITH)")
    assert car.connections == connections + 2
    assert await python("client.is_connected")


async def test_an_adapter_that_is_not_there(python: Python) -> None:
    error = await error_of(python, "BleakScanner(lambda _device, _data: None, bluez={'adapter': 'hci7'}).start()")
    assert error.kinds[0] == "BleakError", error  # which says too little: SystemRadio looks for itself before
    assert "not found" in error.text


async def test_an_adapter_that_is_switched_off(car: BluetoothCar, python: Python, machine: Machine) -> None:
    await find(python)
    await machine.sh("bluetoothctl power off")
    scanning = await error_of(python, "BleakScanner(lambda _device, _data: None, **WITH).start()")
    assert scanning.dbus == "org.bluez.Error.NotReady", scanning
    connecting = await error_of(python, "made(device).connect()")
    assert connecting.expected, connecting


async def test_a_bluetooth_service_that_does_not_run(machine: Machine, street: Street) -> None:
    await machine.sh("systemctl mask --runtime --now bluetooth")
    try:
        async with machine.python() as python:
            await python(GUEST)
            error = await error_of(python, "BleakScanner(lambda _device, _data: None, **WITH).start()")
    finally:
        await machine.sh("systemctl unmask --runtime bluetooth; systemctl start bluetooth")
        await street.until_powered()
    assert error.expected, error


async def test_no_bus_at_all(machine: Machine) -> None:
    async with machine.python() as python:
        await python(GUEST)
        await python("os.environ['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=/nowhere'")
        error = await error_of(python, "BleakScanner(lambda _device, _data: None, **WITH).start()")
    assert error.kinds[0] == "FileNotFoundError"
    assert error.expected
