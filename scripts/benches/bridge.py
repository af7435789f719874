"""Memory of the running bridge, and how soon it is online at the broker, as an owner runs it.

The bridge is a process of its own, with the libraries that an owner gets and nothing else. It is connected to a broker
of its own and scans, through bleak, with a BlueZ that is played on a message bus of its own, where a few devices
advertise all the time. MB are MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.cookiejar
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from driveway_bridge import code_store, key_store
from driveway_bridge.contract import ONLINE
from driveway_bridge.contract_topics import Topics
from driveway_bridge.vin import car_id
from tests.bridge.daemon.house import House
from tests.bridge.daemon.mosquitto import ROOT, Mosquitto, find_mosquitto
from tests.bridge.link import fake_bluez
from tests.bridge.link.fake_bluez import FakeBluez
from tests.bridge.port import KeptPort

VIN = "5YJ3E1EA1KF000000"
PASSWORD = "a long password"  # noqa: S105 - of a page that lives for some seconds, on this computer
MOST_MB = 52.0
MOST_PAGE_MB = MOST_MB + 12.0
"""aiohttp alone takes 11.5 of them."""
GOAL_S = 0.3
MOST_S = 3.0
"""Ten times the goal: a busy machine must not make it fail, and a start that waits for something it should not does."""
SETTLE_S = 8.0
DEVICES = 5
ADVERTISE_S = 0.25
PATIENCE_S = 30.0
LIBRARIES = (
    "asyncio, sqlite3, click, voluptuous, ruamel.yaml, paho.mqtt.client, dbus_fast.aio, bleak, "
    "bleak.backends.bluezdbus.client, bleak.backends.bluezdbus.scanner, bleak_retry_connector, "
    "cryptography.hazmat.primitives.asymmetric.ec, cryptography.hazmat.primitives.ciphers.aead, "
    "cryptography.hazmat.primitives.serialization, tesla_protocol.command.car_server_pb2, "
    "tesla_protocol.command.universal_message_pb2, tesla_protocol.command.vcsec_pb2"
)
PAGE_LIBRARIES = "aiohttp.web"
IMPORT = 'import {modules}\nprint(open("/proc/self/smaps_rollup").read())'


class Size(NamedTuple):
    """A process, in MiB: resident, and its share of what it has in common with others."""

    rss: float
    pss: float

    @classmethod
    def of(cls, pid: int) -> Size:
        """Look at a process."""
        return cls.parse(Path(f"/proc/{pid}/smaps_rollup").read_text())

    @classmethod
    def parse(cls, smaps: str) -> Size:
        """Read what /proc/PID/smaps_rollup says."""
        sizes = dict(line.split(":", 1) for line in smaps.splitlines() if ":" in line and line.endswith("kB"))
        return cls(*(int(sizes[name].split()[0]) / 1024 for name in ("Rss", "Pss")))


def environment(**more: str) -> dict[str, str]:
    """What a service has: hardly anything."""
    names = ("PATH", "LANG", "LD_LIBRARY_PATH")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT / "bridge")} | more


def libraries_alone(modules: str) -> Size:
    """Import in a fresh interpreter."""
    command = [sys.executable, "-c", IMPORT.format(modules=modules)]
    return Size.parse(subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout)


class Stand:
    """A broker, a bus with a BlueZ on it, and a folder for bridges to run between them."""

    def __init__(self, folder: Path, broker_port: int, bus: str) -> None:
        self._folder = folder
        self._broker_port = broker_port
        self._bus = bus
        self._data = folder / "data"
        self._log = folder / "log"
        # As after the first start, which makes the key; the earlier ones here end too soon for that.
        key_store.load_or_create(self._data)
        code_store.load_or_create_code(self._data)
        self._status = Topics("driveway", code_store.load_or_create_bridge_id(self._data)).status

    @contextlib.asynccontextmanager
    async def bridge(self, *, page: int | None = None) -> AsyncIterator[tuple[int, float]]:
        """Run one until it is online, with its page on that port; gives its process and the seconds that it took."""
        file = self._folder / "driveway.yaml"
        web = "" if page is None else f"web: {{port: {page}, password: {PASSWORD}}}\n"
        file.touch(mode=0o600)
        file.write_text(f"mqtt: {{port: {self._broker_port}}}\n{web}cars:\n  - vin: {VIN}\n    name: Anna\n")
        command = (sys.executable, "-m", "driveway_bridge", "run", "--config", str(file), "--data", str(self._data))
        async with House(self._broker_port) as house:
            with self._log.open("ab") as log:
                begun = time.monotonic()
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stderr=log,
                    env=environment(DBUS_SYSTEM_BUS_ADDRESS=self._bus, HOME=str(self._folder)),
                )
            try:
                online = await house.wait(
                    lambda heard: heard.topic == self._status and heard.payload == ONLINE.encode()
                )
                yield process.pid, online.at - begun
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(PATIENCE_S):
                    await process.wait()
            except BaseException:
                sys.stderr.write(self._log.read_text())
                raise
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if process.returncode != 0:
                raise RuntimeError(f"the bridge ended with {process.returncode}: {self._log.read_text()}")


async def advertise(service: FakeBluez) -> None:
    """Let some devices be heard for ever, none of them a car."""
    while True:
        for number in range(DEVICES):
            service.hear("hci0", f"06:00:00:00:00:{number:02X}", f"Thing {number}", rssi=-60 - number)
            await asyncio.sleep(ADVERTISE_S / DEVICES)


async def size_when_settled(pid: int) -> Size:
    """Let it run for some seconds, and look."""
    await asyncio.sleep(SETTLE_S)
    return Size.of(pid)


def visit_page(port: int) -> None:
    """Log in and load what a browser loads."""
    site = f"http://127.0.0.1:{port}"
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
    headers = {"Content-Type": "application/json", "Origin": site}
    login = urllib.request.Request(  # noqa: S310 - the address stands above
        f"{site}/api/login", json.dumps({"password": PASSWORD}).encode(), headers
    )
    signal_of_car = f"/api/signal.svg?car={car_id(VIN)}&width=600"
    inside = ("/api/state", "/api/state?details", "/api/log", signal_of_car)
    for place in ("/", "/page.css", "/page.js", "/log.js", "/words.js", "/icon.svg", login, *inside):
        with browser.open(place if isinstance(place, urllib.request.Request) else site + place, timeout=10) as answer:
            answer.read()


async def measure(starts: int) -> tuple[list[float], Size, Size, Size]:
    """Start the bridge several times; gives the times until it was online, and its sizes.

    Without the page, with it, and after somebody has visited it.
    """
    program = fake_bluez.daemon()
    if program is None:
        raise SystemExit("there is no dbus-daemon, and scripts/dbus could not get one")
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto(find_mosquitto(), folder / "broker"))
        broker.start()
        bus = await stack.enter_async_context(fake_bluez.message_bus(program, folder))
        service = await stack.enter_async_context(fake_bluez.bluez(bus))
        adapter = service.plug_in("hci0", "00:11:22:33:44:55")
        stand = Stand(folder, broker.port, bus)
        async with asyncio.TaskGroup() as tasks:
            air = tasks.create_task(advertise(service))
            times = []
            for _ in range(starts + 1):
                async with stand.bridge() as (_pid, took):
                    times.append(took)
            async with stand.bridge() as (pid, _took):
                plain = await size_when_settled(pid)
                if not adapter.discovering:
                    raise RuntimeError("the bridge does not scan")
            port = stack.enter_context(contextlib.closing(KeptPort()))
            async with stand.bridge(page=port.number) as (pid, _took):
                unvisited = await size_when_settled(pid)
                await asyncio.to_thread(visit_page, port.number)
                page = await size_when_settled(pid)
            air.cancel()
    return times[1:], plain, unvisited, page  # the first start has compiled what was not yet compiled


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(prog="scripts/bench bridge", description=__doc__)
    parser.add_argument("--starts", type=int, default=7, help="starts of which the median is taken")
    starts = parser.parse_args().starts
    times, plain, unvisited, page = asyncio.run(measure(starts))
    middle = statistics.median(times)
    bare, bare_page = libraries_alone(LIBRARIES), libraries_alone(f"{LIBRARIES}, {PAGE_LIBRARIES}")
    print(f"the running bridge, Python {platform.python_version()}: MQTT connected, scanning, one car")
    print("                                resident    its share   its libraries alone")
    for name, size, alone, most in (
        ("steady", plain, bare, MOST_MB),
        ("with the page", unvisited, bare_page, MOST_PAGE_MB),
        ("with the page, after a visit", page, bare_page, MOST_PAGE_MB),
    ):
        print(f"  {name:28} {size.rss:6.1f} MB   {size.pss:6.1f} MB   {alone.rss:6.1f} MB   (at most {most:g} MB)")
    print(
        f"  online at the broker after {middle:.2f} s, median of {starts} starts, {min(times):.2f} to {max(times):.2f}"
        f"   (wanted: {GOAL_S:g} s; at most {MOST_S:g} s)"
    )
    well = plain.rss <= MOST_MB and page.rss <= MOST_PAGE_MB and middle <= MOST_S
    print("all is well" if well else "NOT as good as it has to be")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
