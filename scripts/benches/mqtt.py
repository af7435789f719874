"""Time that the bridge adds to a command: from its MQTT socket to the car's, and from the car's answer to the result.

The bridge is a process of its own, as an owner runs it, between a real mosquitto and a virtual car on TCP. At both ends
a piece of cable notes when bytes pass, so nothing of broker, car and sender counts. In between a message of the same
size goes to the bare broker and back: what the machine can do in the same minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import platform
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from driveway_bridge import code_store, key_store
from driveway_bridge.contract import Command, Outcome, Result, Signer
from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.client import Broker, Client, Message, Version
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.tcp_server import TcpServer
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vin import car_id
from tests.bridge.daemon.mosquitto import ROOT, Mosquitto, find_mosquitto
from tests.bridge.daemon.wire import Watch, Way, Wire

VIN = "5YJ3E1EA1KF000000"
CAR = car_id(VIN)
WARM_UP = 100
BLOCK = 100
PATIENCE_S = 20.0
MOST_MS = 3.0
MOST_TAIL_MS = 15.0
ECHO = "bench/echo"


class Passing:
    """What one command's bytes did at the bridge's sockets, in nanoseconds of the machine's monotonic clock."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Wait for the next command."""
        self.came = self.left = self.answered = self.told = 0

    @property
    def watch_broker(self) -> Watch:
        """For the cable to the broker."""

        def watch(way: Way, data: bytes, at: int) -> None:
            if way is Way.BACK and b"/command" in data:
                self.came = time.monotonic_ns()
            elif way is Way.THERE and b'"outcome": "confirmed"' in data:
                self.told = self.told or at

        return watch

    @property
    def watch_car(self) -> Watch:
        """For the cable to the car."""

        def watch(way: Way, _data: bytes, at: int) -> None:
            if way is Way.THERE and self.came:
                self.left = self.left or at
            elif way is Way.BACK and self.left and not self.told:
                self.answered = time.monotonic_ns()

        return watch


class Sender:
    """Gives commands one after the other, and echoes, on one connection to the broker."""

    def __init__(self, port: int, signer: Signer, topics: Topics) -> None:
        self._signer = signer
        self._topics = topics
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Future[Message] = self._loop.create_future()
        self._clock: asyncio.Future[None] = self._loop.create_future()
        self._boot, self._offset = "", 0.0
        self._wanted = b"\0"
        listens = (topics.result(CAR), topics.clock, ECHO)
        broker = Broker(host="127.0.0.1", port=port, client_id="bench", will_topic=None, subscriptions=listens)
        self._client = Client(broker, Version.V5, self._hear, _complain)

    async def open(self) -> None:
        """Connect, and wait until the bridge has told its clock."""
        await self._client.open()
        async with asyncio.timeout(PATIENCE_S):
            await self._clock

    async def close(self) -> None:
        """Take leave."""
        await self._client.close(1.0)

    def _hear(self, message: Message) -> None:
        if message.topic == self._topics.clock:
            told = json.loads(message.payload)
            self._boot, self._offset = told["boot"], told["now"] - time.monotonic()
            if not self._clock.done():
                self._clock.set_result(None)
        elif self._wanted in message.payload and not self._heard.done() and _ends(message):
            self._heard.set_result(message)

    async def give(self, name: str) -> int:
        """Have it done; gives the size of the message in bytes."""
        command = Command(
            id=secrets.token_hex(8),
            client=self._signer.client,
            car=CAR,
            command=name,
            boot=self._boot,
            issued=time.monotonic() + self._offset,
        )
        payload = command.signed(self._signer)
        heard = await self._until(command.id, self._topics.command(CAR), payload)
        result = Result.parse(heard.payload)
        if result.outcome is not Outcome.CONFIRMED:
            raise RuntimeError(f"{result.outcome}: {result.reason} {result.detail}")
        return len(payload)

    async def echo(self, size: int) -> int:
        """Send a message to ourselves; gives the nanoseconds that it took."""
        token = secrets.token_hex(8)
        begun = time.monotonic_ns()
        await self._until(token, ECHO, token.ljust(size, "x"))
        return time.monotonic_ns() - begun

    async def _until(self, wanted: str, topic: str, payload: str) -> Message:
        self._wanted = wanted.encode()
        self._heard = self._loop.create_future()
        self._client.publish(topic, payload, retain=False, qos=0)
        async with asyncio.timeout(PATIENCE_S):
            return await self._heard


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def _ends(message: Message) -> bool:
    return message.topic == ECHO or Result.parse(message.payload).outcome.final


@contextlib.asynccontextmanager
async def bridge(folder: Path, broker_port: int, car_port: int) -> AsyncIterator[None]:
    """Run one."""
    file, log = folder / "driveway.yaml", folder / "log"
    file.write_text(
        f"mqtt: {{port: {broker_port}}}\ncars:\n  - vin: {VIN}\n    name: Anna\n    link: tcp://127.0.0.1:{car_port}\n"
    )
    command = (sys.executable, "-m", "driveway_bridge", "run", "--config", str(file), "--data", str(folder / "data"))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "bridge"), "HOME": str(folder)}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(*command, stderr=errors, env=environment)
    try:
        yield
    except BaseException:
        sys.stderr.write(log.read_text()[-5000:])
        raise
    finally:
        process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()


async def measure(count: int) -> tuple[dict[str, list[float]], int]:
    """Give so many lock commands; the times of each in milliseconds, and the size of a message."""
    taken: dict[str, list[float]] = {"in": [], "out": [], "echo": []}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        virtual = VirtualCar(VIN)
        for fault in (Fault.NO_PUSH, Fault.NO_BROADCASTS):  # so that the car's next word is its answer
            virtual.switch(fault, on=True)
        virtual.enrol(key_store.load_or_create(folder / "data").public)
        live = LiveCar(virtual)
        stack.callback(live.close)
        server = TcpServer(live, "127.0.0.1", 0)
        await server.start()
        stack.push_async_callback(server.stop)
        broker = stack.enter_context(Mosquitto(find_mosquitto(), folder / "broker"))
        broker.start()
        to_broker = await stack.enter_async_context(Wire(broker.port))
        to_car = await stack.enter_async_context(Wire(server.port))
        passing = Passing()
        to_broker.watch, to_car.watch = passing.watch_broker, passing.watch_car
        signer = Signer.from_code(code_store.load_or_create_code(folder / "data"))
        topics = Topics("driveway", code_store.load_or_create_bridge_id(folder / "data"))
        await stack.enter_async_context(bridge(folder, to_broker.port, to_car.port))
        sender = Sender(broker.port, signer, topics)
        await sender.open()
        stack.push_async_callback(sender.close)
        size = 0
        for number in range(-WARM_UP, count):
            if number == 0:
                gc.freeze()
            if number >= 0 and number % BLOCK == 0:
                taken["echo"] += [await sender.echo(size) / 1e6 for _ in range(BLOCK)]
                print(f"\r{number} of {count} commands", end="", file=sys.stderr, flush=True)
            passing.forget()
            size = await sender.give("unlock" if number % 2 else "lock")
            if number >= 0:
                taken["in"].append((passing.left - passing.came) / 1e6)
                taken["out"].append((passing.told - passing.answered) / 1e6)
        print(f"\r{count} of {count} commands", file=sys.stderr)
    return taken, size


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(prog="scripts/bench mqtt", description=__doc__)
    parser.add_argument("--commands", type=int, default=2000, help="lock commands")
    count = parser.parse_args().commands
    taken, size = asyncio.run(measure(count))
    echo = statistics.median(taken["echo"])
    limits = f"at most {MOST_MS:g} and {MOST_TAIL_MS:g} ms"
    print(f"what the bridge adds to a lock command, of {count}, Python {platform.python_version()}:")
    print("                                          median   99 of 100 below   to an echo")
    well = True
    for name, text, limit in (
        ("in", "command in to first radio byte out", limits),
        ("out", "radio answer in to result out", limits),
        ("echo", f"bare mosquitto echo of {size} bytes", ""),
    ):
        middle, tail = statistics.median(taken[name]), statistics.quantiles(taken[name], n=100)[98]
        ratio = f"{middle / echo:8.2f}   ({limit})" if limit else ""
        print(f"  {text:38} {middle:6.3f} ms       {tail:6.3f} ms     {ratio}".rstrip())
        well = well and (not limit or (middle <= MOST_MS and tail <= MOST_TAIL_MS))
    print("all is well" if well else "NOT as good as it has to be")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
