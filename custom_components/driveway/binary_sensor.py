"""Yes or no about a car: whether it is reached, what is open, whether it sleeps and whether somebody is in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DrivewayConfigEntry
from .entity import CarDescription, CarEntity, async_add_to_cars
from .listeners import LINK
from .state import BODY, CarView

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class CarBinarySensorDescription(CarDescription, BinarySensorEntityDescription):
    """A binary sensor and where its value comes from; None is unknown."""

    is_on_fn: Callable[[CarView], bool | None]


def _opening(
    key: str, device_class: BinarySensorDeviceClass = BinarySensorDeviceClass.OPENING
) -> CarBinarySensorDescription:
    """Describe a door or lid; whatever is not closed counts as open, also one that is ajar."""

    def is_open(view: CarView) -> bool | None:
        told = view.text(BODY, key)
        return None if told is None else told != "closed"

    return CarBinarySensorDescription(key=key, translation_key=key, device_class=device_class, is_on_fn=is_open)


DESCRIPTIONS = (
    CarBinarySensorDescription(
        key="reachable",
        subjects=(LINK,),
        translation_key="reachable",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda view: view.link.reachable if view.link else None,
    ),
    _opening("front_driver_door", BinarySensorDeviceClass.DOOR),
    _opening("front_passenger_door", BinarySensorDeviceClass.DOOR),
    _opening("rear_driver_door", BinarySensorDeviceClass.DOOR),
    _opening("rear_passenger_door", BinarySensorDeviceClass.DOOR),
    _opening("front_trunk"),
    _opening("rear_trunk"),
    _opening("charge_port"),
    CarBinarySensorDescription(key="asleep", translation_key="asleep", is_on_fn=lambda view: view.flag(BODY, "asleep")),
    CarBinarySensorDescription(
        key="user_present",
        translation_key="user_present",
        device_class=BinarySensorDeviceClass.OCCUPANCY,
        is_on_fn=lambda view: view.flag(BODY, "user_present"),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors of every car."""
    async_add_to_cars(entry, async_add_entities, CarBinarySensor, DESCRIPTIONS)


class CarBinarySensor(CarEntity, BinarySensorEntity):
    """Something about a car that is or is not."""

    entity_description: CarBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.is_on_fn(self.view)
