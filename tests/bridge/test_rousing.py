"""Stories of a car that sleeps: what is woken for what, how long that takes, and what never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from driveway_bridge.commands import charging, read, security
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.errors import NotReached
from driveway_bridge.proto import VehicleStatus
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.protocol.session import SavedSession
from driveway_bridge.state.charge import Charge
from driveway_bridge.vehicle import Vehicle, usual_timeout_s
from tests.bridge.played import House, PlayedLink, now
from tests.bridge.protocol.scripted_car import (
    CLIENT,
    OTHER_EPOCH,
    VIN,
    Request,
    ScriptedCar,
    broadcast,
    charge_limit,
    nominal_error,
    response,
    status,
)

pytestmark = pytest.mark.looptime
LIMIT = charging.charge_limit(80)
TOGGLE = Command(name="media_toggle", domain=Domain.INFOTAINMENT, payload=bytes.fromhex("12027a00"), idempotent=False)


class Sleeper:
    """The whole car: a body that never sleeps, and infotainment that has to be woken and takes its time."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.infotainment = ScriptedCar(epoch=OTHER_EPOCH, counter=0, clock=5)
        self.asleep = True
        self.wakes_needed = 1
        self.wakes_after_s = 1.0
        self.boots_in_s = 6.0
        self.busy_while_booting = False
        self.awake_at = float("inf")
        self.percent = 50
        self.wakes = 0
        self.heard: list[tuple[float, str]] = []
        self.lose: list[str] = []
        """Answers that get lost, by the word in `heard`."""
        house.car.answer = self.answer  # type: ignore[method-assign]

    def awake(self) -> None:
        self.asleep, self.awake_at = False, -100.0

    def words(self) -> list[str]:
        return [word for _at, word in self.heard]

    def answer(self, link: PlayedLink, request: Request) -> None:
        word, answer = self.judge(request)
        self.heard.append((now(), word))
        if answer is None or word in self.lose:
            if word in self.lose:
                self.lose.remove(word)
            return
        link.tell(answer)

    def judge(self, request: Request) -> tuple[str, bytes | None]:
        if request.domain is Domain.VEHICLE_SECURITY:
            return self.body_says(request)
        if self.asleep:
            return "unheard", None
        if now() < self.awake_at + self.boots_in_s:
            return "booting", self.house.car.car.fault(request, 11) if self.busy_while_booting else None
        return self.infotainment_says(request)

    def body_says(self, request: Request) -> tuple[str, bytes]:
        body = self.house.car.car
        if request.handshake:
            return "body hello", body.session_info(request)
        if not request.signed:
            if self.asleep and self.wakes >= self.wakes_needed and now() >= self.awake_at:
                self.asleep = False
            state = VehicleStatus(vehicleLockState=1, vehicleSleepStatus=2 if self.asleep else 1)  # type: ignore[arg-type]
            return "status", body.plain(request, status(state))
        payload = body.plaintext(request)
        assert payload is not None
        if payload != security.wake().payload:
            return "lock", body.sealed(request)
        self.wakes += 1
        if self.wakes == self.wakes_needed:
            self.awake_at = now() + self.wakes_after_s
        return "wake", body.sealed(request)

    def infotainment_says(self, request: Request) -> tuple[str, bytes]:
        car = self.infotainment
        if request.handshake:
            return "hello", car.session_info(request)
        if request.epoch != car.epoch:
            return "old epoch", car.session_info(request, fault=15)
        payload = car.plaintext(request)
        assert payload is not None
        car.counter = request.counter
        if payload == LIMIT.payload:
            self.percent = 80
            return "limit", car.sealed(request, response())
        if payload == read.charge().payload:
            return "charge", car.sealed(request, charge_limit(self.percent))
        return "toggle", car.sealed(request, response())


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    await house.vehicle.close()


@pytest.fixture
def car(house: House) -> Sleeper:
    return Sleeper(house)


# Waking ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("busy", [False, True])
async def test_a_command_wakes_the_car(house: House, car: Sleeper, busy: bool) -> None:
    """Pains 62, 63."""
    car.busy_while_booting = busy
    begun = now()
    execution = await house.do(LIMIT, timeout_s=38)
    assert (execution.outcome, execution.reason) == (Outcome.CONFIRMED, "done")
    assert house.stages == ["connecting", "waking", "booting", "sent"]
    assert car.wakes <= 2
    assert car.percent == 80
    assert "unheard" not in car.words()  # nothing is sent to who cannot hear
    assert 7 <= now() - begun <= 11
    assert execution.phases_ms["waking"] > 6000
    assert execution.phases_ms["car"] < 100


async def test_an_awake_car_is_not_woken_and_looked_at_only_once(house: House, car: Sleeper) -> None:
    car.awake()
    assert (await house.do(LIMIT)).outcome is Outcome.CONFIRMED
    assert house.stages == ["connecting", "session", "sent"]
    assert (await house.do(LIMIT)).outcome is Outcome.CONFIRMED
    assert car.words() == ["status", "hello", "limit", "limit"]
    await asyncio.sleep(30)
    assert (await house.do(LIMIT)).outcome is Outcome.CONFIRMED
    assert car.words()[4:] == ["status", "limit"]


async def test_a_push_tells_it_as_well(house: House, car: Sleeper) -> None:
    car.awake()
    await house.do(security.lock())
    car.heard.clear()
    house.car.links[0].tell(broadcast(VehicleStatus(vehicleLockState=1, vehicleSleepStatus=1)))  # type: ignore[arg-type]
    await asyncio.sleep(0.1)
    await house.do(LIMIT)
    assert car.words() == ["hello", "limit"]


async def test_one_wake_may_not_be_enough(house: House, car: Sleeper) -> None:
    car.wakes_needed = 3
    begun = now()
    assert (await house.do(LIMIT, timeout_s=38)).outcome is Outcome.CONFIRMED
    assert car.wakes <= 4
    assert [round(at - begun) for at, word in car.heard if word == "wake"][:3] == [0, 7, 14]


async def test_lost_answers_while_waking(house: House, car: Sleeper) -> None:
    car.lose = ["wake", "status"]
    assert (await house.do(LIMIT, timeout_s=38)).outcome is Outcome.CONFIRMED


async def test_a_car_that_does_not_wake_up(house: House, car: Sleeper) -> None:
    car.wakes_needed = 100
    begun = now()
    execution = await house.do(LIMIT, timeout_s=60)
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "car_asleep")
    assert (execution.may_have_happened, execution.temporary) == (False, True)
    assert 29 <= now() - begun <= 33
    assert car.wakes <= 6


async def test_a_car_that_never_boots(house: House, car: Sleeper) -> None:
    car.boots_in_s = 1000
    execution = await house.do(LIMIT, timeout_s=60)
    assert (execution.outcome, execution.reason, execution.may_have_happened) == (Outcome.FAILED, "car_booting", False)


async def test_no_longer_than_asked_for(house: House, car: Sleeper) -> None:
    car.wakes_needed = 100
    begun = now()
    execution = await house.do(LIMIT, timeout_s=10)
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "car_asleep")
    assert now() - begun <= 10.5


async def test_a_key_that_may_not_wake(house: House, car: Sleeper) -> None:
    def refuse(link: PlayedLink, request: Request) -> None:
        link.tell(house.car.car.sealed(request, nominal_error(6)))

    house.car.script = [car.answer, car.answer, refuse]
    execution = await house.do(LIMIT, timeout_s=38)
    assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "not_permitted")
    assert not execution.may_have_happened


async def test_infotainment_that_does_not_know_the_key(house: House, car: Sleeper) -> None:
    car.infotainment_says = lambda request: ("no", house.car.car.fault(request, 3))  # type: ignore[method-assign]
    execution = await house.do(LIMIT, timeout_s=38)
    assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "key_not_enrolled")


async def test_no_way_to_the_car_while_it_boots(house: House, car: Sleeper) -> None:
    def gone() -> None:
        raise NotReached("not_in_range")

    task = asyncio.create_task(house.do(LIMIT, timeout_s=38))
    await asyncio.sleep(4)
    house.car.connect = gone
    house.car.links[0].cut()
    execution = await task
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "not_in_range")


# Not waking -----------------------------------------------------------------------------------------------------------


async def test_a_question_does_not_wake(house: House, car: Sleeper) -> None:
    """Pains 64, 66."""
    begun = now()
    execution = await house.do(read.charge())
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "car_asleep")
    assert (execution.may_have_happened, execution.temporary) == (False, True)
    assert car.words() == ["status"]
    assert now() - begun < 1
    assert execution.body is not None
    assert execution.body.asleep


async def test_a_question_wakes_if_it_is_told_to(house: House, car: Sleeper) -> None:
    execution = await house.vehicle.execute(read.charge(), wake=True)
    assert execution.outcome is Outcome.CONFIRMED
    assert isinstance(execution.state, Charge)
    assert execution.state.limit_percent == 50


async def test_a_command_does_not_wake_if_it_is_told_not_to(house: House, car: Sleeper) -> None:
    execution = await house.vehicle.execute(LIMIT, wake=False)
    assert (execution.outcome, execution.reason, car.wakes) == (Outcome.FAILED, "car_asleep", 0)


async def test_silence_of_a_car_that_has_fallen_asleep(house: House, car: Sleeper) -> None:
    """It was awake a moment ago; the question goes unheard, and the body tells why."""
    car.awake()
    assert (await house.do(read.charge())).outcome is Outcome.CONFIRMED
    car.asleep, car.awake_at = True, float("inf")
    begun = now()
    execution = await house.do(read.charge())
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "car_asleep")
    assert now() - begun < 5


async def test_what_may_be_taken_how_long() -> None:
    assert [usual_timeout_s(command) for command in (security.lock(), LIMIT, read.charge())] == [8.0, 38.0, 8.0]
    assert usual_timeout_s(read.charge(), wake=True) == 38.0
    assert usual_timeout_s(LIMIT, wake=False) == 8.0


# Nobody waits for it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0.0, 0.5, 3.0, 8.0])
async def test_unlocking_does_not_wait_for_a_car_that_wakes_up(house: House, car: Sleeper, after_s: float) -> None:
    """Pain 72."""
    car.wakes_needed = 2
    waking = asyncio.create_task(house.vehicle.execute(LIMIT))
    await asyncio.sleep(after_s)
    begun = now()
    execution = await house.vehicle.execute(security.unlock())
    assert execution.outcome is Outcome.CONFIRMED
    assert now() - begun < 0.1
    assert (await waking).outcome is Outcome.CONFIRMED


async def test_unlocking_waits_for_no_lost_answer_of_a_wake(house: House, car: Sleeper) -> None:
    await house.vehicle.execute(security.lock())
    car.lose = ["wake"]
    waking = asyncio.create_task(house.vehicle.execute(LIMIT))
    await asyncio.sleep(0.05)
    assert car.words()[-1] == "wake"
    begun = now()
    assert (await house.vehicle.execute(security.unlock())).outcome is Outcome.CONFIRMED
    assert now() - begun <= 0.6
    assert (await waking).outcome is Outcome.CONFIRMED


# Certainty ------------------------------------------------------------------------------------------------------------


async def test_a_lost_answer_is_found_out_by_reading(house: House, car: Sleeper) -> None:
    car.awake()
    await house.do(read.charge())
    car.heard.clear()
    car.lose = ["limit"]
    execution = await house.do(LIMIT)
    assert (execution.outcome, execution.reason) == (Outcome.CONFIRMED, "done")
    assert house.stages == ["sent", "verifying"]
    # Silence may mean that it slept or booted: look at it, ask who it is, then read.
    assert car.words() == ["limit", "status", "hello", "charge"]
    assert isinstance(execution.state, Charge)
    assert execution.state.limit_percent == 80


async def test_a_lost_command_is_given_again(house: House, car: Sleeper) -> None:
    """Pain 119."""
    car.awake()
    await house.do(read.charge())
    car.heard.clear()
    house.car.script = [house.car.lose_request]
    execution = await house.do(LIMIT, timeout_s=20)
    assert execution.outcome is Outcome.CONFIRMED
    assert car.words() == ["status", "hello", "charge", "limit"]
    assert car.percent == 80


async def test_a_car_that_fell_asleep_before_it_heard_the_command(house: House, car: Sleeper) -> None:
    car.awake()
    await house.do(read.charge())
    car.asleep, car.awake_at = True, float("inf")
    execution = await house.do(LIMIT, timeout_s=38)
    assert execution.outcome is Outcome.CONFIRMED
    assert car.percent == 80


async def test_a_command_that_went_unheard_and_may_not_wake(house: House, car: Sleeper) -> None:
    car.awake()
    await house.do(read.charge())
    car.asleep, car.awake_at = True, float("inf")
    execution = await house.vehicle.execute(LIMIT, wake=False)
    assert (execution.outcome, execution.reason) == (Outcome.UNCONFIRMED, "no_answer")
    assert (execution.may_have_happened, execution.temporary) == (True, True)


async def test_a_toggle_is_never_given_twice(house: House, car: Sleeper) -> None:
    car.awake()
    car.lose = ["toggle"]
    execution = await house.do(TOGGLE, timeout_s=20)
    assert (execution.outcome, execution.reason, execution.may_have_happened) == (
        Outcome.UNCONFIRMED,
        "no_answer",
        True,
    )
    assert car.words().count("toggle") == 1


async def test_an_answer_that_says_too_little_is_settled_by_reading(house: House, car: Sleeper) -> None:
    car.awake()
    await house.do(read.charge())

    def too_long(link: PlayedLink, request: Request) -> None:
        car.judge(request)
        link.tell(house.car.car.fault(request, 25))

    house.car.script = [too_long]
    execution = await house.do(LIMIT)
    assert (execution.outcome, execution.reason) == (Outcome.CONFIRMED, "done")


async def test_refused_in_words(house: House, car: Sleeper) -> None:
    car.awake()
    await house.do(read.charge())
    house.car.script = [lambda link, request: link.tell(car.infotainment.sealed(request, response("not_in_park")))]
    execution = await house.do(LIMIT)
    assert (execution.outcome, execution.reason, execution.detail) == (
        Outcome.REFUSED,
        "not_in_park",
        "not_in_park",
    )


# Memory ---------------------------------------------------------------------------------------------------------------


async def test_infotainments_session_is_remembered_too(house: House, car: Sleeper) -> None:
    """Pain 31."""
    car.awake()
    await house.do(LIMIT)
    await house.vehicle.close()
    remembered = house.store.load(VIN, Domain.INFOTAINMENT)
    assert isinstance(remembered, SavedSession)
    assert (remembered.epoch, remembered.counter) == (OTHER_EPOCH, 1)
    house.another()
    car.heard.clear()
    execution = await house.do(LIMIT)
    assert (execution.outcome, execution.handshakes) == (Outcome.CONFIRMED, 0)
    assert car.words() == ["status", "limit"]
    assert car.infotainment.counter == 2


async def test_infotainment_has_rebooted(house: House, car: Sleeper) -> None:
    car.awake()
    await house.do(LIMIT)
    car.infotainment.epoch, car.infotainment.counter, car.infotainment.clock = bytes(15) + b"x", 0, 1
    car.heard.clear()
    execution = await house.do(LIMIT)
    assert (execution.outcome, execution.handshakes) == (Outcome.CONFIRMED, 0)
    assert car.words() == ["old epoch", "limit"]


async def test_commands_that_are_readable_on_the_way(house: House, car: Sleeper) -> None:
    car.awake()
    house.vehicle = Vehicle(
        VIN,
        CLIENT,
        house.dialer,
        house.store,
        kind=SignatureType.HMAC_PERSONALIZED,
        clock=asyncio.get_running_loop().time,
    )
    assert (await house.do(LIMIT)).outcome is Outcome.CONFIRMED
    assert [request.kind for request in house.car.commands] == [SignatureType.HMAC_PERSONALIZED]
