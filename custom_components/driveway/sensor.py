"""How the car is reached: why not, how well, and when it answered last."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import SIGNAL_STRENGTH_DECIBELS_MILLIWATT, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import Coordinator, DrivewayConfigEntry
from .entity import CarDescription, CarEntity, async_add_to_cars
from .listeners import LINK
from .reasons import OF_THE_RADIO
from .state import BODY

PARALLEL_UPDATES = 0

OBSTACLES: Final = (
    "not_in_range",
    "no_connection",
    "places_full",
    "link_lost",
    "nobody_listening",
    *sorted(OF_THE_RADIO),
    "key_not_enrolled",
    "wrong_car",
    "car_key_changed",
    "car_busy",
    "no_answer",
    "not_permitted",
    "remote_access_off",
    "refused_by_car",
    "not_understood",
    "stopping",
    "internal",
)
"""Reason codes that say why a car is not reached; any other is shown as `other`."""


@dataclass(frozen=True, kw_only=True)
class CarSensorDescription(CarDescription, SensorEntityDescription):
    """A sensor and where its value comes from; None is unknown."""

    value_fn: Callable[[Coordinator, str], str | int | datetime | None]
    """Takes the car's id."""


def _obstacle(coordinator: Coordinator, car: str) -> str | None:
    link = coordinator.view(car).link
    if link is None or link.reachable is None:
        return None
    if link.reachable:
        return "none"
    return link.why_not if link.why_not in OBSTACLES else "other"


def _signal(coordinator: Coordinator, car: str) -> int | None:
    link = coordinator.view(car).link
    return link.signal_dbm if link else None


DESCRIPTIONS = (
    CarSensorDescription(
        key="obstacle",
        subjects=(LINK,),
        translation_key="obstacle",
        device_class=SensorDeviceClass.ENUM,
        options=["none", *OBSTACLES, "other"],
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_obstacle,
    ),
    CarSensorDescription(
        key="last_contact",
        subjects=(LINK, BODY),
        translation_key="last_contact",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator, car: coordinator.household.last_contact(car),
    ),
    CarSensorDescription(
        key="signal",
        subjects=(LINK,),
        translation_key="signal",
        device_class=SensorDeviceClass.SIGNAL_STRENGTH,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_signal,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of every car."""
    async_add_to_cars(entry, async_add_entities, CarSensor, DESCRIPTIONS)


class CarSensor(CarEntity, SensorEntity):
    """A reading about the way to a car."""

    entity_description: CarSensorDescription

    @property
    @override
    def native_value(self) -> str | int | datetime | None:
        return self.entity_description.value_fn(self.coordinator, self.car)
