"""When Home Assistant's own discovery is told of the cars, and when that is taken back: with a real broker."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from driveway_bridge.mqtt import discovery
from driveway_bridge.settings import CarSettings
from driveway_bridge.vin import car_id
from tests.bridge.daemon.house import Heard, House
from tests.bridge.daemon.test_bridge import CAR, VIN, Home

PREFIX = "homeassistant"
OF_CAR = f"{PREFIX}/device/{CAR}/config"
OTHER_VIN = "5YJ3F1FB9JF111111"


def of_bridge(home: Home) -> str:
    return f"{PREFIX}/device/{home.topics.bridge}/config"


@pytest.fixture
def shown(home: Home) -> Home:
    """The owner has no component, and wants Home Assistant's own discovery."""
    home.settings = replace(home.settings, homeassistant_discovery=True)
    return home


async def told(house: House, topic: str = OF_CAR, since: int = 0) -> dict[str, Any]:
    heard = await house.wait(lambda heard: heard.topic == topic and heard.payload != b"", since)
    return dict(json.loads(heard.payload))


async def taken_back(house: House, topic: str = OF_CAR, since: int = 0) -> Heard:
    return await house.wait(lambda heard: heard.topic == topic and heard.payload == b"", since)


async def still(home: Home, house: House) -> None:
    """Wait until the bridge has done all that followed from what was published before."""
    assert (await home.do(house, "status")).outcome.final


async def test_what_is_told(shown: Home) -> None:
    async with shown.bridge(), House(shown.broker.port, base=PREFIX) as house:
        document = await told(house)
        assert document["device"]["identifiers"] == [CAR]
        assert document["device"]["name"] == "Anna"
        assert document["device"]["via_device"] == shown.topics.bridge
        assert document["components"]["lock_state"]["state_topic"] == shown.topics.state(CAR, "body")
        assert document["components"]["lock"] == {"platform": "lock"}
        assert (await told(house, of_bridge(shown)))["device"]["name"] == "Driveway"
        topics = [heard.topic for heard in house.heard]
        assert topics.index(of_bridge(shown)) < topics.index(OF_CAR)
        assert VIN not in str(house.heard)


async def test_it_stands_there_for_who_comes_later(shown: Home) -> None:
    async with shown.bridge():
        async with House(shown.broker.port, base=PREFIX) as house:
            await told(house)
        async with House(shown.broker.port, base=PREFIX) as later:
            assert (await later.wait(lambda heard: heard.topic == OF_CAR)).retain


async def test_home_assistants_birth(shown: Home) -> None:
    async with shown.bridge(), House(shown.broker.port, base=PREFIX) as house:
        await told(house)
        since = len(house.heard)
        house.publish(f"{PREFIX}/status", "online")
        await told(house, OF_CAR, since)


async def test_nothing_appears_twice(shown: Home) -> None:
    """The component was there before the bridge; it goes, and comes again."""
    async with House(shown.broker.port) as house, House(shown.broker.port, base=PREFIX) as listening:
        house.publish(shown.topics.component, "present", retain=True, qos=1)
        await house.wait(lambda heard: heard.payload == b"present")
        async with shown.bridge():
            await shown.read(house)
            await still(shown, house)
            assert not listening.heard
            house.publish(shown.topics.component, "", retain=True)
            await told(listening)
            since = len(listening.heard)
            house.publish(shown.topics.component, "present", retain=True)
            await taken_back(listening, OF_CAR, since)
            await taken_back(listening, of_bridge(shown), since)
            house.publish(f"{PREFIX}/status", "online")
            await still(shown, house)
            assert not [one for one in listening.heard[since:] if one.topic == OF_CAR and one.payload]


async def test_a_broker_that_has_forgotten_the_component(shown: Home) -> None:
    """Without its database the broker starts empty; Home Assistant comes back a little later, and says so again."""
    async with House(shown.broker.port) as house, House(shown.broker.port, base=PREFIX) as listening:
        house.publish(shown.topics.component, "present", retain=True, qos=1)
        await house.wait(lambda heard: heard.payload == b"present")
        async with shown.bridge():
            await shown.read(house)
            shown.broker.kill()
            since = len(house.heard)
            shown.broker.start()
            await house.wait(lambda heard: heard.topic == shown.topics.status and heard.payload == b"online", since)
            await still(shown, house)
            assert not [one for one in listening.heard if one.topic == OF_CAR]


async def test_a_component_that_went_while_nobody_listened(shown: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "GRACE_S", 0.5)
    async with House(shown.broker.port) as house, House(shown.broker.port, base=PREFIX) as listening:
        house.publish(shown.topics.component, "present", retain=True, qos=1)
        await house.wait(lambda heard: heard.payload == b"present")
        async with shown.bridge():
            await shown.read(house)
            await still(shown, house)
        house.publish(shown.topics.component, "", retain=True, qos=1)
        await house.wait(lambda heard: heard.topic == shown.topics.component and heard.payload == b"")
        assert not listening.heard
        async with shown.bridge():
            await told(listening)


async def test_switched_off_again(shown: Home) -> None:
    async with House(shown.broker.port, base=PREFIX) as house:
        async with shown.bridge():
            await told(house)
        since = len(house.heard)
        shown.settings = replace(shown.settings, homeassistant_discovery=False)
        async with shown.bridge():
            await taken_back(house, OF_CAR, since)
            await taken_back(house, of_bridge(shown), since)
        since = len(house.heard)
        async with shown.bridge(), shown.house() as inside:
            await still(shown, inside)
        assert len(house.heard) == since  # once is enough: Home Assistant writes a warning for each


async def test_another_prefix(shown: Home) -> None:
    async with House(shown.broker.port, base=PREFIX) as house, House(shown.broker.port, base="other") as other:
        async with shown.bridge():
            await told(house)
        since = len(house.heard)
        shown.settings = replace(shown.settings, discovery_prefix="other")
        async with shown.bridge():
            await told(other, f"other/device/{CAR}/config")
            await taken_back(house, OF_CAR, since)


async def test_a_car_goes_while_the_bridge_is_down(shown: Home) -> None:
    one = shown.settings
    other = f"{PREFIX}/device/{car_id(OTHER_VIN)}/config"
    bert = CarSettings(vin=OTHER_VIN, name="Bert", status_every_s=60)
    shown.settings = replace(one, cars=(*one.cars, bert))
    async with House(shown.broker.port, base=PREFIX) as house:
        async with shown.bridge():
            await told(house, other)
        since = len(house.heard)
        shown.settings = one
        async with shown.bridge():
            await taken_back(house, other, since)
            await told(house, OF_CAR, since)


async def test_without_plain_topics_it_only_shows(shown: Home) -> None:
    shown.settings = replace(shown.settings, plain_topics=())
    async with shown.bridge(), House(shown.broker.port, base=PREFIX) as house:
        document = await told(house)
        offered = [one for one in document["components"].values() if len(one) > 1]
        assert offered
        assert not [one for one in offered if one.get("command_topic")]
        assert {one["platform"] for one in offered} == {"sensor", "binary_sensor", "event"}


async def test_it_is_off_unless_wanted(home: Home) -> None:
    async with House(home.broker.port, base=PREFIX) as house, home.bridge(), home.house() as inside:
        await still(home, inside)
        assert house.heard == []
