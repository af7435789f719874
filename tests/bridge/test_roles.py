"""The role of our key: learnt from the car's own list, when there is a reason to, and in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Equipment, Identity, Observer
from driveway_bridge.commands import table
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import LinkState, Outcome
from driveway_bridge.errand import Execution
from driveway_bridge.lane import Priority
from driveway_bridge.link.memory import MemoryDialer
from driveway_bridge.mqtt.catalogue import car_info
from driveway_bridge.proto import Role as ProtoRole
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.roles import AGAIN_S, WEEK_S, RoleReader
from driveway_bridge.session_store import ForgetfulStore
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vehicle import Vehicle
from tests.bridge.asked import give

pytestmark = pytest.mark.looptime
VIN = "5YJ3E1EA1KF000000"
KEY = PrivateKey.generate()
OTHERS = [PrivateKey.generate().public for _ in range(3)]
NOTHING: Mapping[str, object] = {}


class Silence:
    """Nobody is told anything."""

    def link(self, car: str, state: LinkState) -> None:
        pass

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        pass

    def forget(self, car: str) -> None:
        pass


class Notes(Observer):
    """What was asked of the car, and what was learnt."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.learnt: list[Identity] = []

    def executed(self, command: Command, execution: Execution, *, asked: bool) -> None:
        self.asked.append(command.name)

    def identified(self, identity: Identity) -> None:
        self.learnt.append(identity)


class Driveway:
    """A virtual car, a bridge that has a key in it, and its reader of roles."""

    def __init__(self, role: ProtoRole | None) -> None:
        loop = asyncio.get_running_loop()
        self.virtual = VirtualCar(VIN, seed=3)
        for other in OTHERS:
            self.virtual.enrol(other)
        if role is not None:
            self.virtual.enrol(KEY.public, role)
        self.live = LiveCar(self.virtual)
        self.car = Car("car-a", "Anna", Boot(loop.time), Silence())
        self.vehicle = Vehicle(
            VIN, KEY, MemoryDialer(self.live.attach), ForgetfulStore(), on_body=self.car.heard_body, clock=loop.time
        )
        self.car.equip(Equipment(self.vehicle, MemoryDialer(self.live.attach), table.build))
        self.notes = Notes()
        self.reader = RoleReader(self.car)
        self.car.observers += [self.notes, self.reader]
        self.task = asyncio.create_task(self.reader.run())

    async def do(self, name: str) -> Execution:
        """What somebody asked for, with the turn in hand."""
        return await give(self.car, name, timeout_s=8.0)

    async def rest(self) -> None:
        """Some time passes."""
        await asyncio.sleep(30)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.vehicle.close()
        self.live.close()


@pytest_asyncio.fixture
async def driveway() -> AsyncIterator[Driveway]:
    made = Driveway(ProtoRole.ROLE_CHARGING_MANAGER)
    yield made
    await made.close()


async def test_the_role_is_read_when_the_car_first_takes_something_that_we_signed(driveway: Driveway) -> None:
    """Pains 105. The role is what the car has written down, not what somebody wished."""
    await driveway.do("status")
    await driveway.rest()
    assert driveway.notes.asked == ["status"]
    await driveway.do("wake")
    await driveway.rest()
    assert driveway.car.identity == Identity(role="charging_manager", slot=len(OTHERS))
    offered = car_info("car-a", "Anna", VIN, driveway.car.identity.role).commands
    assert offered is not None
    assert "unlock" not in offered
    assert len(driveway.notes.learnt) == 1


async def test_it_is_read_once_and_again_after_a_week(driveway: Driveway) -> None:
    await driveway.do("wake")
    await driveway.rest()
    read = len(driveway.notes.asked)
    await driveway.do("wake")
    await driveway.rest()
    assert len(driveway.notes.asked) == read + 1
    await asyncio.sleep(WEEK_S)
    await driveway.do("wake")
    await driveway.rest()
    assert driveway.notes.asked[read + 1 :] == ["wake", "key_entry"], "where it was the last time comes first"


async def test_a_command_that_the_key_may_not_give_is_a_reason_to_look_again(driveway: Driveway) -> None:
    """Pains 50."""
    driveway.car.learn(role="driver", slot=0)
    execution = await driveway.do("unlock")
    assert execution.reason == "not_permitted"
    await driveway.rest()
    assert driveway.car.identity.role == "charging_manager"


async def test_it_waits_until_nobody_else_does_and_gives_way(driveway: Driveway) -> None:
    busy = driveway.car.lane.enter(Priority.LOCK, "lock")
    done = asyncio.Event()
    work = asyncio.create_task(driveway.car.lane.run(busy, done.wait))
    command = table.build("wake", NOTHING)
    driveway.car.take(command, await driveway.vehicle.execute(command), asked=True)
    await driveway.rest()
    assert driveway.notes.asked == ["wake"]
    done.set()
    await work
    await asyncio.sleep(0)
    lock = driveway.car.lane.enter(Priority.LOCK, "lock")
    await driveway.car.lane.run(lock, lambda: asyncio.sleep(1))
    assert driveway.car.identity.role is None
    await asyncio.sleep(AGAIN_S + 1)
    assert driveway.car.identity.role == "charging_manager"


async def test_a_key_that_was_removed_has_no_role_any_more() -> None:
    driveway = Driveway(None)
    driveway.car.learn(role="driver", slot=1)
    driveway.reader.executed(table.build("lock", NOTHING), await refused(driveway), asked=True)
    await driveway.rest()
    assert driveway.car.identity == Identity()
    await driveway.close()


async def refused(driveway: Driveway) -> Execution:
    """An execution that the car forbade."""
    execution = await driveway.vehicle.execute(table.build("status", NOTHING))
    return replace(execution, outcome=Outcome.REFUSED, reason="not_permitted")
