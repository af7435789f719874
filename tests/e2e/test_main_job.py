"""The main job, from Home Assistant's interface to the car's own state. Each step leaves the house as it found it."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from house.check import MAIN_JOB, Figures, Step
from house.house import LOCK, House, operate
from house.websocket import CommandFailed, States

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@pytest.mark.parametrize("step", MAIN_JOB, ids=lambda step: step.__name__)
async def test_step(house: House, step: Step) -> None:
    await step(house, Figures())


async def test_the_figures_are_those_of_a_house_and_not_of_a_cloud(house: House) -> None:
    took_ms = []
    for _ in range(5):
        took_ms.append(await operate(house, "unlock"))
        await operate(house, "lock")
    assert 0 < min(took_ms) < 1000


async def test_one_press_is_one_command_at_the_car(house: House) -> None:
    await operate(house, "unlock")
    commands: list[str] = []
    house.car.on_event = lambda event: commands.append(event["name"]) if event["event"] == "command" else None
    await operate(house, "lock")
    house.car.on_event = lambda _event: None
    assert commands.count("lock") == 1


async def test_a_dashboard_without_holes(house: House) -> None:
    """Every entity on the dashboard is there."""
    dashboard = await house.websocket.command("lovelace/config", url_path="demo-car")
    cards = [card for section in dashboard["views"][0]["sections"] for card in section["cards"]]
    shown = {card["entity"] for card in cards if "entity" in card}
    assert LOCK in shown

    def holes(states: States) -> set[str]:
        return {
            entity for entity in shown if entity not in states or states[entity].state in ("unknown", "unavailable")
        }

    with contextlib.suppress(TimeoutError):
        await house.websocket.states.until(lambda states: not holes(states), timeout_s=180)
    assert holes(house.websocket.states.value) == set()


async def test_what_the_bridge_remembers_is_shown_with_its_age(house: House) -> None:
    """The bridge starts anew while the car is away: the car's last word stays, and nobody takes it for news."""

    def from_memory(states: States) -> bool:
        return LOCK in states and states[LOCK].attributes.get("source") == "memory"

    await operate(house, "lock")
    await house.car.tell("vanish")
    stopped_at = datetime.now(UTC)
    gone = asyncio.create_task(house.websocket.becomes(LOCK, "unavailable", timeout_s=30))
    await house.bridge.restart()
    await gone
    await house.websocket.states.until(
        lambda states: from_memory(states) and bool(states[LOCK].attributes["heard_at"]), timeout_s=90
    )
    lock = house.websocket.states.value[LOCK]
    assert lock.state == "locked"
    age = stopped_at - datetime.fromisoformat(lock.attributes["heard_at"])
    assert timedelta(seconds=-2) < age < timedelta(seconds=60)
    with pytest.raises(CommandFailed) as failed:
        await house.websocket.call("lock.unlock", LOCK)
    assert failed.value.key == "not_in_range"
    assert house.websocket.state(LOCK) == "locked"

    await house.car.tell("return")
    await house.websocket.states.until(lambda states: not from_memory(states), timeout_s=90)
    await operate(house, "unlock")
    await operate(house, "lock")
