"""The access rules that owners are given, in a real mosquitto: what each user may do, and that it is no more."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from driveway_bridge.contract import Outcome
from driveway_bridge.contract_topics import Topics
from driveway_bridge.settings import MqttSettings, TlsSettings
from tests.bridge import paho_thread
from tests.bridge.broker.authority import ROOT, Authority
from tests.bridge.daemon.house import PATIENCE_S, House
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_bridge import CAR, Home, home

__all__ = ["home"]  # the fixture
TEMPLATES: Final = ROOT / "bridge/mosquitto"
RULES: Final = (TEMPLATES / "driveway.acl").read_text()
PASSWORDS: Final = {name: f"password of {name}" for name in (*re.findall(r"(?m)^user (\w+)$", RULES), "tester")}
B: Final = Topics("driveway", "b")
OTHER: Final = Topics("driveway", "other")

TOLD: Final = {
    "info": B.info,
    "status": B.status,
    "clock": B.clock,
    "health": B.health,
    "link": B.link(CAR),
    "body": B.state(CAR, "body"),
    "charge": B.state(CAR, "charge"),
    "climate": B.state(CAR, "climate"),
    "tyres": B.state(CAR, "tyres"),
    "drive": B.state(CAR, "drive"),
    "location": B.state(CAR, "location"),
    "event": f"driveway/b/{CAR}/event",
    "result": B.result(CAR),
    "lease": B.lease(CAR),
    "lease of another": OTHER.lease(CAR),
    "result of the doctor": B.result("driveway-doctor"),
}
ASKED: Final = {
    "command": B.command(CAR),
    "ear": B.command("ear"),
    "clock request": B.clock_request,
    "plain": B.plain(CAR, "lock"),
    "component": B.component,
    "echo": "driveway/home-0a1b2c3d/echo",
}
FOREIGN: Final = {
    "discovery": "homeassistant/device/car/config",
    "birth": "homeassistant/status",
    "lamp": "zigbee2mqtt/lamp/set",
    "base": "driveway",
    "beside": "driveway2/b/info",
    "deeper": f"driveway/b/{CAR}/state/body/x",
    "secret": "driveway/b/secret",
}
ALL: Final = TOLD | ASKED | FOREIGN
READS: Final = {
    "driveway": {*TOLD, "command", "ear", "clock request", "plain", "component"},
    "homeassistant": {*TOLD, "component", "echo", "discovery", "birth"},
    "automation": set(TOLD) - {"clock", "health", "lease", "lease of another"},
    "display": {"status", "link", "body", "charge", "climate", "tyres"},
}
WRITES: Final = {
    "driveway": {*TOLD, "ear"},
    "homeassistant": {"command", "ear", "clock request", "plain", "component", "echo", "discovery", "birth"},
    "automation": {"plain"},
    "display": set(),
}


class Person:
    """Somebody with a name and a password, on paho's own thread."""

    def __init__(self, port: int, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(name, PASSWORDS[name])
        self._client.on_connect = lambda client, *_: client.subscribe([("#", 0), ("$SYS/#", 0)])
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._port = port
        self._listening = asyncio.Event()
        self._answers: dict[int, asyncio.Future[bool]] = {}
        self.heard: list[str] = []
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        await asyncio.wait_for(self._listening.wait(), PATIENCE_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.to_thread(paho_thread.end, self._client)

    def _on_subscribe(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._listening.set)

    def _on_message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._hear, message.topic)

    def _hear(self, topic: str) -> None:
        self.heard.append(topic)
        self._news.set()

    def _on_publish(self, _c: Any, _u: Any, mid: int, reason: Any, _p: Any) -> None:
        self._loop.call_soon_threadsafe(lambda: self._answer(mid).set_result(not reason.is_failure))

    def _answer(self, mid: int) -> asyncio.Future[bool]:
        return self._answers.setdefault(mid, self._loop.create_future())

    async def may_write(self, topic: str) -> bool:
        """Publish; the broker says whether it takes it."""
        mid = self._client.publish(topic, b"x", qos=1).mid
        return await asyncio.wait_for(self._answer(mid), PATIENCE_S)

    async def hears(self, topic: str) -> None:
        """Wait until this was heard."""
        async with asyncio.timeout(PATIENCE_S):
            while topic not in self.heard:
                self._news.clear()
                await self._news.wait()


def set_up(broker: Mosquitto, folder: Path, rules: str, *, listener: list[str]) -> None:
    """Set the broker up as the templates say, included by Debian's file; ports and folders are those of the test."""
    file = folder / "driveway.acl"
    file.touch(mode=0o600)
    file.write_text(f"{rules}\nuser tester\ntopic readwrite #\n")
    settings = (TEMPLATES / "driveway.conf").read_text()
    for old, new in {
        "/etc/mosquitto/driveway.acl": str(file),
        "/etc/mosquitto/driveway.passwords": str(broker.set_passwords(PASSWORDS)),
    }.items():
        assert old in settings
        settings = settings.replace(old, new)
    main = ["persistence true", f"persistence_location {folder}/", f"log_dest file {folder}/log"]  # as Debian has it
    ours = ("listener", "cafile", "certfile", "keyfile", "tls_version")
    broker.settings = listener + main + [line for line in settings.splitlines() if not line.startswith(ours)]


@pytest.fixture
def guarded(mosquitto_path: str, tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with our templates, in the clear."""
    with Mosquitto(mosquitto_path, tmp_path / "broker") as mosquitto:
        set_up(mosquitto, tmp_path / "broker", RULES, listener=[])
        mosquitto.start()
        yield mosquitto


def test_every_topic_of_the_contract_is_in_the_table() -> None:
    names = {name for name in vars(Topics) if not name.startswith("_")} - {"base", "bridge"}
    of_topics = {re.sub(r"/car-[0-9a-f]{8}", "/+", topic) for topic in ALL.values()}
    for name in names:
        value = getattr(B, name)
        topic = value if isinstance(value, str) else value()
        assert any(re.fullmatch(topic.replace("+", "[^/]+"), one) for one in of_topics), name
    assert READS.keys() == WRITES.keys() == PASSWORDS.keys() - {"tester"}


@pytest.mark.parametrize("name", READS)
async def test_nobody_hears_more_than_he_may(guarded: Mosquitto, name: str) -> None:
    """Who listens where he may not is told nothing, not even that."""
    async with Person(guarded.port, name) as person, Person(guarded.port, "tester") as tester:
        for topic in ALL.values():
            assert await tester.may_write(topic)
        last = ALL[max(READS[name], key=list(ALL).index)]
        await person.hears(last)
        await tester.hears(list(ALL.values())[-1])
        assert {key for key, topic in ALL.items() if topic in person.heard} == READS[name]
        assert set(person.heard) <= set(ALL.values())


@pytest.mark.parametrize("name", WRITES)
async def test_nobody_says_more_than_he_may(guarded: Mosquitto, name: str) -> None:
    async with Person(guarded.port, name) as person:
        may = {key for key, topic in (ALL | {"system": "$SYS/broker/uptime"}).items() if await person.may_write(topic)}
    assert may == WRITES[name]


async def test_a_bridge_for_each_user_keeps_to_its_own_topics(mosquitto_path: str, tmp_path: Path) -> None:
    """As docs/broker.md says for several bridges."""
    part = re.search(r"(?ms)^user driveway$.*?(?=^user )", RULES)
    assert part is not None
    lines = []
    for line in part[0].splitlines():
        own = line.replace("driveway/+/", "driveway/b/", 1)
        lines += [own, line.replace("readwrite", "read")] if line.endswith(("/lease", "/event")) else [own]
    with Mosquitto(mosquitto_path, tmp_path / "broker") as mosquitto:
        set_up(mosquitto, tmp_path / "broker", RULES.replace(part[0], "\n".join([*lines, ""])), listener=[])
        mosquitto.start()
        async with Person(mosquitto.port, "driveway") as bridge, Person(mosquitto.port, "tester") as tester:
            for topics, allowed in ((B, True), (OTHER, False)):
                for topic in (topics.status, topics.result(CAR), topics.lease(CAR), topics.command("ear")):
                    assert await bridge.may_write(topic) is allowed
                await tester.may_write(topics.command(CAR))
                await tester.may_write(topics.lease(CAR))
                await tester.may_write(topics.event(CAR))
            await bridge.hears(OTHER.lease(CAR))
            await bridge.hears(OTHER.event(CAR))
            assert B.command(CAR) in bridge.heard
            assert OTHER.command(CAR) not in bridge.heard


# The whole chain ------------------------------------------------------------------------------------------------------


async def test_bridge_home_assistant_and_automation_with_encryption_and_these_rules(
    mosquitto_path: str, tmp_path: Path, authority: Authority, home: Home
) -> None:
    def house(name: str, *topics: str) -> dict[str, Any]:
        return {"topics": topics, "user": (name, PASSWORDS[name]), "ca": authority.ca}

    with Mosquitto(mosquitto_path, tmp_path / "hardened") as mosquitto:
        set_up(mosquitto, tmp_path / "hardened", RULES, listener=[*authority.listener(), "tls_version tlsv1.2"])
        mosquitto.start()
        home.settings = replace(
            home.settings,
            mqtt=MqttSettings(
                port=mosquitto.port,
                username="driveway",
                password=PASSWORDS["driveway"],
                tls=TlsSettings(ca_file=authority.ca),
            ),
        )
        async with (
            House(mosquitto.port, **house("display", "#")) as display,
            House(mosquitto.port, **house("automation", "driveway/#")) as automation,
            home.bridge(),
            home.house(**house("homeassistant", "driveway/#")) as assistant,
        ):
            assert (await home.do(assistant, "unlock")).outcome is Outcome.CONFIRMED
            assert (await home.do(assistant, "lock")).outcome is Outcome.CONFIRMED
            await assistant.wait(is_well)
            _, payload = await assistant.signed(home.signer, CAR, "unlock")
            since = len(automation.heard)
            automation.publish(home.topics.command(CAR), payload)  # signed, but he may not give it
            assert (await home.do(assistant, "status")).outcome is Outcome.CONFIRMED
            await automation.wait(lambda heard: heard.topic == home.topics.result(CAR), since)
            assert home.locked()
        assert not [heard for heard in assistant.heard if heard.topic.endswith("/command")]
        assert {heard.topic for heard in display.heard} >= {home.topics.status, home.topics.state(CAR, "body")}
        assert not [heard for heard in display.heard if heard.topic.endswith(("/result", "/info", "/location"))]


def is_well(heard: Any) -> bool:
    """Whether the bridge says that it hears itself."""
    return heard.topic.endswith("/health") and json.loads(heard.payload)["mqtt"]["ear"]["ok"] is True
