"""Steps through the dialogs of Home Assistant, as a front end takes them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import patch

from homeassistant.components import mqtt
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, ConfigFlowResult
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.fake_bridge import FakeBridge

from custom_components.driveway import discovery


async def found(hass: HomeAssistant, bridge: FakeBridge) -> dict[str, Any]:
    """What is on the card of the bridge that Home Assistant found by itself."""
    bridge.announce()
    await hass.async_block_till_done(wait_background_tasks=True)
    cards = hass.config_entries.flow.async_progress_by_handler("driveway")
    [card] = [card for card in cards if card["context"].get("unique_id") == found_as(bridge)]
    return dict(card)


def found_as(bridge: FakeBridge) -> str:
    return f"{bridge.topics.base}/{bridge.info.bridge}"


async def step(hass: HomeAssistant, flow: Any, **entered: Any) -> ConfigFlowResult:
    result: ConfigFlowResult = await hass.config_entries.flow.async_configure(flow["flow_id"], entered)
    return result


async def while_listening(
    hass: HomeAssistant, something: Callable[[], Coroutine[Any, Any, ConfigFlowResult]], *bridges: FakeBridge
) -> ConfigFlowResult:
    """Do something that makes the flow listen, while bridges are there to be heard: it hears each of them."""
    if not bridges:
        return await something()
    listening = asyncio.Event()
    subscribe = mqtt.async_subscribe

    async def subscribed(*arguments: Any, **named: Any) -> CALLBACK_TYPE:
        unsubscribe = await subscribe(*arguments, **named)
        listening.set()
        return unsubscribe

    with patch.object(mqtt, "async_subscribe", subscribed), patch.object(discovery, "LISTEN_S", 30.0):
        task = hass.async_create_task(something())
        async with asyncio.timeout(20):
            await listening.wait()
        for bridge in bridges:
            bridge.announce()
        return await task


async def sought(hass: HomeAssistant, *bridges: FakeBridge) -> ConfigFlowResult:
    """Add Driveway by hand."""
    return await while_listening(
        hass, lambda: hass.config_entries.flow.async_init("driveway", context={"source": SOURCE_USER}), *bridges
    )


async def vehicle(hass: HomeAssistant, entry: MockConfigEntry, car: str | None = None) -> Any:
    """Press "Pair a car", or the pencil of a car that is there."""
    context: dict[str, Any] = {"source": SOURCE_USER}
    if car:
        [subentry] = [one for one in entry.subentries.values() if one.data["car"] == car]
        context = {"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id}
    return await hass.config_entries.subentries.async_init((entry.entry_id, "vehicle"), context=context)  # type: ignore[arg-type]


async def vehicle_step(hass: HomeAssistant, flow: Any, **entered: Any) -> Any:
    return await hass.config_entries.subentries.async_configure(flow["flow_id"], entered)


def options(result: Any, field: str) -> list[str]:
    """The values that a field of a form offers."""
    [chooser] = [chooser for key, chooser in result["data_schema"].schema.items() if key == field]
    return [option if isinstance(option, str) else option["value"] for option in chooser.config["options"]]
