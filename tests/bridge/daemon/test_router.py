"""Commands on their way to a car, each to exactly one final result; without a broker and without a radio."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from driveway_bridge.contract import Outcome, Result, Signer, new_code
from driveway_bridge.mqtt.client import Message
from tests.bridge.daemon.bench import CAR, LOCKED, OTHER, Bench, Done


def stations(results: list[Result]) -> list[str]:
    return [f"{result.outcome.value} {result.reason}" for result in results]


async def test_lock_and_see_it_confirmed(bench: Bench) -> None:
    bench.vehicle.answer = Done(body=LOCKED, phases_ms={"link": 1.0, "total": 2.0})
    command = bench.give("lock")
    result = await bench.final(command)
    assert stations(bench.results(command)) == ["accepted None", "sent None", "confirmed done"]
    assert result.route == "memory"
    assert result.phases_ms["total"] == 2.0
    assert result.phases_ms["waiting"] >= 0
    assert bench.vehicle.ended == ["lock"]
    assert bench.car.body["lock"].value == "locked"


async def test_what_the_car_says_is_passed_on(bench: Bench) -> None:
    bench.vehicle.answer = Done(outcome=Outcome.REFUSED, reason="closures_open", detail="trunk")
    result = await bench.final(bench.give("lock"))
    assert (result.outcome, result.reason, result.detail) == (Outcome.REFUSED, "closures_open", "trunk")


async def test_a_replay_while_the_first_is_under_way_does_not_speak_for_it(bench: Bench) -> None:
    bench.vehicle.at_once = False
    command = bench.command("unlock")
    payload = command.signed(bench.signer)
    bench.put(payload)
    await bench.vehicle.until_begun("unlock")
    bench.put(payload)
    assert stations(bench.results(command.id)) == ["accepted None"]
    assert stations(bench.results(None)) == ["refused replayed"]
    bench.vehicle.let_finish()
    await bench.final(command.id)
    bench.put(payload)
    assert stations(bench.results(command.id))[-1] == "refused replayed"
    assert bench.vehicle.begun == ["unlock"]


async def test_a_forgery_with_the_id_of_a_command_under_way_does_not_speak_for_it(bench: Bench) -> None:
    bench.vehicle.at_once = False
    command = bench.command("lock")
    bench.put(command.signed(bench.signer))
    bench.put(replace(command, command="unlock").signed(Signer.from_code(new_code())))
    assert stations(bench.results(command.id)) == ["accepted None"]
    bench.vehicle.let_finish()
    assert (await bench.final(command.id)).outcome is Outcome.CONFIRMED


async def test_unreadable_commands_are_answered_a_few_times_and_then_counted(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        bench.put(b"UNLOCK <script>")
    assert stations(bench.results(None)) == ["refused malformed"] * 5
    bench.clock.ahead += 2
    bench.put(b"UNLOCK")
    assert "95 more refused commands were not answered" in caplog.text
    assert "script" not in caplog.text
    assert "script" not in json.dumps(bench.sent)


async def test_an_empty_message_is_no_command(bench: Bench) -> None:
    bench.put(b"")
    bench.put(b"", retain=True)
    assert bench.sent == []


@pytest.mark.parametrize(
    "topic",
    [
        "driveway/bridge-1/car-00000001/result",
        "driveway/bridge-2/car-00000001/command",
        "driveway/bridge-1//command",
        "driveway/bridge-1/command",
        "driveway/bridge-1/a/b/command",
        "driveway/bridge-1/\u0441ar/command",
        "/command",
        "",
    ],
)
async def test_other_topics_are_none_of_ours(bench: Bench, topic: str) -> None:
    bench.router.receive(Message(topic, bench.command("unlock").signed(bench.signer).encode(), retain=False))
    assert bench.sent == []
    assert bench.vehicle.begun == []


async def test_a_command_for_a_car_that_is_not_here_is_answered(bench: Bench) -> None:
    command = bench.command("lock", car="car-elsewhere")
    bench.put(command.signed(bench.signer), car="car-elsewhere")
    assert (await bench.final(command.id)).reason == "other_car"


async def test_the_clock_is_told_on_request_and_not_a_hundred_times(bench: Bench) -> None:
    for _ in range(100):
        bench.router.receive(Message(bench.topics.clock_request, b"", retain=False))
    assert len(bench.told(bench.topics.clock)) == 1
    await asyncio.sleep(0.2)
    told = bench.told(bench.topics.clock)
    assert len(told) == 2
    assert told[0]["boot"] == bench.boot.id
    assert told[0]["now"] <= told[1]["now"]


# Time ----------------------------------------------------------------------------------------------------------------


async def test_a_command_that_waits_too_long_is_never_sent(bench: Bench) -> None:
    bench.vehicle.at_once = False
    first = bench.give("lock")
    await bench.vehicle.until_begun("lock")
    bench.vehicle.let_send()
    second = bench.give("lock", ttl=0.4)
    result = await bench.final(second)
    assert (result.outcome, result.reason) == (Outcome.EXPIRED, "expired")
    bench.vehicle.let_finish()
    assert (await bench.final(first)).outcome is Outcome.CONFIRMED
    assert bench.vehicle.begun == ["lock"]


async def test_a_command_whose_turn_comes_too_late_by_the_bridges_clock_is_never_sent(bench: Bench) -> None:
    """The computer slept meanwhile: the loop's own clock did not notice."""
    bench.vehicle.at_once = False
    bench.give("lock")
    await bench.vehicle.until_begun("lock")
    second = bench.give("unlock")
    bench.clock.ahead += 5.1
    bench.vehicle.let_finish()
    assert (await bench.final(second)).outcome is Outcome.EXPIRED
    assert bench.vehicle.begun == ["lock"]


async def test_a_command_that_is_not_sent_in_time_on_a_slow_link_is_given_up(bench: Bench) -> None:
    bench.vehicle.at_once = False
    command = bench.give("unlock", ttl=0.4)
    assert (await bench.final(command)).outcome is Outcome.EXPIRED
    assert bench.vehicle.cancelled == ["unlock"]
    assert stations(bench.results(command)) == ["accepted None", "expired expired"]


async def test_a_command_that_was_sent_in_time_may_be_answered_after_its_end(bench: Bench) -> None:
    bench.vehicle.at_once = False
    command = bench.give("unlock", ttl=0.5)
    await bench.vehicle.until_begun("unlock")
    bench.vehicle.let_send()
    await asyncio.sleep(0.7)
    bench.vehicle.let_finish()
    assert (await bench.final(command)).outcome is Outcome.CONFIRMED


async def test_the_way_to_the_car_gets_less_time_than_the_command_has(bench: Bench) -> None:
    await bench.final(bench.give("lock"))
    await bench.final(bench.give("lock", ttl=0.5))
    await bench.final(bench.give("wake", ttl=60.0))
    first, second, third = bench.vehicle.timeouts
    assert 4 < first < 5
    assert second < 0.5
    assert third == 8.0


async def test_what_cannot_be_answered_in_time_is_not_begun(bench: Bench) -> None:
    assert (await bench.final(bench.give("lock", ttl=0.1))).outcome is Outcome.EXPIRED
    assert bench.vehicle.begun == []


@pytest.mark.parametrize("moment", ["held", "opened", "held and lost", "never"])
async def test_what_is_broken_off_on_an_open_link_may_have_left(bench: Bench, moment: str) -> None:
    """The car's half says `sent` after the bytes have gone; who breaks off before that does not know."""
    bench.vehicle.at_once = False
    bench.car.heard_link(moment.startswith("held"), None)
    command = bench.give("unlock", ttl=0.3)
    await bench.vehicle.until_begun("unlock")
    if moment != "held":
        bench.car.heard_link(moment == "opened", None)
    result = await bench.final(command)
    if moment == "never":
        assert (result.outcome, result.reason) == (Outcome.EXPIRED, "expired")
    else:
        assert (result.outcome, result.reason) == (Outcome.UNCONFIRMED, "no_answer")


# The lane ------------------------------------------------------------------------------------------------------------


async def test_a_lock_command_does_not_wait_for_a_poll(bench: Bench) -> None:
    bench.vehicle.at_once = False
    poll = asyncio.create_task(bench.car.poll())
    await bench.vehicle.until_begun("status")
    command = bench.give("lock")
    await bench.vehicle.until_begun("status", "lock")
    assert bench.vehicle.cancelled == ["status"]
    bench.vehicle.let_finish()
    assert (await bench.final(command)).outcome is Outcome.CONFIRMED
    assert await poll is None


async def test_changing_ones_mind(bench: Bench) -> None:
    bench.vehicle.at_once = False
    first, second, third = bench.give("lock"), bench.give("unlock"), bench.give("lock")
    assert (await bench.final(second)).reason == "superseded"
    bench.vehicle.let_finish()
    assert (await bench.final(first)).outcome is Outcome.CONFIRMED
    assert (await bench.final(third)).outcome is Outcome.CONFIRMED
    assert bench.vehicle.begun == ["lock", "lock"]


async def test_too_many_at_once(bench: Bench) -> None:
    bench.vehicle.at_once = False
    commands = [bench.give("wake") for _ in range(12)]
    bench.vehicle.let_finish()
    reasons = [(await bench.final(command)).reason for command in commands]
    assert reasons == ["done"] * 9 + ["too_many"] * 3


async def test_two_cars_do_not_wait_for_each_other(bench: Bench) -> None:
    bench.vehicle.at_once = False
    bench.give("lock")
    other = bench.give("lock", car=OTHER)
    assert (await bench.final(other)).outcome is Outcome.CONFIRMED
    assert bench.vehicles[OTHER].ended == ["lock"]
    bench.vehicle.let_finish()


# The end -------------------------------------------------------------------------------------------------------------


async def test_stopping_ends_every_command_once(bench: Bench) -> None:
    bench.vehicle.at_once = False
    sent = bench.give("lock")
    waiting = bench.give("unlock")
    await bench.vehicle.until_begun("lock")
    bench.vehicle.let_send()
    just_given = bench.give("wake")
    await asyncio.sleep(0)
    stopping = asyncio.create_task(bench.router.stop(0.1))
    await asyncio.sleep(0)
    after = bench.give("lock")
    await stopping
    assert {name: stations(bench.results(name))[-1] for name in (sent, waiting, just_given, after)} == {
        sent: "unconfirmed stopping",
        waiting: "failed stopping",
        just_given: "failed stopping",
        after: "refused stopping",
    }
    assert bench.vehicle.begun == ["lock"]


async def test_a_command_that_came_in_the_same_moment_is_answered_too(bench: Bench) -> None:
    command = bench.give("lock")
    await bench.router.stop(0.1)
    assert stations(bench.results(command)) == ["accepted None", "failed stopping"]


async def test_stopping_lets_the_car_finish(bench: Bench) -> None:
    bench.vehicle.at_once = False
    command = bench.give("lock")
    await bench.vehicle.until_begun("lock")
    bench.vehicle.let_send()
    await bench.until_told(2, command)
    stopping = asyncio.create_task(bench.router.stop(5))
    await asyncio.sleep(0)
    bench.vehicle.let_finish()
    await stopping
    assert (await bench.final(command)).outcome is Outcome.CONFIRMED


async def test_an_error_inside_ends_the_command_and_not_the_bridge(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.vehicle.fails = RuntimeError("a bug")
    with caplog.at_level(logging.ERROR):
        result = await bench.final(bench.give("lock"))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "internal")
    assert "a bug" in caplog.text
    bench.vehicle.fails = None
    assert (await bench.final(bench.give("lock"))).outcome is Outcome.CONFIRMED


async def test_without_a_broker_nothing_waits_to_be_told(bench: Bench) -> None:
    bench.vehicle.at_once = False
    command = bench.give("lock")
    await bench.vehicle.until_begun("lock")
    bench.connected = False
    bench.vehicle.let_finish()
    await bench.until_free()
    bench.connected = True
    assert stations(bench.results(command)) == ["accepted None"]
    assert CAR in bench.cars
