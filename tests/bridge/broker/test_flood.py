"""Somebody publishes what is huge, or without end; with a real mosquitto."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from driveway_bridge.contract import MAX_PAYLOAD, Outcome
from driveway_bridge.mqtt import client, uplink
from driveway_bridge.mqtt.client import AT_ONCE
from driveway_bridge.mqtt.paho_loop import LONGEST
from tests.bridge.broker.old_broker import packet, published
from tests.bridge.daemon.house import PATIENCE_S
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_bridge import CAR, Home, home
from tests.bridge.daemon.test_client import Bridge, running

__all__ = ["home"]  # the fixture
TOPIC = "driveway/b/car/command"
PER_S = 300
BATCH = 20
A_MEGABYTE = 1_000_000


def stranger(port: int) -> socket.socket:
    """A connection that was let in, in MQTT 3.1.1."""
    connected = socket.create_connection(("127.0.0.1", port))
    connected.sendall(packet(0x10, b"\0\4MQTT\4\2\0\0\0\1x"))
    assert connected.recv(4) == b"\x20\2\0\0"
    return connected


def send_huge(port: int, megabytes: int) -> None:
    """Publish so much in one message, in pieces that need no memory of ours, and then a short one."""
    piece = bytes(A_MEGABYTE // 16)
    whole = packet(0x30, len(TOPIC).to_bytes(2) + TOPIC.encode() + bytes(megabytes * A_MEGABYTE))
    header = whole[: -megabytes * A_MEGABYTE]
    del whole
    with stranger(port) as connected:
        tracemalloc.start()
        connected.sendall(header)
        for _ in range(16 * megabytes):
            connected.sendall(piece)
        connected.sendall(published(TOPIC.encode(), b"short", retain=False))


async def test_what_is_huge_needs_no_memory_where_the_broker_is_old(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "Version", SimpleNamespace(V5=client.Version.V311))
    async with running(Bridge(broker.port)) as bridge:
        await bridge.is_up()
        try:
            await asyncio.to_thread(send_huge, broker.port, 20)
            huge, short = [await asyncio.wait_for(bridge.messages.get(), PATIENCE_S) for _ in range(2)]
            _now, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert MAX_PAYLOAD < len(huge.payload) < LONGEST
        assert short.payload == b"short"
        assert bridge.ups == 1
        assert most < A_MEGABYTE


@contextmanager
def flood(port: int, payload: bytes, topic: str, per_s: int) -> Iterator[list[int]]:
    """Publish meanwhile; counts what was published."""
    batch = published(topic.encode(), payload, retain=False) * BATCH
    end, sent = threading.Event(), [0]

    def run() -> None:
        with stranger(port) as connected:
            begun = time.monotonic()
            while not end.is_set():
                connected.sendall(batch)
                sent[0] += BATCH
                end.wait(begun + sent[0] / per_s - time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        end.set()
        thread.join()


async def test_commands_get_through_between_forged_ones(home: Home) -> None:
    wanted = tuple(f"driveway/+/{name}" for name in ("info", "clock", "+/result", "+/state/body"))
    async with home.bridge(), home.house(topics=wanted) as house:
        _, genuine = await house.signed(home.signer, CAR, "unlock")
        forged = json.dumps(json.loads(genuine) | {"signature": "0" * 64}).encode()
        with flood(home.broker.port, forged, home.topics.command(CAR), PER_S) as sent:
            outcomes = [(await home.do(house, name)).outcome for name in ("unlock", "lock") * 10]
        assert outcomes == [Outcome.CONFIRMED] * 20
        assert sent[0] >= 5 * BATCH
        answered = house.results(json.loads(json.loads(genuine)["document"])["id"])
        assert len(answered) < sent[0]  # and so are the log and the audit


async def test_in_a_flood_everybody_else_has_his_turn(broker: Mosquitto) -> None:
    """However much has arrived, so few messages are worked off before the car is heard again."""
    async with running(Bridge(broker.port)) as bridge:
        await bridge.is_up()
        most = before = 0
        with flood(broker.port, b"x", TOPIC, 50 * PER_S) as sent:
            while sent[0] < 3000 or bridge.messages.qsize() < 3000:
                await asyncio.sleep(0)
                most, before = max(most, bridge.messages.qsize() - before), bridge.messages.qsize()
        assert AT_ONCE <= most <= 2 * AT_ONCE
