"""What is said to the car, and scenarios, without a process around them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from driveway_bridge.proto import Role
from driveway_bridge.simulator.car import CLOSED, OPEN
from driveway_bridge.simulator.control import Control
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.scenario import ScenarioError, Step, parse_scenario, read_scenario
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.simulator.words import SUMMARY, NotUnderstoodError, Words, understand
from tests.bridge.simulator.raw_client import RawClient
from tests.bridge.simulator.test_enrolment import request


@pytest.fixture
async def live(virtual: VirtualCar) -> AsyncIterator[LiveCar]:
    live = LiveCar(virtual)
    yield live
    live.close()


class Radio(list[str]):
    async def vanish(self) -> None:
        self.append("vanished")

    async def reappear(self) -> None:
        self.append("reappeared")

    def stop(self) -> None:
        self.append("stopped")


@pytest.fixture
def radio() -> Radio:
    return Radio()


@pytest.fixture
def control(live: LiveCar, radio: Radio) -> Control:
    return Control(live, vanish=radio.vanish, reappear=radio.reappear, stop=radio.stop)


async def say(control: Control, *lines: str) -> None:
    for line in lines:
        assert await control.obey(line) == {"event": "did", "command": line}, line


async def test_a_day_in_words(control: Control, virtual: VirtualCar) -> None:
    car = virtual.car
    await say(control, "battery 40", "outside -5", "inside 10.5", "drive_off")
    assert car.charging.level == pytest.approx(40, abs=0.1)
    assert car.climate.outside_c == -5
    assert car.facts()["gear"] == "D"
    await say(control, "drive_home", "plug_in 10")
    assert car.charging.actual_amps == 10
    assert (await control.obey("drive_off"))["message"] == "the cable is plugged in"
    assert (await control.obey("plug_in"))["message"] == "already plugged in"
    await say(control, "unplug", "plug_in", "leave", "lock by anna", "unlock", "enter", "lock")
    assert car.charging.actual_amps == 16
    await say(control, "open rear_trunk", "open windows")
    assert (car.closures["rear_trunk"], car.windows_open) == (OPEN, True)
    await say(control, "close rear_trunk", "close windows", "update 2026.44.1", "pace 60", "leave", "sleep")
    assert (car.closures["rear_trunk"], car.windows_open, car.pace) == (CLOSED, False, 60)
    assert car.facts()["update"] == "Available"
    await say(control, "wake", "state", "reboot", "drop")


async def test_doors_stay_open_when_locked(control: Control) -> None:
    await say(control, "open front_driver_door")
    assert await control.obey("lock") == {"event": "error", "message": "a door is open"}


async def test_range_and_end(control: Control, radio: Radio) -> None:
    await say(control, "vanish", "return", "quit")
    assert radio == ["vanished", "reappeared", "stopped"]


async def test_faults(control: Control, virtual: VirtualCar) -> None:
    await say(control, "fault lost_ack on", "fault busy once")
    assert Fault.LOST_ACK in virtual.faults
    await say(control, "fault lost_ack off")
    assert Fault.LOST_ACK not in virtual.faults


async def test_a_new_key_in_words(control: Control, virtual: VirtualCar, live: LiveCar, stranger: RawClient) -> None:
    said: list[bytes] = []
    for word in ("tap", "confirm", "deny", "cancel"):
        assert "no key waits" in (await control.obey(word))["message"]

    def ask() -> None:
        operation = request(stranger.key.public, Role.ROLE_OWNER).WhitelistOperation
        virtual.enrolment.ask(operation, live.now, lambda message, _now: said.append(message.SerializeToString()))

    live.do(ask)
    await say(control, "tap", "deny")
    live.do(ask)
    await say(control, "cancel")
    live.do(ask)
    await say(control, "tap", "confirm")
    assert len(said) == 6
    assert virtual.whitelist.find(stranger.key.public)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "at most 200"),
        ("   ", "at most 200"),
        ("x" * 300, "at most 200"),
        ("dance", "the commands are: lock"),
        ("open", "it is: open CLOSURE"),
        ("open window", "what opens and closes"),
        ("lock by", "it is: lock [by WHO]"),
        ("lock anna", "it is: lock"),
        ("sleep now", "it is: sleep"),
        ("fault busy", "it is: fault NAME on|off|once"),
        ("fault gremlins on", "no fault 'gremlins'"),
        ("battery", "it is: battery PERCENT"),
        ("battery full", "it is: battery"),
        ("battery 140", "from 0 to 100"),
        ("battery nan", "from 0 to 100"),
        ("plug_in 3 4", "it is: plug_in"),
        ("update", "it is: update VERSION"),
    ],
)
def test_what_is_not_understood(line: str, words: str) -> None:
    with pytest.raises(NotUnderstoodError, match=re.escape(words)):
        understand(line)


def test_understood() -> None:
    assert understand("  lock  by  the neighbour ") == Words("lock", ("by", "the", "neighbour"))
    assert "fault NAME on|off|once" in SUMMARY


# Scenarios


def test_scenario(tmp_path: Path) -> None:
    path = tmp_path / "evening.txt"
    path.write_text("# An evening.\n\n0 drive_off\n30s  drive_home # at last\n30.5 plug_in 16\n")
    assert read_scenario(path) == [Step(0, "drive_off"), Step(30, "drive_home"), Step(30.5, "plug_in 16")]
    assert parse_scenario("") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("drive_off", "line 1: a line begins with seconds from the start, and 'drive_off' is no such number"),
        ("0 lock\n-1 lock", "line 2: a line begins with seconds"),
        ("nan lock", "'nan' is no such number"),
        ("5 lock\n4 unlock", "line 2: 4 s is before the line above it"),
        ("5 dance", "line 1: the commands are:"),
        ("5", "line 1: a command is a line"),
        ("0 state\n" * 10_001, "more than 10000 steps"),
    ],
)
def test_scenario_that_is_none(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as refusal:
        parse_scenario(text, "evening")
    assert words in str(refusal.value)
    assert str(refusal.value).startswith("evening")


def test_scenario_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="this is not text"):
        read_scenario(path)
