"""Commands on their way to a car, each to exactly one final result; without a broker and without a radio."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace

import pytest

from driveway_bridge.car import Car
from driveway_bridge.clients import Client
from driveway_bridge.commands.parameter import choice
from driveway_bridge.contract import Outcome, Result, Signer, new_code
from driveway_bridge.mqtt.answer import MAX_DATA
from driveway_bridge.mqtt.client import Message
from driveway_bridge.state.charge import Charge
from driveway_bridge.state.keys import KeyEntry, KeyList, Role
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
    assert bench.car.knowledge.get("body", "lock").value == "locked"


async def test_what_the_car_says_is_passed_on(bench: Bench) -> None:
    bench.vehicle.answer = Done(outcome=Outcome.REFUSED, reason="closures_open", detail="trunk")
    result = await bench.final(bench.give("lock"))
    assert (result.outcome, result.reason, result.detail) == (Outcome.REFUSED, "closures_open", "trunk")


async def test_a_replay_while_the_first_is_under_way_does_not_speak_for_it(bench: Bench) -> None:
    bench.vehicle.hold()
    command = bench.command("unlock")
    payload = command.signed(bench.signer)
    bench.put(payload)
    await bench.vehicle.until_begun("unlock")
    bench.put(payload)
    assert stations(bench.results(command.id)) == ["accepted None"]
    assert stations(bench.results(None)) == ["refused replayed"]
    bench.vehicle.go_on()
    await bench.final(command.id)
    bench.put(payload)
    assert stations(bench.results(command.id))[-1] == "refused replayed"
    assert bench.vehicle.begun == ["unlock"]


async def test_a_forgery_with_the_id_of_a_command_under_way_does_not_speak_for_it(bench: Bench) -> None:
    bench.vehicle.hold()
    command = bench.command("lock")
    bench.put(command.signed(bench.signer))
    bench.put(replace(command, command="unlock").signed(Signer.from_code(new_code())))
    assert stations(bench.results(command.id)) == ["accepted None"]
    bench.vehicle.go_on()
    assert (await bench.final(command.id)).outcome is Outcome.CONFIRMED


async def test_unreadable_commands_are_answered_a_few_times_and_then_counted(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.clock.stop()
    for _ in range(100):
        bench.put(b"UNLOCK <script>")
    assert stations(bench.results(None)) == ["refused malformed"] * 5
    bench.clock.ahead += 2
    bench.put(b"UNLOCK")
    assert "95 more refused commands were not answered" in caplog.text
    assert "script" not in caplog.text
    assert "script" not in json.dumps(bench.sent)


@pytest.mark.parametrize("car", ["", "EVIL car", "x" * 65])
async def test_a_car_that_cannot_be_is_told_of_without_its_name(
    bench: Bench, caplog: pytest.LogCaptureFixture, car: str
) -> None:
    bench.put(bench.command("unlock").signed(bench.signer), car=car)
    [record] = bench.logged
    assert (record.outcome, record.reason, record.sent) == ("refused", "other_car", False)
    assert "A command for a car that cannot be was not passed on: other_car" in caplog.text
    assert bench.sent == []
    assert bench.vehicle.begun == []


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
    bench.vehicle.hold()
    first = bench.give("lock")
    await bench.vehicle.until_begun("lock")
    bench.vehicle.let_send()
    second = bench.give("lock", ttl=0.4)
    result = await bench.final(second)
    assert (result.outcome, result.reason) == (Outcome.EXPIRED, "expired")
    bench.vehicle.go_on()
    assert (await bench.final(first)).outcome is Outcome.CONFIRMED
    assert bench.vehicle.begun == ["lock"]


async def test_a_command_whose_turn_comes_too_late_by_the_bridges_clock_is_never_sent(bench: Bench) -> None:
    """The computer slept meanwhile: the loop's own clock did not notice."""
    bench.vehicle.hold()
    bench.give("lock")
    await bench.vehicle.until_begun("lock")
    second = bench.give("unlock")
    bench.clock.ahead += 5.1
    bench.vehicle.go_on()
    assert (await bench.final(second)).outcome is Outcome.EXPIRED
    assert bench.vehicle.begun == ["lock"]


async def test_a_command_that_is_not_sent_in_time_on_a_slow_link_is_given_up(bench: Bench) -> None:
    bench.vehicle.hold()
    command = bench.give("unlock", ttl=0.4)
    assert (await bench.final(command)).outcome is Outcome.EXPIRED
    assert bench.vehicle.cancelled == ["unlock"]
    assert stations(bench.results(command)) == ["accepted None", "expired expired"]


async def test_a_command_that_was_sent_in_time_may_be_answered_after_its_end(bench: Bench) -> None:
    bench.vehicle.hold()
    command = bench.give("unlock", ttl=0.5)
    await bench.vehicle.until_begun("unlock")
    bench.vehicle.let_send()
    await asyncio.sleep(0.7)
    bench.vehicle.go_on()
    assert (await bench.final(command)).outcome is Outcome.CONFIRMED


async def test_the_way_to_the_car_gets_less_time_than_the_command_has(bench: Bench) -> None:
    await bench.final(bench.give("lock"))
    await bench.final(bench.give("lock", ttl=0.5))
    first, second = bench.vehicle.timeouts
    assert first is not None
    assert 4 < first < 5
    assert second is not None
    assert second < 0.5


async def test_a_comfort_command_has_the_time_that_waking_takes(bench: Bench) -> None:
    """Pains 6."""
    await bench.final(bench.give("climate_on", ttl=5.0))
    assert bench.vehicle.timeouts == [None]  # the vehicle knows best how long that is


async def test_what_cannot_be_answered_in_time_is_not_begun(bench: Bench) -> None:
    assert (await bench.final(bench.give("lock", ttl=0.1))).outcome is Outcome.EXPIRED
    assert bench.vehicle.begun == []


async def test_what_is_broken_off_after_it_may_have_left_is_unconfirmed(bench: Bench) -> None:
    bench.vehicle.hold()
    command = bench.give("unlock")
    await bench.vehicle.until_begun("unlock")
    bench.vehicle.let_send()
    await bench.until_told(2, command)
    await bench.router.stop(0)
    result = await bench.final(command)
    assert (result.outcome, result.reason) == (Outcome.UNCONFIRMED, "stopping")


@pytest.mark.parametrize("name", ["unlock", "windows_vent", "climate_on"])
async def test_a_command_that_got_old_while_the_computer_slept_does_not_leave(bench: Bench, name: str) -> None:
    """The loop's timers did not notice, and the car's answer to the handshake came first."""
    bench.vehicle.hold()
    command = bench.give(name, ttl=5.0)
    await bench.vehicle.until_begun(name)
    bench.clock.ahead += 5.1
    bench.vehicle.go_on()
    assert (await bench.final(command)).outcome is Outcome.EXPIRED
    assert bench.vehicle.frames == []


# The lane ------------------------------------------------------------------------------------------------------------


async def test_a_lock_command_does_not_wait_for_a_poll(bench: Bench) -> None:
    bench.vehicle.hold()
    poll = asyncio.create_task(bench.car.poll())
    await bench.vehicle.until_begun("status")
    command = bench.give("lock")
    await bench.vehicle.until_begun("status", "lock")
    assert bench.vehicle.cancelled == ["status"]
    bench.vehicle.go_on()
    assert (await bench.final(command)).outcome is Outcome.CONFIRMED
    assert await poll is None


async def test_a_reading_gives_way_to_whatever_somebody_asks_for(bench: Bench) -> None:
    """Pains 72."""
    bench.vehicle.hold()
    poll = asyncio.create_task(bench.car.poll())
    await bench.vehicle.until_begun("status")
    command = bench.give("climate_on")
    await bench.vehicle.until_begun("status", "climate_on")
    bench.vehicle.go_on()
    assert (await bench.final(command)).outcome is Outcome.CONFIRMED
    assert await poll is None


async def test_a_lock_command_interrupts_the_waking_for_a_comfort_command_which_goes_on_after_it(bench: Bench) -> None:
    """Pains 63, 72."""
    bench.vehicle.hold()
    bench.vehicle.asleep = True
    comfort = bench.give("climate_on", ttl=60.0)
    await bench.vehicle.until_begun("climate_on")
    lock = bench.give("lock")
    await bench.vehicle.until_begun("climate_on", "lock")
    bench.vehicle.go_on()
    assert (await bench.final(lock)).outcome is Outcome.CONFIRMED
    assert (await bench.final(comfort)).outcome is Outcome.CONFIRMED
    assert bench.vehicle.frames == ["lock", "climate_on"]


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("climate_on", True),
        ("read_charge", True),
        ("media_toggle", False),
        ("flash_lights", False),
        ("windows_vent", False),
        ("homelink", False),
    ],
)
async def test_what_may_have_been_done_already_is_only_done_again_where_that_is_harmless(
    bench: Bench, name: str, again: bool
) -> None:
    """Pains 128, 129."""
    bench.vehicle.hold()
    where = {"latitude": 52.5, "longitude": 13.4} if name == "homelink" else {}
    command = bench.give(name, arguments=where)
    await bench.vehicle.until_begun(name)
    bench.vehicle.let_send()
    await bench.until(lambda: any(result.outcome is Outcome.SENT for result in bench.results(command)))
    lock = bench.give("lock")
    await bench.vehicle.until_begun(name, "lock")
    bench.vehicle.go_on()
    assert (await bench.final(lock)).outcome is Outcome.CONFIRMED
    result = await bench.final(command)
    if again:
        assert (result.outcome, result.reason) == (Outcome.CONFIRMED, "done")
        assert bench.vehicle.frames == [name, "lock", name]
    else:
        assert (result.outcome, result.reason) == (Outcome.UNCONFIRMED, "gave_way")
        assert bench.vehicle.frames == [name, "lock"]


async def test_a_toggle_that_has_not_left_yet_begins_again(bench: Bench) -> None:
    bench.vehicle.hold()
    command = bench.give("honk_horn")
    await bench.vehicle.until_begun("honk_horn")
    bench.give("lock")
    await bench.vehicle.until_begun("honk_horn", "lock")
    bench.vehicle.go_on()
    assert (await bench.final(command)).outcome is Outcome.CONFIRMED
    assert bench.vehicle.frames == ["lock", "honk_horn"]


async def test_what_gave_way_and_became_old_is_not_sent_again(bench: Bench) -> None:
    bench.vehicle.hold()
    command = bench.give("climate_on", ttl=20.0)
    await bench.vehicle.until_begun("climate_on")
    bench.vehicle.let_send()
    await bench.until(lambda: bench.vehicle.frames == ["climate_on"])
    lock = bench.give("lock")
    await bench.vehicle.until_begun("climate_on", "lock")
    bench.clock.ahead += 20
    bench.vehicle.go_on()
    await bench.final(lock)
    result = await bench.final(command)
    assert (result.outcome, result.reason) == (Outcome.UNCONFIRMED, "gave_way")
    assert bench.vehicle.frames.count("climate_on") == 1


async def test_a_lid_is_moved_at_once_and_does_not_take_the_place_of_locking(bench: Bench) -> None:
    bench.vehicle.hold()
    comfort = bench.give("climate_on")
    await bench.vehicle.until_begun("climate_on")
    trunk = bench.give("trunk_open")
    await bench.vehicle.until_begun("climate_on", "trunk_open")
    lock = bench.give("lock")
    bench.vehicle.go_on()
    for command in (trunk, lock, comfort):
        assert (await bench.final(command)).outcome is Outcome.CONFIRMED
    assert bench.vehicle.frames == ["trunk_open", "lock", "climate_on"]


async def test_changing_ones_mind(bench: Bench) -> None:
    bench.vehicle.hold()
    first, second, third = bench.give("lock"), bench.give("unlock"), bench.give("lock")
    assert (await bench.final(second)).reason == "superseded"
    bench.vehicle.go_on()
    assert (await bench.final(first)).outcome is Outcome.CONFIRMED
    assert (await bench.final(third)).outcome is Outcome.CONFIRMED
    assert bench.vehicle.begun == ["lock", "lock"]


async def test_too_many_at_once(bench: Bench) -> None:
    bench.vehicle.hold()
    commands = [bench.give("wake") for _ in range(12)]
    bench.vehicle.go_on()
    reasons = [(await bench.final(command)).reason for command in commands]
    assert reasons == ["done"] * 9 + ["too_many"] * 3


async def test_two_cars_do_not_wait_for_each_other(bench: Bench) -> None:
    """Pains 89, 91."""
    bench.vehicle.hold()
    bench.give("lock")
    other = bench.give("lock", car=OTHER)
    assert (await bench.final(other)).outcome is Outcome.CONFIRMED
    assert bench.vehicles[OTHER].ended == ["lock"]
    bench.vehicle.go_on()


# What is told ---------------------------------------------------------------------------------------------------------


async def test_whoever_waits_for_a_sleeping_car_sees_what_is_going_on(bench: Bench) -> None:
    """Pains 63, 126, 129."""
    bench.vehicle.asleep = True
    command = bench.give("climate_on")
    await bench.final(command)
    told = [(result.outcome.value, result.stage) for result in bench.results(command)]
    assert told == [
        ("accepted", None),
        ("accepted", "connecting"),
        ("accepted", "waking"),
        ("sent", "sent"),
        ("confirmed", None),
    ]


async def test_locking_is_not_held_up_by_telling_stages(bench: Bench) -> None:
    command = bench.give("lock")
    await bench.final(command)
    assert [result.stage for result in bench.results(command)] == [None, None, None]


async def test_what_was_read_is_in_the_result(bench: Bench) -> None:
    bench.vehicle.answers["read_charge"] = Done(state=Charge(battery_percent=71))
    result = await bench.final(bench.give("read_charge"))
    assert result.data is not None
    assert result.data["battery_percent"] == 71


async def test_keys_are_not_told_and_neither_is_what_is_too_long(bench: Bench) -> None:
    entry = KeyEntry(slot=3, id=b"\x01\x02\x03\x04", public_key=bytes(65), role=Role.DRIVER)
    bench.vehicle.answers["key_entry"] = Done(state=entry)
    result = await bench.final(bench.give("key_entry", arguments={"slot": 3}))
    assert result.data == {"slot": 3, "id": "01020304", "role": "driver", "form_factor": None}
    bench.vehicle.answers["keys_list"] = Done(state=KeyList(ids=(bytes(MAX_DATA),)))
    result = await bench.final(bench.give("keys_list"))
    assert (result.outcome, result.data) == (Outcome.CONFIRMED, None)


async def test_a_pin_is_in_no_log_and_no_message(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    result = await bench.final(bench.give("valet_mode", arguments={"on": True, "pin": "4711"}))
    assert result.outcome is Outcome.CONFIRMED
    result = await bench.final(bench.give("valet_mode", arguments={"on": True, "pin": "47110815"}))
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "bad_arguments")
    assert result.detail.startswith("pin ")
    assert "4711" not in caplog.text + json.dumps(bench.sent) + repr(bench.logged)


async def test_wrong_arguments_are_named_and_not_repeated(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Pains 83."""
    for arguments in ({"percent": "<script>"}, {"percent": 120}, {"<script>": 1}, {}):
        result = await bench.final(bench.give("charge_limit", arguments=arguments))
        assert (result.outcome, result.reason) == (Outcome.REFUSED, "bad_arguments")
        assert "percent" in result.detail
    assert "script" not in caplog.text + json.dumps(bench.sent)
    assert bench.vehicle.begun == []


async def test_every_end_of_a_genuine_command_is_kept_with_who_asked(bench: Bench) -> None:
    """Pains 24, 126."""
    bench.vehicle.answers["charge_stop"] = Done(outcome=Outcome.REFUSED, reason="refused_by_car")
    await bench.final(bench.give("charge_stop"))
    await bench.final(bench.give("open_sesame"))
    bench.put(b"nonsense")
    stranger = Signer.from_code(new_code())
    bench.put(bench.command("unlock", client=stranger.client).signed(stranger))
    kept = [(entry.command, entry.outcome, entry.reason, entry.who, entry.client) for entry in bench.logged]
    assert kept == [
        ("charge_stop", "refused", "refused_by_car", "home", bench.signer.client),
        ("open_sesame", "refused", "unknown_command", "home", bench.signer.client),
        (None, "refused", "malformed", "unsigned", None),
        (None, "refused", "unknown_client", "unsigned", None),
    ]


async def test_it_was_so_already_is_a_success(bench: Bench) -> None:
    """Pains 132."""
    bench.vehicle.answers["charge_start"] = Done(reason="already_so")
    result = await bench.final(bench.give("charge_start"))
    assert (result.outcome, result.reason) == (Outcome.CONFIRMED, "already_so")
    assert bench.vehicle.frames == ["charge_start"]


async def test_a_car_that_cannot_do_it_says_so_once(bench: Bench) -> None:
    """Pains 60, 118."""
    bench.vehicle.answers["charge_amps"] = Done(outcome=Outcome.REFUSED, reason="not_supported_by_car")
    result = await bench.final(bench.give("charge_amps", arguments={"amps": 8}))
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "not_supported_by_car")
    assert bench.vehicle.frames == ["charge_amps"]


async def test_after_a_command_the_state_is_read_soon(bench: Bench) -> None:
    """Pains 67."""
    asked: list[float] = []
    bench.car.on_doubt = asked.append
    await bench.final(bench.give("climate_on"))
    assert len(asked) == 1
    assert asked[0] <= 2


async def test_a_car_out_of_reach_is_said_as_soon_as_it_is_known(bench: Bench) -> None:
    """Pains 130."""
    bench.vehicle.answer = Done(outcome=Outcome.FAILED, reason="not_in_range")
    result = await bench.final(bench.give("unlock"))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "not_in_range")
    assert bench.vehicle.begun == ["unlock"]


# What is not even tried -----------------------------------------------------------------------------------------------


async def test_a_role_that_may_not_is_told_so_without_asking_the_car(bench: Bench) -> None:
    """Pains 50, 105."""
    bench.car.learn(role="charging_manager")
    result = await bench.final(bench.give("unlock"))
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "role_forbids")
    assert bench.vehicle.begun == []
    assert (await bench.final(bench.give("charge_start"))).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("role", [None, "driver", "guest", "service"])
async def test_where_the_role_says_nothing_the_car_has_the_last_word(bench: Bench, role: str | None) -> None:
    bench.car.learn(role=role)
    assert (await bench.final(bench.give("unlock"))).outcome is Outcome.CONFIRMED


async def test_a_car_is_not_woken_when_that_was_done_often_enough(bench: Bench) -> None:
    """Pains 60."""
    bench.wakes_left = 0
    bench.vehicle.asleep = True
    result = await bench.final(bench.give("climate_on"))
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "wake_budget_spent")
    result = await bench.final(bench.give("wake"))
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "wake_budget_spent")
    assert bench.vehicle.frames == []
    assert (await bench.final(bench.give("lock"))).outcome is Outcome.CONFIRMED


async def test_a_car_that_is_awake_is_not_refused_for_the_budget(bench: Bench) -> None:
    bench.wakes_left = 0
    bench.car.heard_body(LOCKED, "push")
    assert (await bench.final(bench.give("climate_on"))).outcome is Outcome.CONFIRMED
    assert (await bench.final(bench.give("wake"))).outcome is Outcome.CONFIRMED


async def test_reading_wakes_nobody_and_costs_no_budget(bench: Bench) -> None:
    bench.vehicle.asleep = True
    result = await bench.final(bench.give("read_charge"))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "car_asleep")


# Before everything is loaded ------------------------------------------------------------------------------------------


async def test_a_command_that_comes_before_the_radio_is_loaded_waits_for_it() -> None:
    async with Bench(equipped=False) as bench:
        unlock = bench.give("unlock", ttl=5.0)
        wrong = bench.give("charge_limit", arguments={"percent": 500})
        await asyncio.sleep(0)
        assert [result.outcome for result in bench.results(unlock)] == [Outcome.ACCEPTED]
        bench.equip()
        assert (await bench.final(unlock)).outcome is Outcome.CONFIRMED
        result = await bench.final(wrong)
        assert (result.outcome, result.reason) == (Outcome.REFUSED, "bad_arguments")


async def test_a_command_does_not_wait_for_the_radio_for_ever() -> None:
    async with Bench(equipped=False) as bench:
        result = await bench.final(bench.give("unlock", ttl=0.3))
        assert (result.outcome, result.reason) == (Outcome.EXPIRED, "expired")


# The bridge's own page ------------------------------------------------------------------------------------------------


async def test_somebody_at_the_bridge_itself_goes_the_same_way(bench: Bench) -> None:
    result = await bench.router.ask(CAR, "lock", {}, asked_by="page")
    assert (result.outcome, result.reason) == (Outcome.CONFIRMED, "done")
    assert result.id is not None
    assert stations(bench.results(result.id)) == ["accepted None", "sent None", "confirmed done"]
    assert [(entry.command, entry.who, entry.path) for entry in bench.logged] == [("lock", "page", "page")]


@pytest.mark.parametrize(
    ("car", "name", "arguments", "reason"),
    [
        (CAR, "open_sesame", {}, "unknown_command"),
        (CAR, "charge_limit", {"percent": 5000}, "bad_arguments"),
        ("car-elsewhere", "lock", {}, "other_car"),
    ],
)
async def test_what_makes_no_sense_is_refused_there_too(
    bench: Bench, car: str, name: str, arguments: dict[str, object], reason: str
) -> None:
    result = await bench.router.ask(car, name, arguments, asked_by="page")
    assert (result.outcome, result.reason) == (Outcome.REFUSED, reason)
    assert bench.vehicle.begun == []


async def test_who_closes_the_page_does_not_stop_the_command(bench: Bench) -> None:
    bench.vehicle.hold()
    asking = asyncio.create_task(bench.router.ask(CAR, "lock", {}, asked_by="page"))
    await bench.vehicle.until_begun("lock")
    asking.cancel()
    await asyncio.wait([asking])
    bench.vehicle.go_on()
    await bench.until_free()
    assert bench.vehicle.ended == ["lock"]


# What the bridge does itself ------------------------------------------------------------------------------------------


class Pairing:
    """An operation that lasts until it is told."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.parameters = (choice("role", ("driver", "owner")),)

    async def run(self, car: Car, arguments: Mapping[str, object], progress: Callable[[str], None]) -> SimpleNamespace:
        progress("connecting")
        progress("presented")
        await self.may_end.wait()
        return SimpleNamespace(outcome=Outcome.CONFIRMED, reason="done", detail="", data={"role": arguments["role"]})


async def test_pairing_goes_on_beside_other_commands_and_once_at_a_time(bench: Bench) -> None:
    pairing = Pairing()
    bench.operations["pair"] = pairing
    first = bench.give("pair", arguments={"role": "driver"})
    await bench.until(lambda: len(bench.results(first)) == 3)
    assert [(result.outcome.value, result.stage) for result in bench.results(first)] == [
        ("accepted", None),
        ("accepted", "connecting"),
        ("sent", "presented"),
    ]
    assert (await bench.final(bench.give("pair", arguments={"role": "driver"}))).reason == "pairing_runs"
    assert (await bench.final(bench.give("lock"))).outcome is Outcome.CONFIRMED
    pairing.may_end.set()
    result = await bench.final(first)
    assert (result.outcome, result.data) == (Outcome.CONFIRMED, {"role": "driver"})


async def test_an_operation_that_is_not_there_and_one_with_wrong_arguments(bench: Bench) -> None:
    assert (await bench.final(bench.give("keys"))).reason == "unknown_command"
    bench.operations["pair"] = Pairing()
    result = await bench.final(bench.give("pair", arguments={"role": "king"}))
    assert (result.reason, result.detail) == ("bad_arguments", "role must be one of driver, owner")


async def test_stopping_ends_a_pairing_at_once(bench: Bench) -> None:
    bench.operations["pair"] = Pairing()
    command = bench.give("pair", arguments={"role": "driver"})
    await bench.until(lambda: len(bench.results(command)) == 3)
    await bench.router.stop(5)
    assert (await bench.final(command)).reason == "stopping"


# Cars come and go -----------------------------------------------------------------------------------------------------


async def test_a_car_that_is_taken_away_ends_its_commands(bench: Bench) -> None:
    bench.vehicle.hold()
    begun, waiting = bench.give("climate_on"), bench.give("climate_off")
    await bench.vehicle.until_begun("climate_on")
    del bench.cars[CAR]
    bench.router.cars_changed()
    for command in (begun, waiting):
        result = await bench.final(command)
        assert (result.outcome, result.reason) == (Outcome.FAILED, "stopping")
    assert (await bench.final(bench.give("lock"))).reason == "other_car"
    assert (await bench.final(bench.give("lock", car=OTHER))).outcome is Outcome.CONFIRMED


async def test_a_car_that_is_new_takes_commands_and_a_used_one_stays_used(bench: Bench) -> None:
    car = bench.cars.pop(OTHER)
    bench.router.cars_changed()
    command = bench.command("lock", car=OTHER)
    payload = command.signed(bench.signer)
    bench.put(payload, car=OTHER)
    assert (await bench.final(command.id)).reason == "other_car"
    bench.cars[OTHER] = car
    bench.router.cars_changed()
    bench.put(payload, car=OTHER)
    assert stations(bench.results(command.id))[-1] == "refused replayed"
    assert (await bench.final(bench.give("lock", car=OTHER))).outcome is Outcome.CONFIRMED


async def test_what_the_broker_keeps_of_a_car_goes_with_it(bench: Bench) -> None:
    bench.car.tell()
    bench.connected = False
    bench.publisher.forget(CAR)
    bench.connected = True
    bench.publisher.announce(health={})
    emptied = [topic for topic, payload, retain in bench.sent if not payload and retain]
    own = bench.topics.link(CAR).removesuffix("link")
    assert all(topic.startswith(own) for topic in emptied)
    # Also what an earlier start of the bridge may have left there.
    assert set(emptied) >= {bench.topics.link(CAR), bench.topics.state(CAR, "body"), bench.topics.state(CAR, "charge")}


async def test_who_the_bridge_is_is_told_again_when_it_changes(bench: Bench) -> None:
    bench.publisher.info = replace(bench.publisher.info, name="Test")
    assert bench.told(bench.topics.info) == []
    bench.publisher.info = replace(bench.publisher.info, name="Garage")
    assert [info["name"] for info in bench.told(bench.topics.info)] == ["Garage"]


# The end -------------------------------------------------------------------------------------------------------------


async def test_stopping_ends_every_command_once(bench: Bench) -> None:
    bench.vehicle.hold()
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
    bench.vehicle.hold()
    command = bench.give("lock")
    await bench.vehicle.until_begun("lock")
    bench.vehicle.let_send()
    await bench.until_told(2, command)
    stopping = asyncio.create_task(bench.router.stop(5))
    await asyncio.sleep(0)
    bench.vehicle.go_on()
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
    bench.vehicle.hold()
    command = bench.give("lock")
    await bench.vehicle.until_begun("lock")
    bench.connected = False
    bench.vehicle.go_on()
    await bench.until_free()
    bench.connected = True
    assert stations(bench.results(command)) == ["accepted None"]
    assert CAR in bench.cars


# Clients that come and go ---------------------------------------------------------------------------------------------


async def test_a_command_that_waits_is_not_begun_when_its_client_is_revoked(bench: Bench) -> None:
    signer = Signer.from_code(new_code())
    known = {signer.client: Client(name="nanny", signer=signer)}
    bench.admission.further = lambda: known
    bench.vehicle.hold()
    first = bench.give("climate_on", ttl=60)
    await bench.vehicle.until_begun("climate_on")
    second = bench.command("charge_start", client=signer.client, ttl=60)
    bench.put(second.signed(signer))
    known.clear()
    bench.vehicle.go_on()
    assert (await bench.final(first)).outcome is Outcome.CONFIRMED
    result = await bench.final(second.id)
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "unknown_client")
    assert bench.vehicle.begun == ["climate_on"]
    assert [(entry.who, entry.command, entry.reason) for entry in bench.logged] == [
        ("home", "climate_on", "done"),
        ("nanny", "charge_start", "unknown_client"),
    ]


async def test_each_command_that_arrives_is_kept_once(bench: Bench) -> None:
    """Whether it was answered or not, and whether it came to the car or not."""
    bench.vehicle.answers["charge_limit"] = Done(detail="because")
    await bench.final(bench.give("charge_limit", arguments={"percent": 80}))
    command = bench.command("lock")
    bench.put(command.signed(bench.signer))
    await bench.final(command.id)
    for _ in range(50):
        bench.put(command.signed(bench.signer))
    for _ in range(50):
        bench.put(b"nonsense")
    assert len(bench.logged) == 102
    first = bench.logged[0]
    assert (first.arguments, first.detail, first.sent, first.route) == ({"percent": 80}, "because", True, "memory")
    assert first.ms is not None
    assert {(entry.command, entry.reason, entry.sent) for entry in bench.logged[2:52]} == {("lock", "replayed", False)}
    assert {(entry.who, entry.command, entry.car) for entry in bench.logged[52:]} == {("unsigned", None, CAR)}


async def test_a_strangers_words_are_not_kept(bench: Bench) -> None:
    stranger = Signer.from_code(new_code())
    bench.put(bench.command("evil-words", car="evil-car", client=stranger.client).signed(stranger), car="evil-car")
    [entry] = bench.logged
    assert "evil" not in repr(entry)
    assert (entry.who, entry.car, entry.reason) == ("unsigned", None, "unknown_client")
