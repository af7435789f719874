"""The broker goes, comes back as another, hangs, or turns against the bridge; the whole bridge at a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from driveway_bridge.contract import Outcome
from driveway_bridge.mqtt import client
from driveway_bridge.settings import MqttSettings
from tests.bridge.broker.test_access import PASSWORDS, RULES, set_up
from tests.bridge.daemon.house import PATIENCE_S, Heard, House
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_bridge import CAR, Home, home

__all__ = ["home"]  # the fixture


async def all_is_told(home: Home, house: House, since: int) -> None:
    """Wait until everything that is stored at the broker was told anew."""
    topics = home.topics
    for topic in (topics.info, topics.status, topics.health, topics.link(CAR), topics.state(CAR, "body")):
        await house.wait(lambda heard, topic=topic: heard.topic == topic, since)  # type: ignore[misc]


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_restart_with_and_without_what_was_stored(home: Home, remembers: bool, tmp_path: Path) -> None:
    if remembers:
        home.broker.kill()
        home.broker.settings += ["persistence true", f"persistence_location {tmp_path}/", "autosave_on_changes true"]
        home.broker.settings += ["autosave_interval 1"]
        home.broker.start()
    async with home.bridge(), home.house() as house:
        home.broker.end()
        home.broker.start()
        since = len(house.heard)
        await all_is_told(home, house, since)
        await house.wait(lambda heard: heard.payload == b"online", since)
        assert (tmp_path / "mosquitto.db").exists() is remembers
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED


async def test_a_broker_that_hangs_is_left_and_everything_is_told_when_it_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Noticed after two keepalives; here of a second each."""
    monkeypatch.setattr(client, "KEEPALIVE_S", 1)
    monkeypatch.setattr(client, "CONNECT_S", 0.5)
    async with home.bridge(), home.house() as house:
        since = len(house.heard)
        home.broker.freeze()
        await told(caplog, "Keep alive timeout")
        await told(caplog, "does not answer, though something listens there")
        home.broker.thaw()
        await all_is_told(home, house, since)
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED


async def test_a_user_who_is_turned_away_for_a_while(
    home: Home, mosquitto_path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(mosquitto_path, tmp_path / "guarded") as guarded:
        set_up(guarded, tmp_path / "guarded", RULES, listener=[])
        guarded.set_passwords(PASSWORDS | {"driveway": "another one"})
        guarded.start()
        home.settings = replace(home.settings, mqtt=of_driveway(guarded, PASSWORDS["driveway"]))
        async with home.bridge():
            await told(caplog, "refuses the user name or the password")
            guarded.set_passwords(PASSWORDS)
            guarded.read_again()
            async with home.house(user=("homeassistant", PASSWORDS["homeassistant"])) as house:
                assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
    assert caplog.text.count("refuses the user name") == 1


async def test_a_password_that_is_changed_at_both_ends_needs_a_reload_and_no_restart(
    home: Home, mosquitto_path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Mosquitto(mosquitto_path, tmp_path / "guarded") as guarded:
        set_up(guarded, tmp_path / "guarded", RULES, listener=[])
        guarded.start()
        home.settings = replace(home.settings, mqtt=of_driveway(guarded, PASSWORDS["driveway"]))
        person = ("homeassistant", PASSWORDS["homeassistant"])
        async with home.bridge(), home.house(user=person) as house:
            boot, _ = await house.clock()
            guarded.set_passwords(PASSWORDS | {"driveway": "another one"})
            guarded.kill()
            guarded.start()
            await told(caplog, "refuses the user name or the password")
            home.settings = replace(home.settings, mqtt=of_driveway(guarded, "another one"))
            since = len(house.heard)
            os.kill(os.getpid(), signal.SIGHUP)
            await house.wait(lambda heard: heard.payload == b"online", since)
            assert (await house.clock())[0] == boot
            assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED


async def test_rules_that_are_wrong_for_the_bridge_are_told_and_their_return_too(
    home: Home, mosquitto_path: str, tmp_path: Path
) -> None:
    """Pain 21. What the bridge tells goes on being taken."""
    deaf = RULES.replace("topic read driveway/+/+/command\n", "", 1)
    with Mosquitto(mosquitto_path, tmp_path / "guarded") as guarded:
        set_up(guarded, tmp_path / "guarded", deaf, listener=[])
        guarded.start()
        home.settings = replace(home.settings, mqtt=of_driveway(guarded, PASSWORDS["driveway"]))
        async with home.bridge(), home.house(user=("homeassistant", PASSWORDS["homeassistant"])) as house:
            await house.wait(problem(lambda reasons: "commands_not_heard" in reasons))
            set_up(guarded, tmp_path / "guarded", RULES, listener=[])
            guarded.kill()
            guarded.start()
            since = len(house.heard)
            await house.wait(problem(lambda reasons: "commands_not_heard" not in reasons), since)
            assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED


def of_driveway(broker: Mosquitto, password: str) -> MqttSettings:
    return MqttSettings(port=broker.port, username="driveway", password=password)


def problem(wanted: Callable[[list[str]], bool]) -> Callable[[Heard], bool]:
    def look(heard: Heard) -> bool:
        if not heard.topic.endswith("/health"):
            return False
        return wanted([one["reason"] for one in json.loads(heard.payload)["problems"]])

    return look


async def told(caplog: pytest.LogCaptureFixture, words: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while words not in caplog.text:  # noqa: ASYNC110 - the log has no event
            await asyncio.sleep(0.01)
