"""Every control is used once in Home Assistant, and what it did is compared with the car itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from house.house import House
from house.websocket import CommandFailed

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

SHOWN_S = 20.0
"""Ten times as long as an owner should wait."""


class Use(NamedTuple):
    """An action on an entity, the facts that the car then tells of itself, and what Home Assistant then shows."""

    action: str
    entity: str
    data: dict[str, Any]
    shown: str | None
    facts: dict[str, Any]


def use(action: str, entity: str, shown: str | None, data: dict[str, Any] | None = None, **facts: Any) -> Use:
    domain = action.partition(".")[0]
    return Use(action, f"{domain}.anna_{entity}", data or {}, shown, facts)


USES = (
    use("climate.turn_on", "climate", "heat_cool", climate_on=True),
    use("climate.set_temperature", "climate", "heat_cool", {"temperature": 23.5}, target_c=23.5),
    use("select.select_option", "climate_keeper", "dog", {"option": "dog"}, keeper="Dog"),
    use("select.select_option", "climate_keeper", "off", {"option": "off"}, keeper="Off"),
    use("select.select_option", "seat_heat_front_left", "high", {"option": "high"}),
    use("select.select_option", "seat_heat_front_left", "off", {"option": "off"}),
    use("select.select_option", "overheat_protection", "fan_only", {"option": "fan_only"}),
    use("switch.turn_on", "warm_steering_wheel", "on"),
    use("switch.turn_off", "warm_steering_wheel", "off"),
    use("switch.turn_on", "defrost", "on"),
    use("switch.turn_off", "defrost", "off"),
    use("climate.turn_off", "climate", "off", climate_on=False),
    use("switch.turn_on", "sentry_mode", "on", sentry=True),
    use("switch.turn_off", "sentry_mode", "off", sentry=False),
    use("number.set_value", "charge_limit", "72", {"value": 72}, charge_limit=72),
    use("number.set_value", "charging_current", "9", {"value": 9}, charging_amps=9),
    use("cover.open_cover", "windows", "open", windows_open=True),
    use("cover.close_cover", "windows", "closed", windows_open=False),
    use("cover.open_cover", "charge_port", "open", closures={"charge_port": "open"}),
    use("cover.close_cover", "charge_port", "closed", closures={"charge_port": "closed"}),
    use("cover.open_cover", "trunk", "open", closures={"rear_trunk": "open"}),
    use("cover.open_cover", "trunk", "open", closures={"rear_trunk": "open"}),  # which does not close it
    use("cover.close_cover", "trunk", "closed", closures={"rear_trunk": "closed"}),
    use("cover.open_cover", "frunk", "open", closures={"front_trunk": "open"}),
    use("button.press", "flash_the_lights", None),
    use("button.press", "honk", None),
    use("button.press", "wake", None),
)


def tells(state: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether these facts are among those that the car tells."""
    return all(
        tells(state[name], fact) if isinstance(fact, dict) else state.get(name) == fact for name, fact in facts.items()
    )


async def car_tells(house: House, **facts: Any) -> None:
    """Wait until the car itself says so; TimeoutError."""
    await house.car.state.until(lambda state: tells(state, facts), timeout_s=SHOWN_S)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def awake(house: House) -> AsyncIterator[House]:
    """The house with a car of which everything has been heard; its lids are closed again after all."""
    await house.websocket.call("button.press", "button.anna_wake")
    seats, climate = "select.anna_seat_heat_front_left", "climate.anna_climate"
    await house.websocket.states.until(
        lambda states: seats in states and states[climate].state != "unknown", timeout_s=60
    )
    yield house
    await house.car.tell("close front_trunk")


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.action} {use.entity.partition('anna_')[2]} {use.shown}")
async def test_use(awake: House, use: Use) -> None:
    await awake.websocket.call(use.action, use.entity, **use.data)
    await car_tells(awake, **use.facts)
    if use.shown is not None:
        await awake.websocket.becomes(use.entity, use.shown, timeout_s=SHOWN_S)


async def test_charging(awake: House) -> None:
    await awake.car.tell("plug_in 16")
    for action, fact, shown in (("turn_off", "Stopped", "off"), ("turn_on", "Charging", "on")):
        await awake.websocket.call(f"switch.{action}", "switch.anna_charging")
        await car_tells(awake, charging=fact)
        await awake.websocket.becomes("switch.anna_charging", shown, timeout_s=SHOWN_S)
    await awake.car.tell("unplug")


async def test_charging_without_a_cable(awake: House) -> None:
    with pytest.raises(CommandFailed) as failed:
        await awake.websocket.call("switch.turn_on", "switch.anna_charging")
    assert failed.value.key == "not_plugged_in"
    await awake.websocket.becomes("switch.anna_charging", "off", timeout_s=SHOWN_S)


async def test_what_is_asleep_wakes_up_to_open(awake: House) -> None:
    """A command that opens lives five seconds, and waking may take longer: it is given anew, and ends well."""
    await awake.car.tell("close front_trunk")
    await awake.car.tell("sleep")
    await awake.websocket.becomes("binary_sensor.anna_sleep", "on", timeout_s=60)
    await awake.websocket.call("cover.open_cover", "cover.anna_windows")
    await car_tells(awake, windows_open=True)
    await awake.websocket.call("cover.close_cover", "cover.anna_windows")
    await awake.websocket.becomes("cover.anna_windows", "closed", timeout_s=SHOWN_S)


async def test_no_call_is_swallowed_while_the_car_is_away(awake: House) -> None:
    await awake.car.tell("vanish")
    try:
        for action, entity in (("cover.open_cover", "cover.anna_trunk"), ("switch.turn_on", "switch.anna_sentry_mode")):
            with pytest.raises(CommandFailed) as failed:
                await awake.websocket.call(action, entity)
            assert failed.value.key in ("not_in_range", "no_connection"), entity
    finally:
        await awake.car.tell("return")
    await asyncio.wait_for(awake.websocket.becomes("binary_sensor.anna_reachable", "on", timeout_s=60), 60)


async def test_home_assistant_does_not_complain_of_old_names(awake: House) -> None:
    log = (awake.folder / "home-assistant.log").read_text()
    assert "deprecated" not in "".join(line for line in log.splitlines() if "driveway" in line)
