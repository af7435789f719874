"""The system's Bluetooth service as the bridge sees it, played on a message bus of the test's own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from driveway_bridge.errors import NotReached
from driveway_bridge.link import bluez
from driveway_bridge.link.air import Air
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.link.bluez import Adapter
from driveway_bridge.link.radio import SETTLE_S, Radio, SystemRadio
from driveway_bridge.link.scanner import Scan
from driveway_bridge.vin import local_name
from tests.bridge.link.fake_bluez import FakeBluez, daemon, message_bus
from tests.bridge.link.fake_bluez import bluez as played_bluez

pytestmark = pytest.mark.timeout(60)

VIN = "5YJ30123456789ABC"
CAR = "06:00:00:00:00:01"
FIRST, SECOND = "00:11:22:33:44:55", "66:77:88:99:AA:BB"


@pytest.fixture(scope="module")
def program() -> str:
    found = daemon()
    if found is None:
        pytest.skip("no dbus-daemon here, and scripts/dbus could not get one: install dbus-daemon")
    return found


@pytest.fixture
async def bus(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    async with message_bus(program, tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address
    await asyncio.sleep(0.05)  # bleak's own connection, which it keeps, sees the end of the bus


@pytest.fixture
async def service(bus: str) -> AsyncIterator[FakeBluez]:
    async with played_bluez(bus) as service:
        yield service


async def why(attempt: Callable[[], object]) -> NotReached:
    with pytest.raises(NotReached) as caught:
        await attempt()  # type: ignore[misc]
    return caught.value


async def until(condition: Callable[[], bool], within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.02)


async def test_adapters_by_name(service: FakeBluez) -> None:
    service.plug_in("hci10", SECOND, powered=False)
    service.plug_in("hci2", FIRST.lower())
    service.plug_in("hci0", "00:00:00:00:00:01", roles=("peripheral",))
    assert await bluez.adapters() == (
        Adapter(name="hci2", address=FIRST, powered=True),
        Adapter(name="hci10", address=SECOND, powered=False),
    )


async def test_an_adapter_is_switched_off_and_on(service: FakeBluez) -> None:
    """Pain 2."""
    adapter = service.plug_in("hci0", FIRST)
    await bluez.set_powered("hci0", False)
    assert not (await bluez.adapters())[0].powered
    await SystemRadio(None).power_cycle(None)
    assert adapter.log == ["off", "on"]
    await SystemRadio(FIRST).power_cycle(None)
    assert adapter.log == ["off", "on", "off", "on"]


async def test_an_adapter_that_does_not_want_to(service: FakeBluez) -> None:
    adapter = service.plug_in("hci0", FIRST, powered=False)
    adapter.blocked = True
    error = await why(lambda: bluez.set_powered("hci0", True))
    assert error.reason == "adapter_off"
    assert "rfkill" in error.detail
    assert (await why(lambda: bluez.set_powered("hci7", True))).reason == "no_adapter"


async def test_a_device_is_forgotten_and_one_that_was_not_known_needs_nothing(service: FakeBluez) -> None:
    adapter = service.plug_in("hci0", FIRST)
    device = f"/org/bluez/hci0/dev_{CAR.replace(':', '_')}"
    adapter.devices.append(device)
    await bluez.forget(device)
    await bluez.forget(device)
    assert (adapter.devices, adapter.log) == ([], ["forget"])
    assert (await why(lambda: bluez.forget("/org/bluez/hci7/dev_1"))).reason == "no_adapter"


async def test_a_silent_service_does_not_hold_anybody_up(service: FakeBluez) -> None:
    """Pain 9."""
    service.plug_in("hci0", FIRST)
    service.be_silent()
    begun = time.monotonic()
    error = await why(lambda: bluez.adapters(timeout_s=0.2))
    assert (error.reason, "silent" in error.detail) == ("no_bluetooth_service", True)
    assert (await why(lambda: bluez.set_powered("hci0", True, timeout_s=0.2))).reason == "no_bluetooth_service"
    assert time.monotonic() - begun < 4
    service.be_silent(on=False)
    assert len(await bluez.adapters()) == 1


async def test_a_service_that_does_not_run(bus: str) -> None:
    error = await why(bluez.adapters)
    assert (error.reason, "not running" in error.detail) == ("no_bluetooth_service", True)


NO_UNIT = "org.freedesktop.systemd1.NoSuchUnit"
NO_FILE = "org.freedesktop.DBus.Error.FileExists"


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (NO_UNIT, "no_bluetooth_service", "not running"),
        (NO_FILE, "no_bluetooth_service", "not running"),
        ("org.freedesktop.DBus.Error.TimedOut", "no_bluetooth_service", "silent"),
        ("org.freedesktop.DBus.Error.AccessDenied", "bluetooth_forbidden", "AccessDenied"),
        ("org.bluez.Error.Failed", "adapter_off", "org.bluez"),
    ],
)
async def test_only_the_service_itself_can_say_that_an_adapter_is_off(
    bus: str, answer: str, reason: str, words: str
) -> None:
    """A service that is disabled, broken or forbidden is answered for by the bus or by systemd."""

    def refuse(message: Message) -> Message | None:
        called = message.message_type is MessageType.METHOD_CALL
        return Message.new_error(message, answer, "no") if called else None

    refusing = MessageBus(bus_address=bus)
    refusing.add_message_handler(refuse)
    await refusing.connect()
    try:
        await refusing.request_name("org.bluez")
        error = await why(lambda: bluez.set_powered("hci0", True))
        assert (error.reason, words in error.detail) == (reason, True)
        radio = Radio(scanner_arguments={"bluez": {"adapter": "hci0"}}, client_arguments={})
        scanned = await why(lambda: Scan.begin(radio, lambda _device, _data: None, 5))
        assert scanned.reason == ("radio_unavailable" if reason == "adapter_off" else reason)
    finally:
        refusing.disconnect()
        await refusing.wait_for_disconnect()  # type: ignore[no-untyped-call]


async def test_no_bus_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for address in (f"unix:path={tmp_path}/none", "nonsense"):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        error = await why(bluez.adapters)
        assert (error.reason, "no D-Bus" in error.detail) == ("no_bluetooth_service", True)


async def test_a_bus_that_never_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pain 9."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass
        writer.close()

    async with await asyncio.start_unix_server(listen, tmp_path / "mute"):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/mute")
        error = await why(lambda: bluez.adapters(timeout_s=0.2))
        assert (error.reason, "silent" in error.detail) == ("no_bluetooth_service", True)
        await asyncio.sleep(0.05)


async def test_a_bus_that_does_not_know_our_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The D-Bus daemon hangs up at the login on whoever the computer does not know, each time."""
    callers = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal callers
        callers += 1
        await reader.read(1)
        writer.close()

    async with await asyncio.start_unix_server(hang_up, tmp_path / "strict"):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/strict")
        monkeypatch.setattr(bluez, "AGAIN_S", 0.01)
        error = await why(bluez.adapters)
        assert (error.reason, callers) == ("bluetooth_forbidden", 2)
        assert f"user {os.geteuid()}" in error.detail


async def test_a_bus_that_is_just_ending_forbids_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "ending"

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        path.unlink()
        writer.close()

    async with await asyncio.start_unix_server(end, path):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={path}")
        monkeypatch.setattr(bluez, "AGAIN_S", 0.01)
        error = await why(bluez.adapters)
        assert (error.reason, "no D-Bus" in error.detail) == ("no_bluetooth_service", True)


async def test_the_adapter_is_known_by_its_address_whatever_its_number(service: FakeBluez) -> None:
    """Pains 16, 23."""
    service.plug_in("hci0", FIRST)
    service.plug_in("hci1", SECOND)
    radio = SystemRadio(SECOND.lower())
    assert (await radio.open(5)).name == "hci1"
    service.unplug("hci1")
    error = await why(lambda: radio.open(5))
    assert error.reason == "no_adapter"
    assert FIRST in error.detail
    service.plug_in("hci2", SECOND, powered=False)
    assert (await why(lambda: radio.open(5))).reason == "adapter_off"
    await bluez.set_powered("hci2", True)
    opened = await radio.open(5)
    assert (opened.name, opened.address) == ("hci2", SECOND)
    assert not await radio.scans(opened)


async def test_without_a_wish_the_first_that_is_switched_on(service: FakeBluez) -> None:
    service.plug_in("hci0", FIRST, powered=False)
    service.plug_in("hci1", SECOND)
    assert (await SystemRadio(None).open(5)).name == "hci1"
    assert (await why(lambda: SystemRadio("hci0").open(5))).reason == "adapter_off"


async def test_an_adapter_that_is_only_just_coming_up_is_waited_for(service: FakeBluez) -> None:
    """As while the service starts: first there is none, then it is off for a moment."""
    radio = SystemRadio(None)
    opening = asyncio.create_task(radio.open(5))
    await asyncio.sleep(0.3)
    service.plug_in("hci0", FIRST, powered=False)
    await asyncio.sleep(0.3)
    assert not opening.done()
    await bluez.set_powered("hci0", True)
    assert (await opening).name == "hci0"


async def test_what_has_been_wrong_with_an_adapter_for_a_while_is_said_at_once(service: FakeBluez) -> None:
    service.plug_in("hci0", FIRST, powered=False)
    radio = SystemRadio(None)
    hasty = await why(lambda: radio.open(0.5))
    assert (hasty.reason, "switched off" in hasty.detail) == ("radio_unavailable", True)
    assert (await why(lambda: radio.open(60))).reason == "adapter_off"
    begun = time.monotonic()
    assert (await why(lambda: radio.open(60))).reason == "adapter_off"
    assert time.monotonic() - begun < SETTLE_S / 2
    service.unplug("hci0")
    opening = asyncio.create_task(radio.open(5))
    await asyncio.sleep(0.3)
    service.plug_in("hci1", SECOND)
    assert (await opening).name == "hci1"
    service.plug_in("hci0", FIRST)
    assert (await radio.open(5)).name == "hci1", "the one that works is kept"


@pytest.mark.parametrize("given_up_after_s", [0.0, 0.1])
async def test_a_scan_that_is_given_up_while_it_begins_is_ended(service: FakeBluez, given_up_after_s: float) -> None:
    """As when a press comes while a poll begins to listen: BlueZ would refuse to begin another one for the press."""
    adapter = service.plug_in("hci0", FIRST)
    adapter.begin_s = 0.3
    air = Air(adapter=FIRST)
    dialer = BluetoothDialer(VIN, air)
    poll = asyncio.create_task(dialer.connect(20))
    await until(lambda: adapter.log == ["scan"])
    await asyncio.sleep(given_up_after_s)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    async with air.wanted():
        await air.listen(asyncio.get_running_loop().time() + 20)  # as the press does
    await dialer.close()
    assert adapter.log == ["scan", "end", "scan", "end"]


async def test_the_air_on_bleak_and_bluez_survives_what_happens_to_an_adapter(service: FakeBluez) -> None:
    """Pains 16, 17, 22, 86."""
    first = service.plug_in("hci0", FIRST)
    air = Air(adapter=FIRST)
    dialer = BluetoothDialer(VIN, air)
    run = asyncio.create_task(air.run())
    try:
        await until(lambda: air.scanning)
        assert first.log == ["scan"]
        assert first.filter["DuplicateData"], "a car that stands still is passed on but once"
        service.hear("hci0", CAR, local_name(VIN), rssi=-71)
        await until(lambda: dialer.last_heard is not None)
        service.hear("hci0", CAR, local_name(VIN), rssi=-72)
        await until(lambda: dialer.last_heard is not None and dialer.last_heard.rssi_dbm == -72)
        assert dialer.last_heard is not None
        assert dialer.last_heard.connectable is None
        assert (air.report()["state"], air.report()["adapter"]) == ("ok", "hci0")

        service.unplug("hci0")
        await why(lambda: dialer.connect(5))
        await until(lambda: air.report()["state"] == "missing")
        assert (await why(lambda: dialer.connect(5))).reason == "no_adapter"
        second = service.plug_in("hci1", FIRST)
        await until(lambda: air.scanning)
        assert second.log == ["scan"]
        heard = dialer.last_heard.at
        service.hear("hci1", CAR, local_name(VIN), rssi=-73)
        await until(lambda: dialer.last_heard is not None and dialer.last_heard.at > heard)
        assert air.report()["adapter"] == "hci1"
    finally:
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
        await dialer.close()
    assert second.log[-1] == "end"
