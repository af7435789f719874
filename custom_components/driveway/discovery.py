"""Listening for bridges: who is under a base topic right now. And telling them that nobody listens any more."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from .contract import Info
from .contract_json import ContractError
from .contract_topics import Topics

_LOGGER = logging.getLogger(__name__)

LISTEN_S: Final = 3.0
"""Home Assistant gathers subscriptions for up to half a second before it sends them."""
_AFTER_FIRST_S: Final = 0.5
"""Retained messages come in one go: when one is there, the others are about to be."""


async def async_hear_bridges(hass: HomeAssistant, base: str) -> dict[str, Info]:
    """Give the bridges under a base topic by id; takes up to `LISTEN_S` seconds when there are none."""
    heard: dict[str, Info] = {}
    first = asyncio.Event()

    @callback
    def received(message: mqtt.ReceiveMessage) -> None:
        try:
            info = Info.parse(message.payload if isinstance(message.payload, str) else b"")
        except ContractError:
            return
        if message.topic == Topics(base, info.bridge).info:
            heard[info.bridge] = info
            first.set()

    unsubscribe = await mqtt.async_subscribe(hass, Topics(base).info, received, qos=0)
    try:
        async with asyncio.timeout(LISTEN_S):
            await first.wait()
            await asyncio.sleep(_AFTER_FIRST_S)
    except TimeoutError:
        pass
    finally:
        unsubscribe()
    return heard


async def async_take_back_presence(hass: HomeAssistant, base: str, bridges: Iterable[str]) -> None:
    """Tell bridges that nothing of them is shown here any more: they may use MQTT's own discovery again."""
    for bridge in bridges:
        try:
            await mqtt.async_publish(hass, Topics(base, bridge).component, "", qos=0, retain=True)
        except HomeAssistantError as error:
            _LOGGER.warning("Bridge %s was not told that its cars are shown here no more: %s", bridge, error)
