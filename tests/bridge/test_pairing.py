"""Stories of pairing from end to end, with a virtual car: what an owner does, and what is said of each way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from driveway_bridge.card_spots import CardSpot, Spot, card_spot, too_old
from driveway_bridge.contract import Outcome
from driveway_bridge.enrolment import remove_key
from driveway_bridge.errors import NotReached
from driveway_bridge.link.base import Link, Sighting
from driveway_bridge.link.memory import MemoryDialer
from driveway_bridge.pairing import Pairing, Step, StepName, StepState, pair
from driveway_bridge.proto import Role as ProtoRole
from driveway_bridge.protocol import framing
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.reasons import REASONS
from driveway_bridge.session_store import ForgetfulStore
from driveway_bridge.simulator.car import CannotError
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.profiles import PROFILES
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.state.keys import Role
from driveway_bridge.vehicle import Vehicle
from tests.bridge.played import House
from tests.bridge.protocol.scripted_car import whitelist_status
from tests.bridge.test_enrolment import Keyring

pytestmark = pytest.mark.looptime
VIN = "5YJ3E1EA1KF000000"
KEY = PrivateKey.generate()


class Dialer(MemoryDialer):
    """The way to the car, which can be closed, and tells how the car was heard."""

    closed_for: str | None = None
    last_heard: Sighting | None = None

    async def connect(self, deadline_s: float) -> Link:
        """Come through, or say why not."""
        if self.closed_for:
            raise NotReached(self.closed_for)
        return await super().connect(deadline_s)


class Driveway:
    """Somebody with a key card, a car in front of the house, and a bridge."""

    def __init__(self, key_sync_s: float) -> None:
        loop = asyncio.get_running_loop()
        self.events: list[dict[str, Any]] = []
        profile = replace(PROFILES["field"], key_sync_s=key_sync_s)
        self.virtual = VirtualCar(VIN, profile=profile, seed=5, report=self.events.append)
        self.live = LiveCar(self.virtual)
        self.dialer = Dialer(self.live.attach)
        self.vehicle = Vehicle(VIN, KEY, self.dialer, ForgetfulStore(), clock=loop.time)
        self.told: list[Step] = []
        self.when: dict[StepName, Callable[[], object]] = {}
        """What happens once a step begins, or is done where it has no beginning."""
        self.cancelled = asyncio.Event()

    def tell(self, step: Step) -> None:
        self.told.append(step)
        due = self.when.get(step.name)
        if due is not None and step.state in (StepState.RUNNING, StepState.OK):
            del self.when[step.name]
            asyncio.get_running_loop().call_later(2, due)

    async def pair(self, *, role: Role | None = None, timeout_s: float = 120) -> Pairing:
        self.told.clear()
        return await pair(
            self.vehicle,
            role=role,
            timeout_s=timeout_s,
            progress=self.tell,
            heard=lambda: self.dialer.last_heard,
            cancelled=self.cancelled,
        )

    def goes_wrong(self, fault: Fault) -> None:
        self.live.do(lambda: self.virtual.switch(fault, on=True))

    def tap(self) -> None:
        self.live.do(lambda: self.virtual.enrolment.tap(self.live.now))

    def confirm(self) -> None:
        self.live.do(lambda: self.virtual.enrolment.confirm(self.live.now))

    def deny(self) -> None:
        self.live.do(lambda: self.virtual.enrolment.deny(self.live.now))

    def tap_and_confirm(self) -> None:
        self.tap()
        self.confirm()

    def tap_and_deny(self) -> None:
        self.tap()
        self.deny()

    def somebody_else(self, count: int) -> None:
        for _ in range(count):
            self.virtual.enrol(PrivateKey.generate().public, ProtoRole.ROLE_OWNER)

    @property
    def requests(self) -> int:
        """How often the car was asked to add a key."""
        return sum(event["event"] == "enrolment" and event["stage"] == "waiting_for_card" for event in self.events)

    def known(self) -> bool:
        return self.virtual.whitelist.find(KEY.public) is not None


@pytest.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[Driveway]:
    house = Driveway(getattr(request, "param", 2.0))
    yield house
    await house.vehicle.close()
    house.live.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in left if "_asyncgen" not in repr(task) and "pytest" not in repr(task)], left


def states(pairing: Pairing) -> dict[str, str]:
    return {step.name.value: step.state.value for step in pairing.steps}


def failed(pairing: Pairing) -> list[tuple[str, str]]:
    """Steps that failed, with their reasons, each of which says what can be done."""
    found = [(step.name.value, step.reason) for step in pairing.steps if step.state is StepState.FAILED]
    assert all(REASONS[reason].remedy for _, reason in found)
    assert not [step for step in pairing.steps if step.state is StepState.RUNNING]
    return found


def of(pairing: Pairing, name: StepName) -> Step:
    return next(step for step in pairing.steps if step.name is name)


# As it should be ------------------------------------------------------------------------------------------------------


async def test_every_step_is_told_and_the_end_is_proved(house: Driveway) -> None:
    """Nothing shows before the tap: the wizard says each step, and believes only proof. Pains 38, 39, 40, 43, 48."""
    house.dialer.last_heard = Sighting(at=0.0, rssi_dbm=-61, connectable=True)
    house.somebody_else(3)
    house.when = {StepName.CARD: house.tap_and_confirm}
    pairing = await house.pair()
    assert (pairing.outcome, pairing.reason) == (Outcome.CONFIRMED, "done")
    assert (pairing.role, pairing.slot) == (Role.DRIVER, 3)
    assert set(states(pairing).values()) == {"ok"}
    assert of(pairing, StepName.HEARD).facts == {"signal_dbm": -61}
    assert of(pairing, StepName.KEYS).facts == {"keys": 3, "known": False}
    begun = [step.name for step in house.told]
    assert [name for index, name in enumerate(begun) if name not in begun[:index]] == list(StepName)
    left = [step.left_s for step in house.told]
    assert left == sorted(left, reverse=True)
    assert 119 <= left[0] <= 120


async def test_a_new_car_that_says_nothing_at_all(house: Driveway) -> None:
    """New firmware does not answer the request; whether the key is known is asked every few seconds. Pains 41, 52."""
    house.goes_wrong(Fault.SILENT_ENROLMENT)
    house.when = {StepName.CARD: house.tap_and_confirm}
    pairing = await house.pair()
    assert (pairing.outcome, pairing.reason) == (Outcome.CONFIRMED, "done")
    assert house.requests == 1


async def test_the_answer_is_lost_and_the_key_is_known(house: Driveway) -> None:
    """One reply is never trusted, nor is its absence. Pains 52."""

    def confirm_on_a_lost_link() -> None:
        house.tap()
        house.live.drop()
        house.confirm()

    house.when = {StepName.CARD: confirm_on_a_lost_link}
    pairing = await house.pair()
    assert (pairing.outcome, pairing.reason) == (Outcome.CONFIRMED, "done")
    assert house.requests == 1


async def test_the_role_is_read_back(house: Driveway) -> None:
    """What counts is what the car has written down. Pains 105."""
    house.when = {StepName.CARD: house.tap_and_confirm}
    pairing = await house.pair(role=Role.CHARGING_MANAGER)
    assert (pairing.outcome, pairing.role) == (Outcome.CONFIRMED, Role.CHARGING_MANAGER)
    assert of(pairing, StepName.ROLE).facts["wished"] is Role.CHARGING_MANAGER


async def test_a_car_that_writes_down_another_role_is_found_out(house: Driveway) -> None:
    """A key that was to charge only, and could unlock. Pains 105."""

    def confirm_as_something_else() -> None:
        house.tap_and_confirm()
        house.virtual.whitelist.change_role(KEY.public, ProtoRole.ROLE_DRIVER)

    house.when = {StepName.CARD: confirm_as_something_else}
    pairing = await house.pair(role=Role.CHARGING_MANAGER)
    assert (pairing.outcome, pairing.reason, pairing.role) == (Outcome.REFUSED, "other_role", Role.DRIVER)
    assert failed(pairing) == [("role", "other_role")]


async def test_no_cloud_and_no_phone_is_needed_to_find_a_car_that_sleeps(house: Driveway) -> None:
    """It is seen without a key that the car sleeps, and said what to do; then it goes on by itself. Pains 43, 46."""
    house.live.do(lambda: house.virtual.car.sleep("night"))
    house.when = {
        StepName.ASLEEP: lambda: house.live.do(lambda: house.virtual.car.wake("door")),
        StepName.CARD: house.tap_and_confirm,
    }
    pairing = await house.pair()
    assert pairing.reason == "done"
    assert [step.reason for step in house.told if step.name is StepName.ASLEEP] == ["car_asleep", ""]


# Known already --------------------------------------------------------------------------------------------------------


async def test_a_key_that_is_known_is_verified_and_not_shown_again(house: Driveway) -> None:
    """Begun anew after a crash, or after the answer was lost: the car is asked what it knows. Pains 52, 56."""
    house.virtual.enrol(KEY.public, ProtoRole.ROLE_DRIVER)
    pairing = await house.pair()
    assert (pairing.outcome, pairing.reason, pairing.role) == (Outcome.CONFIRMED, "already_enrolled", Role.DRIVER)
    assert house.requests == 0
    assert states(pairing) == dict.fromkeys(StepName, "ok") | dict.fromkeys(
        ("asleep", "presented", "card", "confirm"), "skipped"
    )


async def test_begun_again_after_it_was_broken_off(house: Driveway) -> None:
    """The set-up dies just after the key was taken; the next run finds that, and no one taps twice. Pains 56."""
    work = asyncio.ensure_future(house.pair())
    house.when = {StepName.CARD: work.cancel}
    await asyncio.wait((work,))
    assert work.cancelled()
    house.tap_and_confirm()
    again = await house.pair()
    assert (again.outcome, again.reason) == (Outcome.CONFIRMED, "already_enrolled")
    assert house.requests == 1


async def test_a_known_key_in_a_car_that_sleeps_needs_nobody(house: Driveway) -> None:
    house.virtual.enrol(KEY.public, ProtoRole.ROLE_DRIVER)
    house.live.do(lambda: house.virtual.car.sleep("night"))
    pairing = await house.pair()
    assert (pairing.outcome, pairing.reason) == (Outcome.CONFIRMED, "already_enrolled")
    assert house.virtual.car.asleep
    assert of(pairing, StepName.SYNCHRONISED).reason == "car_asleep"


async def test_any_role_will_do_where_none_is_wished(house: Driveway) -> None:
    house.virtual.enrol(KEY.public, ProtoRole.ROLE_OWNER)
    assert (await house.pair()).outcome is Outcome.CONFIRMED
    pairing = await house.pair(role=Role.VEHICLE_MONITOR)
    assert (pairing.outcome, pairing.reason, pairing.role) == (Outcome.REFUSED, "other_role", Role.OWNER)
    assert house.requests == 0


async def test_a_key_in_the_list_that_the_car_does_not_prove(house: Driveway) -> None:
    """It shows on the car's screen, and yet is not known: the detail compares list and key. Pains 45."""
    house.virtual.enrol(KEY.public, ProtoRole.ROLE_DRIVER)
    house.goes_wrong(Fault.KEY_REMOVED)
    house.goes_wrong(Fault.SILENT_ENROLMENT)
    pairing = await house.pair(timeout_s=40)
    assert (pairing.outcome, pairing.reason) == (Outcome.UNCONFIRMED, "not_enrolled_in_time")
    assert pairing.detail.startswith("the car lists 1 key, among them this bridge's")


# Before the card ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("not_in_range", "heard"),
        ("radio_unavailable", "heard"),
        ("adapter_off", "heard"),
        ("nobody_listening", "heard"),
        ("places_full", "places"),
        ("no_connection", "reached"),
    ],
)
async def test_no_way_to_the_car(house: Driveway, reason: str, step: str) -> None:
    """By the name that follows from the VIN; nobody hunts an address. Pains 53, 54."""
    house.dialer.closed_for = reason
    pairing = await house.pair()
    assert (pairing.outcome, pairing.reason) == (Outcome.FAILED, reason)
    assert failed(pairing) == [(step, reason)]
    assert (states(pairing)["heard"] == "ok") == (step != "heard")


async def test_all_places_are_taken(house: Driveway) -> None:
    house.goes_wrong(Fault.PLACES_FULL)
    pairing = await house.pair()
    assert failed(pairing) == [("places", "places_full")]


async def test_the_car_is_silent(house: Driveway) -> None:
    house.goes_wrong(Fault.SILENT)
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.FAILED, [("reached", "no_answer")])
    assert states(pairing)["heard"] == "ok"


async def test_the_list_is_full(house: Driveway) -> None:
    """Seen before anybody looks for a card. Pains 41."""
    house.somebody_else(32)
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.FAILED, [("keys", "key_list_full")])
    assert house.requests == 0


async def test_nobody_wakes_the_car(house: Driveway) -> None:
    house.live.do(lambda: house.virtual.car.sleep("night"))
    pairing = await house.pair(timeout_s=60)
    assert (pairing.outcome, failed(pairing)) == (Outcome.FAILED, [("asleep", "car_asleep")])
    assert house.requests == 0


async def test_the_car_leaves_while_it_is_to_be_woken(house: Driveway) -> None:
    def leave() -> None:
        house.dialer.closed_for = "not_in_range"
        house.live.drop()

    house.live.do(lambda: house.virtual.car.sleep("night"))
    house.when = {StepName.ASLEEP: leave}
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.FAILED, [("asleep", "not_in_range")])


# The card -------------------------------------------------------------------------------------------------------------


async def test_nobody_taps(house: Driveway) -> None:
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.REFUSED, [("card", "card_not_tapped")])


async def test_a_card_that_lay_there_before_does_not_count(house: Driveway) -> None:
    """The remedy says so. Pains 38, 42."""
    with pytest.raises(CannotError):
        house.tap()
    pairing = await house.pair()
    assert (pairing.reason, states(pairing)["card"]) == ("card_not_tapped", "failed")
    assert "already" in REASONS[pairing.reason].remedy


async def test_it_is_declined_on_the_screen(house: Driveway) -> None:
    house.when = {StepName.CARD: house.tap_and_deny}
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.REFUSED, [("confirm", "denied_on_screen")])
    assert states(pairing)["card"] == "ok"


async def test_it_is_not_confirmed_in_time(house: Driveway) -> None:
    house.when = {StepName.CARD: house.tap}
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.REFUSED, [("confirm", "not_confirmed_on_screen")])


async def test_the_car_is_in_valet_mode(house: Driveway) -> None:
    house.virtual.car.settings.valet.activate("1234")
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.REFUSED, [("presented", "valet_mode")])


async def test_the_request_falls_on_deaf_ears(house: Driveway) -> None:
    """Silence is a failure and said so, with what the car's list has. Pains 41, 47."""
    house.goes_wrong(Fault.IGNORED_ENROLMENT)
    house.somebody_else(2)
    pairing = await house.pair(timeout_s=40)
    assert (pairing.outcome, failed(pairing)) == (Outcome.UNCONFIRMED, [("card", "not_enrolled_in_time")])
    assert pairing.detail.startswith("the car lists 2 keys, none of them this bridge's ")


@pytest.mark.parametrize(
    ("information", "step", "reason"),
    [
        (4, "presented", "key_list_full"),
        (6, "presented", "key_refused"),
        (14, "card", "card_not_on_reader"),
        (21, "presented", "role_refused"),
        (23, "card", "confirmation_impossible"),
        (28, "card", "cancelled_at_car"),
    ],
)
async def test_what_else_the_car_may_say(information: int, step: str, reason: str) -> None:
    """Each of its words is told apart. Pains 41."""
    house = House()
    ring = Keyring(house)
    ring.says = [framing.frame(whitelist_status(information, 2))]
    pairing = await pair(house.vehicle)
    await house.vehicle.close()
    assert (pairing.outcome, failed(pairing)) == (Outcome.REFUSED, [(step, reason)])


async def test_the_link_is_lost_and_found(house: Driveway) -> None:
    def lose() -> None:
        house.live.drop()
        asyncio.get_running_loop().call_later(10, house.tap_and_confirm)

    house.when = {StepName.CARD: lose}
    pairing = await house.pair()
    assert (pairing.outcome, pairing.reason) == (Outcome.CONFIRMED, "done")
    assert house.requests == 1


async def test_the_link_is_lost_for_good(house: Driveway) -> None:
    """The key was shown: nobody knows what became of it."""

    def lose() -> None:
        house.dialer.closed_for = "not_in_range"
        house.live.drop()

    house.when = {StepName.CARD: lose}
    pairing = await house.pair(timeout_s=60)
    assert (pairing.outcome, failed(pairing)) == (Outcome.UNCONFIRMED, [("card", "not_in_range")])


async def test_it_ends_by_its_own_deadline(house: Driveway) -> None:
    loop = asyncio.get_running_loop()
    house.goes_wrong(Fault.SILENT_ENROLMENT)
    begun = loop.time()
    assert (await house.pair(timeout_s=30)).outcome is Outcome.UNCONFIRMED
    assert 28 <= loop.time() - begun <= 36


# Cancelled ------------------------------------------------------------------------------------------------------------


async def test_cancelled_before_the_key_was_shown(house: Driveway) -> None:
    house.live.do(lambda: house.virtual.car.sleep("night"))
    house.when = {StepName.ASLEEP: house.cancelled.set}
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.FAILED, [("asleep", "pairing_cancelled")])
    assert house.requests == 0


async def test_cancelled_while_the_card_is_waited_for(house: Driveway) -> None:
    house.when = {StepName.CARD: house.cancelled.set}
    pairing = await house.pair()
    assert (pairing.outcome, failed(pairing)) == (Outcome.UNCONFIRMED, [("card", "pairing_cancelled")])
    assert "screen" in REASONS[pairing.reason].remedy


@pytest.mark.parametrize("house", [20.0], indirect=True)
async def test_cancelled_when_the_locks_know_the_key_already(house: Driveway) -> None:
    """Too late: what has been proved is not denied."""
    house.when = {StepName.CARD: house.tap_and_confirm, StepName.KNOWN: house.cancelled.set}
    pairing = await house.pair()
    assert (pairing.outcome, pairing.reason) == (Outcome.CONFIRMED, "not_synchronised")
    assert house.known()


# Taking it away again -------------------------------------------------------------------------------------------------


async def test_an_owners_key_takes_this_bridges_key_away(house: Driveway) -> None:
    """Another bridge with an owner's key revokes a lost one. Pains 110."""
    house.when = {StepName.CARD: house.tap_and_confirm}
    await house.pair()
    owner = PrivateKey.generate()
    house.virtual.enrol(owner.public, ProtoRole.ROLE_OWNER)
    loop = asyncio.get_running_loop()
    other = Vehicle(VIN, owner, MemoryDialer(house.live.attach), ForgetfulStore(), clock=loop.time)
    assert (await remove_key(other, KEY.public)).outcome is Outcome.CONFIRMED
    await other.close()
    assert not house.known()


# Where the card goes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vin", "first", "then"),
    [
        ("5YJ3E1EA1KF000000", Spot.CUP_HOLDERS, Spot.PHONE_PAD),  # Model 3, 2019
        ("LRW3E7EK8RC000000", Spot.PHONE_PAD, Spot.CUP_HOLDERS),  # Model 3, 2024
        ("XP7YGCEK1RB000000", Spot.CUP_HOLDERS, Spot.PHONE_PAD),  # Model Y, 2024
        ("XP7YGCEK1SB000000", Spot.PHONE_PAD, Spot.CUP_HOLDERS),  # Model Y, 2025
        ("5YJSA1E60NF000000", Spot.PHONE_PAD, None),  # Model S, 2022
        ("7G2CEHED8RA000000", Spot.PHONE_PAD, Spot.CUP_HOLDERS),  # Cybertruck
    ],
)
def test_where_the_card_reader_is(vin: str, first: Spot, then: Spot | None) -> None:
    """Under the arm rest nothing happens, and new cars have it elsewhere. Pains 38, 42, 47."""
    assert card_spot(vin) == CardSpot(first, then)


def test_cars_that_do_not_speak_the_protocol() -> None:
    """Hints go by the model. Pains 55."""
    assert too_old("5YJSA1E60JF000000")
    assert too_old("5YJXCDE20GF000000")
    assert not too_old("5YJSA1E60MF000000")
    assert not too_old("5YJ3E1EA1KF000000")
