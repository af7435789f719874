"""The bridge as the owner starts it: a process of its own, with a virtual car as another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from driveway_bridge import code_store, key_store
from driveway_bridge.contract import Outcome, Result, Signer
from driveway_bridge.contract_topics import Topics
from driveway_bridge.vin import car_id
from tests.bridge.daemon.house import House
from tests.bridge.daemon.mosquitto import ROOT, Mosquitto

VIN = "5YJ30123456789ABC"
CAR = car_id(VIN)
DRIVEWAY = (sys.executable, "-m", "driveway_bridge")


class Process:
    """A running `driveway` command."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self.process = process
        self.errors = errors

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def end(self) -> int:
        async with asyncio.timeout(20):
            return await self.process.wait()

    @property
    def log(self) -> str:
        return self.errors.read_text()


@contextlib.asynccontextmanager
async def driveway(folder: Path, *arguments: str | Path, journal: bool = False) -> AsyncIterator[Process]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "bridge"), "HOME": str(folder)}
    if journal:
        environment["JOURNAL_STREAM"] = "8:1"
    errors = folder / f"{arguments[0]}.log"
    with errors.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *DRIVEWAY,
            *map(str, arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=environment,
        )
    try:
        yield Process(process, errors)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def simulated_car(folder: Path, *public_keys: bytes) -> AsyncIterator[tuple[Process, int]]:
    """A virtual car that knows these keys, and the port that it listens on."""
    keys = [option for key in public_keys for option in ("--enrol", key.hex())]
    options = ("--vin", VIN, "--listen", "tcp://127.0.0.1:0")
    async with driveway(folder, "simulate", *options, *keys) as car:
        assert car.process.stdout is not None
        async with asyncio.timeout(20):
            first = json.loads(await car.process.stdout.readline())
        yield car, int(first["listen"][0].rpartition(":")[2])


def configuration(folder: Path, broker_port: int, car_port: int) -> Path:
    file = folder / "driveway.yaml"
    file.write_text(
        f"mqtt: {{port: {broker_port}}}\ncars:\n  - vin: {VIN}\n    name: Anna\n    link: tcp://127.0.0.1:{car_port}\n"
    )
    return file


async def test_a_bridge_through_its_whole_life(broker: Mosquitto, tmp_path: Path) -> None:
    data = tmp_path / "data"
    signer = Signer.from_code(code_store.load_or_create_code(data))
    topics = Topics("driveway", code_store.load_or_create_bridge_id(data))
    public = key_store.load_or_create(data).public

    async def unlock(house: House, ttl: float = 5.0) -> Result:
        command_id, payload = await house.signed(signer, CAR, "unlock", ttl=ttl)
        house.publish(topics.command(CAR), payload)
        return await house.final(command_id)

    async with simulated_car(tmp_path, public) as (_, port), House(broker.port) as house:
        run = ("run", "--config", configuration(tmp_path, broker.port, port), "--data", data)
        async with driveway(tmp_path, *run, journal=True) as bridge:
            await house.wait(lambda heard: heard.payload == b"online")
            await house.wait(lambda heard: heard.topic == topics.state(CAR, "body") and b'"locked"' in heard.payload)
            assert (await unlock(house)).outcome is Outcome.CONFIRMED

            # It hangs while an unlock is on its way, and goes on when that is too old.
            command_id, payload = await house.signed(signer, CAR, "unlock", ttl=1.0)
            bridge.signal(signal.SIGSTOP)
            house.publish(topics.command(CAR), payload)
            await asyncio.sleep(1.5)
            bridge.signal(signal.SIGCONT)
            assert (await house.final(command_id)).outcome is Outcome.EXPIRED

            bridge.signal(signal.SIGKILL)
            await bridge.end()
            await house.wait(lambda heard: heard.payload == b"offline")
            assert all(line.startswith("<") for line in bridge.log.splitlines())
            assert VIN not in bridge.log

        since = len(house.heard)
        async with driveway(tmp_path, *run) as bridge:
            await house.wait(lambda heard: heard.payload == b"online", since)
            assert (await unlock(house)).outcome is Outcome.CONFIRMED
            since = len(house.heard)
            bridge.signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                assert await bridge.process.wait() == 0
            await house.wait(lambda heard: heard.payload == b"offline", since)
            assert "Traceback" not in bridge.log
            assert VIN not in bridge.log
            assert code_store.load_or_create_code(data) not in bridge.log


async def test_stopping_is_quick_without_broker_and_car(tmp_path: Path) -> None:
    run = ("run", "--config", configuration(tmp_path, 1, 1), "--data", tmp_path / "data")
    async with driveway(tmp_path, *run) as bridge:
        async with asyncio.timeout(20):
            while "keeps trying" not in bridge.log:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)
        bridge.signal(signal.SIGINT)
        async with asyncio.timeout(5):
            assert await bridge.process.wait() == 0
        assert "is not reached: Connection refused" in bridge.log
        assert "Traceback" not in bridge.log


@pytest.mark.parametrize("text", ["cars: [{vin: 123}]", "", "\t", "cars: []\nmqqt: {}"])
async def test_a_wrong_configuration_ends_with_2_and_writes_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "driveway.yaml"
    file.write_text(text)
    async with driveway(tmp_path, "run", "--config", file, "--data", tmp_path / "data") as bridge:
        assert await bridge.end() == 2
        assert str(file) in bridge.log
        assert "Traceback" not in bridge.log
    assert not (tmp_path / "data").exists()


async def test_a_data_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    async with driveway(
        tmp_path, "run", "--config", configuration(tmp_path, 1, 1), "--data", tmp_path / "data" / "deep"
    ) as bridge:
        assert await bridge.end() == 2
        assert "Traceback" not in bridge.log
