"""The meter for finding the best spot, on a virtual radio."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bridge.cli.programs import DRIVEWAY, PATIENCE_S, VIN, Done, SimulatedCar, environment

Driveway = Callable[..., Done]
Simulate = Callable[..., SimulatedCar]


@pytest.fixture
def hci(simulate: Simulate) -> tuple[SimulatedCar, str]:
    """A car that calls on a virtual radio, and that radio."""
    car = simulate("--listen", "hci://127.0.0.1:0")
    radio = next(one for one in car.events[0]["listen"] if one.startswith("hci"))
    return car, f"tcp-client:{radio.removeprefix('hci://')}"


def test_a_line_a_second_and_the_best_in_the_end(driveway: Driveway, hci: tuple[SimulatedCar, str]) -> None:
    """Pains 95, 96, 97, 98."""
    done = driveway("signal", "--vin", VIN, "--hci", hci[1], "--seconds", "6")
    assert (done.status, done.err) == (0, "")
    *readings, best = done.out.splitlines()
    assert any(re.match(r" -\d\d dBm \[#+\.*\] good  mean -\d\d  best -\d\d  \d+\.\d/s$", line) for line in readings)
    assert re.fullmatch(r"best -\d\d dBm \(good\) at \d\d:\d\d:\d\d", best)
    assert all(len(line) <= 80 for line in readings)


def until_heard(hci: str, *options: str) -> list[str]:
    """Listen until the car is well heard, and press Ctrl-C; all that was said."""
    process = subprocess.Popen(
        [*DRIVEWAY, "signal", "--vin", VIN, "--hci", hci, *options],
        env=environment(PYTHONUNBUFFERED="1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "good" in line:
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    return [*said, *out.splitlines()]


def test_for_programs(hci: tuple[SimulatedCar, str]) -> None:
    *readings, summary = map(json.loads, until_heard(hci[1], "--json"))
    assert readings[-1].keys() >= {"at_s", "signal_dbm", "mean_dbm", "best_dbm", "per_s", "word", "reason"}
    assert readings[-1]["word"] == "good"
    assert summary["best_dbm"] >= readings[-1]["best_dbm"]  # a call more may have come in between


def test_ctrl_c_ends_it_with_the_best(hci: tuple[SimulatedCar, str]) -> None:
    assert until_heard(hci[1])[-1].startswith("best -")


def test_a_car_that_is_away_is_not_heard(driveway: Driveway, hci: tuple[SimulatedCar, str]) -> None:
    hci[0].do("vanish")
    done = driveway("signal", "--vin", VIN, "--hci", hci[1], "--seconds", "2")
    assert done.status == 1
    assert "The car was not heard." in done.err


def test_no_radio_is_said_once_and_with_a_remedy(driveway: Driveway) -> None:
    done = driveway("signal", "--vin", VIN, "--hci", "tcp-client:127.0.0.1:1", "--seconds", "3")
    assert done.status == 1
    assert done.out.count("radio") <= 1
    assert "radio" in done.err


def test_the_car_of_a_configuration(driveway: Driveway, hci: tuple[SimulatedCar, str], tmp_path: Path) -> None:
    file = tmp_path / "driveway.yaml"
    file.write_text(
        f"bluetooth: {{hci: '{hci[1]}'}}\ncars: [{{vin: {VIN}, name: Anna}}, {{vin: 5YJ3F1FB9JF111111, name: Bert}}]\n"
    )
    which = driveway("signal", "--config", file)
    assert which.status == 2
    assert "Anna, Bert" in which.err
    assert driveway("signal", "--config", file, "--car", "anna", "--seconds", "6").status == 0
    assert driveway("signal", "--config", file, "--car", "Carl").status == 2


@pytest.mark.parametrize(
    "arguments", [(), ("--vin", VIN, "--config", "x"), ("--vin", "1"), ("--vin", VIN, "--car", "A")]
)
def test_wrong_use(driveway: Driveway, arguments: tuple[str, ...]) -> None:
    done = driveway("signal", *arguments)
    assert (done.status, done.out) == (2, "")
