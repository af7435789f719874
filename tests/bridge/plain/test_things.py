"""The table of plain words: what is read, and that it says the same as the table of commands."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.commands import table
from driveway_bridge.known import BODY, CLOSURES, SUBJECTS
from driveway_bridge.mqtt import widened
from driveway_bridge.mqtt.catalogue import CATALOGUE
from driveway_bridge.mqtt.things import THINGS, Deed, offered
from driveway_bridge.permissions import GROUPS
from driveway_bridge.settings import PLAIN_TOPICS
from driveway_bridge.state.body import Body
from driveway_bridge.state.charge import Charge
from driveway_bridge.state.climate import Climate
from driveway_bridge.state.closures import Closures
from driveway_bridge.state.media import Media
from driveway_bridge.state.reading import State

EVERYTHING = ("everything",)


def said(thing: str, payload: str | bytes) -> tuple[str, dict[str, object]] | None:
    deed = THINGS[thing].deed(payload.encode() if isinstance(payload, str) else payload)
    return None if deed is None else (deed.command, dict(deed.arguments))


@pytest.mark.parametrize("payload", ["LOCK", "lock", "Lock", " LOCK\r\n", '"LOCK"', '" lock "'])
def test_a_word_is_read_as_programs_write_it(payload: str) -> None:
    assert said("lock", payload) == ("lock", {})


@pytest.mark.parametrize("payload", ["80", "80.0", " 80 ", "+80", '"80"', "080", "80.000000"])
def test_a_number_is_read_as_programs_write_it(payload: str) -> None:
    assert said("charge_limit", payload) == ("charge_limit", {"percent": 80})
    assert isinstance(said("charge_limit", payload)[1]["percent"], int)  # type: ignore[index]


def test_half_degrees() -> None:
    assert said("temperature", "21.5") == ("climate_temperature", {"driver_celsius": 21.5})


@pytest.mark.parametrize(
    "payload",
    [
        *("8e1", "NaN", "inf", "-inf", "0x50", "8_0", "80,0", "80 %", "", " ", "49", "101", "-80", "1" * 20, "80\0"),
        *("[80]", '{"value": 80}', "true", "null", '"80', "80\n80", "LOCK", "\u0668\u0660", "\uff18\uff10"),
    ],
)
def test_what_is_no_number_for_a_charge_limit(payload: str) -> None:
    assert said("charge_limit", payload) is None


@pytest.mark.parametrize("payload", ["true", "ON", "on", '"ON"', "True"])
def test_switched_on(payload: str) -> None:
    assert said("sentry", payload) == ("sentry_mode", {"on": True})
    assert said("climate", payload) == ("climate_on", {})


@pytest.mark.parametrize(
    "payload",
    [
        "1",
        "yes",
        "ONN",
        "\uff2f\uff2e",
        "\u0131ON",
        "ON OFF",
        "ON\nOFF",
        b"\xff",
        b"O\xffN",
        "ON\0",
        '"ON',
        "[true]",
        "LOCK",
    ],
)
def test_what_is_not_switched_on(payload: str | bytes) -> None:
    assert said("sentry", payload) is None


@pytest.mark.parametrize("payload", ["true", "1", "ON", "OPEN", "UNLOCKED", "TOGGLE"])
def test_a_lock_is_not_a_switch(payload: str) -> None:
    assert said("lock", payload) is None


def test_seats_by_word_and_by_number() -> None:
    high = ("seat_heat", {"level": "high", "seat": "rear_left"})
    assert said("seat_heat_rear_left", "HIGH") == said("seat_heat_rear_left", "3") == high
    assert said("seat_heat_rear_left", "4") is None
    assert said("seat_heat_rear_left", "1.5") is None


def test_home_assistants_words_for_the_climate() -> None:
    assert said("climate", "heat_cool") == ("climate_on", {})
    assert said("climate", "off") == ("climate_off", {})


@given(st.binary(max_size=80))
def test_whatever_is_sent_is_a_known_deed_or_none(payload: bytes) -> None:
    for thing in THINGS.values():
        deed = thing.deed(payload)
        assert deed is None or deed.command in CATALOGUE


def test_every_deed_is_a_command_with_right_arguments() -> None:
    for thing in THINGS.values():
        for word in thing.words:
            deed = thing.deed(word.encode())
            assert deed is not None
            table.build(deed.command, deed.arguments)
        if thing.scale is not None:
            for number in (thing.scale.low, thing.scale.high, thing.scale.low + thing.scale.step):
                deed = thing.deed(f"{number:g}".encode())
                assert deed is not None
                table.build(deed.command, deed.arguments)


def test_limits_and_units_are_those_of_the_commands() -> None:
    for thing in THINGS.values():
        if (scale := thing.scale) is not None:
            parameters = {one.name: one for one in table.SPECIFICATIONS[scale.command].parameters}
            parameter = parameters[scale.argument]
            assert (parameter.minimum, parameter.maximum, parameter.unit) == (scale.low, scale.high, scale.unit)


def test_a_word_given_twice_means_the_same_as_once() -> None:
    """But for those that say so, and those that play, press or flash, where twice is twice."""
    toggling = {
        thing.name
        for thing in THINGS.values()
        for deed in thing.words.values()
        if not table.SPECIFICATIONS[deed.command].idempotent and not thing.bounces
    }
    assert toggling == {"media", "lights", "horn"}
    assert "media_toggle" not in {deed.command for _thing, _word, deed in offered(EVERYTHING)}


def test_what_a_thing_shows_is_in_the_state() -> None:
    states: dict[str, type[State]] = {
        "body": Body,
        "charge": Charge,
        "climate": Climate,
        "closures": Closures,
        "media": Media,
    }
    for thing in THINGS.values():
        if thing.shows is not None:
            subject, name = thing.shows
            assert subject in (BODY, *SUBJECTS.values())
            assert name in {field.name for field in dataclasses.fields(states[subject])} or name in CLOSURES, thing.name


def test_by_default_nothing_opens() -> None:
    commands = {deed.command for _thing, _word, deed in offered(PLAIN_TOPICS)}
    assert commands >= {"lock", "trunk_close", "windows_close", "climate_on", "charge_start", "charge_limit"}
    assert not [command for command in commands if CATALOGUE[command].opens]
    assert "sentry_mode" not in commands
    assert set(PLAIN_TOPICS) <= GROUPS.keys()


def test_the_default_is_nothing_to_be_warned_of() -> None:
    assert widened.warning(PLAIN_TOPICS) is None
    assert widened.warning(()) is None
    assert widened.report(PLAIN_TOPICS) == {"widened": [], "opens": []}


def test_what_is_widened_is_said_with_what_opens_first() -> None:
    told = widened.warning((*PLAIN_TOPICS, "sentry_mode", "unlock"))
    assert told is not None
    assert told.endswith(
        " may open the car: `lock/set` UNLOCK (unlock); and do more than by default: `sentry/set` ON (sentry_mode), "
        "`sentry/set` OFF (sentry_mode)."
    )
    assert widened.report(("everything",))["opens"] == [
        "unlock", "trunk_open", "frunk_open", "tonneau_open", "charge_port_open", "windows_vent", "sunroof_open",
        "sunroof_vent",
    ]  # fmt: skip


def test_offered() -> None:
    assert Deed("lock") in [deed for _thing, _word, deed in offered(("locking",))]
    assert Deed("charge_limit") in [deed for _thing, _word, deed in offered(("charging",))]
    assert not offered(())
