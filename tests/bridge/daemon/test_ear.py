"""The bridge hears itself, notices when it does not, and repairs what can be repaired; with a real mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import pytest

from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.client import Broker, Message
from driveway_bridge.mqtt.ear import EAR, Ear
from driveway_bridge.mqtt.uplink import Uplink
from tests.bridge.daemon.bench import Bench
from tests.bridge.daemon.house import PATIENCE_S, House
from tests.bridge.daemon.mosquitto import Mosquitto

TOPICS = Topics("driveway", "b")
PROBE = TOPICS.command(EAR)


class FakeMouth:
    """A connection that brings back what is published, as long as it hears."""

    def __init__(self) -> None:
        self.connected = True
        self.hears = True
        self.helps: str | None = None
        """The repair that makes it hear again."""
        self.published: list[tuple[str, str, bool]] = []
        self.repairs: list[str] = []
        self.ear: Ear | None = None
        self._news = asyncio.Event()

    def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 0) -> bool:
        self.published.append((topic, payload, retain))
        if self.hears and self.ear is not None:
            self.ear.hears(EAR, Message(topic, payload.encode(), retain))
        self._news.set()
        return self.connected

    def listen_again(self) -> None:
        self._repair("listen")

    def reconnect(self, why: str) -> None:
        self._repair("connect")

    def _repair(self, name: str) -> None:
        self.repairs.append(name)
        self.hears = self.hears or self.helps == name
        self._news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():
                self._news.clear()
                await self._news.wait()


@contextlib.asynccontextmanager
async def listening(mouth: FakeMouth, within_s: float = 0.01) -> AsyncIterator[Ear]:
    ear = mouth.ear = Ear(TOPICS, mouth, every_s=0.01, within_s=within_s)
    task = asyncio.create_task(ear.run())
    try:
        yield ear
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_an_ear_that_works_needs_no_repair() -> None:
    mouth = FakeMouth()
    async with listening(mouth) as ear:
        assert ear.report()["ok"] is None
        await mouth.until(lambda: len(mouth.published) == 3)
        assert ear.report()["ok"] is True
        assert ear.report()["heard_s_ago"] < 1
        assert ear.report()["repairs"] == 0
    topics, payloads, retained = zip(*mouth.published, strict=True)
    assert set(topics) == {PROBE}
    assert len(set(payloads)) == 3
    assert set(retained) == {False}
    assert mouth.repairs == []


async def test_a_lost_subscription_is_made_anew_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """Pains 21."""
    mouth = FakeMouth()
    mouth.hears, mouth.helps = False, "listen"
    async with listening(mouth) as ear:
        await mouth.until(lambda: len(mouth.published) == 4)
        assert ear.report()["ok"] is True
        assert ear.report()["repairs"] == 1
    assert mouth.repairs == ["listen"]
    assert caplog.text == ""


async def test_if_that_does_not_help_the_connection_is_made_anew_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Pains 21."""
    mouth = FakeMouth()
    mouth.hears, mouth.helps = False, "connect"
    changes: list[object] = []
    async with listening(mouth) as ear:
        ear.on_change = lambda: changes.append(ear.report()["ok"])
        await mouth.until(lambda: len(mouth.published) == 4)
    assert mouth.repairs == ["listen", "connect"]
    assert changes == [False, True]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert PROBE in caplog.text


async def test_if_nothing_helps_the_connection_is_not_broken_off_each_time(caplog: pytest.LogCaptureFixture) -> None:
    mouth = FakeMouth()
    mouth.hears = False
    async with listening(mouth) as ear:
        await mouth.until(lambda: len(mouth.published) == 20)
        assert ear.report()["ok"] is False
    assert mouth.repairs.count("connect") == 1
    assert mouth.repairs.count("listen") > 5
    assert len(caplog.records) == 1


async def test_without_a_connection_nothing_is_said_of_the_ear() -> None:
    mouth = FakeMouth()
    mouth.connected = False
    async with listening(mouth) as ear:
        await asyncio.sleep(0.1)
        assert ear.report() == {"ok": None, "heard_s_ago": None, "repairs": 0}
    assert mouth.repairs == []


async def test_strangers_at_the_ear_change_nothing() -> None:
    mouth = FakeMouth()
    mouth.hears = False
    async with listening(mouth, within_s=60) as ear:
        await mouth.until(lambda: len(mouth.published) == 1)
        nonce = mouth.published[0][1].encode()
        for payload, retain in ((b"", False), (b"x", False), (b"\xff" * 60_000, False), (nonce, True)):
            assert ear.hears(EAR, Message(PROBE, payload, retain))
        assert ear.report()["ok"] is None
        assert ear.report()["heard_s_ago"] is None
        assert not ear.hears("car-00000001", Message(PROBE, nonce, retain=False))


async def test_what_is_published_to_the_ear_is_no_command_and_gets_no_answer(bench: Bench) -> None:
    ear = Ear(bench.topics, FakeMouth())
    bench.router.ear = ear
    bench.put(b"nonsense", car=EAR)
    bench.put(bench.command("unlock", car=EAR).signed(bench.signer), car=EAR)
    assert bench.sent == []
    assert ear.sender_s_ago is None


async def test_home_assistant_is_heard_by_its_questions_and_its_commands(bench: Bench) -> None:
    ear = bench.router.ear = Ear(bench.topics, FakeMouth())
    bench.put(b"nonsense")
    bench.put(bench.command("unlock", client="stranger").signed(bench.signer))
    assert [ear.sender_s_ago] == [None]
    bench.router.receive(Message(bench.topics.clock_request, b"x", retain=False))
    assert ear.sender_s_ago is not None
    another = bench.router.ear = Ear(bench.topics, FakeMouth())
    await bench.final(bench.give("lock"))
    assert another.sender_s_ago is not None


# With a real broker ---------------------------------------------------------------------------------------------------


class Listener:
    """An uplink with an ear, as in the bridge."""

    def __init__(self, port: int) -> None:
        broker = Broker(
            host="127.0.0.1",
            port=port,
            client_id="driveway-b",
            will_topic=TOPICS.status,
            subscriptions=(TOPICS.command(), TOPICS.clock_request),
        )
        self.commands: list[Message] = []
        self.ups = 0
        self.news = asyncio.Event()
        self.uplink = Uplink(broker, on_message=self._hear, on_connected=self._note_up, pause=lambda _failures: 0.05)
        self.ear = Ear(TOPICS, self.uplink, every_s=0.1, within_s=3.0)
        self.ear.on_change = self.news.set

    def _hear(self, message: Message) -> None:
        if not self.ear.hears(message.topic.split("/")[2], message):
            self.commands.append(message)
        self.news.set()

    def _note_up(self) -> None:
        self.ups += 1
        self.uplink.publish(TOPICS.status, "online", retain=True, qos=1)
        self.news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self.news.clear()
                await self.news.wait()


@contextlib.asynccontextmanager
async def connected(broker: Mosquitto) -> AsyncIterator[Listener]:
    listener = Listener(broker.port)
    tasks = [asyncio.create_task(listener.uplink.run()), asyncio.create_task(listener.ear.run())]
    try:
        await listener.until(lambda: listener.ear.report()["ok"] is True)
        yield listener
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_the_bridge_hears_itself_through_a_real_broker(broker: Mosquitto) -> None:
    async with House(broker.port) as house, connected(broker) as listener:
        probe = await house.wait(lambda heard: heard.topic == PROBE)
        assert not probe.retain
        assert (listener.ups, listener.commands) == (1, [])


async def test_a_subscription_that_got_lost_comes_back(broker: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    """Pains 21. Values go on while commands are no longer received."""
    async with House(broker.port) as house, connected(broker) as listener:
        client = listener.uplink._client
        assert client is not None
        client._paho.unsubscribe(TOPICS.command())
        await listener.until(lambda: listener.ear.report()["repairs"] == 1)
        await listener.until(lambda: client is listener.uplink._client and listener.ear.report()["heard_s_ago"] < 0.2)
        house.publish(TOPICS.command("car-a"), b"a command")
        await listener.until(lambda: [message.payload for message in listener.commands] == [b"a command"])
        assert listener.ups == 1
    assert "does not hear" not in caplog.text


async def test_a_right_that_is_taken_away_is_noticed_and_its_return_too(
    mosquitto_path: str, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Pains 21."""
    with Mosquitto(mosquitto_path, tmp_path_factory.mktemp("broker") / "data") as broker:
        broker.allow_only_topics("topic readwrite driveway/#")
        broker.start()
        async with connected(broker) as listener:
            broker.change_topics("topic write driveway/#", "topic read driveway/b/clock/get")
            await listener.until(lambda: listener.ear.report()["ok"] is False)
            broker.change_topics("topic readwrite driveway/#")
            await listener.until(lambda: listener.ear.report()["ok"] is True)
    assert PROBE in caplog.text
    assert "hears commands again" in caplog.text
