"""The poller on its car: what it asks goes through the lane, and nothing stops it. Time is the loop's and jumps."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, Self

import pytest

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Equipment
from driveway_bridge.commands import infotainment, table
from driveway_bridge.commands.base import Command
from driveway_bridge.config import CarSettings
from driveway_bridge.contract import LinkState, Outcome
from driveway_bridge.errand import Execution
from driveway_bridge.judgement.budget import Budget
from driveway_bridge.judgement.pace import QUESTIONS
from driveway_bridge.judgement.plan import STATUS
from driveway_bridge.link.base import Sighting
from driveway_bridge.poller import AFTER_DEFECT_S, GIVEN_BACK_S, HUNG_S, LOOK_S, Poller
from driveway_bridge.state.body import Body
from driveway_bridge.state.reading import State
from tests.bridge.asked import give
from tests.bridge.judgement.bodies import body

pytestmark = pytest.mark.looptime
SUBJECTS = {subject.name: subject for subject in infotainment.SUBJECTS}


class Vehicle:
    """Answers at once, or as a test says."""

    def __init__(self, car: Car) -> None:
        self.car = car
        self.body: Body | None = body()
        self.states: dict[str, State] = {}
        self.asked: list[tuple[float, str]] = []
        self.fails: dict[str, str] = {}
        self.breaks: Exception | None = None
        self.hangs = False
        self.stateless = False
        self.takes_s = 0.3
        self.given_back: list[float] = []

    async def execute(self, command: Command, **_: Any) -> Execution:
        self.asked.append((now(), command.name))
        if self.breaks is not None:
            raise self.breaks
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.takes_s)
        if command.name in self.fails or self.body is None:
            reason = self.fails.get(command.name, "not_in_range")
            return Execution(outcome=Outcome.FAILED, reason=reason, exchanges=1, temporary=True)
        state: State | None = self.states.get(command.name)
        if command.name == STATUS:
            self.car.heard_body(self.body, "read")
            state = self.body
        elif command.name in QUESTIONS.values() and state is None and not self.stateless:
            state = SUBJECTS[command.name].load()()
        return Execution(outcome=Outcome.CONFIRMED, reason="done", state=state, exchanges=1)

    def give_back(self) -> bool:
        self.given_back.append(now())
        self.car.heard_link(linked=False, reason=None)
        return True

    async def close(self) -> None:
        """Hold nothing."""

    def times(self, name: str) -> list[float]:
        return [at for at, what in self.asked if what == name]

    def details(self) -> list[str]:
        return [name for _, name in self.asked if name in QUESTIONS.values()]


class Radio:
    name = "memory"
    last_heard: Sighting | None = None
    listening = False

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        """Never call it."""

    async def close(self) -> None:
        """Hold nothing."""


class Told:
    def link(self, car: str, state: LinkState) -> None:
        """Nobody listens."""

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        """Nobody listens."""

    def forget(self, *_: object) -> None:
        """Nobody listens."""


class Scene:
    """A car with its poller."""

    def __init__(self, **changes: Any) -> None:
        loop = asyncio.get_running_loop()
        settings = CarSettings(vin="5YJ30123456789ABC", awake_minutes=60, **changes)
        self.car = Car("car-00000001", "Anna", Boot(loop.time), Told())
        self.budget = Budget(settings, clock=loop.time)
        self.poller = Poller(self.car, settings, budget=self.budget)
        self.car.observers += [self.budget, self.poller]
        self.vehicle = Vehicle(self.car)
        vehicle: Any = self.vehicle
        radio: Any = Radio()
        self.equipment = Equipment(vehicle, radio, table.build)
        self.task = asyncio.create_task(self.poller.run())

    def equip(self) -> None:
        self.car.equip(self.equipment)

    async def __aenter__(self) -> Self:
        self.equip()
        return self

    async def __aexit__(self, *_: object) -> None:
        ended = self.task.done()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert not ended, "nothing ends it"

    async def give(self, name: str, **arguments: object) -> Execution:
        return await give(self.car, name, arguments=arguments)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_it_waits_for_the_way_to_the_car() -> None:
    scene = Scene()
    await asyncio.sleep(100)
    assert scene.vehicle.asked == []
    scene.equip()
    await asyncio.sleep(1)
    assert scene.vehicle.times(STATUS) != []
    scene.task.cancel()
    await asyncio.gather(scene.task, return_exceptions=True)


async def test_a_sleeping_car_is_asked_for_its_status_and_nothing_else() -> None:
    """Pains 57, 64, 66."""
    async with Scene() as scene:
        scene.vehicle.body = body(asleep=True)
        await asyncio.sleep(3600)
        assert {name for _, name in scene.vehicle.asked} == {STATUS}
        assert 100 <= len(scene.vehicle.asked) <= 125
        report = scene.poller.report()
        assert report["phase"] == "asleep"
        assert report["since_s"] > 3500
        assert report["held_by"] == []
        assert report["next"]["question"] == STATUS
        assert 0 <= report["next"]["in_s"] <= 30
        assert report["left_alone_s"] is None


async def test_what_a_command_did_is_read_within_two_seconds() -> None:
    """Pain 67."""
    async with Scene() as scene:
        await asyncio.sleep(10)
        await scene.give("climate_temperature", driver_celsius=21, passenger_celsius=21)
        given = now()
        await asyncio.sleep(2)
        assert [at for at in scene.vehicle.times("read_climate") if at > given]


@pytest.mark.parametrize(
    ("command", "arguments", "question"),
    [("media_volume", {"volume": 3}, "read_media"), ("windows_vent", {}, "read_closures")],
)
async def test_what_a_command_did_is_read_before_all_that_is_old(
    command: str, arguments: dict[str, object], question: str
) -> None:
    """The car was not heard of for long, so all of it is read after a command: what somebody waits for goes first."""
    async with Scene() as scene:
        await asyncio.sleep(10)
        await scene.give(command, **arguments)
        given = now()
        await asyncio.sleep(2)
        assert [at for at in scene.vehicle.times(question) if given + 1 <= at < given + 1.5]
        await asyncio.sleep(10)
        assert set(scene.vehicle.details()) >= {"read_charge", "read_climate"}


async def test_what_shows_at_the_body_alone_is_read_there_at_once() -> None:
    async with Scene() as scene:
        await asyncio.sleep(10)
        await scene.give("charge_port_open")
        given = now()
        await asyncio.sleep(1.5)
        assert [at for at in scene.vehicle.times(STATUS) if at > given]


async def test_a_lock_command_asks_nothing_of_infotainment() -> None:
    """Pains 57, 63."""
    async with Scene() as scene:
        await asyncio.sleep(10)
        await scene.give("lock")
        given = now()
        await asyncio.sleep(2)
        assert [at for at in scene.vehicle.times(STATUS) if at > given]
        await asyncio.sleep(600)
        assert scene.vehicle.details() == []


async def test_when_the_budget_is_spent_commands_go_on_and_reading_after_them_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Pain 58."""
    async with Scene() as scene:
        await asyncio.sleep(10)
        scene.budget.may_prolong = lambda: False  # type: ignore[method-assign]
        for _ in range(3):
            assert (await scene.give("charge_limit", percent=70)).outcome is Outcome.CONFIRMED
            await asyncio.sleep(300)
        assert scene.vehicle.details() == []
        assert scene.poller.report()["within_budget"] is False
        assert len([record for record in caplog.records if "as long as they may" in record.getMessage()]) == 1


async def test_one_subject_that_fails_does_not_hold_up_the_others() -> None:
    """Pain 28."""
    async with Scene() as scene:
        scene.vehicle.body = body(inside=True)
        scene.vehicle.fails["read_drive"] = "no_answer"
        await asyncio.sleep(300)
        assert len(scene.vehicle.times("read_climate")) > 3
        assert len(scene.vehicle.times("read_drive")) > 2
        report = scene.poller.report()
        assert report["failures"]["drive"]["reason"] == "no_answer"
        assert report["failures"].keys() == {"drive"}
        assert report["unreached"]["count"] == 0
        assert report["phase"] == "occupied"
        assert report["held_by"] == ["occupant"]


async def test_a_lock_command_does_not_wait_for_a_poll_and_the_poll_is_due_again() -> None:
    """Pain 72."""
    async with Scene() as scene:
        scene.vehicle.takes_s = 5.0
        await asyncio.sleep(1)
        assert scene.poller.report()["asking"] == STATUS
        scene.vehicle.takes_s = 0.3
        given = now()
        await scene.give("lock")
        assert now() - given < 1
        await asyncio.sleep(2)
        assert [at for at in scene.vehicle.times(STATUS) if at > given]
        assert scene.poller.report()["unreached"]["count"] == 0


async def test_a_mistake_of_ours_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    """Pains 70, 87."""
    async with Scene() as scene:
        await asyncio.sleep(10)
        scene.vehicle.breaks = RuntimeError("made up")
        await asyncio.sleep(100)
        assert scene.poller.report()["defects"] > 1
        assert "made up" in caplog.text
        scene.vehicle.breaks = None
        await asyncio.sleep(200 + AFTER_DEFECT_S)
        assert now() - scene.vehicle.times(STATUS)[-1] <= 31
        assert scene.poller.report()["unreached"]["count"] == 0


async def test_what_hangs_below_us_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """Pains 70, 87."""
    async with Scene() as scene:
        await asyncio.sleep(10)
        scene.vehicle.hangs = True
        await asyncio.sleep(31 + HUNG_S)
        scene.vehicle.hangs = False
        assert "did not end" in caplog.text
        await asyncio.sleep(HUNG_S + 60)
        assert now() - scene.vehicle.times(STATUS)[-1] <= 31


async def test_a_car_out_of_reach_is_asked_more_rarely_and_at_once_when_it_is_heard() -> None:
    """Pains 4, 86."""
    async with Scene() as scene:
        scene.vehicle.body = None
        await asyncio.sleep(3600)
        assert len(scene.vehicle.asked) < 30
        assert scene.poller.report()["unreached"]["reason"] == "not_in_range"
        scene.vehicle.body = body()
        heard = now()
        scene.poller.sighted(Sighting(at=heard, rssi_dbm=-70, connectable=None))
        await asyncio.sleep(1)
        assert scene.vehicle.times(STATUS)[-1] - heard < 0.1
        assert scene.poller.report()["phase"] == "awake"


async def test_refused_is_a_normal_result() -> None:
    """Pain 60."""
    async with Scene() as scene:
        await asyncio.sleep(10)
        scene.vehicle.fails["charge_start"] = "car_refused"
        await scene.give("charge_start")
        await asyncio.sleep(100)
        assert now() - scene.vehicle.times(STATUS)[-1] <= 31
        assert scene.poller.report()["defects"] == 0


async def test_values_stay_when_the_link_drops() -> None:
    """Pains 69, 78."""
    async with Scene() as scene:
        await asyncio.sleep(10)
        lock = scene.car.knowledge.get("body", "lock")
        scene.vehicle.body = None
        await asyncio.sleep(7200)
        assert scene.car.knowledge.get("body", "lock").value == "locked"
        assert scene.car.knowledge.get("body", "lock").at == pytest.approx(lock.at, abs=31)
        assert scene.poller.report()["phase"] == "unknown"


async def test_an_answer_without_a_state_is_not_asked_for_again_at_once() -> None:
    async with Scene() as scene:
        scene.vehicle.body = body(inside=True)
        scene.vehicle.stateless = True
        await asyncio.sleep(600)
        assert len(scene.vehicle.times("read_tyres")) <= 3


async def test_while_another_bridge_looks_after_the_car_it_asks_rarely() -> None:
    async with Scene() as scene:
        leads = True
        scene.poller.leads = lambda: leads
        await asyncio.sleep(100)
        leads = False
        scene.vehicle.asked.clear()
        await asyncio.sleep(3600)
        assert 11 <= len(scene.vehicle.times(STATUS)) <= 13
        leads = True
        scene.car.on_doubt(0.0)
        await asyncio.sleep(1)
        assert scene.vehicle.times(STATUS)[-1] >= now() - 1
        await asyncio.sleep(100)
        assert now() - scene.vehicle.times(STATUS)[-1] <= 31


async def test_a_link_that_is_to_be_kept_is_left_to_the_bridge_that_looks_after_the_car() -> None:
    async with Scene(hold_s=math.inf) as scene:
        leads = True
        scene.poller.leads = lambda: leads
        scene.car.heard_link(linked=True, reason=None)
        await asyncio.sleep(3600)
        assert scene.vehicle.given_back == []
        leads = False
        await asyncio.sleep(LOOK_S + 1)
        assert len(scene.vehicle.given_back) == 1

        # It does what it is told all the same, and does not stay on the link after it.
        scene.car.heard_link(linked=True, reason=None)
        assert (await scene.give("lock")).outcome is Outcome.CONFIRMED
        given = now()
        await asyncio.sleep(60)
        assert GIVEN_BACK_S <= scene.vehicle.given_back[1] - given <= GIVEN_BACK_S + LOOK_S + 1
