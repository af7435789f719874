"""What is told of a car: only what it said, when it said it, and how it is reached."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import fields
from typing import Any

import pytest

from driveway_bridge.contract import LinkState, Outcome, Topics
from driveway_bridge.known import BODY_FIELDS, CLOSURES, KnownBody
from driveway_bridge.link.base import Sighting
from driveway_bridge.reasons import REASONS
from driveway_bridge.state.body import Body, ClosureState, LockState
from driveway_bridge.watch import Watch
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


def test_every_value_of_the_body_is_known_by_name() -> None:
    assert [field.name for field in fields(Body)] == [*BODY_FIELDS, *CLOSURES]


def test_at_first_nothing_is_known() -> None:
    assert set(map(json.dumps, KnownBody().document().values())) == {'{"value": null, "at": null, "source": null}'}


def test_a_sleeping_car_leaves_its_doors_as_they_were_heard() -> None:
    known = KnownBody()
    assert known.take(AWAKE, "read", 10.0)
    assert known.take(ASLEEP, "push", 500.0)
    assert known["lock"].value == "locked"
    assert (known["lock"].at, known["lock"].source) == (500.0, "push")
    assert known["front_trunk"].value == "open"
    assert (known["front_trunk"].at, known["front_trunk"].source) == (10.0, "read")
    assert not known.take(ASLEEP, "read", 530.0)
    assert known["asleep"].at == 530.0


def test_a_word_that_is_not_known_is_not_taken_for_the_last_one() -> None:
    known = KnownBody()
    known.take(AWAKE, "read", 10.0)
    known.take(Body(lock=None, asleep=False, front_trunk=ClosureState.OPEN), "read", 20.0)
    assert known["lock"].value is None
    assert known["lock"].at == 20.0
    assert known["rear_trunk"].value is None


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
    bench.dialer.last_heard = Sighting(at=time.monotonic() - 3, rssi_dbm=-71, connectable=True)
    bench.car.look_for_signal()
    assert link(bench).signal_dbm == -71
    heard_at = link(bench).heard_at
    assert heard_at is not None
    assert abs(bench.boot.now() - 3 - heard_at) < 1


async def test_the_watch_asks_at_once_and_again_soon_after_a_failure(bench: Bench) -> None:
    bench.vehicle.answer = Done(outcome=Outcome.FAILED, reason="not_in_range")
    watching = asyncio.create_task(Watch(bench.car, 0.05).run())
    await bench.vehicle.until_begun("status", "status", "status")
    assert link(bench).why_not == "not_in_range"
    bench.vehicle.answer = Done(body=LOCKED)
    await bench.until(lambda: bool(link(bench).reachable))
    assert body(bench)["lock"]["source"] == "read"
    watching.cancel()
    await asyncio.wait([watching])


async def test_doubt_brings_the_next_question_forward(bench: Bench) -> None:
    watching = asyncio.create_task(Watch(bench.car, 3600).run())
    await bench.vehicle.until_begun("status")
    await asyncio.sleep(0.01)
    bench.car.on_doubt(0.01)
    await bench.vehicle.until_begun("status", "status")
    watching.cancel()
    await asyncio.wait([watching])


async def test_a_mistake_with_one_car_does_not_end_its_watch(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.vehicle.fails = RuntimeError("a bug")
    watching = asyncio.create_task(Watch(bench.car, 0.05).run())
    await bench.vehicle.until_begun("status", "status")
    assert "a bug" in caplog.text
    watching.cancel()
    await asyncio.wait([watching])


def test_failures_are_spaced_out() -> None:
    class Silent:
        on_doubt = None

    watch = Watch(Silent(), 30.0)  # type: ignore[arg-type]
    assert [watch._pause_s(False) for _ in range(7)] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert watch._pause_s(True) == 30.0
    assert watch._pause_s(False) == 2.0
    assert watch._pause_s(None) == 1.0
