"""What happens to a car is told once, by the whole bridge on a real broker; by two bridges too."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from driveway_bridge.clients import PLAIN
from driveway_bridge.contract import EVENTS, Event, Outcome
from driveway_bridge.contract_topics import Topics
from tests.bridge.daemon.house import Heard, House, until_taken
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_bridge import CAR, Home
from tests.bridge.daemon.test_bridge import home as home  # noqa: PLC0414 - a fixture
from tests.bridge.daemon.test_two_bridges import drive

PAGE = Path(__file__).parents[3] / "docs/mqtt.md"


def events(house: House) -> list[tuple[str, str | None, str | None]]:
    told = [Event.parse(heard.payload) for heard in house.heard if heard.topic.endswith("/event")]
    assert not any(heard.retain for heard in house.heard if heard.topic.endswith("/event"))
    return [(event.event, event.by, event.client) for event in told]


async def happened(house: House, event: str, since: int = 0) -> Event:
    def wanted(heard: Heard) -> bool:
        return heard.topic.endswith("/event") and Event.parse(heard.payload).event == event

    return Event.parse((await house.wait(wanted, since)).payload)


async def test_a_command_a_word_and_a_card(home: Home) -> None:
    home.set_car(status_every_s=1)
    async with home.bridge(), home.house() as house:
        assert events(house) == []  # how it is, is no news
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
        unlocked = await happened(house, "unlocked")
        assert (unlocked.by, unlocked.client, unlocked.stage) == ("client", home.signer.client, None)

        # A plain word, which says nothing of who it came from.
        await until_taken(house)
        house.publish(home.topics.plain(CAR, "lock"), "LOCK")
        await happened(house, "locked")
        assert events(house)[-1] == ("locked", PLAIN, None)

        # A key card.
        since = len(house.heard)
        home.live.do(lambda: home.virtual.car.unlock("card"))
        event = await happened(house, "unlocked", since)
        state = await house.wait(lambda heard: home.lock_said(heard) == "unlocked", since)
        assert (event.by, event.client) == ("other", None)
        assert event.boot == json.loads(state.payload)["boot"]
        assert 0 <= event.at - json.loads(state.payload)["lock"]["at"] < 5.0
        assert len(events(house)) == 3


async def test_a_restart_tells_of_nothing(home: Home) -> None:
    home.set_car(status_every_s=1)
    async with home.bridge(), home.house() as house:
        await home.do(house, "lock")
    home.live.do(lambda: home.virtual.car.unlock("card"))
    async with House(home.broker.port) as house, home.bridge():
        await house.wait(
            lambda heard: (
                home.lock_said(heard) == "unlocked" and json.loads(heard.payload)["lock"]["source"] != "memory"
            )
        )
        home.live.do(lambda: home.virtual.car.lock("card"))
        assert (await happened(house, "locked")).by == "other"
        assert [event for event, _, _ in events(house)] == ["locked"]


async def test_the_steps_of_a_pairing(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        result = await home.do(house, "pair")
        await house.wait(
            lambda heard: heard.topic == home.topics.event(CAR) and str(result.reason) in str(heard.payload)
        )
        told = [Event.parse(heard.payload) for heard in house.heard if heard.topic == home.topics.event(CAR)]
        assert {event.event for event in told} == {"pairing"}
        assert told[-1].stage == result.reason == "already_enrolled"
        assert "known" in [event.stage for event in told]


async def lock_heard(house: House, topics: Topics) -> None:
    """Wait until a bridge has told how the lock is."""
    body = topics.state(CAR, "body")
    await house.wait(lambda heard: heard.topic == body and bool(json.loads(heard.payload)["lock"]["value"]))


@pytest.mark.timeout(120)
async def test_two_bridges_tell_once(broker: Mosquitto, tmp_path: Path) -> None:
    async with drive(broker, tmp_path) as household:
        holder, follower = await household.settled()
        await household.lease(follower, lambda lease: lease.get("own") is False)
        house = household.house
        for bridge in (holder, follower):
            await lock_heard(house, bridge.topics)  # else it cannot say that it has changed
        steps = [(holder, "unlock"), (follower, "lock"), (follower, "unlock"), (holder, "lock")]
        for bridge, name in steps:
            since = len(house.heard)
            household.sheds.sort(key=lambda shed, bridge=bridge: shed is not bridge)  # type: ignore[misc]
            through, result = await household.give(name)
            assert (through, result.outcome) == (bridge, Outcome.CONFIRMED)
            assert (await happened(house, f"{name}ed", since)).client == bridge.signer.client
            await asyncio.sleep(4.0)  # the other one looks, and waits whether somebody tells it
        assert events(house) == [(f"{name}ed", "client", bridge.signer.client) for bridge, name in steps]


def test_the_example_of_the_documentation_is_one() -> None:
    section = PAGE.read_text().split("\n## Events\n")[1].split("\n## ")[0]
    [example] = [line.strip() for line in section.splitlines() if line.startswith("    {")]
    assert json.loads(Event.parse(example).payload()) == json.loads(example)
    rows = [line for line in section.splitlines() if line.startswith("| `")][1:]
    assert {name for row in rows for name in row.split("|")[1].replace("`", "").replace(" ", "").split(",")} == set(
        EVENTS
    )
