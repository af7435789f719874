"""What the bridge says of itself: counts, latencies, and above all what does not work right now."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from driveway_bridge import health, process_numbers
from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.commands import table
from driveway_bridge.contract import LinkState, Outcome
from driveway_bridge.errand import Execution
from driveway_bridge.health import Health
from driveway_bridge.latency import Latency, percentile
from driveway_bridge.link.base import Sighting
from driveway_bridge.problems import of_broker, of_car, of_radio
from driveway_bridge.reasons import REASONS

STATUS, LOCK, CLIMATE = (table.build(name, {}) for name in ("status", "lock", "climate_on"))
PHASES = {"link": 300.0, "session": 0.0, "car": 80.0, "total": 380.0}


class Silent:
    """Nobody in the house listens."""

    def link(self, car: str, state: LinkState) -> None:
        pass

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        pass

    def forget(self, car: str) -> None:
        pass


class House:
    """A bridge's health with cars, and parts that report as they are told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.boot = Boot(clock=lambda: self.now)
        self.health = Health(self.boot)
        self.radio: dict[str, Any] = {"kind": "system", "state": "ok", "reason": None, "steps": []}
        self.mqtt: dict[str, Any] = {"connected": True, "ear": {"ok": True}, "home_assistant_s_ago": 4}
        self.health.sources |= {"radio": lambda: self.radio, "mqtt": lambda: self.mqtt}
        self.told: list[dict[str, Any]] = []
        self.told_at: list[float] = []

    def hear(self, document: dict[str, Any]) -> None:
        self.told.append(document)
        self.told_at.append(time.monotonic())

    def car(self, name: str = "Anna") -> Car:
        car = Car(f"car-{name.lower()}", name, self.boot, Silent())
        self.health.watch(car)
        return car

    def problems(self) -> list[tuple[str, str]]:
        return [tuple(problem) for problem in self.health.problems()]  # type: ignore[misc]

    def cars(self) -> dict[str, Any]:
        cars: dict[str, Any] = self.health.document()["cars"]
        return cars


@pytest_asyncio.fixture
async def house() -> House:
    return House()


def ended(reason: str = "done", outcome: Outcome | None = None) -> Execution:
    if outcome is None:
        outcome = Outcome.CONFIRMED if reason == "done" else Outcome.FAILED
    return Execution(outcome=outcome, reason=reason, phases_ms=PHASES)


# What is counted ------------------------------------------------------------------------------------------------------


async def test_what_became_of_commands_is_counted_apart_from_what_the_bridge_asks_by_itself(house: House) -> None:
    """Pains 15, 26: how often something fails is seen, not guessed."""
    car = house.car()
    for _ in range(3):
        car.take(LOCK, ended(), asked=True)
    car.take(LOCK, ended("no_answer", Outcome.UNCONFIRMED), asked=True)
    car.take(STATUS, ended("not_in_range"), asked=False)
    car.heard_link(True, None)
    car.heard_link(False, "link_lost")
    car.heard_link(False, "no_connection")
    house.now = 10
    told = house.cars()["car-anna"]
    assert told["commands"] == {"confirmed": 3, "unconfirmed": 1}
    assert told["polls"] == {"failed": 1}
    assert told["failures"] == {"no_answer": 1, "not_in_range": 1}
    assert (told["links"], told["links_lost"], told["links_failed"]) == (1, 1, 1)
    assert told["latency_ms"]["total"] == {"p50": 380.0, "p95": 380.0, "p99": 380.0}
    assert told["contact_s_ago"] == 10
    assert told["queue"] == 0


def test_latencies_are_of_the_last_commands_and_of_each_phase() -> None:
    latency = Latency(last=100)
    assert latency.document() == {}
    for took in [9000, *random.Random(1).sample(range(1, 101), 100)]:
        latency.note({"total": took})
    latency.note({"waking": 7.25})
    assert latency.document() == {
        "total": {"p50": 50, "p95": 95, "p99": 99},
        "waking": {"p50": 7.2, "p95": 7.2, "p99": 7.2},
    }


@pytest.mark.parametrize(("values", "percent", "is_"), [([5], 50, 5), ([5], 99, 5), ([1, 2], 50, 1), ([1, 2], 51, 2)])
def test_a_percentile_is_one_of_the_values(values: list[float], percent: int, is_: float) -> None:
    assert percentile(values, percent) == is_


async def test_the_process_is_measured() -> None:
    """Pains 9: handles that pile up are seen before nothing works any more."""
    before = process_numbers.read()
    handles = [os.open("/dev/null", os.O_RDONLY) for _ in range(10)]
    after = process_numbers.read()
    for handle in handles:
        os.close(handle)
    assert before["memory_mb"] is not None
    assert 5 < before["memory_mb"] < 2000
    assert before["threads"] is not None
    assert before["threads"] >= 1
    assert before["files"] is not None
    assert after["files"] == before["files"] + 10
    assert before["tasks"] == 1


async def test_a_system_without_proc_leaves_gaps_and_no_errors(tmp_path: Path) -> None:
    (tmp_path / "statm").write_text("1")
    numbers = process_numbers.read(tmp_path)
    assert (numbers["memory_mb"], numbers["threads"], numbers["files"]) == (None, None, None)


async def test_many_open_files_are_told_once(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Pains 9."""
    numbers = process_numbers.read() | {"files": 900, "files_allowed": 1024}
    monkeypatch.setattr(process_numbers, "read", lambda: numbers)
    house.health.document()
    house.health.document()
    assert [message for message in caplog.messages if "900 files open of 1024" in message] == caplog.messages
    assert len(caplog.messages) == 1


# What does not work ---------------------------------------------------------------------------------------------------


async def test_nothing_is_wrong_with_a_car_that_is_simply_away(house: House) -> None:
    car = house.car()
    assert house.problems() == []
    car.take(STATUS, ended("not_in_range"), asked=False)
    assert house.problems() == []
    assert house.health.document()["problems"] == []


async def test_each_link_of_the_chain_is_told_apart(house: House) -> None:
    """Pains 20: not one 'unknown' for all, but which part does not work."""
    car = house.car()
    car.take(STATUS, ended("no_connection"), asked=False)
    assert house.problems() == [("car-anna", "no_connection")]
    house.mqtt = {"connected": False}
    assert house.problems() == [("broker", "broker_away"), ("car-anna", "no_connection")]
    house.mqtt = {"connected": True, "ear": {"ok": False}, "twice": True}
    house.radio = {"state": "missing", "reason": "no_bluetooth_service"}
    assert house.problems() == [
        ("broker", "bridge_twice"),
        ("ear", "commands_not_heard"),
        ("radio", "no_bluetooth_service"),
        ("car-anna", "no_connection"),
    ]


async def test_a_deaf_radio_is_one_problem_and_not_one_for_each_car(house: House) -> None:
    for name in ("Anna", "Otto"):
        house.car(name).take(STATUS, ended("radio_deaf"), asked=False)
    house.radio = {"state": "healing", "reason": None}
    assert house.problems() == [("radio", "radio_deaf")]


async def test_a_problem_ends_with_the_next_good_answer(house: House) -> None:
    """Pains 25, 77: an error state clears by itself."""
    car = house.car()
    car.take(LOCK, ended("key_not_enrolled", Outcome.REFUSED), asked=True)
    car.take(STATUS, ended("no_answer"), asked=False)
    assert house.problems() == [("car-anna", "key_not_enrolled"), ("car-anna", "no_answer")]
    car.take(STATUS, ended(), asked=False)
    assert house.problems() == [("car-anna", "key_not_enrolled")]  # anybody may ask that, without any key
    car.take(LOCK, ended(), asked=True)
    assert house.problems() == []


async def test_a_pairing_ends_that_the_key_is_not_known(house: House) -> None:
    """And nothing else that the car had said."""
    car = house.car()
    car.take(LOCK, ended("key_not_enrolled", Outcome.REFUSED), asked=True)
    car.take(CLIMATE, ended("remote_access_off", Outcome.REFUSED), asked=True)
    car.note_pairing()
    assert house.problems() == [("car-anna", "remote_access_off")]


async def test_what_one_computer_of_the_car_refuses_is_not_mended_by_the_other(house: House) -> None:
    car = house.car()
    car.take(CLIMATE, ended("not_synchronised", Outcome.REFUSED), asked=True)
    car.take(STATUS, ended(), asked=False)
    assert house.problems() == [("car-anna", "not_synchronised")]
    car.take(CLIMATE, ended(), asked=True)
    assert house.problems() == []


async def test_taken_places_and_a_spent_budget(house: House) -> None:
    car = house.car()
    house.health.car_sources[car.id] = {"budget": lambda: {"wakes_today": 20, "wakes_allowed": 20}}
    car.heard_sighting(Sighting(at=time.monotonic(), rssi_dbm=-60, connectable=False))
    assert house.problems() == [("car-anna", "places_full"), ("car-anna", "wake_budget_spent")]
    car.heard_link(True, None)  # one of the three places is ours
    house.health.car_sources[car.id] = {"budget": lambda: {"wakes_today": 0, "wakes_allowed": 0}}
    assert house.problems() == []


@pytest.mark.parametrize("state", ["ok", "starting"])
def test_a_radio_that_works_or_is_about_to(state: str) -> None:
    assert list(of_radio({"state": state, "reason": None})) == []


def test_every_problem_is_a_reason_with_a_remedy() -> None:
    found = [
        problem for state in ("deaf", "healing", "missing") for problem in of_radio({"state": state, "reason": "x"})
    ]
    found += [*of_broker({"connected": False}), *of_broker({"ear": {"ok": False}})]
    link = LinkState(boot="b", places_free=False)
    found += of_car("car-1", link, (), {"wakes_today": 1, "wakes_allowed": 1}, radio_works=True)
    assert len(found) == 7
    assert all(REASONS[problem.reason].remedy for problem in found)
    assert list(of_broker({})) == []


async def test_a_car_that_is_gone_from_the_configuration_is_gone_here(house: House) -> None:
    car = house.car()
    house.health.car_sources[car.id] = {"poller": dict}
    house.health.forget(car.id)
    assert house.cars() == {}
    assert car.observers == []
    assert house.health.car_sources == {}
    house.health.forget("car-never")


async def test_a_part_that_cannot_report_stops_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> dict[str, Any]:
        raise ZeroDivisionError

    house.health.sources["radio"] = broken
    assert house.health.document()["radio"] == {"error": "ZeroDivisionError"}
    assert house.health.document()["problems"] == []
    assert caplog.messages == ["The report of radio has failed"]


# How it is told -------------------------------------------------------------------------------------------------------


async def test_one_line_says_how_everything_is(house: House) -> None:
    """Pains 20."""
    car = house.car()
    assert house.health.one_line() == "Anna: not heard yet; broker connected"
    car.heard_sighting(Sighting(at=time.monotonic(), rssi_dbm=-60, connectable=True))
    assert house.health.one_line() == "Anna: near, not asked yet; broker connected"
    car.heard_link(True, None)
    assert house.health.one_line() == "Anna: reached, linked; broker connected"
    car.heard_link(False, None)
    car.take(STATUS, ended("no_connection"), asked=False)
    house.radio["state"] = "deaf"
    house.mqtt["connected"] = False
    assert house.health.one_line() == (
        "Anna: not reached (The car was heard, but no connection came about in time); no connection to the broker; "
        "The bridge's Bluetooth radio hears nothing at all any more, from nobody"
    )


async def test_four_cars_and_much_trouble_fit_into_one_message(house: House) -> None:
    steps = [{"seconds_ago": 123456.7, "step": "power_cycle", "worked": False}] * 20
    house.radio |= {"steps": steps, "address": "00:1A:7D:DA:71:13", "adapter": "hci0", "detail": "x" * 80}
    for name in ("Anna", "Otto", "Emma", "Paul"):
        car = house.car(name)
        house.health.car_sources[car.id] = {
            "poller": lambda: {"phase": "parked", "next": {"question": "charge", "in_s": 12.5}, "failures": {}},
            "budget": lambda: {"wakes_today": 3, "wakes_allowed": 20, "awake_minutes_today": 1.5},
        }
        for reason in REASONS:
            car.take(LOCK, ended(reason), asked=True)
            car.take(STATUS, ended(reason), asked=False)
        car.take(
            LOCK, Execution(outcome=Outcome.CONFIRMED, reason="done", phases_ms=PHASES | {"waking": 1.0}), asked=True
        )
    document = house.health.document()
    assert len(json.dumps(document)) <= health.MAX_BYTES
    assert len(document["radio"]["steps"]) == 20, "nothing has to be left out"
    assert all({"poller", "budget", "latency_ms"} <= car.keys() for car in document["cars"].values())


async def test_details_are_left_out_before_it_gets_too_long(house: House) -> None:
    house.radio["steps"] = [{"step": "x" * 900}] * 10
    car = house.car()
    house.health.car_sources[car.id] = {"poller": lambda: {"failures": "x" * 9000}, "budget": dict}
    document = house.health.document()
    assert len(json.dumps(document)) <= health.MAX_BYTES
    assert "steps" not in document["radio"]
    assert "poller" not in document["cars"]["car-anna"]
    assert {"budget", "commands"} <= document["cars"]["car-anna"].keys()


@pytest_asyncio.fixture
async def running(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """The health of a house that is told, in a hundredth of the time."""
    monkeypatch.setattr(health, "EVERY_S", 0.6)
    monkeypatch.setattr(health, "LOOK_S", 0.05)
    monkeypatch.setattr(health, "SETTLE_S", 0.01)
    task = asyncio.create_task(house.health.run(house.hear))
    await asyncio.sleep(0)
    yield house
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled(), task.exception()


async def told(house: House, count: int) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while len(house.told) < count:  # noqa: ASYNC110 - it is the passing of time that is looked at
            await asyncio.sleep(0.005)
    return house.told[count - 1]


async def test_it_is_told_at_the_start_and_now_and_then(running: House) -> None:
    assert (await told(running, 1))["boot"] == running.boot.id
    await told(running, 2)
    assert running.told_at[1] - running.told_at[0] > 0.3


async def test_what_matters_is_told_at_once_and_what_does_not_is_not(
    running: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(running, 1)
    monkeypatch.setattr(health, "EVERY_S", 600)
    await told(running, 2)
    car = running.car()
    assert "car-anna" in (await told(running, 3))["cars"]
    car.take(STATUS, ended(), asked=False)
    assert (await told(running, 4))["cars"]["car-anna"]["reachable"] is True
    running.radio["state"] = "deaf"  # nobody calls: it is looked
    assert (await told(running, 5))["problems"] == [{"part": "radio", "reason": "radio_deaf"}]
    for _ in range(5):
        car.take(STATUS, ended(), asked=False)
        await asyncio.sleep(0.03)
    assert len(running.told) == 5
    for reachable in (False, True) * 10:  # changes together are told together
        car.take(STATUS, ended("done" if reachable else "no_answer"), asked=False)
    car.take(STATUS, ended("no_answer"), asked=False)
    assert (await told(running, 6))["cars"]["car-anna"]["reachable"] is False
    await asyncio.sleep(0.1)
    assert len(running.told) == 6
    lease = {"holder": "bridge-a", "since_s": 1}
    running.health.car_sources[car.id] = {"lease": lambda: dict(lease)}
    running.health.soon()
    assert (await told(running, 7))["cars"]["car-anna"]["lease"]["holder"] == "bridge-a"
    lease["since_s"] = 2
    running.health.soon()
    await asyncio.sleep(0.1)
    assert len(running.told) == 7


async def test_a_car_that_is_heard_every_second_is_no_news(running: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await told(running, 1)
    monkeypatch.setattr(health, "LOOK_S", 600)
    monkeypatch.setattr(health, "EVERY_S", 600)
    car = running.car()
    car.heard_sighting(Sighting(at=time.monotonic(), rssi_dbm=-60, connectable=True))
    async with asyncio.timeout(10):
        while running.told[-1]["cars"].get("car-anna", {}).get("in_range") is not True:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    called: list[None] = []
    monkeypatch.setattr(running.health, "soon", lambda: called.append(None))
    monkeypatch.setattr(car.observers[0], "_news", running.health.soon)
    for rssi in (-61, -62, -63):
        car.heard_sighting(Sighting(at=time.monotonic(), rssi_dbm=rssi, connectable=True))
    assert called == []
    car.heard_sighting(Sighting(at=time.monotonic(), rssi_dbm=-60, connectable=False))
    assert called == [None]
