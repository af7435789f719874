"""What BlueZ remembers of a car, or does not: a car that takes no links is dropped, old services are forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from bleak.backends.bluezdbus.version import BlueZFeatures
from bleak.exc import BleakDBusError, BleakError

from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link import bluetooth_link, bluez
from driveway_bridge.link.air import Air
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.protocol.framing import frame
from tests.bridge.link.played_radio import VIN, PlayedClient, PlayedRadio

pytestmark = pytest.mark.looptime

PATH = "/org/bluez/hci0/dev_06_00_00_00_00_01"
NOT_FOUND = "device 'dev_06_00_00_00_00_01' not found"


@pytest.fixture
async def radio(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PlayedRadio]:
    """One whose devices BlueZ knows."""
    monkeypatch.setattr(bluetooth_link, "_path", lambda _device: PATH)
    radio = PlayedRadio()
    yield radio
    await radio.hush()


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What BlueZ was told to forget."""
    paths: list[str] = []

    async def forget(path: str) -> None:
        paths.append(path)

    monkeypatch.setattr(bluez, "forget", forget)
    return paths


@pytest.fixture
async def dialer(radio: PlayedRadio) -> AsyncIterator[BluetoothDialer]:
    """In a bridge that listens all the time; the car calls each second."""
    air = Air(source=radio)
    dialer = BluetoothDialer(VIN, air)
    run = asyncio.create_task(air.run())
    await asyncio.sleep(0.01)
    radio.advertise(every_s=0.2)
    await asyncio.sleep(0.01)
    yield dialer
    await dialer.close()
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run


async def reason(attempt: Callable[[], object]) -> str:
    with pytest.raises(NotReached) as caught:
        await attempt()  # type: ignore[misc]
    return caught.value.reason


async def test_a_car_that_bluez_drops_again_and_again_takes_no_links(
    radio: PlayedRadio, dialer: BluetoothDialer, forgotten: list[str]
) -> None:
    radio.connects = lambda: BleakError(NOT_FOUND)
    began = asyncio.get_running_loop().time()
    assert await reason(lambda: dialer.connect(20)) == "places_full"
    assert asyncio.get_running_loop().time() - began < 8
    assert forgotten == []
    radio.connects = lambda: None
    await dialer.connect(20)


async def test_a_car_that_bluez_drops_after_it_was_called_in_vain_is_not_said_to_be_full(
    radio: PlayedRadio, dialer: BluetoothDialer
) -> None:
    """What was heard only now goes with the first call that fails, and the connector tells of its last attempt only."""
    called: list[PlayedClient] = []

    def connects() -> BleakError:
        client = radio.clients[-1]
        if client in called:
            return BleakError(NOT_FOUND)
        called.append(client)
        return BleakError("le-connection-abort-by-local")

    radio.connects = connects
    assert await reason(lambda: dialer.connect(20)) == "no_connection"
    assert len(called) == 2, "it is heard and called anew"
    assert len(radio.clients) == 2


async def test_a_car_that_bluez_has_dropped_once_is_heard_and_called_again(
    radio: PlayedRadio, dialer: BluetoothDialer
) -> None:
    """As after a restart of the service."""
    answers = [BleakError(NOT_FOUND)] * 4  # as often as the connector tries
    radio.connects = lambda: answers.pop() if answers else None
    await dialer.connect(20)
    assert answers == []


async def test_a_car_that_bluez_drops_once_and_that_is_not_heard_again_in_time_is_not_said_to_be_full(
    radio: PlayedRadio, dialer: BluetoothDialer
) -> None:
    radio.connects = lambda: BleakError(NOT_FOUND)
    assert await reason(lambda: dialer.connect(0.7)) == "no_connection"
    assert len(radio.clients) in (1, 2)


async def test_bleak_is_spared_the_question_for_the_version_of_bluez(
    radio: PlayedRadio, dialer: BluetoothDialer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given up in the middle of it, bleak would never connect again."""
    monkeypatch.setattr(BlueZFeatures, "checked_bluez_version", False)
    await dialer.connect(20)
    assert BlueZFeatures.checked_bluez_version


async def test_a_car_that_does_not_answer_the_call_is_not_said_to_be_full(
    radio: PlayedRadio, dialer: BluetoothDialer
) -> None:
    radio.connect_s = 100
    assert await reason(lambda: dialer.connect(20)) == "no_connection"


async def test_a_car_without_its_service_is_forgotten_and_called_once_more(
    radio: PlayedRadio, dialer: BluetoothDialer, forgotten: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bluetooth_link, "SERVICE", "0000feed-0000-1000-8000-00805f9b34fb")
    assert await reason(lambda: dialer.connect(20)) == "no_connection"
    assert set(forgotten) == {PATH}
    assert len(radio.clients) > 1


async def test_a_subscription_that_fails_is_tried_again_with_all_forgotten(
    radio: PlayedRadio, dialer: BluetoothDialer, forgotten: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe, failures = PlayedClient.start_notify, [BleakDBusError("org.freedesktop.DBus.Error.UnknownObject", [])]

    async def fail_once(self: PlayedClient, *arguments: object, **named: object) -> None:
        if failures:
            raise failures.pop()
        await subscribe(self, *arguments, **named)

    monkeypatch.setattr(PlayedClient, "start_notify", fail_once)
    link = await dialer.connect(20)
    assert forgotten == [PATH]
    await link.send(frame(b"question"))
    assert await link.receive() == frame(b"answer")


async def test_a_car_that_never_says_anything_is_forgotten_with_the_end_of_the_link(
    radio: PlayedRadio, dialer: BluetoothDialer, forgotten: list[str]
) -> None:
    link = await dialer.connect(20)
    radio.clients[-1].subscriber = None  # its subscription went to an old handle
    await link.send(frame(b"question"))
    await link.close()
    await link.close()
    assert forgotten == [PATH]


async def test_a_link_that_worked_or_was_not_used_or_was_lost_leaves_all_as_it_is(
    radio: PlayedRadio, dialer: BluetoothDialer, forgotten: list[str]
) -> None:
    await (await dialer.connect(20)).close()
    link = await dialer.connect(20)
    await link.send(frame(b"question"))
    await link.receive()
    await link.close()
    link = await dialer.connect(20)
    radio.clients[-1].subscriber = None
    await link.send(frame(b"question"))
    radio.clients[-1].drop()
    await link.close()
    assert forgotten == []


async def test_a_write_to_what_is_no_more_is_a_loss_and_all_is_forgotten(
    radio: PlayedRadio, dialer: BluetoothDialer, forgotten: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: PlayedClient, *_: object, **__: object) -> None:
        raise BleakDBusError("org.freedesktop.DBus.Error.UnknownObject", [])

    link = await dialer.connect(20)
    await link.send(frame(b"question"))
    await link.receive()
    monkeypatch.setattr(PlayedClient, "write_gatt_char", fail)
    with pytest.raises(LinkLost):
        await link.send(frame(b"question"))
    await link.close()
    assert forgotten == [PATH]


async def test_a_bluez_that_does_not_want_to_forget_does_not_hold_anybody_up(
    radio: PlayedRadio, dialer: BluetoothDialer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_path: str) -> None:
        raise NotReached("no_bluetooth_service", "as played")

    monkeypatch.setattr(bluez, "forget", refuse)
    monkeypatch.setattr(bluetooth_link, "SERVICE", "0000feed-0000-1000-8000-00805f9b34fb")
    assert await reason(lambda: dialer.connect(20)) == "no_connection"
    assert len(radio.clients) == 1
