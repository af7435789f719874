"""The table of commands: complete, true to the code and to its page, and a gate for untrusted arguments."""

from __future__ import annotations

import inspect
import math
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.commands import base, listing, omissions, security, table
from driveway_bridge.commands.infotainment import SUBJECTS
from driveway_bridge.commands.parameter import Kind, Parameter
from driveway_bridge.commands.specification import EVERYBODY, Specification
from driveway_bridge.errors import NotAdmitted
from driveway_bridge.proto import Action, RKEAction_E, UnsignedMessage, car_server
from driveway_bridge.protocol.connection import MAX_PAYLOAD
from driveway_bridge.protocol.domain import Domain

ROOT = Path(__file__).parents[3]
ROWS = list(table.SPECIFICATIONS.values())
EACH = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def sample(parameter: Parameter, *, largest: bool = False) -> object:
    """An allowed value."""
    if parameter.kind in (Kind.CHOICE, Kind.CHOICES):
        some = parameter.choices if largest else parameter.choices[:1]
        return list(some) if parameter.kind is Kind.CHOICES else some[-1]
    bound = (parameter.maximum if largest else parameter.minimum) or 0
    samples: dict[Kind, object] = {
        Kind.BOOLEAN: largest,
        Kind.INTEGER: int(bound),
        Kind.NUMBER: bound,
        Kind.TEXT: "x" * min(int(bound), 1000),
        Kind.PIN: "1234",
        Kind.HEX: "04" + "ab" * 64,
    }
    return samples[parameter.kind]


def arguments(row: Specification, *, largest: bool = False) -> dict[str, object]:
    return {parameter.name: sample(parameter, largest=largest) for parameter in row.parameters}


def refused(name: str, given_arguments: dict[str, object]) -> str:
    with pytest.raises(NotAdmitted) as caught:
        table.build(name, given_arguments)
    assert caught.value.reason == "bad_arguments"
    return caught.value.detail


@EACH
@pytest.mark.parametrize("largest", [False, True])
def test_the_table_says_what_the_code_does(row: Specification, largest: bool) -> None:
    command = table.build(row.name, arguments(row, largest=largest))
    assert command.name == row.name
    assert command.domain is row.domain
    assert command.authenticated is row.authenticated
    assert command.idempotent is row.idempotent
    assert command.reads is row.reads
    assert (command.state is not None) is row.reads
    assert len(command.payload) <= MAX_PAYLOAD
    if command.done is None:
        assert row.verified_by == ""
    else:
        read_back = command.read_back or security.status()
        assert row.verified_by == read_back.name
        assert read_back.reads
        assert command.done(object()) is None, "a state of another kind tells nothing"
    assert row.works_asleep is (row.domain is Domain.VEHICLE_SECURITY)


@EACH
def test_parameters_are_those_of_the_function(row: Specification) -> None:
    signature = inspect.signature(row.build)
    assert [parameter.name for parameter in row.parameters] == sorted(
        signature.parameters, key=[parameter.name for parameter in row.parameters].index
    )
    for parameter in row.parameters:
        default = signature.parameters[parameter.name].default
        assert parameter.required is (default is inspect.Parameter.empty), parameter.name
        if not parameter.required:
            assert parameter.default == default


@EACH
def test_rows_read_well(row: Specification) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row.name)
    assert re.fullmatch(r"[A-Z][^|]+\.", row.summary)
    assert row.roles
    assert row.verified_by == "" or row.idempotent
    assert (row.roles == EVERYBODY) is row.reads


def test_names_are_unique() -> None:
    names = Counter(row.name for subject in table._SUBJECTS for row in subject.SPECIFICATIONS)
    assert set(names.values()) == {1}
    assert len(names) > 100


def test_what_opens_is_marked() -> None:
    marked = {row.name for row in ROWS if row.opens}
    assert {
        name for name in table.SPECIFICATIONS if re.search(r"open|unlock|vent$|(^|_)pin(_|$)|key_(add|remove)", name)
    } <= marked
    assert not marked & {row.name for row in ROWS if row.reads}
    assert not marked & {"lock", "charge_start", "climate_on", "windows_close", "trunk_close"}


def test_every_subject_of_state_can_be_read() -> None:
    """Pain 120."""
    assert {subject.name for subject in SUBJECTS} == {row.name for row in ROWS if row.name.startswith("read_")}
    assert len(SUBJECTS) == 12


# Completeness against the message definitions -------------------------------------------------------------------------


def sent_actions() -> set[str]:
    commands = [table.build(row.name, arguments(row)) for row in ROWS if row.domain is Domain.INFOTAINMENT]
    found = {Action.FromString(command.payload).vehicleAction.WhichOneof("vehicle_action_msg") for command in commands}
    return {name for name in found if name is not None}


def test_every_action_is_offered_or_left_out_for_a_reason() -> None:
    """Pain 121."""
    defined = {field.name for field in car_server.VehicleAction.DESCRIPTOR.fields}
    left_out = [name for names in omissions.OMITTED.values() for name in names]
    assert sent_actions() | set(left_out) == defined
    assert not sent_actions() & set(left_out)
    assert len(left_out) == len(set(left_out))


def test_every_subject_is_offered_or_left_out_for_a_reason() -> None:
    defined = {field.name for field in car_server.GetVehicleData.DESCRIPTOR.fields}
    left_out = {name for names in omissions.OMITTED_SUBJECTS.values() for name in names}
    assert {subject.request for subject in SUBJECTS} | left_out == defined


def test_every_request_to_the_body_is_offered_or_left_out_for_a_reason() -> None:
    defined = {field.name for field in UnsignedMessage.DESCRIPTOR.fields}
    commands = [table.build(row.name, arguments(row)) for row in ROWS if row.domain is Domain.VEHICLE_SECURITY]
    sent = {UnsignedMessage.FromString(command.payload).WhichOneof("sub_message") for command in commands}
    left_out = {name for names in omissions.OMITTED_BODY.values() for name in names}
    assert sent | left_out == defined


def test_the_car_is_never_started() -> None:
    """Pain 125."""
    forbidden = UnsignedMessage(RKEAction=RKEAction_E.RKE_ACTION_REMOTE_DRIVE).SerializeToString()
    for row in ROWS:
        assert table.build(row.name, arguments(row)).payload != forbidden
    assert "remoteStartDrive" not in sent_actions()


# The page -------------------------------------------------------------------------------------------------------------


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs/commands.md").read_text("utf-8") == listing.markdown()
    subprocess.run([sys.executable, ROOT / "scripts/commands_table", "--check"], check=True, timeout=50)


def test_the_page_has_every_command_once() -> None:
    listed = re.findall(r"^\| `(\w+)`", listing.markdown(), re.MULTILINE)
    assert listed == list(table.SPECIFICATIONS)


# The gate -------------------------------------------------------------------------------------------------------------


def test_an_unknown_command() -> None:
    with pytest.raises(NotAdmitted) as caught:
        table.build("fly", {})
    assert caught.value.reason == "unknown_command"


def test_unknown_arguments_are_not_repeated_to_anybody() -> None:
    detail = refused("charge_limit", {"percent": 80, "<script>": 1})
    assert "percent" in detail
    assert "script" not in detail
    assert "none" in refused("lock", {"force": True})


@EACH
def test_what_is_needed_is_asked_for_by_name(row: Specification) -> None:
    for parameter in row.parameters:
        rest = {name: value for name, value in arguments(row).items() if name != parameter.name}
        if parameter.required:
            assert parameter.name in refused(row.name, rest)
            assert parameter.name in refused(row.name, {**rest, parameter.name: None})


@EACH
def test_other_types_are_named_and_refused(row: Specification) -> None:
    for parameter in row.parameters:
        for wrong in (object(), b"1", {}, [], [[]], math.nan, math.inf, -math.inf, 10**400, "\ud800", "a\nb", ""):
            if wrong == "" and parameter.kind is Kind.TEXT and parameter.minimum == 0:
                continue
            detail = refused(row.name, {**arguments(row), parameter.name: wrong})
            assert detail.startswith(f"{parameter.name} must be")


@EACH
def test_yes_is_no_number_and_one_is_no_yes(row: Specification) -> None:
    for parameter in row.parameters:
        wrong = 1 if parameter.kind is Kind.BOOLEAN else True
        assert parameter.name in refused(row.name, {**arguments(row), parameter.name: wrong})


@EACH
def test_ranges_end_where_they_say(row: Specification) -> None:
    for parameter in row.parameters:
        if parameter.kind not in (Kind.INTEGER, Kind.NUMBER):
            continue
        assert parameter.minimum is not None
        assert parameter.maximum is not None
        for beyond in (parameter.minimum - 1, parameter.maximum + 1):
            value = int(beyond) if parameter.kind is Kind.INTEGER else beyond
            detail = refused(row.name, {**arguments(row), parameter.name: value})
            assert f"from {int(parameter.minimum)} to {int(parameter.maximum)}" in detail


@pytest.mark.parametrize("percent", [49, 101, 80.0, "80"])
def test_the_functions_check_for_themselves(percent: int) -> None:
    with pytest.raises(NotAdmitted) as caught:
        table.SPECIFICATIONS["charge_limit"].build(percent)
    assert caught.value.detail == "percent must be a whole number from 50 to 100 %"


@pytest.mark.parametrize("pin", ["123", "12345", "12a4", "١٢٣٤", 1234])  # the digits of another script too
def test_a_pin_has_four_digits_and_is_never_repeated(pin: object) -> None:
    detail = refused("speed_limit", {"on": True, "pin": pin})
    assert detail == "pin must be a text of 4 digits"


@pytest.mark.parametrize("days", [["monday", "monday"], ["moonday"], "monday", [1]])
def test_days_are_a_list_of_different_days(days: object) -> None:
    row = table.SPECIFICATIONS["precondition_schedule_add"]
    assert "at most once" in refused(row.name, {**arguments(row), "days": days})


def test_length_of_a_text_is_in_bytes() -> None:
    table.build("vehicle_name", {"name": "ü" * 50})
    assert "1 to 100 bytes" in refused("vehicle_name", {"name": "ü" * 51})


@pytest.mark.parametrize("public_key", ["04" * 64, "04" * 66, "0x" + "04" * 64, "zz" * 65, "04" * 64 + "0"])
def test_a_public_key_is_hexadecimal(public_key: str) -> None:
    assert "65 bytes" in refused("key_remove", {"public_key": public_key})


def test_what_may_be_left_out_may_be_null() -> None:
    assert table.build("climate_temperature", {"driver_celsius": 20, "passenger_celsius": None}).payload == (
        table.build("climate_temperature", {"driver_celsius": 20}).payload
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(data=st.data())
def test_anything_from_json_is_a_command_or_a_refusal(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(ROWS))
    given_arguments = {parameter.name: data.draw(VALUES | st.just(sample(parameter))) for parameter in row.parameters}
    try:
        command = table.build(row.name, given_arguments)
    except NotAdmitted as error:
        assert error.reason == "bad_arguments"  # noqa: PT017
    else:
        assert len(command.payload) <= MAX_PAYLOAD


def test_importing_the_table_loads_no_states() -> None:
    """A bridge that only locks shall not pay for all the rest."""
    code = (
        "import sys; from driveway_bridge.commands import table; "
        "print([m for m in sys.modules if m.endswith(('state.charge', 'state.climate', 'state.media'))])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=50,
        env={"PYTHONPATH": str(ROOT / "bridge")},
    )
    assert found.stdout.strip() == "[]"


def test_small_judgements() -> None:
    assert (base.unless(None), base.unless(value=True), base.unless(value=False)) == (None, False, True)
    assert (base.same(None, 1), base.same(1, 1), base.same(2, 1)) == (None, True, False)
    assert (base.near(None, 1, 0.1), base.near(1.05, 1, 0.1), base.near(1.2, 1, 0.1)) == (None, True, False)
