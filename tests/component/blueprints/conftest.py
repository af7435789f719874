"""An evening in Berlin: blueprints that were imported, a clock that a test moves, and an owner who is told things."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import async_fire_time_changed, async_mock_service
from tests.component.blueprints.story import AUTOMATION, BERLIN, Begin, Pass, at, settle
from tests.component.fake_bridge import FakeBridge

FOLDER: Final = Path(__file__).parents[3] / "blueprints" / "automation" / "driveway"


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """A configuration folder with the blueprints where Home Assistant keeps those that were imported."""
    shutil.copytree(FOLDER, Path(hass_tmp_config_dir) / "blueprints" / AUTOMATION / "driveway")
    return hass_tmp_config_dir


@pytest.fixture(autouse=True)
async def _in_berlin(hass: HomeAssistant) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")


@pytest.fixture
def told(hass: HomeAssistant) -> list[ServiceCall]:
    """What the owner is told."""
    return async_mock_service(hass, "test", "tell")


@pytest.fixture
def clock(hass: HomeAssistant, freezer: FrozenDateTimeFactory, bridge: FakeBridge) -> Pass:
    """Let time pass until a moment, or for a while, in steps of minutes."""

    async def pass_time(until: datetime | None = None, *, step: int = 1, **span: float) -> None:
        end = until.astimezone(UTC) if until else datetime.now(UTC) + timedelta(**span)
        while (now := datetime.now(UTC)) < end:
            freezer.move_to(min(now + timedelta(minutes=step), end))
            bridge.tell_clock()  # it lives
            async_fire_time_changed(hass, datetime.now(BERLIN))
            await settle()

    return pass_time


@pytest.fixture
def begin(freezer: FrozenDateTimeFactory, bridge: FakeBridge) -> Begin:
    """Begin a story at a time of the day in Berlin, with a bridge that lives then."""

    def begin(when: str) -> None:
        freezer.move_to(at(when))
        bridge.tell_clock()

    return begin
