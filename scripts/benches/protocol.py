"""Processor time of one warm lock command in the client, and the cost of importing it, beside tesla-fleet-api.

Both clients talk over TCP to the same virtual car, which is a process of its own, so that its work does not count.
They take turns in blocks, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from benches import peer
from driveway_bridge.commands import security
from driveway_bridge.contract import Outcome
from driveway_bridge.link.tcp import TcpDialer
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import SessionStore
from driveway_bridge.vehicle import Vehicle

VIN = "5YJ3E1EA1KF000000"
BLOCK = 100
WARM_UP = 200
RUNS = 7
MOST_RATIO = 0.7
MOST_MB = 45.0
MOST_S = 0.3
OURS = (
    "driveway_bridge.vehicle, driveway_bridge.commands.table, driveway_bridge.session_store, driveway_bridge.link.tcp"
)
PEERS = "tesla_fleet_api.tesla.bluetooth, tesla_fleet_api.tesla.vehicle.bluetooth"
IMPORT = """
import time
begun = time.perf_counter()
import {modules}
taken = time.perf_counter() - begun
resident = next(line for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(int(resident.split()[1]) / 1024, taken)
"""


class Cost(NamedTuple):
    """What an import costs."""

    megabytes: float
    seconds: float


@contextlib.contextmanager
def virtual_car(*keys: PrivateKey) -> Iterator[tuple[str, int]]:
    """Run a car that knows these keys, in a process of its own; gives host and port."""
    enrolled = [word for key in keys for word in ("--enrol", key.public.hex())]
    command = [sys.executable, "-m", "driveway_bridge", "simulate", "--vin", VIN, "--listen", "tcp://127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--unlocked", *enrolled], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - asked for a line above
        events = map(json.loads, process.stdout)
        link = next(event for event in events if event["event"] == "listening")["listen"][0]
        # Its events must be read, or it would wait for us.
        reader = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        try:
            host, _colon, port = link.removeprefix("tcp://").rpartition(":")
            yield host, int(port)
        finally:
            process.terminate()
            process.wait(timeout=10)
            reader.wait(timeout=10)


async def lock_commands(count: int) -> dict[str, list[float]]:
    """Let both clients lock the car `count` times; gives the processor time of each command, in milliseconds."""
    key, peers_key = PrivateKey.generate(), PrivateKey.generate()
    taken: dict[str, list[float]] = {"driveway": [], "tesla-fleet-api": []}
    with virtual_car(key, peers_key) as (host, port), tempfile.TemporaryDirectory() as folder:
        store = SessionStore(Path(folder))
        vehicle = Vehicle(VIN, key, TcpDialer(host, port), store)
        private = load_pem_private_key(peers_key.to_pem(), password=None)
        other = await peer.connect(VIN, private, host, port)  # type: ignore[arg-type]  # P-256 it is
        command = security.lock()

        async def ours() -> None:
            execution = await vehicle.execute(command)
            if execution.outcome is not Outcome.CONFIRMED:
                raise RuntimeError(f"{execution.outcome}: {execution.reason} {execution.detail}")

        async def theirs() -> None:
            answer = await other.door_lock()
            if answer["response"]["result"] is not True:
                raise RuntimeError(str(answer))

        turns: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (("driveway", ours), ("tesla-fleet-api", theirs))
        try:
            for _name, lock in turns:
                for _ in range(WARM_UP):
                    await lock()
            gc.freeze()
            for _ in range(0, count, BLOCK):
                for name, lock in turns:
                    for _ in range(BLOCK):
                        begun = time.process_time_ns()
                        await lock()
                        taken[name].append((time.process_time_ns() - begun) / 1e6)
        finally:
            await other.disconnect()
            await vehicle.close()
            store.close()
    return taken


def import_cost(modules: str) -> Cost:
    """Import in fresh interpreters; gives the median of resident memory and of time."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    costs = []
    for _ in range(RUNS):
        command = [sys.executable, "-c", IMPORT.format(modules=modules)]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        costs.append(Cost(*map(float, told.split())))
    return Cost(statistics.median(cost.megabytes for cost in costs), statistics.median(cost.seconds for cost in costs))


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(prog="scripts/bench protocol", description=__doc__)
    parser.add_argument("--commands", type=int, default=5000, help="lock commands for each client")
    count = parser.parse_args().commands
    taken = asyncio.run(lock_commands(count))
    middle = {name: statistics.median(times) for name, times in taken.items()}
    ratio = middle["driveway"] / middle["tesla-fleet-api"]
    print(f"processor time of one lock command, median of {count}:")
    for name, times in taken.items():
        tail = statistics.quantiles(times, n=100)[98]
        print(f"  {name:16} {middle[name]:.3f} ms   (99 of 100 below {tail:.3f} ms)")
    print(f"  ratio            {ratio:.2f}   (at most {MOST_RATIO})")
    ours, theirs = import_cost(OURS), import_cost(PEERS)
    print(f"import in a fresh interpreter, median of {RUNS}:")
    print(f"  {'driveway':16} {ours.megabytes:.1f} MB  {ours.seconds:.2f} s   (at most {MOST_MB:g} MB, {MOST_S:g} s)")
    print(f"  {'tesla-fleet-api':16} {theirs.megabytes:.1f} MB  {theirs.seconds:.2f} s")
    well = ratio <= MOST_RATIO and ours.megabytes <= MOST_MB and ours.seconds <= MOST_S
    print("all is well" if well else "NOT as good as it has to be")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
