"""The whole bridge at a broker that has no MQTT 5, and that gets it one day."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from paho.mqtt.enums import MQTTProtocolVersion

from driveway_bridge.contract import Outcome, Result
from driveway_bridge.mqtt import client
from driveway_bridge.settings import MqttSettings
from tests.bridge.broker.old_broker import OldBroker
from tests.bridge.daemon.house import House
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_bridge import CAR, Home, home

__all__ = ["home"]  # the fixture
V311 = MQTTProtocolVersion.MQTTv311


@pytest_asyncio.fixture
async def old(home: Home) -> AsyncIterator[OldBroker]:
    """An old broker, to which the bridge of `home` goes."""
    async with OldBroker().serving() as broker:
        home.settings = replace(home.settings, mqtt=MqttSettings(port=broker.port))
        yield broker


@pytest.mark.parametrize("answer", ["refuse", "close", "silent"])
async def test_lock_and_unlock(
    home: Home, old: OldBroker, answer: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if answer == "silent":
        monkeypatch.setattr(client, "CONNECT_S", 3.0)
    caplog.set_level(logging.INFO)
    old.answer = answer
    async with home.bridge(), home.house(version=V311) as house:
        for name in ("unlock", "lock"):
            result = await home.do(house, name)
            assert (result.outcome, home.locked()) == (Outcome.CONFIRMED, name == "lock")
    assert sorted(old.connects) == [4, 4, 5]
    assert "Connected to the MQTT broker (MQTT 3.1.1)" in caplog.text
    assert old.retained[home.topics.status.encode()] == b"offline"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_command_that_is_stored_works_once_and_never_out_of_the_store(home: Home, old: OldBroker) -> None:
    """Such a broker does not tell a live message that it was to be stored; later it tells that this was stored."""
    async with home.bridge(), home.house(version=V311) as house:
        command_id, payload = await house.signed(home.signer, CAR, "unlock")
        house.publish(home.topics.command(CAR), payload, retain=True)
        assert (await house.final(command_id)).outcome is Outcome.CONFIRMED
        assert (await home.do(house, "lock")).outcome is Outcome.CONFIRMED
        # The subscription is made anew, and what is stored comes again, to the same start of the bridge.
        since = len(house.heard)
        old.hang_up()
        refusal = await house.wait(lambda heard: heard.topic == home.topics.result(CAR), since)
        assert Result.parse(refusal.payload).reason == "retained"
    async with home.house(version=V311) as house, home.bridge():
        refusal = await house.wait(lambda heard: heard.topic == home.topics.result(CAR))
        assert Result.parse(refusal.payload).reason == "retained"
        assert home.locked()


async def test_a_bridge_that_vanishes_is_offline_and_all_is_told_anew(home: Home, old: OldBroker) -> None:
    async with home.bridge(), home.house(version=V311) as house:
        since = len(house.heard)
        old.retained.clear()
        old.hang_up()
        await house.wait(lambda heard: heard.payload == b"offline", since)
        await house.wait(lambda heard: heard.payload == b"online", since)
        await house.wait(lambda heard: home.lock_said(heard) == "locked", since)
        assert {home.topics.info.encode(), home.topics.link(CAR).encode()} <= old.retained.keys()
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED


async def test_what_is_huge_is_refused_even_out_of_the_store(home: Home, old: OldBroker) -> None:
    """It comes again with each connection, so giving the connection up would be for ever."""
    old.retained[home.topics.command(CAR).encode()] = b"x" * 10_000_000
    async with home.bridge(), home.house(version=V311) as house:
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
        since = len(house.heard)
        house.publish(home.topics.command(CAR), b"y" * 5_000_000)
        refusal = await house.wait(lambda heard: heard.topic == home.topics.result(CAR), since)
        assert Result.parse(refusal.payload).reason == "too_large"
        assert (await home.do(house, "lock")).outcome is Outcome.CONFIRMED
        assert old.connects.count(4) == 2  # the bridge's and the house's, and no other


async def test_a_broker_that_is_upgraded_is_spoken_to_in_the_new_version(
    home: Home, old: OldBroker, broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with home.bridge(), home.house(version=V311) as house:
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
        await old.stop()
        broker.move_to(old.port)
        async with House(broker.port) as again:
            await home.read(again)
            assert (await home.do(again, "lock")).outcome is Outcome.CONFIRMED
    assert "Connected to the MQTT broker (MQTT 5)" in caplog.text
