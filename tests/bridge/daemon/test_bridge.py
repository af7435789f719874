"""The whole bridge in this process: a real broker on one side, a virtual car on the other, and people in between."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from driveway_bridge import app, code_store, key_store
from driveway_bridge.car import Car
from driveway_bridge.contract import LOCK_TTL_S, MAX_PAYLOAD, Command, LinkState, Outcome, Result, Signer, new_code
from driveway_bridge.contract_topics import Topics
from driveway_bridge.errors import NotReached
from driveway_bridge.link.base import Dialer, Link
from driveway_bridge.link.memory import MemoryDialer
from driveway_bridge.settings import CarSettings, MqttSettings, Settings
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vin import car_id
from tests.bridge.daemon.bench import FakeDialer
from tests.bridge.daemon.house import PATIENCE_S, Heard, House, stations
from tests.bridge.daemon.mosquitto import Mosquitto

VIN = "5YJ30123456789ABC"
CAR = car_id(VIN)


class NoRadio(FakeDialer):
    async def connect(self, deadline_s: float) -> Link:
        raise NotReached("radio_unavailable")


class Home:
    """A bridge that can be started again, with its broker and its car."""

    def __init__(self, broker: Mosquitto, data: Path) -> None:
        self.broker = broker
        self.data = data
        self.signer = Signer.from_code(code_store.load_or_create_code(data))
        self.topics = Topics("driveway", code_store.load_or_create_bridge_id(data))
        self.events: list[dict[str, Any]] = []
        self.virtual = VirtualCar(VIN, seed=1, report=self.events.append)
        self.virtual.enrol(key_store.load_or_create(data).public)
        self.live = LiveCar(self.virtual)
        self.dialers: dict[str, Dialer] = {}
        self.settings = Settings(mqtt=MqttSettings(port=broker.port), cars=())
        self.set_car()
        self.reread: Callable[[], Settings] = lambda: self.settings

    def _reread(self) -> Settings:
        return self.reread()

    def set_car(self, **changes: Any) -> None:
        """Write the car into the configuration, with these settings."""
        car = CarSettings(**{"vin": VIN, "name": "Anna", "status_every_s": 60, **changes})
        self.settings = replace(self.settings, cars=(car,))

    def dialer(self, settings: CarSettings, _car: Car) -> Dialer:
        return self.dialers.get(settings.vin) or MemoryDialer(self.live.attach)

    def locked(self) -> bool:
        return self.virtual.car.locked

    @contextlib.asynccontextmanager
    async def bridge(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        run = app.run(self.settings, self.data, dialers=self.dialer, stop=stop, reread=self._reread)
        task = asyncio.create_task(run)
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(10):
                await task

    @contextlib.asynccontextmanager
    async def house(self, **how: Any) -> AsyncIterator[House]:
        """Somebody who listens, and knows that the bridge is there and has read the car's state."""
        async with House(self.settings.mqtt.port, **how) as house:
            await self.read(house)
            yield house

    async def read(self, house: House) -> None:
        """Wait until the car has been heard by the bridge."""
        await house.wait(lambda heard: self.lock_said(heard) is not None)

    def lock_said(self, heard: Heard) -> str | None:
        """What a message says of the lock."""
        if heard.topic != self.topics.state(CAR, "body"):
            return None
        value = json.loads(heard.payload)["lock"]["value"]
        return None if value is None else str(value)

    async def do(self, house: House, name: str, **changes: Any) -> Result:
        """Give a command and wait for what becomes of it."""
        command_id, payload = await house.signed(self.signer, CAR, name, **changes)
        house.publish(self.topics.command(CAR), payload)
        return await house.final(command_id)


@pytest_asyncio.fixture
async def home(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Home]:
    made = Home(broker, tmp_path / "data")
    yield made
    made.live.close()


async def test_lock_and_unlock(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        command_id, payload = await house.signed(home.signer, CAR, "unlock")
        house.publish(home.topics.command(CAR), payload)
        result = await house.final(command_id)
        assert stations(house.results(command_id)) == [Outcome.ACCEPTED, Outcome.SENT, Outcome.CONFIRMED]
        assert (result.reason, result.route) == ("done", "memory")
        assert set(result.phases_ms) >= {"waiting", "link", "session", "car", "total"}
        assert not home.locked()
        assert (await home.do(house, "lock")).outcome is Outcome.CONFIRMED
        assert home.locked()
        assert (await home.do(house, "status")).outcome is Outcome.CONFIRMED
        assert (await home.do(house, "wake")).outcome is Outcome.CONFIRMED


async def test_what_is_told_in_which_order(home: Home) -> None:
    async with House(home.broker.port) as house, home.bridge():
        await house.wait(lambda heard: heard.topic.endswith("/state/body"))
        topics = home.topics
        assert [heard.topic for heard in house.heard[:5]] == [
            topics.info,
            topics.status,
            topics.clock,
            topics.link(CAR),
            topics.state(CAR, "body"),
        ]
        assert [heard.retain for heard in house.heard[:5]] == [True, True, False, True, True]
        info = json.loads(house.heard[0].payload)
        assert info["cars"] == [{"id": CAR, "name": "Anna", "model": "Model 3", "role": None, "commands": None}]
        assert info["clients"] == [home.signer.client]
        assert {"lock", "unlock", "status", "wake", "climate_on", "pair"} <= set(info["commands"])
        await home.read(house)
        assert VIN not in str(house.heard)


async def test_only_the_car_says_what_it_is(home: Home) -> None:
    home.set_car(hold_s=math.inf)  # what the car tells by itself is heard on a link that is kept
    async with home.bridge(), home.house() as house:
        home.live.do(lambda: home.virtual.car.unlock("phone"))
        heard = await house.wait(lambda heard: home.lock_said(heard) == "unlocked")
        assert json.loads(heard.payload)["lock"]["source"] == "push"
        since = len(house.heard)
        home.live.do(lambda: home.virtual.car.lock("phone"))
        await house.wait(lambda heard: home.lock_said(heard) == "locked", since)


async def test_a_car_that_is_gone_is_said_to_be_gone(home: Home) -> None:
    def link(payload: bytes) -> LinkState:
        return LinkState.parse(payload)

    async with home.bridge(), home.house() as house:
        await house.wait(lambda heard: heard.topic.endswith("/link") and link(heard.payload).reachable is True)
        since = len(house.heard)
        home.virtual.places = 0
        home.live.drop()
        await house.wait(lambda heard: heard.topic.endswith("/link") and not link(heard.payload).linked, since)
        result = await home.do(house, "lock")
        assert (result.outcome, result.reason) == (Outcome.FAILED, "places_full")
        await house.wait(lambda heard: heard.topic.endswith("/link") and link(heard.payload).why_not == "places_full")
        home.virtual.places = 3
        assert (await home.do(house, "lock")).outcome is Outcome.CONFIRMED


async def test_a_car_without_a_radio_does_not_stop_the_other(home: Home) -> None:
    other_vin = "5YJ30123456789XYZ"
    cars = (CarSettings(vin=other_vin, name="Bert"), *home.settings.cars)
    home.settings = dataclasses.replace(home.settings, cars=cars)
    home.dialers[other_vin] = NoRadio()
    async with home.bridge(), home.house() as house:
        heard = await house.wait(
            lambda heard: heard.topic == home.topics.link(car_id(other_vin)) and b'"reachable": false' in heard.payload
        )
        assert LinkState.parse(heard.payload).why_not == "radio_unavailable"
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
        command_id, payload = await house.signed(home.signer, car_id(other_vin), "unlock")
        house.publish(home.topics.command(car_id(other_vin)), payload)
        result = await house.final(command_id)
        assert (result.outcome, result.reason) == (Outcome.FAILED, "radio_unavailable")


async def test_the_unlock_that_lay_in_the_broker(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        command_id, payload = await house.signed(home.signer, CAR, "unlock")
        house.publish(home.topics.command(CAR), payload, retain=True)
        assert (await house.final(command_id)).reason == "retained"
    async with home.bridge(), home.house() as house:
        await house.wait(
            lambda heard: heard.topic.endswith("/result") and Result.parse(heard.payload).reason == "retained"
        )
        assert home.locked()


def forged(payload: str, **changes: str) -> str:
    envelope = json.loads(payload)
    for old, new in changes.items():
        envelope["document"] = envelope["document"].replace(old, new)
    return json.dumps(envelope)


async def test_a_thief_at_the_broker(home: Home) -> None:
    """Who may publish anything, has caught a genuine unlock, and holds no code."""
    async with home.bridge(), home.house() as house:
        topic = home.topics.command(CAR)
        _, fresh_lock = await house.signed(home.signer, CAR, "lock")
        thief = Signer.from_code(new_code())
        _, own = await house.signed(thief, CAR, "unlock")
        _, in_my_name = await house.signed(dataclasses.replace(thief, client=home.signer.client), CAR, "unlock")

        command_id, caught = await house.signed(home.signer, CAR, "unlock", ttl=LOCK_TTL_S)
        over = time.monotonic() + LOCK_TTL_S
        house.publish(topic, caught)
        assert (await house.final(command_id)).outcome is Outcome.CONFIRMED
        assert (await home.do(house, "lock")).outcome is Outcome.CONFIRMED
        text = json.loads(caught)
        tries: list[tuple[str | bytes, str]] = [
            (caught, "replayed"),
            (forged(fresh_lock, **{'"lock"': '"unlock"'}), "bad_signature"),
            (own, "unknown_client"),
            (in_my_name, "bad_signature"),
            (json.dumps({"document": text["document"]}), "not_signed"),
            (json.dumps({**text, "document": text["document"][:-1]}), "malformed"),
            (text["document"], "not_signed"),
        ]
        for payload, reason in tries:
            since = len(house.heard)
            house.publish(topic, payload)
            heard = await house.wait(lambda heard: heard.topic.endswith("/result"), since)
            assert Result.parse(heard.payload).reason == reason
            await asyncio.sleep(0.2)  # strangers are answered five times a second
        for payload, reason in (
            (b"x" * (MAX_PAYLOAD + 1), "too_large"),
            (caught[:-1] + ', "document": ""}', "malformed"),
            ("\u0000", "malformed"),
        ):
            since = len(house.heard)
            house.publish(topic, payload)
            heard = await house.wait(lambda heard: heard.topic.endswith("/result"), since)
            assert Result.parse(heard.payload).reason == reason
            await asyncio.sleep(0.2)
        await asyncio.sleep(max(0.0, over - time.monotonic()))
        since = len(house.heard)
        house.publish(topic, caught)
        heard = await house.wait(lambda heard: heard.topic.endswith("/result"), since)
        assert Result.parse(heard.payload).outcome is Outcome.EXPIRED
        house.publish(topic, b"x" * 10_000_000)
        house.publish(home.topics.command("car-ffffffff"), caught)
        house.publish(home.topics.status, "offline", retain=True)
        assert (await home.do(house, "status")).outcome is Outcome.CONFIRMED
        assert home.locked()


async def test_a_command_from_before_the_restart(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        _, caught = await house.signed(home.signer, CAR, "unlock", ttl=60.0)
    async with home.bridge(), home.house() as house:
        await house.clock()  # the new bridge is there
        house.publish(home.topics.command(CAR), caught)
        heard = await house.wait(lambda heard: heard.topic.endswith("/result"))
        assert Result.parse(heard.payload).reason == "other_boot"
        assert home.locked()


async def test_the_broker_is_started_again(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        since = len(house.heard)
        home.broker.kill()
        await asyncio.sleep(0.2)
        home.broker.start()
        for topic in (home.topics.info, home.topics.link(CAR), home.topics.state(CAR, "body")):
            await house.wait(lambda heard, topic=topic: heard.topic == topic, since)  # type: ignore[misc]
        await house.wait(lambda heard: heard.payload == b"online", since)
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED


async def test_nothing_that_the_broker_was_told_says_that_it_is_away(home: Home) -> None:
    def said_of_the_broker(house: House) -> list[bool]:
        told = [json.loads(heard.payload) for heard in house.heard if heard.topic == home.topics.health]
        return [any(problem["part"] == "broker" for problem in health["problems"]) for health in told]

    async with House(home.broker.port) as house, home.bridge():
        await home.read(house)
        since = len(house.heard)
        home.broker.kill()
        await asyncio.sleep(6)  # until the bridge has looked at its health once without a broker
        home.broker.start()
        await house.wait(lambda heard: heard.topic == home.topics.health, since)
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
        assert said_of_the_broker(house)
        assert not any(said_of_the_broker(house))


async def test_the_unlock_that_hung_in_a_client_while_the_broker_was_away(home: Home) -> None:
    """With QoS 1 the sender's library keeps it and delivers it after the reconnect."""
    async with home.bridge(), home.house() as house:
        command_id, payload = await house.signed(home.signer, CAR, "unlock", ttl=1.0)
        home.broker.kill()
        house.publish(home.topics.command(CAR), payload, qos=1)
        await asyncio.sleep(1)
        home.broker.start()
        await house.wait(lambda heard: heard.topic == home.topics.info, len(house.heard))
        # Whoever connects first decides whether the bridge hears it at all; when it does, it says that it is too old.
        assert (await home.do(house, "status")).outcome is Outcome.CONFIRMED
        await asyncio.sleep(1)
        assert {result.outcome for result in house.results(command_id)} <= {Outcome.EXPIRED}
        assert home.locked()


async def test_the_broker_freezes_with_an_unlock_inside(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        command_id, payload = await house.signed(home.signer, CAR, "unlock", ttl=2.0)
        home.broker.freeze()
        house.publish(home.topics.command(CAR), payload)
        await asyncio.sleep(3.2)
        home.broker.thaw()
        assert (await house.final(command_id)).outcome is Outcome.EXPIRED
        assert home.locked()
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED


async def test_the_end_is_told_and_nothing_is_left_open(home: Home) -> None:
    async with House(home.broker.port) as house:
        async with home.bridge():
            await home.read(house)
            assert home.virtual.places_free == 2
        await house.wait(lambda heard: heard.payload == b"offline")
        assert home.virtual.places_free == 3


async def test_the_code_is_in_the_first_log_and_never_again(
    home: Home, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG, logger="driveway_bridge")
    home.data = tmp_path / "new"
    async with home.bridge(), House(home.broker.port) as house:
        await house.wait(lambda heard: heard.payload == b"online")
    code = code_store.load_or_create_code(home.data)
    assert caplog.text.count(code) == 1
    async with home.bridge(), House(home.broker.port) as house:
        await house.wait(lambda heard: heard.payload == b"online")
    assert caplog.text.count(code) == 1
    assert VIN not in caplog.text


async def test_a_key_that_cannot_be_read_ends_the_bridge_with_a_sentence(home: Home) -> None:
    (home.data / "key.pem").write_text("no key")
    with pytest.raises(Exception, match=r"key\.pem") as raised:
        async with asyncio.timeout(PATIENCE_S):
            await app.run(home.settings, home.data, dialers=home.dialer)
    assert type(raised.value).__name__ == "ConfigurationError"


def test_a_command_is_what_the_contract_says() -> None:
    fields = [field.name for field in dataclasses.fields(Command)]
    assert fields == ["id", "client", "car", "command", "boot", "issued", "ttl", "arguments"]
