"""When a part of the house fails, each entity soon shows the truth, and no press is passed over.

How soon is told in the end: two seconds at most on a computer that is not busy, which tests/component/test_broker.py
shows on a clock of its own.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import pytest

from driveway_bridge.contract import LOCK_TTL_S
from house.house import LOCK, REACHABLE, House, operate
from house.websocket import CommandFailed, States
from tests.figures import Figures

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

SOON_S = 10.0
"""Within this it has to be shown, by a slow computer too; and sooner than by what else finds it out, after 20 s."""
Told = Callable[[float], None]
"""Who is told seconds."""
PRESSES: dict[str, tuple[str, dict[str, Any]]] = {
    "button": ("press", {}),
    "climate": ("turn_off", {}),
    "cover": ("open_cover", {}),
    "lock": ("lock", {}),
    "switch": ("turn_on", {}),
}
"""What is pressed of each kind; what numbers and selects take depends on the entity."""


LOCKING = ("lock", "unlock")


async def ours(house: House, *domains: str) -> list[str]:
    """The component's entities, of these kinds."""
    every = await house.websocket.entities()
    return [entity for entity in every if not domains or entity.split(".")[0] in domains]


async def of_the_car(house: House) -> list[str]:
    """What shows something of the car, or does something with it; the last drill is remembered by the house."""
    every = [entity for entity in await ours(house) if ".anna" in entity and not entity.startswith("device_tracker.")]
    return [entity for entity in every if not (entity.startswith("sensor.") and entity.endswith("_drill"))]


async def press(house: House, entity: str) -> str:
    """Do with an entity what it is for; gives the key of the error that a person is told, `done` without one."""
    domain = entity.split(".", maxsplit=1)[0]
    attributes = house.websocket.states.value[entity].attributes
    match domain:
        case "number":
            service, data = "set_value", {"value": attributes["min"]}
        case "select":
            service, data = "select_option", {"option": attributes["options"][0]}
        case _:
            service, data = PRESSES[domain]
    try:
        await house.websocket.call(f"{domain}.{service}", entity, **data)
    except CommandFailed as failed:
        return failed.key or failed.text
    return "done"


async def presses(house: House, entities: Sequence[str]) -> dict[str, str]:
    """Press all of them at once."""
    keys = await asyncio.gather(*(press(house, entity) for entity in entities))
    return dict(zip(entities, keys, strict=True))


async def controls(house: House) -> list[str]:
    """Everything that can be pressed and would move something at the car."""
    found = await ours(house, "button", "climate", "cover", "lock", "number", "select", "switch")
    return [entity for entity in found if ".anna" in entity]


async def shown_soon(
    house: House, entities: Collection[str], state: str, *, since: float | None = None, told: Told | None = None
) -> None:
    """All of them show this within SOON_S of a moment, now if none is given."""
    since = time.monotonic() if since is None else since

    def all_do(states: States) -> bool:
        return all(entity in states and states[entity].state == state for entity in entities)

    try:
        await house.websocket.states.until(all_do, timeout_s=max(0.1, SOON_S - (time.monotonic() - since)))
        if told:
            told(time.monotonic() - since)
    except TimeoutError:
        others = {entity: house.websocket.state(entity) for entity in entities}
        pytest.fail(f"not {state}: { {entity: shown for entity, shown in others.items() if shown != state} }")


async def test_the_broker_stops(house: House, figures: Figures) -> None:
    shown, pressed = await of_the_car(house), await controls(house)
    began = time.monotonic()
    await house.broker.stop()
    await shown_soon(
        house, shown, "unavailable", since=began, told=partial(figures.note, "shown, after the broker stopped")
    )
    assert set((await presses(house, pressed)).values()) == {"broker_away"}
    await house.broker.start()
    await house.websocket.becomes(LOCK, "locked", timeout_s=60)
    assert house.car.locked
    await operate(house, "unlock")
    await operate(house, "lock")


async def test_the_broker_freezes(house: House, figures: Figures) -> None:
    """Its connections stay open: who is called finds out, and what was pressed meanwhile never comes."""
    assert house.broker.process
    assert house.car.locked
    shown, controlled = await of_the_car(house), await controls(house)
    came: list[str] = []
    house.car.on_event = lambda event: came.append(event["name"]) if event.get("name") in LOCKING else None
    house.broker.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        pressed = asyncio.create_task(house.websocket.call("lock.unlock", LOCK))
        await shown_soon(
            house, shown, "unavailable", since=began, told=partial(figures.note, "shown, after the broker froze")
        )
        with pytest.raises(CommandFailed) as failed:
            await pressed
        assert failed.value.key == "bridge_silent"
        assert time.monotonic() - began < 20
        assert set((await presses(house, controlled)).values()) == {"broker_away"}
        await asyncio.sleep(max(0.0, LOCK_TTL_S - (time.monotonic() - began)))  # what was pressed has no time left
        assert house.car.locked
    finally:
        house.broker.process.send_signal(signal.SIGCONT)
    await house.websocket.becomes(LOCK, "locked", timeout_s=60)
    # The broker has given the bridge up meanwhile, and says so after what it had kept of it: away, and there again.
    async with asyncio.timeout(60):
        while (told := await press(house, LOCK)) != "done":
            assert told in ("bridge_away", "bridge_silent")
            await house.websocket.becomes(LOCK, "locked", timeout_s=60)
    assert "unlock" not in came
    came.clear()
    await operate(house, "unlock")
    await operate(house, "lock")
    assert came == ["unlock", "lock"]
    house.car.on_event = lambda _event: None


async def test_home_assistant_restarts(house: House) -> None:
    await house.home.stop()
    await house.car.tell("unlock by card")
    await house.home.start()
    await shown_soon(house, [LOCK], "unlocked")
    await operate(house, "lock")


async def test_mqtt_is_reloaded(house: House) -> None:
    entries = await house.websocket.command("config_entries/get", domain="mqtt")
    pressed = await controls(house)
    came: list[str] = []
    house.car.on_event = lambda event: came.append(event["name"]) if event.get("name") in LOCKING else None
    gone = asyncio.create_task(house.websocket.becomes(LOCK, "unavailable", timeout_s=30))
    await house.websocket.command(
        "call_service",
        domain="homeassistant",
        service="reload_config_entry",
        service_data={"entry_id": entries[0]["entry_id"]},
    )
    await gone
    await shown_soon(house, [LOCK], "locked", since=time.monotonic() + SOON_S)  # it connects anew first
    assert LOCK in pressed
    assert await press(house, LOCK) == "done"
    came.clear()
    await operate(house, "unlock")
    await operate(house, "lock")
    assert came.count("unlock") == came.count("lock") == 1
    house.car.on_event = lambda _event: None


async def test_the_bridge_is_killed(house: House, figures: Figures) -> None:
    assert house.bridge.process
    shown, pressed = await of_the_car(house), await controls(house)
    began = time.monotonic()
    await house.bridge.process.stop(by=signal.SIGKILL)
    await shown_soon(
        house, shown, "unavailable", since=began, told=partial(figures.note, "shown, after the bridge was killed")
    )
    assert set((await presses(house, pressed)).values()) == {"bridge_away"}
    await house.bridge.restart()
    await house.lock_is_there()
    await operate(house, "unlock")
    await operate(house, "lock")


async def test_the_car_is_away(house: House) -> None:
    """What it said last stays, with its age; that it is not reached is shown, and each press is told so."""
    await house.car.tell("vanish")
    await house.websocket.becomes(REACHABLE, "off", timeout_s=60)
    try:
        assert house.websocket.state(LOCK) == "locked"
        await shown_soon(house, ["sensor.anna_connection_problem"], "not_in_range")
        assert await press(house, LOCK) == "not_in_range"
        pressed = await controls(house)
        told = await presses(house, [entity for entity in pressed if entity != LOCK])
        assert "done" not in told.values(), told
    finally:
        await house.car.tell("return")
    await house.websocket.becomes(REACHABLE, "on", timeout_s=60)
    await operate(house, "unlock")
    await operate(house, "lock")
