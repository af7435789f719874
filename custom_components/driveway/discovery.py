"""Listening for bridges: who is under a base topic right now."""

import asyncio
from typing import Final

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant, callback

from .contract import Info
from .contract_json import ContractError
from .contract_topics import Topics

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
