"""What the stories of the blueprints have in common: the clock on the wall, and an automation made of a blueprint."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from tests.component.fake_bridge import FakeBridge

BERLIN: Final = ZoneInfo("Europe/Berlin")
AUTOMATION: Final = "automation"
LOCK: Final = "lock.anna"
PLUG: Final = "binary_sensor.anna_plug"
BATTERY: Final = "sensor.anna_battery"
TELL: Final = [{"action": "test.tell", "data": {"message": "{{ message }}"}}]
"""What is done to tell the owner."""

type Pass = Callable[..., Coroutine[Any, Any, None]]
"""Takes a moment, or a span as `timedelta` has it, and `step`, in minutes."""
type Begin = Callable[[str], None]


async def settle() -> None:
    """Let all run that can; nothing in these stories is given to a thread.

    Home Assistant's own way to wait would wait for automations that are in a delay, too.
    """
    for _ in range(60):
        await asyncio.sleep(0)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


async def use(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Make an automation of a blueprint, as its form does."""
    automation = {"id": name, "alias": name, "use_blueprint": {"path": f"driveway/{name}.yaml", "input": inputs}}
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: automation})
    await hass.async_block_till_done()
    state = hass.states.get(f"automation.{name}")
    assert state is not None
    assert state.state == "on", "the log says what is wrong with it"


def sentences(told: list[ServiceCall]) -> list[str]:
    return [call.data["message"] for call in told]


def commands(bridge: FakeBridge) -> list[str]:
    return [command.command for command in bridge.commands]
