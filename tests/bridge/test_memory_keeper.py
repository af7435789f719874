"""What the car said comes back after a restart, with its age, and never over what it says now."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from driveway_bridge import memory_keeper
from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Identity
from driveway_bridge.contract import LinkState
from driveway_bridge.known import CLOSURES, FROM_MEMORY, Known
from driveway_bridge.memory import FILE, OWN, Batch, Memory, Remembered
from driveway_bridge.memory_keeper import Keeper
from driveway_bridge.state.body import Body, ClosureState, LockState
from driveway_bridge.state.charge import Charge, ChargingState
from driveway_bridge.wall_clock import WallClock

CAR, OTHER = "car-00000001", "car-00000002"
AWAKE = Body(lock=LockState.UNLOCKED, asleep=False, user_present=True, **dict.fromkeys(CLOSURES, ClosureState.CLOSED))
ASLEEP = Body(lock=LockState.LOCKED, asleep=True, user_present=False)
CHARGE = Charge(charging=ChargingState.CHARGING)


@dataclass
class Told:
    """Where the car's news go."""

    states: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def link(self, car: str, state: LinkState) -> None:
        pass

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        self.states.append((subject, document))

    def forget(self, car: str) -> None:
        pass


class House:
    """A data folder, a machine with its clocks, and lives of the bridge."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1_800_000_000.0
        self.machine_began = self.now - 1000.0
        self.start = 1
        self.clock_right = True

    def machine_restarts(self, after_s: float, *, clock_right: bool) -> None:
        self.now += after_s
        self.machine_began = self.now
        self.start += 1
        self.clock_right = clock_right

    def up(self) -> float:
        return self.now - self.machine_began

    def on_disk(self) -> Remembered:
        memory = Memory(self.folder)
        try:
            return memory.recall()
        finally:
            memory.close()

    @contextlib.asynccontextmanager
    async def bridge(self, *, killed: bool = False) -> AsyncIterator[Life]:
        """One life of the bridge; `killed` ends it without leave."""
        memory = Memory(self.folder)
        clock = WallClock(
            start=f"start-{self.start}", up=self.up, unix=lambda: self.now, right=lambda: self.clock_right
        )
        boot = Boot(self.up)
        life = Life(Keeper(memory, boot, clock=clock), boot, memory)
        running = asyncio.create_task(life.keeper.run())
        try:
            yield life
        finally:
            running.cancel()
            await asyncio.wait([running])
            if killed:
                memory.close()
            else:
                await life.keeper.close()


@dataclass
class Life:
    keeper: Keeper
    boot: Boot
    memory: Memory
    told: Told = field(default_factory=Told)

    def car(self, car_id: str = CAR) -> Car:
        car = Car(car_id, "Anna", self.boot, self.told)
        self.keeper.attach(car)
        return car


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are written without delay, and the clock is asked often."""
    monkeypatch.setattr(memory_keeper, "SOON_S", 0.01)
    monkeypatch.setattr(memory_keeper, "CHANGED_S", 0.02)
    monkeypatch.setattr(memory_keeper, "CLOCK_S", 0.02)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - a thread and a file make it true
            await asyncio.sleep(0.01)


# Values ---------------------------------------------------------------------------------------------------------------


async def test_values_return_after_a_restart_with_their_age(house: House) -> None:
    """Pains 69, 75, 80."""
    async with house.bridge() as life:
        car = life.car()
        car.heard_body(AWAKE, "push")
        house.now += 30
        car.heard_state("charge", CHARGE)
    house.now += 600
    async with house.bridge() as life:
        house.now += 5
        car = life.car()
        assert car.knowledge.get("body", "lock") == Known("unlocked", -630.0, FROM_MEMORY)
        assert car.knowledge.get("charge", "charging") == Known("charging", -600.0, FROM_MEMORY)
        car.tell()
        told = dict(life.told.states)
        assert told["body"]["front_trunk"] == {"value": "closed", "at": -630.0, "source": "memory"}


async def test_what_the_car_says_wins(house: House) -> None:
    """Pains 69, 79."""
    async with house.bridge() as life:
        life.car().heard_body(AWAKE, "push")
    house.now += 60
    async with house.bridge() as life:
        car = life.car()
        house.now += 10
        car.heard_body(ASLEEP, "read")
        assert car.knowledge.get("body", "lock") == Known("locked", 10.0, "read")
        assert car.knowledge.get("body", "rear_trunk") == Known("closed", -60.0, FROM_MEMORY)
    house.now += 60
    async with house.bridge() as life:
        car = life.car()
        assert car.knowledge.get("body", "lock") == Known("locked", -60.0, FROM_MEMORY)
        assert car.knowledge.get("body", "rear_trunk") == Known("closed", -130.0, FROM_MEMORY)


async def test_a_second_restart_in_which_nothing_was_heard_keeps_the_first_time(house: House) -> None:
    """Pains 78, 80."""
    async with house.bridge() as life:
        life.car().heard_body(AWAKE, "push")
    for age_s in (100.0, 200.0, 300.0):
        house.now += 100
        async with house.bridge() as life:
            assert life.car().knowledge.get("body", "lock").at == -age_s


async def test_after_a_power_cut_the_age_is_unknown_until_the_clock_is_right(house: House, at_once: None) -> None:
    """Pains 20, 80."""
    async with house.bridge() as life:
        life.car().heard_body(AWAKE, "push")
    house.machine_restarts(7200, clock_right=False)
    async with house.bridge() as life:
        car = life.car()
        car.tell()
        assert car.knowledge.get("body", "lock") == Known("unlocked", None, FROM_MEMORY)
        await asyncio.sleep(0.1)
        assert len(life.told.states) == 1
        house.now += 40
        car.heard_body(ASLEEP, "read")
        house.clock_right = True
        await until(lambda: car.knowledge.get("body", "rear_trunk").at is not None)
        assert car.knowledge.get("body", "rear_trunk") == Known("closed", -7200.0, FROM_MEMORY)
        assert car.knowledge.get("body", "lock") == Known("locked", 40.0, "read")
        subject, document = life.told.states[-1]
        assert (subject, document["rear_trunk"]["at"]) == ("body", -7200.0)


async def test_a_clock_that_is_right_only_later_dates_what_was_heard_before(house: House, at_once: None) -> None:
    """Also when the car is gone by then, and the bridge ends without leave."""
    house.clock_right = False
    async with house.bridge(killed=True) as life:
        life.car().heard_body(AWAKE, "push")
        await until(lambda: house.on_disk().values)
        house.clock_right = True
        await until(lambda: house.on_disk().began)
    house.machine_restarts(50, clock_right=True)
    async with house.bridge() as life:
        assert life.car().knowledge.get("body", "lock").at == -50.0


async def test_a_changed_car_goes_on_with_what_was_just_heard(house: House) -> None:
    """Its settings were changed while the bridge runs; nothing was written yet."""
    async with house.bridge() as life:
        before = life.car()
        before.heard_body(AWAKE, "push")
        before.learn(role="driver")
        house.now += 3
        after = life.car()
        assert after.knowledge.get("body", "lock") == Known("unlocked", 0.0, FROM_MEMORY)
        assert after.identity == Identity(role="driver")
        assert before.observers == []


# Identity, notes, the log ---------------------------------------------------------------------------------------------


async def test_what_is_lasting_returns_and_is_not_written_back(house: House) -> None:
    async with house.bridge() as life:
        life.car().learn(address="AA:BB:CC:DD:EE:FF", role="driver", slot=3)
    async with house.bridge() as life:
        car = life.car()
        assert car.identity == Identity(address="AA:BB:CC:DD:EE:FF", role="driver", slot=3)
        assert not life.keeper._batch(everything=True).notes


async def test_an_identity_of_another_version_is_taken_as_far_as_it_is_known(house: House) -> None:
    async with house.bridge() as life:
        life.keeper.note(CAR, memory_keeper.IDENTITY, {"address": "AA:BB:CC:DD:EE:FF", "colour": "red"})
    async with house.bridge() as life:
        assert life.car().identity == Identity(address="AA:BB:CC:DD:EE:FF")


async def test_notes_return_with_their_age(house: House) -> None:
    async with house.bridge() as life:
        document = {"wakes": 3}
        life.keeper.note(CAR, "budget", document)
        document["wakes"] = 99  # its owner goes on with it; that is not noted
        assert life.keeper.noted(CAR, "budget") == ({"wakes": 3}, 0.0)
        assert life.keeper.noted(OTHER, "budget") is None
    house.now += 90
    async with house.bridge() as life:
        assert life.keeper.noted(CAR, "budget") == ({"wakes": 3}, 90.0)
    house.machine_restarts(90, clock_right=False)
    async with house.bridge() as life:
        assert life.keeper.noted(CAR, "budget") == ({"wakes": 3}, None)


async def test_what_the_bridge_notes_of_itself_stays_when_cars_go(house: House) -> None:
    async with house.bridge() as life:
        life.keeper.note(OWN, "audit", {"number": 7})
    async with house.bridge() as life:
        assert life.keeper.forget_all_but([]) == set()
        assert life.keeper.noted(OWN, "audit") == ({"number": 7}, 0.0)


# Forgetting -----------------------------------------------------------------------------------------------------------


async def test_a_car_that_was_removed_is_forgotten(house: House) -> None:
    """Pain 103."""
    async with house.bridge() as life:
        for one in (CAR, OTHER):
            car = life.car(one)
            car.heard_body(AWAKE, "push")
            car.learn(address="AA:BB:CC:DD:EE:FF")
    async with house.bridge() as life:
        gone = life.car(CAR)
        life.keeper.forget(CAR)
        gone.heard_body(ASLEEP, "push")  # it is not listened to any more
        assert life.keeper.noted(CAR, memory_keeper.IDENTITY) is None
    assert CAR.encode() not in (house.folder / FILE).read_bytes()
    async with house.bridge() as life:
        assert not life.car(CAR).knowledge.get("body", "lock").heard
        assert life.car(OTHER).knowledge.get("body", "lock").heard
        life.keeper.forget_all_but([CAR])
        assert not life.car(OTHER).knowledge.get("body", "lock").heard


async def test_a_car_that_is_forgotten_while_it_is_written(house: House, at_once: None) -> None:
    async with house.bridge() as life:
        car = life.car()
        car.heard_body(AWAKE, "push")
        writing = asyncio.ensure_future(life.keeper._write(everything=True))
        await asyncio.sleep(0)
        life.keeper.forget(CAR)
        again = life.car()
        again.heard_body(AWAKE, "push")  # the same words, but the file forgets the ones that it has
        await writing
    async with house.bridge() as life:
        assert life.car().knowledge.get("body", "lock").value == "unlocked"


# How it is written ----------------------------------------------------------------------------------------------------


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """What was handed to the file."""
    seen: list[Batch] = []
    keep = Memory.keep

    def count(memory: Memory, batch: Batch) -> bool:
        seen.append(batch)
        return keep(memory, batch)

    monkeypatch.setattr(Memory, "keep", count)
    return seen


async def test_the_card_is_spared(house: House, batches: list[Batch], monkeypatch: pytest.MonkeyPatch) -> None:
    """A parked car is asked every 30 s for an hour and says the same each time."""
    async with house.bridge(killed=True) as life:
        car = life.car()
        waits: list[float] = []
        monkeypatch.setattr(life.keeper, "_want", waits.append)
        for second in range(0, 3600, 5):
            house.now += 5
            if second % 30 == 0:
                car.heard_body(AWAKE, "read")
            if waits and min(waits) <= memory_keeper.CHANGED_S:
                waits.clear()
                await life.keeper._write()
        assert len(batches) <= 1 + 3600 / memory_keeper.REFRESH_S
        assert len(batches) >= 3600 / memory_keeper.REFRESH_S - 1
    house.now += 10
    async with house.bridge() as life:
        at = life.car().knowledge.get("body", "lock").at
        assert at is not None
        assert -memory_keeper.REFRESH_S - 45 <= at <= -10  # killed: at most so much older than it is, never younger


async def test_the_last_second_is_written_at_the_end(house: House, batches: list[Batch]) -> None:
    async with house.bridge() as life:
        car = life.car()
        car.heard_body(AWAKE, "read")
        await life.keeper._write()
        house.now += 42
        car.heard_body(AWAKE, "read")
        await life.keeper._write()
        assert sum(bool(batch.values) for batch in batches) == 1
    house.now += 1
    async with house.bridge() as life:
        assert life.car().knowledge.get("body", "lock").at == -1.0


async def test_the_lock_is_written_soon(house: House, batches: list[Batch]) -> None:
    async with house.bridge(killed=True) as life:
        car = life.car()
        loop = asyncio.get_running_loop()
        began = loop.time()
        car.heard_body(AWAKE, "push")
        await until(lambda: batches)
        assert loop.time() - began < memory_keeper.CHANGED_S
    assert len(batches) == 1


async def test_changes_that_come_together_are_written_together(
    house: House, batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_keeper, "CHANGED_S", 1.0)
    async with house.bridge(killed=True) as life:
        for number in range(20):
            life.keeper.note(CAR, "budget", {"wakes": number})
            await asyncio.sleep(0)
        await until(lambda: batches)
        await asyncio.sleep(0.05)
    assert len(batches) == 1
    assert batches[0].notes[CAR, "budget"].document == '{"wakes": 19}'


async def test_the_loop_never_waits_for_the_disk(house: House, at_once: None) -> None:
    """A card can take seconds for one write; commands go on meanwhile."""
    async with house.bridge() as life:
        car = life.car()
        other = sqlite3.connect(house.folder / FILE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # the disk is busy
        car.heard_body(AWAKE, "push")
        loop = asyncio.get_running_loop()
        longest = 0.0
        for number in range(20):
            before = loop.time()
            life.keeper.note(CAR, "budget", {"wakes": number})
            life.keeper.noted(CAR, "budget")
            await asyncio.sleep(0.01)
            longest = max(longest, loop.time() - before)
        other.execute("ROLLBACK")
        other.close()
        assert longest < 1.0
    async with house.bridge() as life:
        assert life.keeper.noted(CAR, "budget") == ({"wakes": 19}, 0.0)


async def test_what_a_full_disk_refused_is_written_when_there_is_room(
    house: House, at_once: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory_keeper, "RETRY_S", 0.05)
    caplog.set_level("INFO")
    async with house.bridge(killed=True) as life:
        connection = life.memory._database._connection
        connection.execute("PRAGMA query_only = ON")
        car = life.car()
        car.heard_body(AWAKE, "push")
        await until(lambda: "are not remembered" in caplog.text)
        await asyncio.sleep(0.2)
        assert caplog.text.count("are not remembered") == 1
        connection.execute("PRAGMA query_only = OFF")
        await until(lambda: "works again" in caplog.text)
    async with house.bridge() as life:
        assert life.car().knowledge.get("body", "lock").value == "unlocked"


async def test_an_idle_keeper_holds_no_timer(house: House, at_once: None) -> None:
    async with house.bridge() as life:
        life.car().heard_body(AWAKE, "push")
        await until(lambda: house.on_disk().values)
        await asyncio.sleep(0.1)
        assert life.keeper._due == float("inf")
