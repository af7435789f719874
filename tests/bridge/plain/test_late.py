"""A plain word that comes late, with a real broker: it hung, or the bridge did; and words that lie stored in it."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from driveway_bridge import code_store, key_store
from driveway_bridge.contract import Outcome, Result
from driveway_bridge.contract_topics import Topics
from driveway_bridge.settings import PLAIN_TOPICS
from tests.bridge import paho_thread
from tests.bridge.daemon.house import Heard, House, until_taken
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_bridge import CAR, Home
from tests.bridge.daemon.test_process import configuration, driveway, simulated_car

FROZEN_S = 6.0
"""Longer than a word that opens may live; shorter than the broker is given up."""


async def final(house: House, thing: str, since: int = 0) -> Result:
    """The next final result of a plain word."""

    def wanted(heard: Heard) -> bool:
        if not heard.topic.endswith("/result"):
            return False
        result = Result.parse(heard.payload)
        return result.outcome.final and result.id is not None and result.id.startswith(f"{thing}-")

    return Result.parse((await house.wait(wanted, since)).payload)


async def say(home: Home, house: House, thing: str, word: str, **options: bool | int) -> Result:
    since = len(house.heard)
    house.publish(home.topics.plain(CAR, thing), word, **options)  # type: ignore[arg-type]
    return await final(house, thing, since)


@pytest.fixture
def unlocking(home: Home) -> Home:
    """The owner lets plain words unlock."""
    home.settings = replace(home.settings, plain_topics=(*PLAIN_TOPICS, "unlock"))
    return home


async def test_unlock_by_a_plain_word_if_the_owner_wants_that(unlocking: Home) -> None:
    home = unlocking
    async with home.bridge(), home.house() as house:
        await until_taken(house)
        assert (await say(home, house, "lock", "UNLOCK")).outcome is Outcome.CONFIRMED
        assert not home.locked()
        health = json.loads(next(one for one in house.heard if one.topic == home.topics.health).payload)
        assert health["plain"]["opens"] == ["unlock"]


async def test_by_default_it_does_not(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        await until_taken(house)
        assert (await say(home, house, "lock", "UNLOCK")).reason == "plain_may_not"
        assert home.locked()


@pytest.mark.parametrize("qos", [0, 2])
async def test_a_broker_that_hung_delivers_an_unlock_late(unlocking: Home, qos: int) -> None:
    home = unlocking
    async with home.bridge(), home.house() as house:
        await until_taken(house)
        since = len(house.heard)
        home.broker.freeze()
        house.publish(home.topics.plain(CAR, "lock"), "UNLOCK", qos=qos)
        await asyncio.sleep(FROZEN_S)
        home.broker.thaw()
        result = await final(house, "lock", since)
        assert (result.outcome, result.reason) == (Outcome.EXPIRED, "expired")
        assert home.locked()
        await until_taken(house)
        assert (await say(home, house, "lock", "UNLOCK")).outcome is Outcome.CONFIRMED


async def test_many_words_before_it_and_the_last_is_as_old(unlocking: Home) -> None:
    """The backlog of one sender is read one message at a time, long after the bridge's own beats."""
    home = unlocking
    async with home.bridge(), home.house() as house:
        await until_taken(house)
        since = len(house.heard)
        home.broker.freeze()
        for _ in range(2000):
            house.publish("driveway/somebody/else", "x")
        house.publish(home.topics.plain(CAR, "lock"), "UNLOCK")
        await asyncio.sleep(FROZEN_S)
        home.broker.thaw()
        assert (await final(house, "lock", since)).reason == "expired"
        assert home.locked()


async def test_a_bridge_that_hung(broker: Mosquitto, tmp_path: Path) -> None:
    """The word waits in the bridge's own socket; the car is asked by nobody."""
    data = tmp_path / "data"
    word = Topics("driveway", code_store.load_or_create_bridge_id(data)).plain(CAR, "lock")
    public = key_store.load_or_create(data).public
    async with simulated_car(tmp_path, public) as (_, port), House(broker.port) as house:
        file = configuration(tmp_path, broker.port, port)
        file.write_text(f"plain_topics: [locking, unlock]\n{file.read_text()}")
        async with driveway(tmp_path, "run", "--config", file, "--data", data) as bridge:
            await until_taken(house)
            house.publish(word, "UNLOCK")
            assert (await final(house, "lock")).outcome is Outcome.CONFIRMED
            since = len(house.heard)
            bridge.signal(signal.SIGSTOP)
            house.publish(word, "UNLOCK")
            await asyncio.sleep(FROZEN_S)
            bridge.signal(signal.SIGCONT)
            assert (await final(house, "lock", since)).reason == "expired"
            assert "may open the car: `lock/set` UNLOCK (unlock)" in bridge.log


async def test_a_word_that_lies_stored_and_one_that_shall(unlocking: Home) -> None:
    home = unlocking
    async with House(home.broker.port) as before:
        before.publish(home.topics.plain(CAR, "lock"), "UNLOCK", retain=True, qos=1)
        await before.wait(lambda heard: heard.payload == b"UNLOCK")
        async with home.bridge():
            assert (await final(before, "lock")).reason == "retained"
            await home.read(before)
            await until_taken(before)
            assert (await say(home, before, "lock", "UNLOCK", retain=True)).reason == "retained"
            assert home.locked()


async def test_a_broker_of_the_old_kind(unlocking: Home) -> None:
    """MQTT 3.1.1: what lies stored is known by its mark, when the bridge comes."""
    home = unlocking
    with_old = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
    with_old.connect("127.0.0.1", home.broker.port)
    with_old.loop_start()
    try:
        async with home.bridge(), home.house() as house:
            await until_taken(house)
            since = len(house.heard)
            with_old.publish(home.topics.plain(CAR, "lock"), "UNLOCK", qos=1)
            assert (await final(house, "lock", since)).outcome is Outcome.CONFIRMED
    finally:
        await asyncio.to_thread(paho_thread.end, with_old)


async def test_without_plain_topics_nobody_listens(home: Home) -> None:
    home.settings = replace(home.settings, plain_topics=())
    async with home.bridge(), home.house() as house:
        house.publish(home.topics.plain(CAR, "lock"), "UNLOCK")
        assert (await home.do(house, "lock")).outcome is Outcome.CONFIRMED
        assert not [one for one in house.heard if one.payload.startswith(b"beat-")]
        assert len(house.results(None)) == 0
