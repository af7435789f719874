"""Texts in Home Assistant's own language, for what nobody asked for: repairs, events, causes."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN


async def async_in_words(hass: HomeAssistant, error: HomeAssistantError) -> str:
    """Give the text of one of our own errors."""
    texts = await async_get_translations(hass, hass.config.language, "exceptions", [DOMAIN])
    text = texts[f"component.{DOMAIN}.exceptions.{error.translation_key}.message"]
    return text.format(**(error.translation_placeholders or {}))


async def async_common_text(hass: HomeAssistant, key: str) -> str:
    """Give a text that stands under `common`."""
    texts = await async_get_translations(hass, hass.config.language, "common", [DOMAIN])
    return texts[f"component.{DOMAIN}.common.{key}"]
