"""Where the car is reached: addresses, ports, the virtual radio and its advertisement; and its stream of events."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator

import pytest
from bleak import BleakScanner

from driveway_bridge.link.memory import MemoryLink
from driveway_bridge.simulator.event_stream import MAX_LINE, EventWriter, read_lines
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.listeners import make_listener, parse_address
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vin import local_name
from driveway_bridge.virtual_radio.bleak_backend import adapter
from tests.bridge.simulator.raw_client import VIN


@pytest.fixture
async def live(virtual: VirtualCar) -> AsyncIterator[LiveCar]:
    live = LiveCar(virtual)
    yield live
    live.close()


def test_addresses() -> None:
    assert parse_address("tcp://127.0.0.1:4711") == ("tcp", "127.0.0.1", 4711)
    assert parse_address("hci://[::1]:0") == ("hci", "::1", 0)
    for wrong in ("http://a:1", "tcp://:1", "tcp://a", "tcp://a:99999", "tcp://a:1/b", "tcp://me@a:1"):
        with pytest.raises(ValueError, match="is no address"):
            parse_address(wrong)


async def test_tcp_port_closes_while_out_of_range(live: LiveCar) -> None:
    listener = make_listener(live, *parse_address("tcp://127.0.0.1:0"))
    await listener.start()
    address = listener.address
    await listener.vanish()
    await listener.reappear()
    await listener.reappear()
    assert listener.address == address
    await listener.stop()


async def test_advertisement_says_whether_a_place_is_free(live: LiveCar) -> None:
    """Whoever has the places: a fault, or links that came in another way."""
    listener = make_listener(live, *parse_address("hci://127.0.0.1:0"), mtu=115)
    await listener.vanish()
    await listener.start()
    port = listener.address.rpartition(":")[2]
    async with adapter(f"tcp-client:127.0.0.1:{port}") as radio, BleakScanner(backend=radio.scanner) as scanner:

        async def until(*, connectable: bool) -> None:
            async with asyncio.timeout(10):
                async for _, data in scanner.advertisement_data():
                    if data.local_name == local_name(VIN) and data.platform_data == ({"connectable": connectable},):
                        return

        await until(connectable=True)
        live.do(lambda: live.virtual.switch(Fault.PLACES_FULL, on=True))
        await until(connectable=False)
        live.do(lambda: live.virtual.switch(Fault.PLACES_FULL, on=False))
        await until(connectable=True)
        links = [MemoryLink(live.attach) for _ in range(3)]
        await until(connectable=False)
        await links[0].close()
        await until(connectable=True)
    await listener.vanish()
    await listener.reappear()
    await listener.stop()
    live.do(lambda: live.virtual.switch(Fault.PLACES_FULL, on=True))


# Events


def pipe() -> tuple[int, int]:
    return os.pipe()


def test_events_are_lines_of_json() -> None:
    reading, writing = pipe()
    writer = EventWriter(writing, lambda: None)
    writer.put({"event": "state", "locked": True})
    writer.put({"event": "rebooted"})
    writer.close()
    os.close(writing)
    with os.fdopen(reading) as lines:
        assert [json.loads(line) for line in lines] == [{"event": "state", "locked": True}, {"event": "rebooted"}]


def test_reader_that_is_gone_is_noticed() -> None:
    reading, writing = pipe()
    os.close(reading)
    gone = threading.Event()
    writer = EventWriter(writing, gone.set)
    writer.put({"event": "state"})
    assert gone.wait(10)
    writer.close()
    os.close(writing)


class Heard(list[str]):
    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self.all = threading.Event()

    def take(self, line: str) -> None:
        self.append(line)
        if len(self) == self._count:
            self.all.set()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"lock\nunlock\n", ["lock", "unlock"]),
        (b"\xff\xfe\n", ["\ufffd\ufffd"]),
        (b"x" * MAX_LINE * 2 + b"\nlock\n", ["x" * MAX_LINE * 2, "", "lock"]),
    ],
)
def test_lines(written: bytes, expected: list[str]) -> None:
    reading, writing = pipe()
    heard = Heard(len(expected))
    read_lines(reading, heard.take)
    os.write(writing, written)
    assert heard.all.wait(10)
    assert heard == expected
    os.close(writing)


def test_lines_end_with_their_reader() -> None:
    reading, writing = pipe()
    ended = threading.Event()

    def take(_line: str) -> None:
        ended.set()
        raise RuntimeError("the event loop has ended")

    read_lines(reading, take)
    os.write(writing, b"lock\n")
    assert ended.wait(10)
    os.close(writing)
