"""`driveway send`: any command of the table, in one process, to a virtual car in another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bridge.cli.programs import VIN, Done, SimulatedCar

Driveway = Callable[..., Done]
Simulate = Callable[..., SimulatedCar]
NOWHERE = ("--vin", VIN, "--link", "tcp://127.0.0.1:1")


def test_a_command_and_what_it_changed(driveway: Driveway, simulate: Simulate, data: Path, public_key: str) -> None:
    car = simulate("--enrol", public_key)
    way = ("--vin", VIN, "--link", car.link, "--data", data)
    done = driveway("send", "charge_limit", "percent=70", *way, "--json")
    assert (done.status, done.json["outcome"], done.json["reason"]) == (0, "confirmed", "done")
    assert "state" not in done.json

    told = driveway("send", "read_charge", *way, "--json")
    assert told.json["outcome"] == "confirmed"
    assert told.json["state"]["limit_percent"] == 70
    assert told.json["handshakes"] == 0

    in_words = driveway("send", "read_charge", *way)
    assert "limit percent: 70" in in_words.out.splitlines()

    again = driveway("send", "lock", *way)
    assert again.out.startswith("Locked. (")
    status = driveway("send", "status", *way)
    assert status.out.splitlines()[0].split() == ["Locks:", "locked"]


def test_a_sleeping_car_is_woken_only_if_that_is_wished(
    driveway: Driveway, simulate: Simulate, data: Path, public_key: str
) -> None:
    car = simulate("--enrol", public_key, "--asleep")
    way = ("--vin", VIN, "--link", car.link, "--data", data)
    for words in (("read_charge",), ("charge_limit", "percent=70", "--no-wake")):
        asleep = driveway("send", *words, *way, "--json")
        assert (asleep.status, asleep.json["outcome"], asleep.json["reason"]) == (1, "failed", "car_asleep")
        assert "asleep" in asleep.json["message"]
    woken = driveway("send", "read_charge", "--wake", *way, "--json")
    assert (woken.status, woken.json["outcome"]) == (0, "confirmed")


def test_keys_are_read_without_one(driveway: Driveway, simulate: Simulate, data: Path, public_key: str) -> None:
    car = simulate("--enrol", public_key)
    listed = driveway("send", "keys_list", "--vin", VIN, "--link", car.link, "--data", data, "--json")
    assert listed.json["state"]["count"] >= 1
    assert all(isinstance(key_id, str) for key_id in listed.json["state"]["ids"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("charge_limits",), "Is `charge_limit` meant?"),
        (("xyzzy",), "`driveway send --help` lists all."),
        (("charge_limit",), "percent is missing: a whole number from 50 to 100 %."),
        (("charge_limit", "percent=20"), "percent must be a whole number from 50 to 100 %."),
        (("charge_limit", "percent=many"), "percent must be a whole number from 50 to 100 %."),
        (("charge_limit", "80"), "`80` is not NAME=VALUE. Usage: charge_limit percent=%"),
        (("charge_limit", "percent=80", "percent=90"), "percent is given twice."),
        (("charge_limit", "percent=80", "amps=3"), "charge_limit takes these arguments: percent."),
        (("sentry_mode", "on=perhaps"), "on must be true or false."),
        (("seat_heat", "seat=roof", "level=high"), "seat must be one of"),
        (("lock", "--wake", "--no-wake"), "--wake and --no-wake exclude each other."),
        (("lock", "--hci", "x"), "--hci is for --link bluetooth."),
    ],
)
def test_what_is_not_understood_here_is_not_sent(driveway: Driveway, words: tuple[str, ...], complaint: str) -> None:
    done = driveway("send", *words, *NOWHERE)
    assert done.status == 2
    assert complaint in " ".join(done.err.split())


def test_help_lists_everything_by_subject(driveway: Driveway) -> None:
    text = driveway("send", "--help").out
    for words in ("Charging:", "charge_limit", "percent=%", "Read:", "climate_on", "level=", "[pin=pin]"):
        assert words in text


def test_arguments_of_every_kind_reach_the_table(driveway: Driveway, data: Path) -> None:
    for words in (
        ("sentry_mode", "on=yes"),
        ("climate_temperature", "driver_celsius=21.5"),
        ("vehicle_name", "name=Blue car"),
        ("valet_mode", "on=off", "pin=0123"),
        ("charge_schedule_add", "schedule_id=5", "latitude=1", "longitude=2", "start_minutes=60", "days=monday,friday"),
    ):
        done = driveway("send", *words, *NOWHERE, "--data", data, "--json")
        assert (done.status, done.json["reason"]) == (1, "nobody_listening"), words
