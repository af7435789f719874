"""Cars come and go while the bridge runs: the configuration is read again when the system asks for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from dataclasses import replace

import pytest

from driveway_bridge import app
from driveway_bridge.bridge import Bridge
from driveway_bridge.contract import Info, Outcome
from driveway_bridge.errors import ConfigurationError, NotReached
from driveway_bridge.link.base import Link
from driveway_bridge.notify import Notifier
from driveway_bridge.settings import CarSettings, Settings
from driveway_bridge.vin import car_id
from tests.bridge.daemon.bench import FakeDialer
from tests.bridge.daemon.house import PATIENCE_S, Heard, House
from tests.bridge.daemon.test_bridge import CAR, VIN, Home, home

__all__ = ["home"]  # the fixture
OTHER_VIN = "5YJ3F1FB9JF111111"
OTHER = car_id(OTHER_VIN)


class SlowToClose(FakeDialer):
    """Reaches nobody, and takes its time to end."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = threading.Event()

    async def connect(self, deadline_s: float) -> Link:
        raise NotReached("radio_unavailable")

    async def close(self) -> None:
        self.closing.set()
        await asyncio.sleep(0.5)


def with_another(settings: Settings) -> Settings:
    return replace(settings, cars=(*settings.cars, CarSettings(vin=OTHER_VIN, name="Bert", status_every_s=60)))


def read_again() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


def cars(heard: Heard) -> list[str]:
    return [car.name for car in Info.parse(heard.payload).cars]


async def told(house: House, home: Home, names: list[str], since: int) -> None:
    await house.wait(lambda heard: heard.topic == home.topics.info and cars(heard) == names, since)


async def test_a_car_is_added_and_removed_while_the_bridge_runs(home: Home) -> None:
    """Pains 88, 90, 92."""
    async with home.bridge(), home.house() as house:
        since = len(house.heard)
        alone = home.settings
        home.settings = with_another(alone)
        read_again()
        await told(house, home, ["Anna", "Bert"], since)
        await house.wait(lambda heard: heard.topic == home.topics.state(OTHER, "body") and b"locked" in heard.payload)
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED

        since = len(house.heard)
        home.settings = alone
        read_again()
        await told(house, home, ["Anna"], since)
        for topic in (home.topics.link(OTHER), home.topics.state(OTHER, "body")):
            await house.wait(lambda heard, topic=topic: heard.topic == topic and not heard.payload, since)  # type: ignore[misc]
        _, payload = await house.signed(home.signer, OTHER, "unlock")
        house.publish(home.topics.command(OTHER), payload)
        refusal = await house.wait(lambda heard: heard.topic == home.topics.result(OTHER), since)
        assert json.loads(refusal.payload)["reason"] == "other_car"


async def test_the_other_cars_are_not_disturbed(home: Home) -> None:
    """Pain 91."""
    async with home.bridge(), home.house() as house:
        await home.do(house, "unlock")
        links = len([event for event in home.events if event["event"] == "connected"])
        since = len(house.heard)
        home.settings = with_another(home.settings)
        read_again()
        await told(house, home, ["Anna", "Bert"], since)
        assert (await home.do(house, "lock")).outcome is Outcome.CONFIRMED
        connected = [event for event in home.events if event["event"] == "connected"]
        # The new car is the same virtual one, reached by one link more; Anna's is still open.
        assert len(connected) <= links + 1


async def test_a_wrong_configuration_changes_nothing(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    def wrong() -> Settings:
        raise ConfigurationError(["driveway.yaml:3:5 cars.vin: a VIN has 17 letters and digits, this has 4"])

    async with home.bridge(), home.house() as house:
        home.reread = wrong
        read_again()
        async with asyncio.timeout(PATIENCE_S):
            while "the old one stays" not in caplog.text:  # noqa: ASYNC110 - the log has no event
                await asyncio.sleep(0.01)
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
        assert "driveway.yaml:3:5" in caplog.text


async def test_what_needs_a_restart_is_told(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    async with home.bridge(), home.house() as house:
        since = len(house.heard)
        home.settings = replace(with_another(home.settings), base_topic="elsewhere")
        read_again()
        await told(house, home, ["Anna", "Bert"], since)
        assert "`base_topic` has changed" in caplog.text
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
        assert any(heard.topic == home.topics.result(CAR) for heard in house.heard[since:])


async def test_a_configuration_that_is_read_while_the_bridge_ends_does_not_disturb_that(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """`systemctl reload`, and `systemctl stop` right after it."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    dialer = home.dialers[VIN] = SlowToClose()

    def late() -> Settings:
        loop.call_soon_threadsafe(stop.set)
        assert dialer.closing.wait(PATIENCE_S)
        return with_another(home.settings)

    async with House(home.broker.port) as house:
        running = asyncio.create_task(app.run(home.settings, home.data, dialers=home.dialer, stop=stop, reread=late))
        await house.wait(lambda heard: heard.topic == home.topics.link(CAR) and b"radio_unavailable" in heard.payload)
        read_again()
        await running
        await house.wait(lambda heard: heard.payload == b"offline")
    assert "Traceback" not in caplog.text


async def test_a_configuration_that_is_read_again_before_the_start_is_over_counts(home: Home) -> None:
    bridge, stop = Bridge(home.settings, home.data, Notifier({}), home.dialer), asyncio.Event()
    await bridge.change(replace(with_another(home.settings), base_topic="elsewhere"))
    async with House(home.broker.port) as house:
        running = asyncio.create_task(bridge.run(stop))
        await told(house, home, ["Anna", "Bert"], 0)
        stop.set()
        await running
