"""Car and client in two processes, joined by HCI over TCP, and what happens when one of them dies without a word."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import driveway_bridge
from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.air import Air as Radio
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.protocol.framing import Unframer, frame
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.virtual_radio.air import Air

pytestmark = pytest.mark.timeout(60)

VIN = "5YJ30123456789ABC"
STATUS_REQUEST = bytes.fromhex(
    "320208025202080a"
)  # to the body controller, unsigned: it answers with an error or a state

CAR = """
import asyncio, sys
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.virtual_radio.air import Air

async def main():
    live = LiveCar(VirtualCar(sys.argv[1]))
    async with Air.serve("127.0.0.1", int(sys.argv[2])) as air, BluetoothCar(air, sys.argv[1], live, interval_ms=20):
        print(air.port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""

CLIENT = """
import asyncio, sys
from driveway_bridge.link.air import Air
from driveway_bridge.link.bluetooth import BluetoothDialer

async def main():
    link = await BluetoothDialer(sys.argv[1], Air(hci="tcp-client:127.0.0.1:" + sys.argv[2])).connect(20)
    print("linked", flush=True)
    await link.receive()

asyncio.run(main())
"""


@asynccontextmanager
async def process(program: str, *arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A Python process that has said its first line; it is killed at the end."""
    environment = os.environ | {"PYTHONPATH": str(Path(driveway_bridge.__file__).parent.parent)}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(20):
            line = (await child.stdout.readline()).decode().strip()
        yield child, line
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def ask(dialer: BluetoothDialer) -> bytes:
    link = await dialer.connect(20)
    await link.send(frame(STATUS_REQUEST))
    unframer = Unframer()
    async with asyncio.timeout(10):
        while not (messages := unframer.feed(await link.receive(), time.monotonic())):
            pass
    return messages[0]


async def until(car: BluetoothCar, links: int) -> None:
    async with asyncio.timeout(10):
        while car.links != links:  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.01)


async def test_a_client_killed_without_a_word_gives_its_place_back() -> None:
    live = LiveCar(VirtualCar(VIN))
    async with (
        Air.serve("127.0.0.1", 0) as air,
        BluetoothCar(air, VIN, live, places=1, interval_ms=20) as car,
    ):
        for _ in range(3):
            async with process(CLIENT, VIN, str(air.port)) as (client, line):
                assert line == "linked"
                assert (car.links, live.virtual.places_free, air.clients) == (1, 2, 1)
                client.send_signal(signal.SIGKILL)
                await until(car, links=0)
        async with asyncio.timeout(10):
            while live.virtual.places_free != 3:  # noqa: ASYNC110 - the plug leaves a moment after the link
                await asyncio.sleep(0.01)
        assert air.clients == 0
        dialer = BluetoothDialer(VIN, Radio(hci=f"tcp-client:127.0.0.1:{air.port}"))
        assert await ask(dialer)
        await dialer.close()
    live.close()


async def test_the_same_dialer_works_again_after_the_car_was_killed_and_started_anew() -> None:
    async with process(CAR, VIN, "0") as (car, port):
        dialer = BluetoothDialer(VIN, Radio(hci=f"tcp-client:127.0.0.1:{port}"))
        assert await ask(dialer)
        link = await dialer.connect(20)
        car.send_signal(signal.SIGKILL)
        with pytest.raises(LinkLost):
            await asyncio.wait_for(link.receive(), 10)
    with pytest.raises(NotReached) as caught:
        await dialer.connect(5)
    assert caught.value.reason == "radio_unavailable"
    for _ in range(2):
        async with process(CAR, VIN, port) as (car, _line):
            assert await ask(dialer)
            assert await ask(dialer)
    await dialer.close()
