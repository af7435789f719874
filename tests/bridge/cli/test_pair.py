"""Pairing from the command line, with somebody who sits in the car, and what the car then knows."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bridge.cli.programs import DRIVEWAY, VIN, Done, SimulatedCar, environment

Driveway = Callable[..., Done]
Simulate = Callable[..., SimulatedCar]


def begin(car: SimulatedCar, data: Path, *options: str) -> subprocess.Popen[str]:
    """Start pairing, and come back when the card is wanted."""
    process = subprocess.Popen(
        [*DRIVEWAY, "pair", "--vin", VIN, "--link", car.link, "--data", str(data), "--json", *options],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        told += line
        if "The car waits for the card" in line:
            assert told.count("Now tap a key card") == 1
            return process
    raise AssertionError("it never came to the card")


def end(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=30)
    return Done(process.returncode, out, err)


def test_a_card_a_touch_and_the_car_opens(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    car = simulate()
    way = ("--vin", VIN, "--link", car.link, "--data", data)
    refused = driveway("unlock", *way, "--json")
    assert refused.json["reason"] == "key_not_enrolled"

    pairing = begin(car, data)
    car.do("tap")
    car.do("confirm")
    paired = end(pairing)
    assert paired.status == 0
    assert (paired.json["outcome"], paired.json["reason"], paired.json["role"]) == ("confirmed", "done", "driver")

    assert driveway("unlock", *way).status == 0
    assert not car.is_locked()
    known = driveway("keys", *way, "--json").json["keys"]
    assert [(key["role"], key["own"]) for key in known if key["own"]] == [("driver", True)]
    assert "this bridge" in driveway("keys", *way).out
    again = driveway("pair", *way, "--json")
    assert (again.status, again.json["reason"]) == (0, "already_enrolled")


def test_the_role_is_the_one_that_was_wished(simulate: Simulate, data: Path) -> None:
    car = simulate()
    pairing = begin(car, data, "--role", "charging_manager")
    car.do("tap")
    car.do("confirm")
    assert end(pairing).json["role"] == "charging_manager"


def test_who_declines_on_the_screen_is_believed(simulate: Simulate, data: Path) -> None:
    car = simulate()
    pairing = begin(car, data)
    car.do("tap")
    car.do("deny")
    denied = end(pairing)
    assert (denied.status, denied.json["outcome"], denied.json["reason"]) == (1, "refused", "denied_on_screen")


def test_nobody_with_a_card_is_told_in_time(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    car = simulate()
    done = driveway("pair", "--vin", VIN, "--link", car.link, "--data", data, "--timeout", "3", "--json")
    assert (done.status, done.json["reason"]) == (3, "not_enrolled_in_time")
    assert done.json["message"]


def test_stopping_says_what_may_still_be_open(simulate: Simulate, data: Path) -> None:
    car = simulate()
    pairing = begin(car, data)
    pairing.send_signal(signal.SIGINT)
    stopped = end(pairing)
    assert stopped.status == 130
    assert "decline" in stopped.err
    assert "Traceback" not in stopped.err


@pytest.mark.parametrize("command", ["pair", "keys"])
def test_nobody_there_is_one_sentence(driveway: Driveway, data: Path, command: str) -> None:
    done = driveway(command, "--vin", VIN, "--link", "tcp://127.0.0.1:1", "--data", data, "--json")
    assert done.status == 1
    assert done.json["reason"] == "nobody_listening"


def test_json_is_one_line(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    car = simulate()
    out = driveway("keys", "--vin", VIN, "--link", car.link, "--data", data, "--json").out
    assert json.loads(out)["keys"] == []


@pytest.mark.parametrize("command", ["pair", "keys", "unlock"])
def test_wrong_use_writes_nothing(driveway: Driveway, data: Path, command: str) -> None:
    done = driveway(command, "--vin", VIN, "--link", "tcp://127.0.0.1:1", "--hci", "usb:0", "--data", data)
    assert done.status == 2
    assert not data.exists()
