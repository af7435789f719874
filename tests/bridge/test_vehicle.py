"""Stories of the vehicle: what an owner is told when links break, answers get lost and cars reboot.

Time is the loop's and jumps; the car is played by `PlayedCar`, which knows just enough to be locked.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from driveway_bridge.commands import security
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.errors import NotReached
from driveway_bridge.line import MAX_LINKS
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import BLOCK, ForgetfulStore
from tests.bridge.played import TRUNK, House, PlayedLink, now
from tests.bridge.protocol.scripted_car import (
    LOCKED,
    OTHER_EPOCH,
    UNLOCKED,
    VIN,
    Request,
    broadcast,
    command_status,
    nominal_error,
    status,
)

pytestmark = pytest.mark.looptime
CLIMATE = Command(name="climate_on", domain=Domain.INFOTAINMENT, payload=bytes.fromhex("120452020801"))


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    await house.vehicle.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in left if "_asyncgen" not in repr(task) and "pytest" not in repr(task)], left


# When all is well -----------------------------------------------------------------------------------------------------


async def test_unlock(house: House) -> None:
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.CONFIRMED, "done")
    assert (execution.exchanges, execution.handshakes) == (2, 1)
    assert house.stages == ["connecting", "session", "sent"]
    assert house.car.done == ["unlock"]
    assert set(execution.phases_ms) == {"link", "session", "car", "total"}
    assert house.links() == [(True, None)]


async def test_the_second_command_needs_no_handshake_and_no_link(house: House) -> None:
    await house.acquainted()
    execution = await house.do(security.unlock())
    assert (execution.exchanges, execution.handshakes) == (1, 0)
    assert house.stages == ["sent"]
    assert house.links() == []


async def test_an_idle_link_is_given_back(house: House) -> None:
    await house.acquainted()
    await asyncio.sleep(9)
    assert house.links() == []
    await house.do(security.status())
    await asyncio.sleep(9)
    assert house.links() == []
    await asyncio.sleep(2)
    assert house.links() == [(False, None)]
    assert not house.vehicle.linked
    assert house.car.links[0].closed


async def test_a_link_that_is_not_held_is_given_back_at_once(house: House) -> None:
    house.another(hold_s=0)
    await house.do(security.lock())
    assert not house.vehicle.linked
    execution = await house.do(security.unlock())
    assert execution.handshakes == 0
    assert len(house.car.links) == 2


async def test_a_link_that_is_kept_stays(house: House) -> None:
    """Pain 36."""
    house.another(hold_s=math.inf)
    await house.acquainted()
    await asyncio.sleep(100_000)
    assert house.vehicle.linked


async def test_a_poll_does_not_hold_a_place_of_the_car(house: House) -> None:
    """Pains 35, 37."""
    await house.vehicle.execute(security.status(), linger=False)
    await asyncio.sleep(0.9)
    assert house.links() == [(True, None)]  # it is kept for a question that follows at once
    await asyncio.sleep(0.2)
    assert house.links() == [(True, None), (False, None)]
    await house.acquainted()
    await asyncio.sleep(8)
    await house.vehicle.execute(security.status(), linger=False)
    assert house.vehicle.linked  # for what went before, and no longer than that
    await asyncio.sleep(2.5)
    assert not house.vehicle.linked


async def test_an_idle_link_is_given_back_when_asked_for(house: House) -> None:
    """Pains 35, 36."""
    house.another(hold_s=math.inf)
    await house.acquainted()
    command = asyncio.ensure_future(house.do(security.unlock()))
    await asyncio.sleep(0)
    assert not house.vehicle.give_back()  # something is being done on it
    assert (await command).outcome is Outcome.CONFIRMED
    assert house.vehicle.give_back()
    assert not house.vehicle.linked
    assert not house.vehicle.give_back()
    assert (await house.do(security.lock())).outcome is Outcome.CONFIRMED


async def test_the_next_program_needs_no_handshake(house: House) -> None:
    """Pains 10, 73."""
    await house.acquainted()
    await house.vehicle.close()
    house.another()
    execution = await house.do(security.unlock())
    assert (execution.exchanges, execution.handshakes) == (1, 0)
    assert house.car.commands[-1].counter == 8  # the very next one: a clean end skips none


async def test_sessions_are_remembered_also_when_the_link_does_not_close(house: House) -> None:
    await house.acquainted()
    house.car.links[0].slow_to_close = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await house.vehicle.close()
    remembered = house.store.load(VIN, Domain.VEHICLE_SECURITY)
    assert remembered is not None
    assert remembered.counter == 7


async def test_after_a_crash_counters_are_skipped(house: House) -> None:
    await house.acquainted()
    crashed = house.vehicle
    house.car.links[0].cut()
    await asyncio.sleep(0.1)
    house.another()
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.handshakes) == (Outcome.CONFIRMED, 0)
    assert house.car.commands[-1].counter == 6 + BLOCK + 1
    await crashed.close()


async def test_status(house: House) -> None:
    execution = await house.do(security.status())
    assert execution.outcome is Outcome.CONFIRMED
    assert execution.body is not None
    assert execution.body.locked is True
    assert (execution.exchanges, execution.handshakes) == (1, 0)
    assert ("body", True, "read") in house.told


@pytest.mark.parametrize("after_s", [0.3, 1.4, 2.6])
async def test_a_state_may_be_as_old_as_the_question(house: House, after_s: float) -> None:
    """In time, and when the question was already put again."""
    house.car.every = lambda link, request: link.tell_later(after_s, house.car.car.plain(request, status(LOCKED)))
    begun = now()
    execution = await house.do(security.status())
    assert (execution.outcome, execution.state) == (Outcome.CONFIRMED, execution.body)
    assert now() - begun == pytest.approx(after_s)
    assert house.told[-1] == ("body", True, "read")
    assert house.ages == [pytest.approx(after_s)]


async def test_what_the_car_says_is_heard_in_its_order(house: House) -> None:
    """It answers, is unlocked with a card, and tells that, before we have looked at the answer."""

    def unlocked_at_that_moment(link: PlayedLink, request: Request) -> None:
        link.tell(house.car.car.plain(request, status(LOCKED)))
        link.tell(broadcast(UNLOCKED))

    house.car.every = unlocked_at_that_moment
    await house.do(security.status())
    assert [entry for entry in house.told if entry[0] == "body"] == [("body", True, "read"), ("body", False, "push")]


async def test_what_the_car_tells_by_itself(house: House) -> None:
    await house.acquainted()
    house.ages.clear()
    house.car.links[0].tell(broadcast(UNLOCKED))
    await asyncio.sleep(0.1)
    assert house.told == [("body", False, "push")]
    assert house.ages == [0.0]


async def test_one_byte_at_a_time(house: House) -> None:
    house.car.piece = 1
    assert (await house.do(security.unlock())).outcome is Outcome.CONFIRMED


async def test_several_at_once_share_one_link(house: House) -> None:
    house.dialer.delay_s = 0.5
    results = await asyncio.gather(
        house.vehicle.execute(security.status()),
        house.vehicle.execute(security.unlock()),
        house.vehicle.execute(security.status()),
    )
    assert [result.outcome for result in results] == [Outcome.CONFIRMED] * 3
    assert len(house.car.links) == 1


# Answers that do not come ---------------------------------------------------------------------------------------------


async def test_lost_answer(house: House) -> None:
    await house.acquainted()
    house.car.script = [house.car.lose_answer]
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.CONFIRMED, "done")
    assert house.car.done == ["unlock"]
    assert house.stages == ["sent", "verifying"]
    assert execution.exchanges == 2
    assert execution.body is not None
    assert execution.body.locked is False


async def test_lost_request(house: House) -> None:
    await house.acquainted()
    house.car.script = [house.car.lose_request]
    execution = await house.do(security.unlock())
    assert execution.outcome is Outcome.CONFIRMED
    assert house.car.done == ["unlock"]
    assert len(house.car.commands) == 2


async def test_a_car_that_does_nothing_and_says_nothing(house: House) -> None:
    await house.acquainted()

    def deaf(link: PlayedLink, request: Request) -> None:
        if not request.signed:
            house.car.answer(link, request)

    house.car.every = deaf
    execution = await house.do(security.unlock(), timeout_s=20)
    assert (execution.outcome, execution.reason) == (Outcome.UNCONFIRMED, "no_answer")
    assert execution.may_have_happened
    assert execution.temporary
    assert len(house.car.commands) == 3  # given again twice, each time after its state showed the opposite


async def test_a_car_that_falls_silent(house: House) -> None:
    await house.acquainted()
    house.car.every = house.car.lose_request
    begun = now()
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.UNCONFIRMED, "no_answer")
    assert len(house.car.commands) == 1  # its state is not known, so nothing is repeated
    assert now() - begun <= 8.5


@pytest.mark.parametrize("after_s", [2.0, 3.0, 4.2])
async def test_late_answer(house: House, after_s: float) -> None:
    """Before we lose patience, while we read the state, and while we wait for the second reading."""
    await house.acquainted()
    house.car.every = house.car.lose_request
    begun = now()

    def late(link: PlayedLink, request: Request) -> None:
        house.car.every = house.car.lose_request
        house.car.act(request)
        link.tell_later(after_s, house.car.car.sealed(request))

    house.car.every = late
    execution = await house.do(security.unlock())
    assert execution.outcome is Outcome.CONFIRMED
    assert now() - begun == pytest.approx(after_s)


async def test_the_car_tells_by_itself_what_its_lost_answer_did_not(house: House) -> None:
    await house.acquainted()

    def push(link: PlayedLink, request: Request) -> None:
        house.car.act(request)
        link.tell_later(0.2, broadcast(UNLOCKED))

    house.car.script = [push]
    begun = now()
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.exchanges) == (Outcome.CONFIRMED, 1)
    assert now() - begun == pytest.approx(0.7)


async def test_a_refusal_after_the_wished_state_is_still_a_refusal(house: House) -> None:
    await house.acquainted()

    def push(link: PlayedLink, request: Request) -> None:
        link.tell(broadcast(LOCKED))
        link.tell_later(0.3, house.car.car.sealed(request, nominal_error(6)))

    house.car.script = [push]
    execution = await house.do(security.lock())
    assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "not_permitted")


async def test_what_the_car_told_before_proves_nothing(house: House) -> None:
    await house.acquainted()
    house.car.locked = False
    house.car.links[0].tell(broadcast(LOCKED))
    house.car.every = house.car.lose_request
    execution = await house.do(security.lock())
    assert execution.outcome is Outcome.UNCONFIRMED


async def test_a_toggle_is_never_given_twice(house: House) -> None:
    """Pain 128."""
    await house.acquainted()
    house.car.script = [house.car.lose_request]
    execution = await house.do(TRUNK)
    assert (execution.outcome, execution.reason) == (Outcome.UNCONFIRMED, "no_answer")
    assert len(house.car.commands) == 1
    assert execution.exchanges == 1


async def test_a_toggle_whose_link_breaks_is_never_given_twice(house: House) -> None:
    await house.acquainted()
    house.car.script = [house.car.hang_up]
    execution = await house.do(TRUNK)
    assert (execution.outcome, execution.reason) == (Outcome.UNCONFIRMED, "link_lost")
    assert len(house.car.commands) == 1


async def test_an_error_that_says_nothing_is_settled_by_the_state(house: House) -> None:
    await house.acquainted()

    def vague(link: PlayedLink, request: Request) -> None:
        house.car.act(request)
        link.tell(house.car.car.plain(request, command_status(2)))

    house.car.script = [vague]
    assert (await house.do(security.unlock())).outcome is Outcome.CONFIRMED
    assert house.car.done == ["unlock"]


async def test_a_reading_is_asked_again(house: House) -> None:
    house.car.script = [house.car.lose_request]
    execution = await house.do(security.status())
    assert (execution.outcome, execution.exchanges) == (Outcome.CONFIRMED, 2)


async def test_a_silent_car(house: House) -> None:
    """Pain 33."""
    house.car.every = house.car.lose_request
    begun = now()
    execution = await house.do(security.unlock(), timeout_s=5)
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "no_answer")
    assert not execution.may_have_happened
    assert execution.exchanges == execution.handshakes == 5
    assert now() - begun <= 5.5
    reading = await house.do(security.status(), timeout_s=5)
    assert (reading.outcome, reading.reason, reading.may_have_happened) == (Outcome.FAILED, "no_answer", False)


# Links that break -----------------------------------------------------------------------------------------------------


async def test_cut_in_the_middle_of_a_write_and_it_was_done(house: House) -> None:
    await house.acquainted()
    house.car.links[0].break_on_send = [True]
    execution = await house.do(security.unlock())
    assert execution.outcome is Outcome.CONFIRMED
    assert house.car.done == ["unlock"]
    assert len(house.car.links) == 2
    assert house.links() == [(False, "link_lost"), (True, None)]


async def test_broken_before_anything_left(house: House) -> None:
    """Pain 1."""
    await house.acquainted()
    house.car.links[0].break_on_send = [False]
    execution = await house.do(security.unlock())
    assert execution.outcome is Outcome.CONFIRMED
    assert house.car.done == ["unlock"]
    assert "verifying" not in house.stages


async def test_broken_before_a_toggle_left_is_no_reason_not_to_send_it(house: House) -> None:
    await house.acquainted()
    house.car.links[0].break_on_send = [False]
    assert (await house.do(TRUNK)).outcome is Outcome.CONFIRMED
    assert house.car.done == ["trunk"]


async def test_hung_up_before_it_was_done(house: House) -> None:
    await house.acquainted()
    house.car.script = [house.car.hang_up]
    execution = await house.do(security.unlock())
    assert execution.outcome is Outcome.CONFIRMED
    assert house.car.done == ["unlock"]
    assert len(house.car.commands) == 2


@pytest.mark.parametrize("known", [True, False])
async def test_a_car_that_hangs_up_after_each_request(house: House, known: bool) -> None:
    if known:
        await house.acquainted()
    house.car.every = house.car.hang_up
    begun = now()
    execution = await house.do(security.unlock())
    assert execution.reason == "link_lost"
    assert execution.outcome is (Outcome.UNCONFIRMED if known else Outcome.FAILED)
    assert execution.may_have_happened is known
    assert now() - begun <= 8.5
    assert len(house.car.links) <= MAX_LINKS + 1


async def test_a_link_that_takes_no_more(house: House) -> None:
    await house.acquainted()
    house.car.links[0].stuck = True
    begun = now()
    execution = await house.do(security.unlock())
    assert execution.outcome is Outcome.CONFIRMED  # on a new link, after its state showed that it was not done
    assert len(house.car.links) == 2
    assert now() - begun <= 8.5


async def test_a_command_behind_a_frame_that_the_link_does_not_take(house: House) -> None:
    """A question was under way and gave way; nothing of the command leaves until the link is given up."""
    await house.acquainted()
    house.car.links[0].stuck = True
    asking = asyncio.ensure_future(house.do(security.status()))
    await asyncio.sleep(1)
    asking.cancel()
    begun = now()
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.exchanges) == (Outcome.CONFIRMED, 1)
    assert len(house.car.links) == 2
    assert now() - begun <= 8.5


async def test_links_that_take_nothing_at_all(house: House) -> None:
    house.dialer.prepare = [lambda link: setattr(link, "stuck", True)] * 10
    begun = now()
    execution = await house.do(security.unlock())
    assert execution.outcome is Outcome.FAILED
    assert now() - begun <= 8.5


async def test_an_idle_link_breaks(house: House) -> None:
    """Pain 10."""
    await house.acquainted()
    house.car.links[0].cut()
    await asyncio.sleep(0.1)
    assert house.links() == [(False, "link_lost")]
    assert (await house.do(security.unlock())).handshakes == 0


# The way to the car ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["not_in_range", "nobody_listening", "radio_unavailable"])
async def test_said_at_once(house: House, reason: str) -> None:
    """Pain 130."""

    def fail() -> None:
        raise NotReached(reason, "so it is")

    house.car.connect = fail
    begun = now()
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason, execution.detail) == (Outcome.FAILED, reason, "so it is")
    assert (execution.exchanges, execution.may_have_happened) == (0, False)
    assert now() == begun
    assert house.links() == [(False, reason)]


async def test_a_place_becomes_free(house: House) -> None:
    tries = 0

    def full() -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise NotReached("places_full")

    house.car.connect = full
    assert (await house.do(security.unlock())).outcome is Outcome.CONFIRMED
    assert house.links() == [(False, "places_full")] * 3 + [(True, None)]


async def test_no_place_becomes_free(house: House) -> None:
    """Pain 34."""

    def full() -> None:
        raise NotReached("places_full")

    house.car.connect = full
    begun = now()
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "places_full")
    assert now() - begun <= 8.5


async def test_the_time_runs_out_in_the_middle_of_another_attempt_after_one_that_told_why(house: House) -> None:
    def full() -> None:
        house.dialer.delay_s = 1000  # the next one hangs
        raise NotReached("places_full", "so it is")

    house.car.connect = full
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason, execution.detail) == (Outcome.FAILED, "places_full", "so it is")
    assert house.links()[-1] == (False, "places_full")


async def test_an_attempt_that_tells_nothing_does_not_take_the_place_of_a_reason(house: House) -> None:
    reasons = ["places_full"]

    def full_then_nothing() -> None:
        raise NotReached(reasons.pop() if reasons else "no_connection")

    house.car.connect = full_then_nothing
    assert (await house.do(security.unlock())).reason == "places_full"
    assert house.links()[-1] == (False, "places_full")


async def test_a_connection_that_never_comes_about(house: House) -> None:
    """Pains 5, 9."""
    house.dialer.delay_s = 1000
    begun = now()
    execution = await house.do(security.unlock(), timeout_s=3)
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "no_connection")
    assert now() - begun == pytest.approx(3)


async def test_out_of_range_after_it_was_sent(house: House) -> None:
    await house.acquainted()

    def gone() -> None:
        raise NotReached("not_in_range")

    house.car.connect = gone
    house.car.script = [house.car.hang_up]
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.UNCONFIRMED, "link_lost")
    assert execution.may_have_happened


async def test_out_of_range_before_it_could_be_given_again(house: House) -> None:
    await house.acquainted()

    def say_and_go(link: PlayedLink, request: Request) -> None:
        house.car.answer(link, request)
        link.cut()
        house.car.connect = gone

    def gone() -> None:
        raise NotReached("not_in_range")

    house.car.script = [house.car.hang_up, say_and_go]
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.UNCONFIRMED, "link_lost")
    assert execution.body is not None
    assert execution.body.locked is True


# What the car says ----------------------------------------------------------------------------------------------------


async def test_key_not_enrolled(house: House) -> None:
    house.car.every = lambda link, request: link.tell(house.car.car.session_info(request, info=b"\x28\x01"))
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "key_not_enrolled")
    assert (execution.may_have_happened, execution.temporary) == (False, False)


async def test_key_removed_since(house: House) -> None:
    await house.acquainted()
    house.car.script = [lambda link, request: link.tell(house.car.car.fault(request, 3))]
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "key_not_enrolled")


async def test_wrong_car(house: House) -> None:
    house.car.car.vin = "5YJ3E1EA1KF000000"
    begun = now()
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "wrong_car")
    assert house.car.done == []
    assert now() - begun <= 8.5


async def test_busy_then_not(house: House) -> None:
    await house.acquainted()
    house.car.script = [lambda link, request: link.tell(house.car.car.fault(request, 1))] * 2
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.exchanges) == (Outcome.CONFIRMED, 3)


async def test_a_rebooted_car_costs_one_exchange(house: House) -> None:
    await house.acquainted()
    house.car.car.epoch, house.car.car.counter, house.car.booted_at = OTHER_EPOCH, 0, now() - 5
    execution = await house.do(security.unlock())
    assert execution.outcome is Outcome.CONFIRMED
    assert (execution.exchanges, execution.handshakes) == (2, 0)
    assert (await house.do(security.lock())).exchanges == 1


async def test_a_drifting_clock_costs_one_exchange(house: House) -> None:
    await house.acquainted()
    assert house.car.booted_at is not None
    house.car.booted_at -= 60
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.exchanges, execution.handshakes) == (Outcome.CONFIRMED, 2, 0)


async def test_a_stale_memory_costs_one_exchange(house: House) -> None:
    await house.acquainted()
    await house.vehicle.close()
    remembered = house.store.load(VIN, Domain.VEHICLE_SECURITY)
    assert remembered is not None
    house.store.release(VIN, Domain.VEHICLE_SECURITY, replace(remembered, counter=2))
    house.another()
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.exchanges, execution.handshakes) == (Outcome.CONFIRMED, 2, 0)


async def test_a_new_computer_in_the_car(house: House) -> None:
    await house.acquainted()
    house.car.car.key, house.car.car.epoch = PrivateKey.generate(), OTHER_EPOCH
    execution = await house.do(security.unlock())
    assert (execution.outcome, execution.handshakes) == (Outcome.CONFIRMED, 1)
    assert house.car.done == ["unlock"]


async def test_a_replayed_session_info_is_of_no_use(house: House) -> None:
    captured: list[bytes] = []

    def keep(link: PlayedLink, request: Request) -> None:
        captured.append(house.car.car.session_info(request))
        link.tell(captured[0])

    house.car.script = [keep]
    await house.acquainted()
    await house.vehicle.close()
    house.store = ForgetfulStore()
    house.another()
    house.car.every = lambda link, request: link.tell(captured[0])
    execution = await house.do(security.unlock(), timeout_s=3)
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "no_answer")


async def test_refused_in_words(house: House) -> None:
    await house.acquainted()
    house.car.script = [lambda link, request: link.tell(house.car.car.sealed(request, nominal_error(2)))]
    execution = await house.do(security.lock())
    assert (execution.outcome, execution.reason) == (Outcome.REFUSED, "closures_open")


# Cancelling -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0.05, 0.5, 1.5, 4.0])
async def test_cancelled_at_any_moment(house: House, after_s: float) -> None:
    """Pain 13. While connecting, during the handshake, while waiting for the answer, and while finding out."""
    house.dialer.delay_s = 0.1
    house.car.every = house.car.lose_request
    if after_s > 1:
        house.car.every = lambda link, request: (
            house.car.answer(link, request) if request.handshake else house.car.lose_request(link, request)
        )
    task = asyncio.create_task(house.vehicle.execute(security.unlock()))
    await asyncio.sleep(after_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    sent = len(house.car.commands)
    house.car.every = None
    await asyncio.sleep(5)
    assert len(house.car.commands) == sent
    assert house.car.done == []
    assert (await house.do(security.lock())).outcome is Outcome.CONFIRMED
    assert house.car.done == ["lock"]


async def test_an_expired_command_never_leaves_later(house: House) -> None:
    """Pain 6. It waited behind a reading that was not answered; when its time is up it is gone."""
    await house.acquainted()
    house.car.every = house.car.lose_request
    reading = asyncio.create_task(house.vehicle.execute(security.status()))
    await asyncio.sleep(0.1)
    execution = await house.do(security.unlock(), timeout_s=0.4)
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "no_answer")
    house.car.every = None
    await reading
    assert house.car.commands == []


async def test_a_command_that_waited_too_long_for_a_slow_link_never_leaves(house: House) -> None:
    await house.acquainted()
    house.car.links[0].slow_s = 2.5
    reading = asyncio.create_task(house.vehicle.execute(CLIMATE))
    await asyncio.sleep(0.1)
    execution = await house.do(security.unlock(), timeout_s=1)
    assert (execution.outcome, execution.exchanges, execution.may_have_happened) == (Outcome.FAILED, 0, False)
    await asyncio.sleep(5)
    assert not [request for request in house.car.commands if request.domain is Domain.VEHICLE_SECURITY]
    reading.cancel()
    await asyncio.wait((reading,))
