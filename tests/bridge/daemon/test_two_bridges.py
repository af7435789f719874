"""Two bridges with keys of one car, each a process of its own: who asks the car, and what remains when one goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from driveway_bridge import code_store, key_store
from driveway_bridge.contract import LOCK_TTL_S, ONLINE, Command, Outcome, Result, Signer
from driveway_bridge.contract_topics import Topics
from driveway_bridge.judgement.lease_word import LASTS_S
from tests.bridge.daemon.house import House
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.road import Road, moments
from tests.bridge.daemon.test_process import CAR, VIN, Process, driveway, simulated_car

pytestmark = pytest.mark.timeout(120)
STEADY_S = 8.0
AT_LEISURE_S = 3.0
"""A visit may take so long; who only looks in now and then comes more rarely by far."""


@dataclass
class Shed:
    """One bridge with its roads to the car and to the broker."""

    folder: Path
    to_car: Road
    to_broker: Road
    signer: Signer
    topics: Topics
    process: Process | None = None

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[Process]:
        file = self.folder / "driveway.yaml"
        file.write_text(
            f"mqtt: {{port: {self.to_broker.port}}}\nname: {self.folder.name}\ncars:\n  - vin: {VIN}\n    name: Anna\n"
            f"    status_every: 1\n    link: tcp://127.0.0.1:{self.to_car.port}\n"
        )
        async with driveway(self.folder, "run", "--config", file, "--data", self.folder / "data") as self.process:
            yield self.process

    @property
    def running(self) -> Process:
        assert self.process is not None
        return self.process


class Drive:
    """The household: both bridges, the car between them, and somebody at the broker."""

    def __init__(self, house: House, sheds: list[Shed]) -> None:
        self.house = house
        self.sheds = sheds

    def heard(self, topic: str) -> bytes | None:
        return next((one.payload for one in reversed(self.house.heard) if one.topic == topic), None)

    async def settled(self) -> tuple[Shed, Shed]:
        """The one who holds the lease, and the one who follows."""
        topics = {shed.topics.lease(CAR): shed for shed in self.sheds}
        for topic in topics:
            await self.house.wait(lambda heard, topic=topic: heard.topic == topic)  # type: ignore[misc]
        told = await self.house.wait(lambda heard: heard.topic in topics and json.loads(heard.payload)["holds"])
        holder = topics[told.topic]
        return holder, next(shed for shed in self.sheds if shed is not holder)

    async def lease(self, shed: Shed, wanted: Callable[[dict[str, Any]], bool], since: int | None = None) -> None:
        """Wait until the health of a bridge tells this of the car's lease, now or from message number `since` on."""
        await self.house.wait(
            lambda heard: (
                heard.topic == shed.topics.health and wanted(json.loads(heard.payload)["cars"][CAR].get("lease", {}))
            ),
            len(self.house.heard) if since is None else since,
        )

    async def give(self, name: str) -> tuple[Shed, Result]:
        """Do as any client may: through whichever bridge is there, as the broker has it."""
        shed = next(one for one in self.sheds if self.heard(one.topics.status) == ONLINE.encode())
        since = len(self.house.heard)
        self.house.publish(shed.topics.clock_request, "now")
        clock = await self.house.wait(lambda heard: heard.topic == shed.topics.clock and not heard.retain, since)
        told = json.loads(clock.payload)
        command = Command(
            id=secrets.token_hex(8),
            client=shed.signer.client,
            car=CAR,
            command=name,
            boot=told["boot"],
            issued=told["now"] + time.monotonic() - clock.at,
            ttl=LOCK_TTL_S,
        )
        self.house.publish(shed.topics.command(CAR), command.signed(shed.signer))
        return shed, await self.house.final(command.id)


@contextlib.asynccontextmanager
async def drive(broker: Mosquitto, folder: Path) -> AsyncIterator[Drive]:
    names = ("carport", "garage")
    data = [folder / name / "data" for name in names]
    for one in data:
        one.mkdir(parents=True)
    keys = [key_store.load_or_create(one).public for one in data]
    async with contextlib.AsyncExitStack() as stack:
        _, port = await stack.enter_async_context(simulated_car(folder, *keys))
        house = await stack.enter_async_context(House(broker.port, patience_s=40.0))
        sheds = [
            Shed(
                folder=one.parent,
                to_car=await stack.enter_async_context(Road(port)),
                to_broker=await stack.enter_async_context(Road(broker.port)),
                signer=Signer.from_code(code_store.load_or_create_code(one)),
                topics=Topics("driveway", code_store.load_or_create_bridge_id(one)),
            )
            for one in data
        ]
        for shed in sheds:
            await stack.enter_async_context(shed.run())
        yield Drive(house, sheds)


async def test_one_asks_and_when_it_is_killed_the_other_takes_over(broker: Mosquitto, tmp_path: Path) -> None:
    async with drive(broker, tmp_path) as home:
        holder, follower = await home.settled()
        await home.lease(follower, lambda lease: lease.get("own") is False)

        # Only one of them goes to the car, though both could. The other one looks in now and then.
        begun = time.monotonic()
        await asyncio.sleep(STEADY_S)
        assert moments(holder.to_car.times(begun)) >= STEADY_S / 2
        assert moments(follower.to_car.times(begun), AT_LEISURE_S) <= 1

        # A command goes to where it was sent, whoever holds the lease.
        home.sheds.sort(key=lambda shed: shed is holder)
        through, result = await home.give("unlock")
        assert (through, result.outcome) == (follower, Outcome.CONFIRMED)

        # The power of the one that holds it is cut.
        home.sheds.sort(key=lambda shed: shed is follower)
        since = len(home.house.heard)
        holder.running.signal(signal.SIGKILL)
        killed = time.monotonic()
        await holder.running.end()
        await home.house.wait(lambda heard: heard.topic == holder.topics.status and heard.payload == b"offline")
        through, result = await home.give("lock")
        took = time.monotonic() - killed
        assert (through, result.outcome) == (follower, Outcome.CONFIRMED)
        assert took < 2.0
        await home.lease(follower, lambda lease: lease.get("own") is True and lease["why"] == "left", since)
        taken = time.monotonic()
        await asyncio.sleep(4.0)
        assert moments(follower.to_car.times(taken)) >= 2
        assert "looks after it from now on: the one that did has left" in follower.running.log

        # It comes back, and does not take away what the other one does well.
        since = len(home.house.heard)
        async with holder.run() as again:
            online = (holder.topics.status, ONLINE.encode())
            await home.house.wait(lambda heard: (heard.topic, heard.payload) == online, since)
            await home.lease(holder, lambda lease: lease.get("holder") == follower.topics.bridge)
            back = time.monotonic()
            await asyncio.sleep(5.0)
            assert moments(holder.to_car.times(back), AT_LEISURE_S) <= 1
            assert moments(follower.to_car.times(back)) >= 2
            assert "Traceback" not in again.log


async def test_one_hangs_and_goes_on(broker: Mosquitto, tmp_path: Path) -> None:
    async with drive(broker, tmp_path) as home:
        holder, follower = await home.settled()
        holder.running.signal(signal.SIGSTOP)
        hung = time.monotonic()
        await home.lease(follower, lambda lease: lease.get("own") is True and lease["why"] == "silent")
        assert LASTS_S - 6.0 < time.monotonic() - hung < LASTS_S * 2

        holder.running.signal(signal.SIGCONT)
        await home.lease(holder, lambda lease: lease.get("holder") == follower.topics.bridge)
        back = time.monotonic()
        await asyncio.sleep(5.0)
        assert moments(holder.to_car.times(back), AT_LEISURE_S) <= 1
        assert moments(follower.to_car.times(back)) >= 2


async def test_one_is_cut_off_from_the_broker_and_not_from_the_car(broker: Mosquitto, tmp_path: Path) -> None:
    async with drive(broker, tmp_path) as home:
        holder, follower = await home.settled()
        holder.to_broker.block()
        await home.lease(follower, lambda lease: lease.get("own") is True)
        taken = time.monotonic()
        await asyncio.sleep(STEADY_S)
        assert moments(holder.to_car.times(taken + 1.0), AT_LEISURE_S) <= 1
        assert moments(follower.to_car.times(taken)) >= STEADY_S / 2

        # Whoever stands at the bridge itself can have it work as ever: it only asks less often by itself.
        home.sheds.remove(holder)
        through, result = await home.give("unlock")
        assert (through, result.outcome) == (follower, Outcome.CONFIRMED)


async def test_a_copy_of_a_bridge_is_noticed(broker: Mosquitto, tmp_path: Path) -> None:
    """Somebody has cloned the disk: both are the same to the broker, which lets only one of them in at a time."""
    async with drive(broker, tmp_path) as home:
        shed = home.sheds[0]
        await home.settled()
        info = json.loads(home.heard(shed.topics.info) or b"{}")
        home.house.publish(shed.topics.info, json.dumps(info | {"boot": "0123456789abcdef"}), retain=True)
        told = await home.house.wait(
            lambda heard: (
                heard.topic == shed.topics.health
                and {"part": "broker", "reason": "bridge_twice"} in json.loads(heard.payload)["problems"]
            )
        )
        assert told
        assert "Another bridge uses the id of this one" in shed.running.log
