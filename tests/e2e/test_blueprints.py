"""The blueprints in the newest Home Assistant: it takes each for what it is, and the automation made of it for valid.

What they do is tried in tests/component/blueprints.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from house.house import LOCK, House

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

INPUTS: Final[dict[str, dict[str, Any]]] = {
    "cloud_down": {"cloud": "sensor.cloud", "lock": LOCK},
    "door_open_too_long": {"openings": ["binary_sensor.anna_front_driver_door"]},
    "everyone_left": {"lock": LOCK, "people": ["person.owner"]},
    "solar_surplus": {
        "charging": "switch.anna_charging",
        "amps": "number.anna_charging_current",
        "plug": "binary_sensor.anna_charging_cable",
        "battery": "sensor.anna_battery",
        "limit": "number.anna_charge_limit",
        "grid": "sensor.grid",
    },
    "unlocked_at_night": {"lock": LOCK},
    "warm_before_appointment": {"calendar": "calendar.family", "climate": "climate.anna_climate"},
}


async def test_every_blueprint_is_there(house: House) -> None:
    found = await house.websocket.command("blueprint/list", domain="automation")
    ours = {path: blueprint for path, blueprint in found.items() if path.startswith("driveway/")}
    assert set(ours) == {f"driveway/{name}.yaml" for name in INPUTS}
    assert {path: blueprint["error"] for path, blueprint in ours.items() if "error" in blueprint} == {}


@pytest.mark.parametrize("name", sorted(INPUTS))
async def test_what_is_made_of_it_is_valid(house: House, name: str) -> None:
    path = f"driveway/{name}.yaml"
    made = await house.websocket.command("blueprint/substitute", domain="automation", path=path, input=INPUTS[name])
    config = made["substituted_config"]
    parts = {part: config[part] for part in ("triggers", "conditions", "actions") if part in config}
    assert parts.keys() >= {"triggers", "actions"}
    verdicts = await house.websocket.command("validate_config", **parts)
    assert {part: verdict["error"] for part, verdict in verdicts.items()} == dict.fromkeys(parts)
