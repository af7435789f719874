"""Pairing from the command line, with somebody who sits in the car, and what the car then knows."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bridge.cli.programs import DRIVEWAY, PATIENCE_S, VIN, Done, SimulatedCar, environment
from tests.bridge.cli.terminal import Terminal

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
    out, err = process.communicate(timeout=PATIENCE_S)
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


def test_stopping_tells_programs_too(simulate: Simulate, data: Path) -> None:
    pairing = begin(simulate(), data)
    pairing.send_signal(signal.SIGINT)
    stopped = end(pairing)
    assert (stopped.json["outcome"], stopped.json["reason"]) == ("unconfirmed", "pairing_cancelled")


def test_begun_again_it_finds_that_the_key_is_known(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    """It was killed just after the card was tapped. Pains 52, 56."""
    car = simulate()
    pairing = begin(car, data)
    pairing.kill()
    pairing.communicate()
    car.do("tap")
    car.do("confirm")
    again = driveway("pair", "--vin", VIN, "--link", car.link, "--data", data, "--json")
    assert (again.status, again.json["reason"], again.json["role"]) == (0, "already_enrolled", "driver")


def test_a_known_key_with_another_role_is_not_what_was_wished(
    driveway: Driveway, simulate: Simulate, data: Path, public_key: str
) -> None:
    """The role is read back from the car. Pains 105."""
    way = ("--vin", VIN, "--link", simulate("--enrol", public_key).link, "--data", data)
    other = driveway("pair", *way, "--role", "charging_manager", "--json")
    assert (other.status, other.json["outcome"], other.json["reason"]) == (1, "refused", "other_role")
    assert other.json["role"] == "driver"
    assert driveway("pair", *way).status == 0


def test_all_steps_are_told_to_programs(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    car = simulate("--fault", "ignored_enrolment")
    done = driveway("pair", "--vin", VIN, "--link", car.link, "--data", data, "--timeout", "3", "--json")
    assert (done.status, done.json["reason"]) == (3, "not_enrolled_in_time")
    steps = {step["step"]: (step["state"], step["reason"]) for step in done.json["steps"]}
    assert steps["presented"] == ("ok", None)
    assert steps["card"] == ("failed", "not_enrolled_in_time")
    assert list(steps) == ["heard", "places", "reached", "keys", "asleep", "presented", "card"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [(("--asleep",), "car_asleep"), (("--fault", "silent"), "no_answer")],
)
def test_what_is_in_the_way_is_said_before_anybody_looks_for_a_card(
    driveway: Driveway, simulate: Simulate, data: Path, options: tuple[str, ...], reason: str
) -> None:
    """The car tells it without a key and without a cloud. Pains 43, 46."""
    car = simulate(*options)
    done = driveway("pair", "--vin", VIN, "--link", car.link, "--data", data, "--timeout", "6", "--json")
    assert (done.status, done.json["outcome"], done.json["reason"]) == (1, "failed", reason)
    assert "tap a key card" not in done.err


def test_a_checklist_on_a_terminal(simulate: Simulate, data: Path) -> None:
    """What is done, what to do now and where, and the time that is left. Pains 38, 39, 40, 42, 48."""
    car = simulate("--profile", "field")
    with Terminal("pair", "--vin", VIN, "--link", car.link, "--data", data) as terminal:
        terminal.until("tap again.")
        screen = terminal.until("Ctrl-C cancels.")
        assert "Now tap a key card" in screen
        assert "✓ The key was shown to the car" in screen
        assert "▸ You tap a key card" in screen
        assert "cup" in screen
        assert re.search(r"1:[345]\d left\. Ctrl-C cancels\.", screen)
        car.until("enrolment")
        car.do("tap")
        car.do("confirm")
        assert terminal.status() == 0
        screen = terminal.screen()
        assert "Paired." in screen
        assert "Now tap" not in screen
        assert "✓ Its role is driver" in screen
        assert screen.count("The car is here") == 1


def test_a_failure_on_a_terminal_stands_in_its_place(simulate: Simulate, data: Path) -> None:
    car = simulate("--profile", "field")
    with Terminal("pair", "--vin", VIN, "--link", car.link, "--data", data) as terminal:
        terminal.until("Now tap a key card")
        car.until("enrolment")
        car.do("tap")
        car.do("deny")
        assert terminal.status() == 1
        assert "✗ The new key was turned down on the car's screen" in terminal.screen()
        assert "Start again" in terminal.screen()


def test_ctrl_c_on_a_terminal(simulate: Simulate, data: Path) -> None:
    with Terminal("pair", "--vin", VIN, "--link", simulate().link, "--data", data) as terminal:
        terminal.until("Now tap a key card")
        terminal.press("\x03")
        assert terminal.status() == 130
        assert "decline there" in terminal.screen()
        assert "Traceback" not in terminal.screen()


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {"LANG": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}])
def test_a_poor_terminal_shows_no_riddles(simulate: Simulate, data: Path, more: dict[str, str]) -> None:
    with Terminal(
        "pair", "--vin", VIN, "--link", simulate().link, "--data", data, "--timeout", "2", **more
    ) as terminal:
        assert terminal.status() == 3
        screen = terminal.screen()
        assert "The key was shown to the car" in screen
        assert screen.isascii()
        assert "\x1b" not in screen


def test_nobody_there_is_one_sentence(driveway: Driveway, data: Path) -> None:
    done = driveway("pair", "--vin", VIN, "--link", "tcp://127.0.0.1:1", "--data", data, "--json")
    assert (done.status, done.json["reason"]) == (1, "nobody_listening")


@pytest.mark.parametrize("command", ["pair", "keys", "unlock"])
def test_wrong_use_writes_nothing(driveway: Driveway, data: Path, command: str) -> None:
    done = driveway(command, "--vin", VIN, "--link", "tcp://127.0.0.1:1", "--hci", "usb:0", "--data", data)
    assert done.status == 2
    assert not data.exists()
