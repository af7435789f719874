"""The bridge's half of the lease at the broker: what it hears, what it says, and what it tells people."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import pytest_asyncio

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.contract import Info, LinkState
from driveway_bridge.contract_topics import Topics
from driveway_bridge.judgement.lease import LISTEN_S
from driveway_bridge.judgement.lease_word import LASTS_S, Reach, Word
from driveway_bridge.mqtt.client import Message
from driveway_bridge.mqtt.lease import TELL_S, TOLD, Leases

CAR = "car-0a1b2c3d"
TOPICS = Topics("home/cars", "bridge-b")
OTHER = Topics("home/cars", "bridge-a")


class Told:
    def link(self, car: str, state: LinkState) -> None:
        """Nobody listens."""

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        """Nobody listens."""

    def forget(self, car: str) -> None:
        """Nobody listens."""


class Scene:
    """A bridge at a broker that brings everything back, beside another one; time is a number."""

    def __init__(self) -> None:
        self.now = 100.0
        self.connected = True
        self.echoes = True
        self.said: list[tuple[str, Word]] = []
        self.boot = Boot(lambda: self.now)
        self.car = Car(CAR, "Anna", self.boot, Told())
        self.doubts: list[float] = []
        self.car.on_doubt = self.doubts.append
        self.leases = Leases(TOPICS, self.boot, self)
        self.leads = self.leases.join(self.car)
        self.beat = 0
        self.leases.connected()
        self.run(LISTEN_S + 1.0)

    def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 0) -> bool:
        assert (retain, qos) == (False, 0), "a word that stays in the broker would look alive"
        self.said.append((topic, Word.parse(payload.encode())))
        if self.echoes:
            self.hear(topic, payload)
        return self.connected

    def listen_again(self) -> None:
        raise NotImplementedError

    def reconnect(self, why: str) -> None:
        raise NotImplementedError

    def hear(self, topic: str, payload: str | bytes, *, retain: bool = False) -> bool:
        data = payload.encode() if isinstance(payload, str) else payload
        return self.leases.takes(Message(topic, data, retain))

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            self.leases._look()

    def other(self, *, retain: bool = False, **says: Any) -> None:
        """The other bridge says something."""
        self.beat += 1
        fields: dict[str, Any] = {"boot": "x", "beat": self.beat, "holds": True, "reach": Reach.YES} | says
        self.hear(OTHER.lease(CAR), Word(**fields).payload(), retain=retain)
        self.leases._look()


@pytest_asyncio.fixture
async def scene() -> Scene:
    return Scene()


async def test_it_follows_the_one_that_holds_and_takes_over_when_the_broker_says_that_it_is_gone(scene: Scene) -> None:
    changes: list[None] = []
    scene.leases.on_change = lambda: changes.append(None)
    assert scene.leads()
    scene.other()
    assert not scene.leads()
    assert scene.leases.report(CAR)["holder"] == "bridge-a"
    assert scene.doubts == []
    assert scene.hear(OTHER.status, "online")
    assert scene.hear(OTHER.status, "offline", retain=True)
    scene.leases._look()
    assert scene.leads()
    assert scene.doubts == [0.0], "what the other one had heard may be old"
    assert scene.said[-1] == (TOPICS.lease(CAR), Word(boot=scene.boot.id, beat=scene.said[-1][1].beat, holds=True))
    assert len(changes) == 2


async def test_what_lies_stored_means_nothing(scene: Scene) -> None:
    scene.other(retain=True)
    assert scene.leads()
    assert scene.leases.report(CAR)["others"] == {}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (OTHER.lease("car-of-others"), Word(boot="x", beat=1, holds=True).payload()),
        (OTHER.lease(CAR), "{}"),
        (OTHER.lease(CAR), '{"boot": "x", "beat": 1, "holds": true, "lasts_s": 16, "x": "' + "x" * 2000 + '"}'),
        (OTHER.lease(CAR), ""),
        (OTHER.status, "gone"),
        (TOPICS.info, "{}"),
    ],
)
async def test_what_changes_nothing(scene: Scene, topic: str, payload: str) -> None:
    assert scene.hear(topic, payload)
    scene.run(1.0)
    assert scene.leads()
    assert scene.leases.report(CAR)["why"] == "alone"


@pytest.mark.parametrize(
    "topic",
    [
        TOPICS.command(CAR),
        TOPICS.clock_request,
        "home/cars",
        "home/status",
        "elsewhere/home/cars/bridge-a/status",
        f"home/cars/bridge-a/{CAR}/more/lease",
        "home/cars//status",
    ],
)
async def test_what_is_for_others(scene: Scene, topic: str) -> None:
    assert not scene.hear(topic, "offline")


async def test_a_bridge_that_stops_says_so_and_no_more(scene: Scene) -> None:
    scene.other(holds=False)
    scene.leases.leave()
    assert scene.said[-1][1].lasts_s == 0
    said = len(scene.said)
    scene.run(LASTS_S)
    assert len(scene.said) == said


async def test_a_car_that_is_given_away_is_given_away_here_too(scene: Scene) -> None:
    scene.leases.part(CAR)
    assert scene.said[-1][1].lasts_s == 0
    assert scene.leases.report(CAR) == {}
    scene.leases.part(CAR)


async def test_without_its_own_words_coming_back_it_follows(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.echoes = False
    scene.other(holds=False)
    scene.run(LASTS_S - 1.0)
    assert scene.leads()
    scene.other(holds=False)
    scene.run(2.0)
    assert not scene.leads()
    assert "other bridges may not hear this one any more" in caplog.text


async def test_to_and_fro_is_told_now_and_then(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever may publish can bring it about."""
    caplog.set_level(logging.INFO)
    for number in range(600):
        scene.other(holds=number % 2 == 0)
        scene.run(1.0)
    assert 2 <= len(caplog.records) <= TOLD * (600 / TELL_S + 1)
    scene.other()
    scene.run(1.0)
    scene.other(lasts_s=60.0)
    scene.run(TELL_S - 10.0)
    scene.other(lasts_s=60.0)
    scene.run(10.0)
    assert "the bridge bridge-a looks after it" in caplog.messages[-1]


def info(boot: str) -> str:
    return Info(bridge=TOPICS.bridge, name="Garage", version="1", boot=boot).payload()


async def test_what_an_earlier_start_left_in_the_broker_is_no_second_bridge(scene: Scene) -> None:
    scene.hear(TOPICS.info, info("earlier"), retain=True)
    scene.hear(TOPICS.info, info(scene.boot.id), retain=True)
    assert not scene.leases.twice


@pytest.mark.parametrize("how", ["info", "lease"])
async def test_a_second_bridge_with_the_same_id(scene: Scene, caplog: pytest.LogCaptureFixture, how: str) -> None:
    scene.hear(TOPICS.info, info(scene.boot.id), retain=True)
    for _ in range(3):
        if how == "info":
            scene.hear(TOPICS.info, info("copy"), retain=True)
        else:
            scene.hear(TOPICS.lease(CAR), Word(boot="copy", beat=1, holds=True).payload())
    assert scene.leases.twice
    assert caplog.text.count("Another bridge uses the id of this one, bridge-b") == 1
    scene.run(1.0)
    assert scene.leads()


async def test_the_word_as_it_stands_on_the_wire(scene: Scene) -> None:
    word = scene.said[-1][1]
    assert json.loads(word.payload()).keys() == {"boot", "beat", "holds", "reaches", "signal_dbm", "lasts_s"}
