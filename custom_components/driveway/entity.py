"""What all entities of a car have in common."""

from typing import override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import Entity, EntityDescription

from .const import CAR_MANUFACTURER, CONF_CAR, DOMAIN
from .coordinator import Coordinator
from .household import CarView


class CarEntity(Entity):
    """One thing of one car.

    Available means that a bridge is there to ask and to command. A car that is out of range or asleep does not make
    an entity unavailable: Home Assistant drops commands to unavailable entities without a word.
    """

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, coordinator: Coordinator, subentry: ConfigSubentry, description: EntityDescription) -> None:
        self.entity_description = description
        self.coordinator = coordinator
        self.car: str = subentry.data[CONF_CAR]
        self._attr_unique_id = f"{self.car}-{description.key}"
        bridge = coordinator.bridge(self.car) or next(iter(coordinator.household))
        known = bridge.serves(self.car)
        self._attr_device_info = dr.DeviceInfo(
            identifiers={(DOMAIN, self.car)},
            manufacturer=CAR_MANUFACTURER,
            name=subentry.title,
            via_device_id=dr.async_get_device_id_by_identifier(
                coordinator.hass, (DOMAIN, bridge.id), config_entry_id=coordinator.entry.entry_id
            ),
        )
        if known and known.model:
            self._attr_device_info["model"] = known.model

    @property
    def view(self) -> CarView:
        """What is known of the car now."""
        return self.coordinator.view(self.car)

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.available(self.car)

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self.coordinator.async_add_listener(self.car, self._handle_change))

    @callback
    def _handle_change(self) -> None:
        """Show what has changed."""
        self.async_write_ha_state()
