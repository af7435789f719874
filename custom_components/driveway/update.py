"""Whether a bridge is older than this component. Both come from one release, so no server has to be asked."""

import re
from functools import partial
from typing import Final, override

from homeassistant.components.update import (
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityDescription,
    UpdateEntityFeature,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.translation import async_get_translations
from homeassistant.loader import async_get_integration

from .const import DOMAIN
from .coordinator import Coordinator, DrivewayConfigEntry
from .entity import BridgeEntity, async_add_to_bridges
from .household import Bridge

PARALLEL_UPDATES = 0

DESCRIPTIONS: Final = (
    UpdateEntityDescription(
        key="software",
        translation_key="software",
        device_class=UpdateDeviceClass.FIRMWARE,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the software of every bridge."""
    integration = await async_get_integration(hass, DOMAIN)
    async_add_to_bridges(
        entry, async_add_entities, partial(BridgeSoftware, str(integration.version or "")), DESCRIPTIONS
    )


class BridgeSoftware(BridgeEntity, UpdateEntity):
    """The version that a bridge says it is, and the one that goes with this component.

    It is installed by whoever looks after the bridge's computer: from here nothing is installed on it.
    """

    _attr_supported_features = UpdateEntityFeature.RELEASE_NOTES
    _attr_title = "Driveway"

    def __init__(
        self, component: str, coordinator: Coordinator, bridge: Bridge, description: UpdateEntityDescription
    ) -> None:
        super().__init__(coordinator, bridge, description)
        self._component = component

    @property
    @override
    def installed_version(self) -> str | None:
        return self.bridge.info.version if self.bridge.info else None

    @property
    @override
    def latest_version(self) -> str | None:
        """The newer one of both; a bridge may well be ahead of the component."""
        installed = self.installed_version
        if installed is None:
            return None
        ours, theirs = _numbers(self._component), _numbers(installed)
        return self._component if ours and theirs and ours >= theirs else installed

    @override
    async def async_release_notes(self) -> str | None:
        texts = await async_get_translations(self.hass, self.hass.config.language, "common", [DOMAIN])
        notes = texts[f"component.{DOMAIN}.common.update_bridge"]
        return notes.format(installed=self.installed_version, latest=self.latest_version)


def _numbers(version: str) -> tuple[int, ...] | None:
    """Give the numbers at the beginning of a version, None where it does not begin with such."""
    found = re.match(r"\d{1,9}(\.\d{1,9})*", version)
    return tuple(int(number) for number in found[0].split(".")) if found else None
