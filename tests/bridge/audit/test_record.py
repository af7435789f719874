"""What is written of a command, and what nobody needs to keep."""

from __future__ import annotations

import json

import pytest

from driveway_bridge.audit.record import WITHHELD, Record, told
from driveway_bridge.commands.keys import key_id
from driveway_bridge.commands.parameter import Kind
from driveway_bridge.commands.table import SPECIFICATIONS
from driveway_bridge.operations import OPERATIONS

OFFERED = [one.parameters for one in SPECIFICATIONS.values()] + [one.parameters for one in OPERATIONS.values()]
PARAMETERS = {(one.name, one.kind): one for parameters in OFFERED for one in parameters}
PLACES = {"latitude", "longitude", "site_id"}


@pytest.mark.parametrize(("name", "kind"), sorted(PARAMETERS))
def test_each_argument_is_told_or_withheld(name: str, kind: Kind) -> None:
    parameter = PARAMETERS[name, kind]
    examples: dict[Kind, object] = {
        Kind.BOOLEAN: True,
        Kind.INTEGER: 7,
        Kind.NUMBER: 52.5,
        Kind.TEXT: "Main Street 1",
        Kind.PIN: "4711",
        Kind.HEX: "04" * 65,
        Kind.CHOICE: parameter.choices[0] if parameter.choices else "",
        Kind.CHOICES: list(parameter.choices),
    }
    value = examples[kind]
    shown = told({name: value})[name]
    if kind in (Kind.TEXT, Kind.PIN) or name in PLACES:
        assert shown == WITHHELD
    elif kind is Kind.HEX:
        assert shown == key_id(bytes.fromhex("04" * 65))[:4].hex()
    else:
        assert shown == value


def test_arguments_that_nobody_knows_are_withheld() -> None:
    strange = {
        "note": "secret",
        "list": ["secret"],
        "object": {"pin": "secret"},
        "level": {"pin": "secret"},
        "percent": float("nan"),
    }
    assert set(told(strange).values()) == {WITHHELD}
    assert told({"amps": 10**400}) == {"amps": 10**400}


RECORD = Record(
    boot_s=12.5,
    who="home",
    client="0" * 16,
    path="mqtt",
    car="car-a",
    command="charge_limit",
    arguments={"percent": 80},
    outcome="confirmed",
    reason="done",
    sent=True,
    route="bluetooth",
    ms=301.2,
)


def test_a_record_can_be_read_again() -> None:
    line = json.loads(json.dumps({"number": 1, "time": None, **RECORD.fields(), "previous": "x"}))
    assert Record.of(line) == RECORD


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "start"},
        {"who": 7},
        {"car": ["x"]},
        {"boot_s": "12"},
        {"arguments": []},
        {"ms": "1"},
        {"outcome": None},
    ],
)
def test_what_is_no_record(wrong: dict[str, object]) -> None:
    assert Record.of(RECORD.fields() | wrong) is None
