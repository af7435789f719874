"""Sensors: what a car tells, how it is reached, and how the bridges are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from . import drill_entities
from .cloud_entities import CloudSensor
from .coordinator import DrivewayConfigEntry
from .entity import CarEntity, async_add_to_bridges, async_add_to_cars
from .sensor_bridge import BRIDGE, BridgeSensor
from .sensor_charge import CHARGE
from .sensor_description import CarSensorDescription
from .sensor_values import CLIMATE, CLOSURES, DRIVE, MEDIA, SOFTWARE, TYRES
from .sensor_way import WAY

PARALLEL_UPDATES = 0

OF_CARS: Final = (*CHARGE, *CLIMATE, *DRIVE, *TYRES, *CLOSURES, *SOFTWARE, *MEDIA, *WAY)
DESCRIPTIONS: Final = (*OF_CARS, *BRIDGE)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of every car, of every bridge, and of the cloud where it is watched."""
    async_add_to_bridges(entry, async_add_entities, BridgeSensor, BRIDGE)
    async_add_to_cars(entry, async_add_entities, CarSensor, OF_CARS)
    async_add_to_cars(entry, async_add_entities, drill_entities.DrillSensor, drill_entities.SENSORS)
    if watch := entry.runtime_data.watch:
        async_add_entities([CloudSensor(watch, entry, "cloud")])


class CarSensor(CarEntity, SensorEntity):
    """A reading of a car, or about the way to it."""

    entity_description: CarSensorDescription

    _forecast: datetime | None = None
    """The time that is shown, where small changes of it mean nothing."""

    @property
    @override
    def native_value(self) -> StateType | datetime:
        value = self.entity_description.value_fn(self.coordinator, self.car)
        if not self.entity_description.tolerance:
            return value
        shown = self._forecast
        if isinstance(value, datetime) and shown and abs(value - shown) < self.entity_description.tolerance:
            return shown
        self._forecast = value if isinstance(value, datetime) else None
        return value

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        attributes_fn = self.entity_description.attributes_fn
        if attributes_fn is None:
            return super().extra_state_attributes
        return attributes_fn(self.coordinator, self.car)
