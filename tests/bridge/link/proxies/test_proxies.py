"""Bluetooth proxies, from the bridge's link over ESPHome's native API and the virtual air to the car and back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aioesphomeapi.model import BluetoothProxyFeature

from driveway_bridge.commands import security
from driveway_bridge.contract import Outcome
from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link import air as airs
from driveway_bridge.link import esphome
from driveway_bridge.link import proxy as proxies
from driveway_bridge.link.base import Link
from driveway_bridge.protocol.framing import frame
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import SessionStore
from driveway_bridge.settings import BluetoothSettings, ProxySettings
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vehicle import Vehicle
from driveway_bridge.virtual_radio.air import Air as VirtualAir
from tests.bridge.link.proxies.conftest import VIN, Bridge, bridge, settings_of, until
from tests.bridge.link.proxies.native_api import api_pb2
from tests.bridge.link.proxies.played_proxy import GOOD, OTHER_KEY, PlayedProxy, proxy
from tests.bridge.link.test_bluetooth import EchoCar, ask, everything

pytestmark = pytest.mark.timeout(40)


async def reason(made: Bridge, within_s: float = 6) -> str:
    with pytest.raises(NotReached) as caught:
        await made.dialer.connect(within_s)
    return caught.value.reason


async def connect(made: Bridge, within_s: float = 6) -> Link:
    """Connect as a command does: again, until the time is up."""
    async with asyncio.timeout(within_s):
        while True:
            with suppress(NotReached):
                return await made.dialer.connect(within_s)
            await asyncio.sleep(0.1)


# The whole way --------------------------------------------------------------------------------------------------------


class Owner:
    """Somebody who gives commands, and the car that carries them out."""

    def __init__(self, made: Bridge, key: PrivateKey, store: SessionStore, events: list[dict[str, Any]]) -> None:
        self.events = events
        self.vehicle = Vehicle(VIN, key, made.dialer, store)

    def times(self, locked: bool) -> int:
        """How often the car was locked or unlocked by a command."""
        return sum(event["event"] == "state" and event["locked"] is locked for event in self.events)


@asynccontextmanager
async def owner(ether: VirtualAir, made: Bridge, folder: Path) -> AsyncIterator[Owner]:
    key = PrivateKey.generate()
    events: list[dict[str, Any]] = []
    virtual = VirtualCar(VIN, seed=1, report=events.append)
    virtual.enrol(key.public)
    live = LiveCar(virtual)
    with contextlib.closing(SessionStore(folder)) as store, contextlib.closing(live):
        async with BluetoothCar(ether, VIN, live, interval_ms=20):
            here = Owner(made, key, store, events)
            await until(lambda: all(one["heard_per_minute"] for one in made.radio.report()["radios"]))
            yield here
            await here.vehicle.close()


async def test_a_lock_command_goes_through_a_proxy_and_its_answer_comes_back(
    ether: VirtualAir, carport: PlayedProxy, tmp_path: Path
) -> None:
    async with bridge(settings_of(carport)) as made, owner(ether, made, tmp_path) as here:
        unlocked = await here.vehicle.execute(security.unlock())
        locked = await here.vehicle.execute(security.lock())
        assert (unlocked.outcome, locked.outcome) == (Outcome.CONFIRMED, Outcome.CONFIRMED)
        assert (locked.exchanges, locked.handshakes) == (1, 0)
        assert carport.writes >= 3
        assert made.told("carport")["links"] == 1


async def test_a_command_goes_on_through_the_other_proxy_when_the_best_one_fails(
    ether: VirtualAir, carport: PlayedProxy, hall: PlayedProxy, tmp_path: Path
) -> None:
    async with bridge(settings_of(carport, hall)) as made, owner(ether, made, tmp_path) as here:
        carport.deaf_mute = True
        unlocked = await here.vehicle.execute(security.unlock(), timeout_s=20)
        assert (unlocked.outcome, hall.connects) == (Outcome.CONFIRMED, 1)
        carport.deaf_mute = False


async def test_a_command_whose_proxy_died_is_settled_through_the_other_and_done_once(
    ether: VirtualAir, carport: PlayedProxy, hall: PlayedProxy, tmp_path: Path
) -> None:
    async with bridge(settings_of(carport, hall)) as made, owner(ether, made, tmp_path) as here:
        assert (await here.vehicle.execute(security.unlock())).outcome is Outcome.CONFIRMED
        await until(lambda: carport.confirmed_writes == carport.writes)
        before = carport.writes
        carport.swallow = True
        locking = asyncio.ensure_future(here.vehicle.execute(security.lock(), timeout_s=20))
        await until(lambda: carport.writes > before)
        await carport.switch_off()
        locked = await locking
        assert (locked.outcome, hall.connects) == (Outcome.CONFIRMED, 1)
        assert here.times(locked=True) == 1


async def test_a_command_whose_proxy_hangs_with_the_link_open_is_done_once_through_the_other(
    ether: VirtualAir, carport: PlayedProxy, hall: PlayedProxy, tmp_path: Path
) -> None:
    """Wi-Fi is gone: nothing is refused, and nothing answers, not even the goodbye to the car."""
    async with bridge(settings_of(carport, hall)) as made, owner(ether, made, tmp_path) as here:
        assert (await here.vehicle.execute(security.unlock())).outcome is Outcome.CONFIRMED
        await until(lambda: carport.confirmed_writes == carport.writes)
        carport.deaf_mute = True
        locked = await here.vehicle.execute(security.lock(), timeout_s=20)
        carport.deaf_mute = False
        assert (locked.outcome, carport.connects, hall.connects) == (Outcome.CONFIRMED, 1, 1)
        assert here.times(locked=True) == 1


async def test_long_answers_arrive_whole_and_each_indication_once(
    house: Bridge, echo: EchoCar, carport: PlayedProxy
) -> None:
    link = await house.dialer.connect(6)
    for size in (1, 178, 800):
        assert await ask(link, bytes(size)) == b"echo " + bytes(size)
    assert [len(message) for message in echo.heard] == [1, 178, 800]
    await link.close()
    assert await everything(link) == []


async def test_what_is_said_is_encrypted_where_there_is_a_key(carport: PlayedProxy, hall: PlayedProxy) -> None:
    """Else the test of a wrong key would prove nothing."""
    assert (carport.key is None, hall.key is None) == (False, True)


# The choice -----------------------------------------------------------------------------------------------------------


async def test_the_proxy_that_hears_the_car_best_connects(
    house: Bridge, carport: PlayedProxy, hall: PlayedProxy
) -> None:
    await house.dialer.connect(6)
    assert (carport.connects, hall.connects) == (1, 0)
    assert (house.told("carport")["links"], house.told("hall")["links"]) == (1, 0)
    assert house.told("carport")["free_connections"] == 2


async def test_when_the_best_one_dies_the_other_connects(
    house: Bridge, carport: PlayedProxy, hall: PlayedProxy
) -> None:
    link = await house.dialer.connect(6)
    await carport.switch_off()
    with pytest.raises(LinkLost):
        await link.receive()
    assert await ask(await connect(house)) == b"echo " + bytes(range(178))
    assert hall.connects == 1
    await until(lambda: house.told("carport")["reason"] == "proxy_unreachable")
    assert house.radio.report()["state"] == "ok"


async def test_after_a_failure_the_next_attempt_takes_the_other(
    house: Bridge, carport: PlayedProxy, hall: PlayedProxy, car: BluetoothCar
) -> None:
    carport.deaf_mute = True  # and its advertisements are still fresh
    with pytest.raises(NotReached) as caught:
        await house.dialer.connect(2)
    assert caught.value.reason == "no_connection"
    await house.dialer.connect(6)
    assert hall.connects == 1


async def test_a_full_proxy_is_passed_over(house: Bridge, carport: PlayedProxy, hall: PlayedProxy) -> None:
    carport.reserved = 3
    carport.tell_slots()
    await until(lambda: house.told("carport")["free_connections"] == 0)
    await house.dialer.connect(6)
    assert (carport.connects, hall.connects) == (0, 1)


async def test_all_proxies_full_is_told_at_once(house: Bridge, carport: PlayedProxy, hall: PlayedProxy) -> None:
    for one in (carport, hall):
        one.reserved = 3
        one.tell_slots()
    await until(lambda: [one["free_connections"] for one in house.radio.report()["radios"]] == [0, 0])
    async with asyncio.timeout(20):
        assert await reason(house, 60) == "proxy_full"


async def test_a_proxy_that_is_full_without_having_said_so_is_not_asked_for_ever(
    carport: PlayedProxy, car: BluetoothCar
) -> None:
    async with bridge(settings_of(carport)) as made:
        await until(lambda: made.sightings and made.told("carport")["free_connections"] == 3)
        carport.reserved = 3  # its news of that was lost
        async with asyncio.timeout(30):
            assert await reason(made, 3) == "no_connection"


# Presence -------------------------------------------------------------------------------------------------------------


async def test_a_car_that_stands_still_is_heard_all_the_time(house: Bridge) -> None:
    """Its advertisements are all alike, and a library that passes on only changes would fall silent."""
    before = house.told("carport")["heard_per_minute"]
    seen = len(house.sightings)
    await until(lambda: len(house.sightings) >= seen + 3)
    assert house.told("carport")["heard_per_minute"] > before  # type: ignore[operator]
    heard = house.dialer.last_heard
    assert heard is not None
    assert asyncio.get_running_loop().time() - heard.at < 5


async def test_a_car_that_left_is_not_in_range_within_3_s(house: Bridge, car: BluetoothCar) -> None:
    await car.vanish()
    loop = asyncio.get_running_loop()
    heard = house.dialer.last_heard
    assert heard is not None
    with pytest.raises(NotReached):
        await house.dialer.connect(6)  # what was heard just now is believed, and proves wrong
    begun = loop.time()
    assert await reason(house, 30) == "not_in_range"
    assert loop.time() - begun < 20  # of 30
    assert house.dialer.listening
    await car.reappear()
    await connect(house)


async def test_the_other_proxy_alone_does_not_prove_that_the_car_is_away(
    house: Bridge, carport: PlayedProxy, car: BluetoothCar
) -> None:
    """The one that used to hear it is gone: nobody knows."""
    await carport.switch_off()
    await car.vanish()
    await until(lambda: house.told("carport")["state"] == "missing")
    assert not house.dialer.listening
    with suppress(NotReached):
        await house.dialer.connect(3)
    assert await reason(house, 30) == "proxy_unreachable"


# Proxies that go, come back, and are taken away -----------------------------------------------------------------------


async def test_a_proxy_that_restarts_is_used_again(carport: PlayedProxy, car: BluetoothCar) -> None:
    async with bridge(settings_of(carport)) as made:
        link = await connect(made)
        await carport.switch_off()
        with pytest.raises(LinkLost):
            await link.receive()
        await until(lambda: made.radio.report()["reason"] == "proxy_unreachable")
        assert await reason(made, 2) == "proxy_unreachable"
        await carport.switch_on()
        await until(lambda: made.radio.report()["state"] == "ok")
        assert await ask(await connect(made)) == b"echo " + bytes(range(178))
        assert made.radio.report()["reason"] is None


async def test_a_connection_to_the_proxy_that_breaks_is_made_anew(carport: PlayedProxy, car: BluetoothCar) -> None:
    async with bridge(settings_of(carport)) as made:
        await connect(made)
        claims = carport.claims
        await carport.drop_clients()
        await until(lambda: carport.claims > claims)
        await connect(made)


async def test_both_gone_is_told_with_what_each_says(house: Bridge, carport: PlayedProxy, hall: PlayedProxy) -> None:
    await carport.switch_off()
    await hall.switch_off()
    await until(lambda: house.radio.report()["state"] == "missing")
    with pytest.raises(NotReached) as caught:
        await house.dialer.connect(3)
    assert caught.value.reason == "proxy_unreachable"
    assert caught.value.detail == (
        f"carport: 127.0.0.1:{carport.port}: Connection refused; hall: 127.0.0.1:{hall.port}: Connection refused"
    )
    assert not house.dialer.listening


async def test_a_proxy_that_another_program_takes_is_taken_back_and_the_owner_is_told(
    carport: PlayedProxy, car: BluetoothCar, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(airs, "LOOK_AFTER_S", 1.0)
    monkeypatch.setattr(airs, "TICK_S", 0.2)
    async with bridge(settings_of(carport)) as made:
        await until(lambda: made.told("carport")["heard_per_minute"] > proxies.LIVELY)  # type: ignore[operator]
        carport.taken_by_another()
        await until(lambda: made.told("carport")["reason"] == "proxy_taken")
        assert made.told("carport")["problem"] == "Another program uses the Bluetooth proxy."
        assert made.radio.report()["state"] == "ok"
        await connect(made)
    assert "Another program had taken the Bluetooth proxy carport; it is ours again" in caplog.messages


async def test_a_silence_alone_is_not_blamed_on_another_program(
    carport: PlayedProxy, car: BluetoothCar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airs, "LOOK_AFTER_S", 0.5)
    monkeypatch.setattr(airs, "TICK_S", 0.2)
    monkeypatch.setattr(proxies, "AGAIN_S", 0.5)
    async with bridge(settings_of(carport)) as made:
        await until(lambda: made.told("carport")["heard_per_minute"] > proxies.LIVELY)  # type: ignore[operator]
        claims = carport.claims
        await car.vanish()
        await until(lambda: carport.claims >= claims + 2)
        assert made.told("carport")["reason"] is None


async def test_a_proxy_of_older_firmware_keeps_serving_who_came_first(carport: PlayedProxy, car: BluetoothCar) -> None:
    carport.first_wins = True
    carport.taken_by_another()
    async with bridge(settings_of(carport)) as made:
        await until(lambda: made.radio.report()["reason"] == "proxy_taken", 20)
        assert await reason(made, 5) == "proxy_taken"
        carport.subscriber = None  # the other program has gone
        await until(lambda: made.sightings)


async def test_a_proxy_that_hangs_is_noticed(
    carport: PlayedProxy, car: BluetoothCar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airs, "LOOK_AFTER_S", 0.5)
    monkeypatch.setattr(airs, "TICK_S", 0.2)
    monkeypatch.setattr(airs, "START_S", 1.0)
    monkeypatch.setattr(esphome, "ANSWER_S", 0.5)
    async with bridge(settings_of(carport)) as made:
        await until(lambda: made.sightings)
        carport.deaf_mute = True
        await until(lambda: made.radio.report()["reason"] == "proxy_unreachable", 25)
        carport.deaf_mute = False
        await until(lambda: made.radio.report()["state"] == "ok", 25)


# Proxies that cannot be used ------------------------------------------------------------------------------------------


async def test_a_wrong_key(carport: PlayedProxy) -> None:
    async with bridge(settings_of(carport, key=OTHER_KEY)) as made:
        assert await reason(made, 3) == "proxy_key_wrong"
        assert made.told("carport")["reason"] == "proxy_key_wrong"


async def test_a_key_is_missing(carport: PlayedProxy) -> None:
    async with bridge(settings_of(carport, key=None)) as made:
        assert await reason(made, 3) == "proxy_key_wrong"


async def test_a_key_for_a_proxy_that_has_none(hall: PlayedProxy) -> None:
    one = ProxySettings(host="127.0.0.1", port=hall.port, key=OTHER_KEY)
    async with bridge(BluetoothSettings(adapters="none", proxies=(one,))) as made:
        assert await reason(made, 3) == "proxy_key_wrong"


@pytest.mark.parametrize("host", ["no-such-proxy.invalid", "127.0.0.1"])
async def test_nobody_there(host: str, unused_tcp_port: int) -> None:
    one = ProxySettings(host=host, port=unused_tcp_port)
    async with bridge(BluetoothSettings(adapters="none", proxies=(one,))) as made:
        assert await reason(made, 4) == "proxy_unreachable"


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (GOOD & ~BluetoothProxyFeature.ACTIVE_CONNECTIONS, "active: true"),
        (BluetoothProxyFeature(0), "no `bluetooth_proxy`"),
    ],
)
async def test_a_proxy_that_cannot_connect(ether: VirtualAir, features: BluetoothProxyFeature, said: str) -> None:
    async with (
        proxy(ether.port, "carport", rssi_dbm=-50, features=features) as played,
        bridge(settings_of(played)) as made,
    ):
        assert await reason(made, 3) == "proxy_unsuitable"
        assert said in str(made.told("carport")["detail"])


async def test_a_proxy_that_tells_nothing_of_its_scanner_works_too(ether: VirtualAir, car: BluetoothCar) -> None:
    features = GOOD & ~BluetoothProxyFeature.FEATURE_STATE_AND_MODE
    async with (
        proxy(ether.port, "old", rssi_dbm=-50, features=features) as played,
        bridge(settings_of(played)) as made,
    ):
        await connect(made)
        assert played.modes == []


async def test_the_proxy_is_made_to_ask_for_names(house: Bridge, carport: PlayedProxy) -> None:
    """The car's name is in its scan response, which a passive scan never hears."""
    assert set(carport.modes) == {api_pb2.BLUETOOTH_SCANNER_MODE_ACTIVE}


# Losses on an open link -----------------------------------------------------------------------------------------------


async def test_a_drop_in_the_middle_of_a_write_may_have_happened(house: Bridge, car: BluetoothCar) -> None:
    link = await house.dialer.connect(6)
    car.drop_at_write()
    with pytest.raises(LinkLost) as caught:
        await link.send(frame(bytes(178)))
    assert caught.value.may_have_happened


async def test_the_proxy_dies_in_the_middle_of_a_write(house: Bridge, carport: PlayedProxy, echo: EchoCar) -> None:
    link = await house.dialer.connect(6)
    carport.swallow = True
    sending = asyncio.ensure_future(link.send(frame(bytes(178))))
    await until(lambda: echo.heard)  # the car has it, and the bridge does not know
    await carport.switch_off()
    with pytest.raises(LinkLost) as caught:
        await sending
    assert caught.value.may_have_happened


async def test_what_was_not_sent_on_a_dead_link_has_not_happened(house: Bridge, carport: PlayedProxy) -> None:
    link = await house.dialer.connect(6)
    await carport.switch_off()
    with pytest.raises(LinkLost):
        await link.receive()
    with pytest.raises(LinkLost) as caught:
        await link.send(frame(b"too late"))
    assert not caught.value.may_have_happened


async def test_after_a_drop_no_answer_comes_twice(house: Bridge, car: BluetoothCar, echo: EchoCar) -> None:
    for _ in range(3):
        link = await connect(house)
        assert await ask(link, b"once") == b"echo once"
        await car.drop()
        assert await everything(link) == []
    assert echo.heard == [b"once"] * 3


# One visit of the command line ----------------------------------------------------------------------------------------


async def test_a_single_visit_listens_and_connects_and_gives_everything_back(
    carport: PlayedProxy, hall: PlayedProxy, car: BluetoothCar
) -> None:
    async with bridge(settings_of(carport, hall), run=False) as made:
        link = await made.dialer.connect(10)
        assert await ask(link, b"hello") == b"echo hello"
        assert carport.connects + hall.connects == 1  # through whichever of them was quicker to hear the car
        await made.dialer.close()
        await until(lambda: carport.clients + hall.clients + carport.links == 0)


async def test_a_single_visit_with_one_of_two_proxies_dead(
    carport: PlayedProxy, hall: PlayedProxy, car: BluetoothCar
) -> None:
    await carport.switch_off()
    async with bridge(settings_of(carport, hall), run=False) as made:
        await made.dialer.connect(10)
        assert hall.connects == 1
