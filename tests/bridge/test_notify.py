"""What the service manager hears: from the class alone, and from the daemon as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from driveway_bridge.notify import Notifier
from driveway_bridge.vin import car_id
from tests.bridge.daemon.house import House
from tests.bridge.daemon.mosquitto import ROOT, Mosquitto, find_mosquitto

VIN = "5YJ30123456789ABC"
PATIENCE_S = 20.0


class ServiceManager:
    """Systemd's end of the socket: what was told, in order."""

    def __init__(self, address: str | Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address).replace("@", "\0", 1))
        self._socket.setblocking(False)
        self.told: list[str] = []

    async def hear(self, beginning: str) -> str:
        """The next message that begins like that; all others are noted on the way."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self.told.append((await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode())
                if self.told[-1].startswith(beginning):
                    return self.told[-1]

    def hear_at_once(self) -> list[str]:
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(self._socket.recv(4096).decode())
        return heard

    def close(self) -> None:
        self._socket.close()


@contextlib.asynccontextmanager
async def service_manager(address: str | Path) -> AsyncIterator[ServiceManager]:
    manager = ServiceManager(address)
    try:
        yield manager
    finally:
        manager.close()


@pytest.mark.parametrize("abstract", [False, True])
async def test_a_life_in_messages(tmp_path: Path, abstract: bool) -> None:
    if abstract and sys.platform != "linux":
        pytest.skip("only Linux has abstract names")
    address = f"@driveway-{os.getpid()}" if abstract else str(tmp_path / "notify")
    async with service_manager(address) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": address})
        notifier.status("Anna: reached\nbroker connected")
        notifier.status("Anna: reached broker connected")
        notifier.ready()
        notifier.reloading()
        notifier.ready()
        notifier.stopping()
        said = manager.hear_at_once()
    assert said[:2] == ["STATUS=Anna: reached broker connected", "READY=1"]
    reloading, at = said[2].split("\n")
    assert reloading == "RELOADING=1"
    assert at.removeprefix("MONOTONIC_USEC=").isdecimal()
    assert said[3:] == ["READY=1", "STOPPING=1"]


async def test_ready_also_while_the_broker_is_away(tmp_path: Path) -> None:
    """Pains 20, 26: after a power cut the bridge is often up before the broker; nobody ends it for that."""
    address = str(tmp_path / "notify")
    async with service_manager(address) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": address})
        await notifier.ready_at_last(0)
        assert manager.hear_at_once() == ["READY=1"]
        await notifier.ready_at_last(0)
        assert manager.hear_at_once() == []


async def test_signs_of_life_come_from_the_loop_itself(tmp_path: Path) -> None:
    """Pains 9, 26: a bridge that hangs is started anew instead of failing each command with a time-out."""
    address = str(tmp_path / "notify")
    async with service_manager(address) as manager:
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": str(os.getpid())}
        notifier = Notifier(environment)
        assert notifier.watchdog_s == 0.2
        signs = asyncio.create_task(notifier.watchdog())
        assert [await manager.hear("WATCHDOG=1") for _ in range(3)] == ["WATCHDOG=1"] * 3
        signs.cancel()
        await asyncio.wait([signs])
        manager.hear_at_once()
        await asyncio.sleep(0.3)
        assert manager.hear_at_once() == []


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "1000"},
        {"NOTIFY_SOCKET": "/nowhere"},
        {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
async def test_nobody_waits_for_signs_of_life(environment: dict[str, str]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await Notifier(environment).watchdog()


async def test_a_service_manager_that_is_gone_is_told_of_once(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    with caplog.at_level(logging.WARNING):
        notifier.ready()
        notifier.stopping()
    assert caplog.messages == ["The service manager does not listen (No such file or directory)"]


async def test_a_service_manager_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    async with service_manager(address):
        notifier = Notifier({"NOTIFY_SOCKET": address})
        for number in range(2000):  # far more than its queue holds
            notifier.status(str(number))


async def test_what_a_busy_service_manager_did_not_take_is_said_again(tmp_path: Path) -> None:
    """At a boot it may be busy; a start whose end it never hears of it would break off."""
    address = str(tmp_path / "notify")
    async with service_manager(address) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": address})
        for number in range(2000):
            notifier.status(str(number))
        notifier.ready()
        assert "STATUS=1999" not in manager.hear_at_once()
        notifier.status("1999")
        await notifier.ready_at_last(0)
        assert manager.hear_at_once() == ["STATUS=1999", "READY=1"]


def well(health: dict[str, Any]) -> bool:
    return health["mqtt"]["connected"] and list(health["cars"]) == [car_id(VIN)]


async def test_the_daemon_tells_its_whole_life(tmp_path: Path) -> None:
    """Pains 20: `systemctl status` says in words which part works."""
    address = str(tmp_path / "notify")
    with Mosquitto(find_mosquitto(), tmp_path / "broker") as broker:
        broker.start()
        file = tmp_path / "driveway.yaml"
        file.write_text(
            f"mqtt: {{port: {broker.port}}}\ncars: [{{vin: {VIN}, name: Anna, link: 'tcp://127.0.0.1:1'}}]\n"
        )
        environment = os.environ | {
            "PYTHONPATH": str(ROOT / "bridge"),
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": "1000000",
        }
        environment.pop("WATCHDOG_PID", None)
        command = (sys.executable, "-m", "driveway_bridge", "run", "--config", file, "--data", tmp_path / "data")
        async with service_manager(address) as manager, House(broker.port) as house:
            bridge = await asyncio.create_subprocess_exec(*command, env=environment)
            try:
                await manager.hear("READY=1")
                await house.wait(lambda heard: heard.payload == b"online")
                assert "Anna: " in await manager.hear("STATUS=")
                await house.wait(lambda heard: heard.topic.endswith("/health") and well(json.loads(heard.payload)))
                await manager.hear("WATCHDOG=1")
                bridge.send_signal(signal.SIGHUP)
                await manager.hear("RELOADING=1\nMONOTONIC_USEC=")
                await manager.hear("READY=1")
                bridge.send_signal(signal.SIGTERM)
                await manager.hear("STOPPING=1")
                async with asyncio.timeout(PATIENCE_S):
                    assert await bridge.wait() == 0
            finally:
                if bridge.returncode is None:
                    bridge.kill()
                    await bridge.wait()
        assert VIN not in "".join(manager.told)
