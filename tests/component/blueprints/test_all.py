"""Every blueprint is one for Home Assistant, and says where it is from."""

from pathlib import Path
from typing import Final

from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.component.blueprints.story import (
    AUTOMATION,
)

NAMES: Final = {
    "cloud_down",
    "door_open_too_long",
    "everyone_left",
    "solar_surplus",
    "unlocked_at_night",
    "warm_before_appointment",
}


async def test_all_are_what_home_assistant_takes_for_a_blueprint(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, AUTOMATION, {})
    found = await async_get_blueprints(hass).async_get_blueprints()
    ours = {Path(path).stem: blueprint for path, blueprint in found.items() if path.startswith("driveway/")}
    assert set(ours) == NAMES
    for name, blueprint in ours.items():
        assert isinstance(blueprint, Blueprint), blueprint
        assert blueprint.metadata["source_url"].endswith(f"/blob/main/blueprints/automation/driveway/{name}.yaml")
        assert blueprint.validate() is None
