"""The connection to a real mosquitto, and to brokers that are old, rude, silent or gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from driveway_bridge.mqtt import client, uplink
from driveway_bridge.mqtt.client import Broker, Message
from driveway_bridge.mqtt.uplink import Uplink, pause_s
from tests.bridge.daemon.house import PATIENCE_S, House
from tests.bridge.daemon.mosquitto import Mosquitto

STATUS = "driveway/b/status"


class Bridge:
    """An uplink that notes what happens to it."""

    def __init__(self, port: int, **changes: Any) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.ups = 0
        self.up = asyncio.Event()
        self._pauses: asyncio.Queue[None] = asyncio.Queue()
        settings = Broker(
            host=changes.pop("host", "127.0.0.1"),
            port=port,
            client_id="driveway-b",
            will_topic=STATUS,
            subscriptions=("driveway/b/+/command",),
            **changes,
        )
        self.uplink = Uplink(
            settings, on_message=self.messages.put_nowait, on_connected=self._on_connected, pause=self._pause
        )

    def _pause(self, _failures: int) -> float:
        self._pauses.put_nowait(None)
        return 0.05

    def _on_connected(self) -> None:
        self.ups += 1
        self.up.set()
        self.uplink.publish(STATUS, "online", retain=True, qos=1)

    async def is_up(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.up.wait()
        self.up.clear()

    async def has_tried(self, times: int) -> None:
        """Wait until it has failed so often."""
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(times):
                await self._pauses.get()


@contextlib.asynccontextmanager
async def running(bridge: Bridge) -> AsyncIterator[Bridge]:
    task = asyncio.create_task(bridge.uplink.run())
    try:
        yield bridge
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_online_and_an_orderly_offline(broker: Mosquitto) -> None:
    async with House(broker.port) as house, running(Bridge(broker.port)) as bridge:
        await house.wait(lambda heard: heard.payload == b"online")
        await bridge.uplink.stop(5)
        await house.wait(lambda heard: heard.payload == b"offline")
    async with House(broker.port) as late:
        offline = await late.wait(lambda heard: heard.topic == STATUS)
        assert (offline.payload, offline.retain) == (b"offline", True)


async def test_who_vanishes_is_offline(broker: Mosquitto) -> None:
    async with House(broker.port) as house:
        async with running(Bridge(broker.port)):
            await house.wait(lambda heard: heard.payload == b"online")
        await house.wait(lambda heard: heard.payload == b"offline" and heard.retain)


async def test_a_new_connection_in_the_place_of_the_old_one_ends_online(broker: Mosquitto) -> None:
    """The will of the old one comes first."""
    async with House(broker.port) as house, running(Bridge(broker.port)) as old:
        await old.is_up()
        async with running(Bridge(broker.port)):
            await house.wait(lambda heard: heard.payload == b"offline")
            await house.wait(lambda heard: heard.payload == b"online", since=2)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_messages_come_in_with_all_that_matters(
    broker: Mosquitto, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if version == "3.1.1":
        monkeypatch.setattr(uplink, "Version", SimpleNamespace(V5=client.Version.V311))
    async with House(broker.port) as house, running(Bridge(broker.port)) as bridge:
        await bridge.is_up()
        house.publish("driveway/b/car/command", b"\x00\xff{")
        house.publish("driveway/b/car/result", b"not for the bridge")
        house.publish("driveway/b/car/command", b"stored", retain=True)
        first, second = await bridge.messages.get(), await bridge.messages.get()
    assert first == Message("driveway/b/car/command", b"\x00\xff{", retain=False)
    assert second == Message("driveway/b/car/command", b"stored", retain=version == "5")
    async with running(Bridge(broker.port)) as bridge:
        assert await bridge.messages.get() == Message("driveway/b/car/command", b"stored", retain=True)


async def test_a_huge_message_does_not_reach_us(broker: Mosquitto) -> None:
    async with House(broker.port) as house, running(Bridge(broker.port)) as bridge:
        await bridge.is_up()
        house.publish("driveway/b/car/command", b"x" * 10_000_000)
        house.publish("driveway/b/car/command", b"x" * 10_000)
        house.publish("driveway/b/car/command", b"last")
        assert len((await bridge.messages.get()).payload) == 10_000
        assert (await bridge.messages.get()).payload == b"last"


async def test_nothing_is_kept_while_the_broker_is_away(broker: Mosquitto) -> None:
    async with running(Bridge(broker.port)) as bridge:
        await bridge.is_up()
        broker.kill()
        while bridge.uplink.connected:  # noqa: ASYNC110 - what ends it is the operating system
            await asyncio.sleep(0.01)
        assert not bridge.uplink.publish("driveway/b/late", "UNLOCK", qos=1)
        assert bridge.uplink.dropped == 1
        broker.start()
        async with House(broker.port) as house:
            await bridge.is_up()
            await house.wait(lambda heard: heard.payload == b"online")
            assert bridge.uplink.publish("driveway/b/end", "end")
            await house.wait(lambda heard: heard.topic.endswith("/end"))
            assert not [heard for heard in house.heard if heard.topic.endswith("/late")]
    assert bridge.ups == 2


async def test_a_broker_that_takes_nothing_does_not_fill_our_memory(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(Bridge(broker.port)) as bridge:
        await bridge.is_up()
        broker.freeze()
        sent = 0
        while bridge.uplink.publish("driveway/b/flood", "x" * 10_000):
            sent += 1
            assert sent < 5000
            await asyncio.sleep(0)
        while bridge.uplink.connected:  # noqa: ASYNC110 - what ends it is one turn of the loop
            await asyncio.sleep(0)
        broker.thaw()
        await bridge.is_up()
    assert "does not take what the bridge publishes" in caplog.text


@pytest.fixture
def guarded(mosquitto_path: str, tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that is still to be told whom it lets in, and started."""
    with Mosquitto(mosquitto_path, tmp_path / "broker") as mosquitto:
        yield mosquitto


async def test_a_wrong_password_is_said_once_and_never_shown(
    guarded: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    guarded.allow_only("driveway", "secret-word")
    guarded.start()
    async with running(Bridge(guarded.port, username="driveway", password="secret-wort")) as bridge:
        await bridge.has_tried(3)
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "refuses the user name or the password" in warnings[0]
    assert "secret-wor" not in caplog.text


async def test_a_right_password(guarded: Mosquitto) -> None:
    guarded.allow_only("driveway", "secret-word")
    guarded.start()
    async with running(Bridge(guarded.port, username="driveway", password="secret-word")) as bridge:
        await bridge.is_up()


async def test_a_broker_that_does_not_let_us_publish_is_named(
    guarded: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    guarded.allow_only_topics("topic read driveway/#")
    guarded.start()
    async with running(Bridge(guarded.port)) as bridge:
        await bridge.is_up()
        async with asyncio.timeout(PATIENCE_S):
            while "does not take" not in caplog.text:  # noqa: ASYNC110 - the log has no event
                await asyncio.sleep(0.01)
    assert "Not authorized" in caplog.text


async def test_nobody_listens(caplog: pytest.LogCaptureFixture, unused_tcp_port: int) -> None:
    async with running(Bridge(unused_tcp_port)) as bridge:
        await bridge.has_tried(3)
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert f"127.0.0.1:{unused_tcp_port} is not reached: Connection refused" in warnings[0]


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@contextlib.asynccontextmanager
async def rude_broker(answer: bytes, connects: list[bytes]) -> AsyncIterator[int]:
    """Reads CONNECT, answers this and waits for the end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connects.append(await reader.read(1000))
        writer.write(answer)
        if answer:
            while await reader.read(1000):
                pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close()
        while asyncio.all_tasks() - {asyncio.current_task()} - _of_tests():  # noqa: ASYNC110 - connections end
            await asyncio.sleep(0.01)


def _of_tests() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if "serve" not in str(task.get_coro())}


VERSION_BYTE = 8


@pytest.mark.parametrize("answer", [b"\x20\x02\x00\x01", b""], ids=["says no", "hangs up"])
async def test_an_old_broker_is_spoken_to_in_its_version(answer: bytes) -> None:
    connects: list[bytes] = []
    async with rude_broker(answer, connects) as port, running(Bridge(port)):
        async with asyncio.timeout(PATIENCE_S):
            while len(connects) < 3:  # noqa: ASYNC110 - the server has no event
                await asyncio.sleep(0.01)
    assert [connect[VERSION_BYTE] for connect in connects[:3]] == [5, 4, 5]


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n" * 9])
async def test_what_is_no_mqtt_is_left_alone(
    greeting: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "CONNECT_S", 0.2)
    connects: list[bytes] = []
    async with rude_broker(greeting, connects) as port, running(Bridge(port)):
        async with asyncio.timeout(PATIENCE_S):
            while len(connects) < 4:  # noqa: ASYNC110 - the server has no event
                await asyncio.sleep(0.01)
    assert "hung up at once" in caplog.text or "does not answer" in caplog.text


async def test_a_silent_broker_is_given_up(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(client, "CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with running(Bridge(silent.getsockname()[1])), asyncio.timeout(PATIENCE_S):
            while "does not answer, though something listens there" not in caplog.text:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)


async def test_two_under_one_name_throw_each_other_out_and_say_so_once(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """As a copy of the data folder on a second computer does; or somebody who takes the bridge's name."""
    async with running(Bridge(broker.port)) as one, running(Bridge(broker.port)):
        for _ in range(6):
            await one.is_up()
    told = [
        record for record in caplog.records if "Does somebody else connect to it as `driveway-b`?" in record.message
    ]
    assert 1 <= len(told) <= 2  # each of them once


def test_pauses_grow_up_to_half_a_minute() -> None:
    for failures in range(100):
        full = min(30.0, 2.0**failures)
        assert full / 2 <= pause_s(failures) <= full
