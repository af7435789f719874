"""The power of the bridge is cut, again and again: the key stays, no counter is used twice, it is online by itself.

`DRIVEWAY_KILLS` tells how often, `DRIVEWAY_SEED` at which moments.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from driveway_bridge import code_store, key_store
from driveway_bridge.audit.trail import NOTE, Mark
from driveway_bridge.audit.verify import Verdict, verify
from driveway_bridge.contract import LOCK_TTL_S, Command, Outcome, Signer
from driveway_bridge.contract_topics import Topics
from driveway_bridge.memory import OWN, Memory
from tests.bridge.daemon.house import Heard, House
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_process import CAR, Process, configuration, driveway, simulated_car

KILLS = int(os.environ.get("DRIVEWAY_KILLS", "200"))
SEED = int(os.environ.get("DRIVEWAY_SEED", "200"))
COMMANDS = ("lock", "unlock", "status", "unlock", "lock")
FILES = ("key.pem", "code", "bridge_id")
FAULTS = ("COUNTER", "REPLAY", "EPOCH", "TOKEN")
"""Parts of the car's words for a message that it has seen before, or that is not of this session."""


class Watcher:
    """Reads what the car tells, as it tells it."""

    def __init__(self, car: Process) -> None:
        self.car = car
        self.events: list[dict[str, Any]] = []

    async def read(self) -> None:
        assert self.car.process.stdout is not None
        async for line in self.car.process.stdout:
            self.events.append(json.loads(line))

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    def counters(self, domain: str) -> list[int]:
        return [event["counter"] for event in self.named("command") if event["domain"] == domain]


class Home:
    """A bridge that is started and killed, beside a car and a broker that live on."""

    def __init__(self, house: House, watcher: Watcher, folder: Path, run: tuple[str | Path, ...]) -> None:
        self.house = house
        self.car = watcher.car
        self.watcher = watcher
        self.folder = folder
        self.data = folder / "data"
        self.signer = Signer.from_code(code_store.load_or_create_code(self.data))
        self.topics = Topics("driveway", code_store.load_or_create_bridge_id(self.data))
        self.given: list[str] = []
        self._run = run

    def bridge(self) -> contextlib.AbstractAsyncContextManager[Process]:
        return driveway(self.folder, *self._run)

    async def online(self, since: int) -> None:
        await self.house.wait(lambda heard: heard.topic == self.topics.status and heard.payload == b"online", since)

    async def cut(self, bridge: Process, since: int) -> None:
        """Kill a bridge that is online; what it said before was heard when this is done."""
        bridge.process.kill()
        await bridge.end()
        await self.house.wait(lambda heard: heard.topic == self.topics.status and heard.payload == b"offline", since)

    async def give(self, name: str) -> str:
        command_id, payload = await self.house.signed(self.signer, CAR, name)
        self.house.publish(self.topics.command(CAR), payload)
        return command_id

    async def give_without_end(self, since: int, chance: random.Random) -> None:
        """Once the bridge is online give commands, some while the one before is still on its way."""
        await self.online(since)
        boot, now = await self.house.clock()
        while True:
            name, command_id = chance.choice(COMMANDS), secrets.token_hex(8)
            command = Command(
                id=command_id, client=self.signer.client, car=CAR, command=name, boot=boot, issued=now(), ttl=LOCK_TTL_S
            )
            self.given.append(command_id)
            self.house.publish(self.topics.command(CAR), command.signed(self.signer))
            if chance.random() < 0.7:
                await self.house.final(command_id)

    def unlocked(self, heard: Heard) -> bool:
        if heard.topic != self.topics.state(CAR, "body"):
            return False
        return bool(json.loads(heard.payload)["lock"]["value"] == "unlocked")

    def files(self) -> dict[str, bytes]:
        return {name: (self.data / name).read_bytes() for name in FILES}


@contextlib.asynccontextmanager
async def home(broker: Mosquitto, folder: Path) -> AsyncIterator[Home]:
    public = key_store.load_or_create(folder / "data").public
    async with simulated_car(folder, public) as (car, port), House(broker.port) as house:
        watcher = Watcher(car)
        reading = asyncio.create_task(watcher.read())
        run = ("run", "--config", configuration(folder, broker.port, port), "--data", folder / "data")
        try:
            yield Home(house, watcher, folder, run)
        finally:
            reading.cancel()
            await asyncio.wait([reading])


def whole(file: Path) -> bool:
    """Whether a database has no damage."""
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        return bool(database.execute("PRAGMA quick_check").fetchone() == ("ok",))


def audited(data: Path) -> Verdict:
    """What the audit looks like, held against what the memory says of it."""
    memory = Memory(data)
    note = memory.recall().notes[OWN, NOTE]
    memory.close()
    return verify(data, Mark.of(json.loads(note.document)))


async def live_until_the_lock_is_remembered(the: Home) -> float:
    """One life that ends when the lock's state is on disk; when it was heard."""
    since = len(the.house.heard)
    async with the.bridge() as bridge:
        await the.online(since)
        await the.give("unlock")
        await the.house.wait(the.unlocked, since)
        heard_at = time.monotonic()
        async with asyncio.timeout(20):
            while remembered_lock(the.data) != '"unlocked"':  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        await the.cut(bridge, since)
    return heard_at


def chances(kills: int) -> Iterator[tuple[bool, float]]:
    """Whether the bridge comes online first, and how many seconds it then lives."""
    chance = random.Random(SEED)
    for _ in range(kills):
        begins = chance.random() < 0.5
        yield begins, chance.uniform(0.0, 0.45 if begins else 0.7)


@pytest.mark.timeout(30 + 3 * KILLS)
async def test_killed_at_any_moment_it_comes_back_as_it_was(broker: Mosquitto, tmp_path: Path) -> None:
    """Pains 44, 80."""
    print(f"{KILLS} kills, seed {SEED}")  # noqa: T201 - for whoever has to repeat it
    chance = random.Random(SEED)
    async with home(broker, tmp_path) as the:
        files = the.files()
        await live_until_the_lock_is_remembered(the)
        for begins, lives_s in chances(KILLS):
            since = len(the.house.heard)
            async with the.bridge() as bridge:
                giving = asyncio.create_task(the.give_without_end(since, chance))
                if not begins:
                    await the.online(since)
                await asyncio.sleep(lives_s)
                bridge.process.kill()
                giving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await giving
                await bridge.end()
            assert the.files() == files

        since = len(the.house.heard)
        async with the.bridge() as bridge:
            await the.online(since)
            for name in ("lock", "unlock"):
                assert (await the.house.final(await the.give(name))).outcome is Outcome.CONFIRMED
            assert "Traceback" not in bridge.log
            assert "damaged" not in bridge.log
        assert the.files() == files
        refused = [event["fault"] for event in the.watcher.named("refused")]
        assert not [fault for fault in refused if any(word in fault for word in FAULTS)]
        counters = the.watcher.counters("vehicle_security")
        assert len(counters) > KILLS / 4, "hardly any command reached the car"
        assert all(first < second for first, second in itertools.pairwise(counters))
        done = f"{len(the.given)} commands given, {len(counters)} signed ones done by the car"
        print(f"{done}, refused: {refused or 'none'}")  # noqa: T201
        told = [json.loads(heard.payload) for heard in the.house.heard if heard.topic == the.topics.state(CAR, "body")]
        returned = [document["lock"] for document in told if document["lock"]["source"] == "memory"]
        assert len(returned) > KILLS / 4, "hardly any value came back"
        assert all(lock["value"] in ("locked", "unlocked") and lock["at"] < 0 for lock in returned)
        for name in ("sessions.db", "memory.db"):
            assert whole(the.data / name)
        assert {path.name for path in the.data.glob("*damaged*")} == set()
        verdict = audited(the.data)
        assert verdict.breaks == []
        assert verdict.lines > KILLS / 4, "hardly anything was written"


@pytest.mark.parametrize("files", range(1, 8))
async def test_killed_while_it_makes_its_files_it_goes_on_with_them(
    broker: Mosquitto, tmp_path: Path, files: int
) -> None:
    """Pain 44."""
    data = tmp_path / "data"
    run = ("run", "--config", configuration(tmp_path, broker.port, 1), "--data", data)
    async with driveway(tmp_path, *run) as bridge:
        async with asyncio.timeout(20):
            while not data.exists() or len(list(data.iterdir())) < files:  # noqa: ASYNC110 - another process makes them
                await asyncio.sleep(0)
        bridge.process.kill()
        await bridge.end()
    made = {name: (data / name).read_bytes() for name in FILES if (data / name).exists()}
    async with House(broker.port) as house:
        since = len(house.heard)
        async with driveway(tmp_path, *run) as bridge:
            await house.wait(lambda heard: heard.topic.endswith("/status") and heard.payload == b"online", since)
            async with asyncio.timeout(20):
                while not (data / "key.pem").exists():  # noqa: ASYNC110 - another process makes it
                    await asyncio.sleep(0.02)
            assert "Traceback" not in bridge.log
    assert {name: (data / name).read_bytes() for name in made} == made
    assert key_store.load(data) is not None
    assert all(path.stat().st_mode & 0o077 == 0 for path in data.iterdir())


async def test_values_return_with_their_age_after_a_kill(broker: Mosquitto, tmp_path: Path) -> None:
    """Pains 20, 69, 75, 78, 79, 80."""

    async with home(broker, tmp_path) as the:
        before = time.monotonic()
        after = await live_until_the_lock_is_remembered(the)
        the.car.process.kill()  # from now on nobody says anything new
        for _ in range(2):
            since = len(the.house.heard)
            async with the.bridge() as bridge:
                told = json.loads((await the.house.wait(the.unlocked, since)).payload)
                assert told["lock"]["source"] == "memory"
                assert told["lock"]["at"] < 0
                assert told["front_trunk"]["source"] == "memory"
                boot, now = await the.house.clock()
                assert told["boot"] == boot
                age_s, here = now() - told["lock"]["at"], time.monotonic()
                assert here - after - 1.0 <= age_s <= here - before + 1.0
                await the.cut(bridge, since)


def remembered_lock(data: Path) -> str | None:
    """What the file has, as JSON."""
    with contextlib.closing(sqlite3.connect(data / "memory.db")) as database:
        try:
            rows = database.execute("SELECT value FROM state WHERE subject = 'body' AND name = 'lock'").fetchall()
        except sqlite3.OperationalError:  # there is no such table yet
            return None
    return str(rows[0][0]) if rows else None
