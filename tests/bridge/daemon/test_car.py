"""What is told of a car: only what it said, when it said it, and how it is reached."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from driveway_bridge.car import Identity, Observer
from driveway_bridge.contract import LinkState, Outcome
from driveway_bridge.contract_topics import Topics
from driveway_bridge.known import CLOSURES, FROM_MEMORY, Known
from driveway_bridge.link.base import Sighting
from driveway_bridge.reasons import REASONS
from driveway_bridge.state.body import Body, ClosureState, LockState
from tests.bridge.daemon.bench import CAR, LOCKED, Bench, Done

TOPICS = Topics("driveway", "bridge-1")
AWAKE = Body(
    lock=LockState.UNLOCKED,
    asleep=False,
    user_present=True,
    **dict.fromkeys(CLOSURES, ClosureState.CLOSED) | {"front_trunk": ClosureState.OPEN},
)
ASLEEP = Body(lock=LockState.LOCKED, asleep=True, user_present=False)


def body(bench: Bench) -> dict[str, Any]:
    return bench.told(TOPICS.state(CAR, "body"))[-1]


def link(bench: Bench) -> LinkState:
    return LinkState.parse(json.dumps(bench.told(TOPICS.link(CAR))[-1]))


async def test_nothing_is_told_before_the_car_has_spoken(bench: Bench) -> None:
    bench.car.tell()
    assert body(bench)["lock"] == {"value": None, "at": None, "source": None}
    assert body(bench)["boot"] == bench.boot.id
    assert link(bench) == LinkState(boot=bench.boot.id)


async def test_a_confirmed_command_alone_does_not_make_the_car_locked(bench: Bench) -> None:
    bench.car.tell()
    assert (await bench.final(bench.give("lock"))).outcome is Outcome.CONFIRMED
    assert body(bench)["lock"]["value"] is None
    bench.car.heard_body(LOCKED, "push")
    assert body(bench)["lock"]["value"] == "locked"


async def test_after_a_command_the_car_is_asked(bench: Bench) -> None:
    asked: list[float] = []
    bench.car.on_doubt = asked.append
    await bench.final(bench.give("lock"))
    assert len(asked) == 1
    assert asked[0] < 1


async def test_the_same_again_is_told_only_now_and_then(bench: Bench) -> None:
    for _ in range(20):
        bench.car.heard_body(LOCKED, "push")
    assert len(bench.told(TOPICS.state(CAR, "body"))) == 1
    bench.clock.ahead += 6
    bench.car.heard_body(LOCKED, "push")
    assert len(bench.told(TOPICS.state(CAR, "body"))) == 2
    bench.car.heard_body(ASLEEP, "push")
    assert len(bench.told(TOPICS.state(CAR, "body"))) == 3


async def test_what_the_car_says_of_a_remembered_value_is_told_at_once(bench: Bench) -> None:
    """Also where it says the same: what is remembered says nothing of what happened since."""
    before = {"lock": "locked", "asleep": False, "user_present": False}
    bench.car.knowledge.restore("body", {name: Known(value, -60.0, FROM_MEMORY) for name, value in before.items()})
    bench.car.tell()
    assert body(bench)["lock"]["source"] == "memory"
    bench.car.heard_body(LOCKED, "read")
    assert body(bench)["lock"]["source"] == "read"
    bench.car.heard_body(LOCKED, "push")
    assert len(bench.told(TOPICS.state(CAR, "body"))) == 2


@pytest.mark.parametrize(
    ("done", "reachable", "why_not"),
    [
        (Done(body=LOCKED), True, None),
        (Done(outcome=Outcome.REFUSED, reason="not_permitted"), True, None),
        (Done(outcome=Outcome.FAILED, reason="key_not_enrolled"), True, None),
        (Done(outcome=Outcome.FAILED, reason="not_in_range"), False, "not_in_range"),
        (Done(outcome=Outcome.FAILED, reason="radio_unavailable"), False, "radio_unavailable"),
        (Done(outcome=Outcome.UNCONFIRMED, reason="no_answer"), False, "no_answer"),
        (Done(outcome=Outcome.FAILED, reason="wrong_car"), False, "wrong_car"),
    ],
)
async def test_who_answers_is_reachable(bench: Bench, done: Done, reachable: bool, why_not: str | None) -> None:
    bench.vehicle.answer = done
    await bench.final(bench.give("lock"))
    assert link(bench).reachable is reachable
    assert link(bench).why_not == why_not
    assert (link(bench).contact_at is not None) == reachable


async def test_the_log_says_once_that_a_car_is_gone_and_once_that_it_is_back(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    gone = REASONS["not_in_range"]
    for answer in (Done(outcome=Outcome.FAILED, reason="not_in_range"), Done(body=LOCKED)):
        bench.vehicle.answer = answer
        for _ in range(3):
            await bench.car.poll()
    assert [record.getMessage() for record in caplog.records] == [
        f"1: not reached. {gone.meaning} {gone.remedy}",
        "1: reached",
    ]


async def test_the_link_is_told_when_it_opens_and_when_it_goes(bench: Bench) -> None:
    bench.car.heard_link(True, None)
    assert link(bench).linked
    bench.car.heard_link(False, None)
    assert not link(bench).linked
    bench.car.heard_link(False, None)
    assert len(bench.told(TOPICS.link(CAR))) == 2


async def test_how_well_the_car_is_heard(bench: Bench) -> None:
    bench.car.heard_sighting(Sighting(at=time.monotonic() - 3, rssi_dbm=-71, connectable=True))
    assert link(bench).signal_dbm == -71
    assert link(bench).in_range
    assert link(bench).places_free
    heard_at = link(bench).heard_at
    assert heard_at is not None
    assert abs(bench.boot.now() - 3 - heard_at) < 1


async def test_a_car_that_is_heard_is_near_without_any_link(bench: Bench) -> None:
    """Pains 22, 86."""
    bench.car.tell()
    bench.car.look_around()
    assert link(bench).in_range is None
    bench.car.heard_sighting(Sighting(at=time.monotonic(), rssi_dbm=-60, connectable=None))
    assert link(bench).in_range
    assert not link(bench).linked
    assert link(bench).reachable is None


async def test_an_idle_link_is_given_back_when_somebody_is_at_the_car(bench: Bench) -> None:
    """Pains 35, 36."""
    bench.car.heard_link(True, None)
    bench.car.heard_body(LOCKED, "push")
    assert bench.vehicle.given_back == 0
    bench.car.heard_body(AWAKE, "push")
    assert bench.vehicle.given_back == 1


async def test_an_idle_link_is_given_back_when_all_places_are_taken(bench: Bench) -> None:
    """Pains 34, 37."""
    bench.car.heard_link(True, None)
    bench.car.heard_sighting(Sighting(at=time.monotonic(), rssi_dbm=-60, connectable=False))
    assert bench.vehicle.given_back == 1
    assert link(bench).places_free is False


async def test_a_link_in_use_is_not_taken_away(bench: Bench) -> None:
    bench.vehicle.hold()
    command = bench.give("lock")
    await bench.vehicle.until_begun("lock")
    bench.car.heard_link(True, None)
    bench.car.heard_sighting(Sighting(at=time.monotonic(), rssi_dbm=-60, connectable=False))
    assert bench.vehicle.given_back == 0
    bench.vehicle.go_on()
    await bench.final(command)


async def test_what_is_learnt_of_a_car_is_told_once(bench: Bench) -> None:
    learnt: list[Identity] = []

    class Pupil(Observer):
        def identified(self, identity: Identity) -> None:
            learnt.append(identity)

    bench.car.observers.append(Pupil())
    bench.car.learn(role="driver")
    bench.car.learn(role="driver")
    bench.car.learn(address="C0:FF:EE:00:00:01")
    assert learnt == [Identity(role="driver"), Identity(role="driver", address="C0:FF:EE:00:00:01")]
