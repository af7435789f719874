"""Plain words from the topic to the car, without a broker: a bench plays everything around."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from driveway_bridge.contract import Outcome, Result
from driveway_bridge.mqtt.client import Message
from driveway_bridge.mqtt.plain import BOUNCE_S, Plain
from driveway_bridge.settings import PLAIN_TOPICS
from tests.bridge.daemon.bench import CAR, OTHER, Bench


class Words:
    """A bench with plain topics; its beats come back at once."""

    def __init__(self, bench: Bench, *allowed: str) -> None:
        self.bench = bench
        self.broker_runs = True
        self.plain = Plain(bench.topics, bench.boot, bench.router, self._send, allowed or PLAIN_TOPICS)

    def _send(self, topic: str, payload: str, *, retain: bool = False, qos: int = 0) -> bool:
        if self.broker_runs:
            asyncio.get_running_loop().call_soon(self.plain.takes, Message(topic, payload.encode(), False))
        return True

    async def beat(self, times: int = 3) -> None:
        for _ in range(times):
            self.plain.pulse.beat()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.bench.clock.ahead += 1.0

    def say(self, thing: str, word: str | bytes, *, car: str = CAR, retain: bool = False) -> bool:
        payload = word.encode() if isinstance(word, str) else word
        return self.plain.takes(Message(self.bench.topics.plain(car, thing), payload, retain))

    @property
    def told(self) -> list[Result]:
        return [Result.parse(payload) for topic, payload, _ in self.bench.sent if topic.endswith("/result")]

    async def final(self) -> Result:
        """The one final result that there is."""
        await self.bench.until(lambda: any(one.outcome.final for one in self.told))
        [result] = [one for one in self.told if one.outcome.final]
        return result


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with Bench() as made:
        yield made


async def words(bench: Bench, *allowed: str) -> Words:
    made = Words(bench, *allowed)
    await made.beat()
    return made


async def test_a_word_becomes_a_command(bench: Bench) -> None:
    made = await words(bench)
    assert made.say("lock", "LOCK")
    result = await made.final()
    assert (result.outcome, result.reason) == (Outcome.CONFIRMED, "done")
    assert bench.vehicle.frames == ["lock"]
    assert [one.outcome for one in made.told] == [Outcome.ACCEPTED, Outcome.SENT, Outcome.CONFIRMED]
    assert {one.id for one in made.told} == {result.id}
    assert result.id is not None
    assert result.id.startswith("lock-")


async def test_the_audit_says_by_which_path(bench: Bench) -> None:
    made = await words(bench)
    made.say("charge_limit", "80")
    await made.final()
    [record] = bench.logged
    assert (record.who, record.client, record.path, record.car) == ("plain", None, "plain", CAR)
    assert (record.command, record.arguments, record.outcome, record.sent) == (
        "charge_limit", {"percent": 80}, "confirmed", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("thing", "word", "reason", "outcome"),
    [
        ("lock", "UNLOCK", "plain_may_not", Outcome.REFUSED),
        ("trunk", "OPEN", "plain_may_not", Outcome.REFUSED),
        ("sentry", "OFF", "plain_may_not", Outcome.REFUSED),
        ("lock", "JAM", "bad_arguments", Outcome.REFUSED),
        ("lock", '{"document": 1}', "bad_arguments", Outcome.REFUSED),
        ("charge_limit", "81.5", "bad_arguments", Outcome.REFUSED),
        ("charge_limit", "8e1", "bad_arguments", Outcome.REFUSED),
        ("lock", "LOCK" + " " * 70, "too_large", Outcome.REFUSED),
        ("lock", b"\xff" * 100_000, "too_large", Outcome.REFUSED),
    ],
)
async def test_what_is_refused(bench: Bench, thing: str, word: str | bytes, reason: str, outcome: Outcome) -> None:
    made = await words(bench)
    assert made.say(thing, word)
    result = await made.final()
    assert (result.outcome, result.reason) == (outcome, reason)
    assert result.id is not None
    assert result.id.startswith(f"{thing}-")
    assert bench.vehicle.frames == []
    [record] = bench.logged
    assert (record.path, record.reason, record.sent) == ("plain", reason, False)


async def test_an_unknown_thing(bench: Bench) -> None:
    made = await words(bench)
    assert made.say("flux_capacitor", "ON")
    result = await made.final()
    assert (result.id, result.reason) == (None, "unknown_command")
    assert "flux" not in repr(bench.sent)
    assert "flux" not in repr(bench.logged)


async def test_nothing_that_was_written_is_repeated(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    made = await words(bench)
    made.say("charge_limit", "drop table")
    made.say("charge_limit", "777")
    assert "drop" not in repr(bench.sent) + repr(bench.logged) + caplog.text
    assert "777" not in repr(bench.sent) + repr(bench.logged) + caplog.text
    assert made.told[0].detail == "must be a number from 50 to 100 %"


async def test_a_stored_word_is_refused(bench: Bench) -> None:
    """Pain 83."""
    made = await words(bench)
    made.say("lock", "LOCK", retain=True)
    assert (await made.final()).reason == "retained"
    assert bench.vehicle.frames == []


async def test_taking_a_stored_word_out_of_the_broker_is_no_word(bench: Bench) -> None:
    made = await words(bench)
    assert made.say("lock", "")
    assert made.say("lock", "", retain=True)
    assert made.told == []
    assert bench.logged == []


async def test_a_car_of_somebody_else(bench: Bench) -> None:
    made = await words(bench)
    made.say("lock", "LOCK", car="car-ffffffff")
    assert (await made.final()).reason == "other_car"


async def test_the_role_of_the_key_counts(bench: Bench) -> None:
    made = await words(bench)
    bench.car.learn(role="charging_manager")
    made.say("climate", "ON")
    assert (await made.final()).reason == "role_forbids"


async def test_each_car_hears_its_own(bench: Bench) -> None:
    made = await words(bench)
    made.say("climate", "ON", car=OTHER)
    await made.final()
    assert (bench.vehicle.frames, bench.vehicles[OTHER].frames) == ([], ["climate_on"])


async def test_what_the_owner_allows(bench: Bench) -> None:
    made = await words(bench, *PLAIN_TOPICS, "unlock")
    made.say("lock", "UNLOCK")
    assert (await made.final()).outcome is Outcome.CONFIRMED
    assert bench.vehicle.frames == ["unlock"]
    assert made.plain.report() == {
        "allowed": [*PLAIN_TOPICS, "unlock"], "widened": ["unlock"], "opens": ["unlock"], "taken": 1, "refused": 0,
    }  # fmt: skip


async def test_what_was_widened_is_in_the_log_at_each_start(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    Words(bench)
    assert caplog.text == ""
    Words(bench, *PLAIN_TOPICS, "unlock", "sentry_mode")
    [record] = caplog.records
    assert "may open the car: `lock/set` UNLOCK (unlock)" in record.getMessage()
    assert "`sentry/set` OFF" in record.getMessage()


# How old it may be ----------------------------------------------------------------------------------------------------


async def test_before_anything_is_proved_nothing_is_taken(bench: Bench) -> None:
    made = Words(bench)
    made.say("lock", "LOCK")
    assert ((await made.final()).outcome, made.told[0].reason) == (Outcome.EXPIRED, "expired")
    assert bench.vehicle.frames == []


async def test_a_word_that_may_be_old(bench: Bench) -> None:
    """What opens or locks may be 5 s old, the rest a minute, as signed commands may."""
    made = await words(bench, "everything")
    bench.clock.ahead += 10
    made.say("lock", "UNLOCK")
    made.say("climate", "ON")
    await bench.until(lambda: sum(one.outcome.final for one in made.told) == 2)
    assert {one.id.partition("-")[0]: one.reason for one in made.told if one.id and one.outcome.final} == {
        "lock": "expired", "climate": "done",
    }  # fmt: skip
    bench.clock.ahead += 60
    made.say("climate", "ON")
    assert made.told[-1].reason == "expired"
    await made.beat()
    made.say("lock", "UNLOCK")
    await bench.until(lambda: "unlock" in bench.vehicle.frames)


async def test_its_life_is_counted_from_when_it_may_have_been_given(bench: Bench) -> None:
    made = await words(bench, "everything")
    bench.clock.ahead += 1.5  # so it may be 3.5 s old
    bench.vehicle.hold()
    made.say("lock", "UNLOCK")
    await bench.vehicle.until_begun("unlock")
    bench.clock.ahead += 1.6
    bench.vehicle.go_on()
    assert (await made.final()).reason == "expired"
    assert bench.vehicle.frames == []


# Bouncing and floods --------------------------------------------------------------------------------------------------


async def test_a_bouncing_automation_is_answered_each_time(bench: Bench) -> None:
    made = await words(bench)
    for _ in range(3):
        made.say("lock", "LOCK")
    await bench.until(lambda: sum(one.outcome.final for one in made.told) == 3)
    assert {one.reason for one in made.told if one.outcome.final} <= {"done", "superseded"}
    assert set(bench.vehicle.frames) == {"lock"}


async def test_a_bouncing_automation_does_not_close_the_trunk_that_it_opens(bench: Bench) -> None:
    made = await words(bench, "everything")
    made.say("trunk", "OPEN")
    await made.final()
    made.say("trunk", "OPEN")
    assert made.told[-1].reason == "too_often"
    assert bench.vehicle.frames == ["trunk_open"]
    made.say("trunk", "CLOSE")
    await bench.until(lambda: bench.vehicle.frames == ["trunk_open", "trunk_close"])
    bench.clock.ahead += BOUNCE_S
    await made.beat()
    made.say("trunk", "OPEN")
    await bench.until(lambda: bench.vehicle.frames == ["trunk_open", "trunk_close", "trunk_open"])


async def test_a_flood_is_bounded(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    made = await words(bench)
    for number in range(1000):
        made.say("lock", "LOCK")
        made.say("nonsense", "x")
        made.say("trunk", "OPEN", car=f"car-{number}")
    await bench.until_free()
    assert len(bench.logged) >= 2990  # the audit bounds by itself what it writes of these
    assert len(made.told) < 60
    assert len(caplog.records) < 60
    assert not made.plain._last


async def test_who_signs_finds_a_place_in_the_queue_whatever_is_written(bench: Bench) -> None:
    made = await words(bench)
    bench.vehicle.hold()
    for percent in range(60, 68):
        made.say("charge_limit", str(percent))
    assert [one.reason for one in made.told if one.outcome.final] == ["too_many"] * 4
    signed = bench.give("climate_on")
    await bench.until_told(1, signed)
    assert bench.results(signed)[0].outcome is Outcome.ACCEPTED
    bench.vehicle.go_on()
    assert (await bench.final(signed)).outcome is Outcome.CONFIRMED
    made.say("charge_limit", "70")
    await bench.until(lambda: sum(one.reason == "done" for one in made.told if one.id != signed) == 5)


async def test_other_topics_are_not_taken(bench: Bench) -> None:
    made = await words(bench)
    for topic in (
        bench.topics.command(CAR), bench.topics.clock_request, f"driveway/bridge-1/{CAR}/set",
        f"driveway/bridge-1/{CAR}/a/b/set", f"driveway/bridge-2/{CAR}/lock/set", f"driveway/bridge-1/{CAR}/lock/get",
        "driveway/bridge-1//lock/set", "driveway/bridge-1/ä/lock/set", "lock/set",
    ):  # fmt: skip
        assert not made.plain.takes(Message(topic, b"LOCK", False)), topic
    assert made.told == []
