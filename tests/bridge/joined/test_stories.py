"""The vehicle and the virtual car, whole, in memory: what an owner does, and what the car then says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from driveway_bridge.commands.table import build
from driveway_bridge.contract import Outcome
from driveway_bridge.enrolment import enrol
from driveway_bridge.errand import Execution
from driveway_bridge.link.memory import MemoryDialer
from driveway_bridge.proto import Role
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import ForgetfulStore
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.profiles import PROFILES
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vehicle import Vehicle
from tests.bridge.joined.pair import VIN

pytestmark = pytest.mark.looptime


class Driveway:
    """An owner's words, one vehicle, one car."""

    def __init__(self, virtual: VirtualCar, live: LiveCar, vehicle: Vehicle, events: list[dict[str, Any]]) -> None:
        self.virtual = virtual
        self.live = live
        self.vehicle = vehicle
        self.events = events

    @property
    def car(self) -> Car:
        """The facts."""
        return self.virtual.car

    @property
    def facts(self) -> dict[str, Any]:
        """The same, as the car tells them in its events."""
        return self.car.facts()

    async def do(self, name: str, *, timeout_s: float = 60, **arguments: object) -> Execution:
        return await self.vehicle.execute(build(name, arguments), timeout_s=timeout_s)

    def goes_wrong(self, fault: Fault, *, once: bool = False) -> None:
        self.live.do(lambda: self.virtual.switch(fault, on=True, once=once))

    def is_asleep(self) -> bool:
        return bool(self.facts["asleep"])

    def sleeps(self) -> None:
        self.live.do(lambda: self.car.sleep("test"))

    def times_done(self, name: str) -> int:
        """How often the car has executed a command."""
        return sum(event["event"] == "command" and event["name"] == name for event in self.events)


@asynccontextmanager
async def driveway(profile: str = "instant", *, role: Role | None = Role.ROLE_DRIVER) -> AsyncIterator[Driveway]:
    loop = asyncio.get_running_loop()
    events: list[dict[str, Any]] = []
    virtual = VirtualCar(VIN, profile=PROFILES[profile], seed=3, report=events.append)
    key = PrivateKey.generate()
    if role is not None:
        virtual.enrol(key.public, role)
    live = LiveCar(virtual)
    vehicle = Vehicle(VIN, key, MemoryDialer(live.attach), ForgetfulStore(), clock=loop.time)
    try:
        yield Driveway(virtual, live, vehicle, events)
    finally:
        await vehicle.close()
        live.close()


@pytest.mark.parametrize("profile", ["instant", "field"])
async def test_lock_and_unlock(profile: str) -> None:
    async with driveway(profile) as house:
        assert (await house.do("unlock")).outcome is Outcome.CONFIRMED
        assert house.car.locked is False
        second = await house.do("lock")
        assert second.outcome is Outcome.CONFIRMED
        assert (second.handshakes, second.exchanges) == (0, 1)
        assert house.car.locked is True


async def test_a_lost_acknowledgement_is_settled_without_a_second_command() -> None:
    async with driveway() as house:
        house.goes_wrong(Fault.NO_PUSH)
        house.goes_wrong(Fault.LOST_ACK, once=True)
        execution = await house.do("unlock", timeout_s=8)
        assert execution.outcome is Outcome.CONFIRMED
        assert house.times_done("unlock") == 1


async def test_a_car_that_asks_to_wait_and_does_it_all_the_same_is_found_out() -> None:
    async with driveway() as house:
        await house.do("lock")
        house.goes_wrong(Fault.NO_PUSH)
        house.goes_wrong(Fault.WAIT_BUT_DONE)
        execution = await house.do("unlock", timeout_s=8)
        assert execution.outcome is Outcome.CONFIRMED
        assert house.car.locked is False


async def test_a_car_that_is_busy_all_the_time_has_not_done_it() -> None:
    async with driveway() as house:
        await house.do("lock")
        house.goes_wrong(Fault.BUSY)
        execution = await house.do("unlock", timeout_s=8)
        assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "car_busy")
        assert house.car.locked is True


async def test_a_toggle_is_never_given_twice() -> None:
    async with driveway() as house:
        house.goes_wrong(Fault.LOST_ACK)
        execution = await house.do("trunk_open", timeout_s=8)
        assert execution.outcome is Outcome.UNCONFIRMED
        assert execution.may_have_happened
        moved = [event for event in house.events if event["event"] == "command"]
        assert len(moved) == 1


async def test_a_sleeping_car_is_woken_for_the_charge_limit_and_not_for_the_lock() -> None:
    async with driveway("field") as house:
        house.sleeps()
        assert (await house.do("unlock", timeout_s=8)).outcome is Outcome.CONFIRMED
        assert house.is_asleep()
        assert (await house.do("charge_limit", percent=70)).outcome is Outcome.CONFIRMED
        assert not house.is_asleep()
        assert house.facts["charge_limit"] == 70


async def test_reading_does_not_wake_the_car() -> None:
    async with driveway("field") as house:
        house.sleeps()
        execution = await house.do("read_charge", timeout_s=20)
        assert execution.reason == "car_asleep"
        assert house.is_asleep()


async def test_already_so_is_success() -> None:
    async with driveway() as house:
        assert (await house.do("charge_stop")).reason == "already_so"


async def test_a_charging_key_does_not_open_the_car() -> None:
    async with driveway(role=Role.ROLE_CHARGING_MANAGER) as house:
        execution = await house.do("unlock")
        assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "not_permitted")
        assert house.car.locked is True
        assert (await house.do("charge_limit", percent=60)).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("fault", [Fault.REBOOT_ON_NEXT, Fault.BUSY, Fault.THREE_PART_REPLY, Fault.FRAGMENT_ONE_BYTE])
async def test_the_owner_notices_nothing(fault: Fault) -> None:
    async with driveway() as house:
        await house.do("lock")
        house.goes_wrong(fault, once=True)
        assert (await house.do("unlock", timeout_s=8)).outcome is Outcome.CONFIRMED
        assert house.car.locked is False


async def test_pairing_with_a_card() -> None:
    async with driveway("field", role=None) as house:
        assert (await house.do("unlock", timeout_s=8)).reason == "key_not_enrolled"
        card_awaited = asyncio.Event()
        pairing = asyncio.ensure_future(
            enrol(house.vehicle, timeout_s=90, progress=lambda stage: card_awaited.set() if stage == "card" else None)
        )
        await card_awaited.wait()
        house.live.do(lambda: house.virtual.enrolment.tap(house.live.now))
        house.live.do(lambda: house.virtual.enrolment.confirm(house.live.now))
        enrolment = await pairing
        assert (enrolment.outcome, enrolment.reason) == (Outcome.CONFIRMED, "done")
        assert enrolment.role is not None
        assert enrolment.role.value == "driver"
        assert (await house.do("unlock", timeout_s=8)).outcome is Outcome.CONFIRMED


async def test_pairing_without_a_card_ends_by_itself_and_says_so() -> None:
    async with driveway("field", role=None) as house:
        enrolment = await enrol(house.vehicle, timeout_s=90)
        assert enrolment.outcome is Outcome.REFUSED
        assert enrolment.reason == "card_not_tapped"
