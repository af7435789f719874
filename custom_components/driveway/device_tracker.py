"""Where a car is: near a bridge by what the radios hear, and on the map where the car is allowed to tell."""

from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.device_tracker.const import SourceType
from homeassistant.components.device_tracker.entity import BaseScannerEntity, TrackerEntity, TrackerEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .contract import LinkState
from .coordinator import DrivewayConfigEntry
from .entity import CarDescription, CarEntity, async_add_to_cars
from .listeners import LINK
from .state import CarView

PARALLEL_UPDATES = 0

_WORLD: Final = "wgs"
"""What Home Assistant's map goes by. China's coordinates are some hundred metres aside: they are not shown."""


@dataclass(frozen=True, kw_only=True)
class CarTrackerDescription(CarDescription, TrackerEntityDescription):
    """A tracker."""


NEAR: Final = CarTrackerDescription(key="near", translation_key="near", subjects=(LINK,))
PLACE: Final = CarTrackerDescription(
    key="place",
    translation_key="place",
    subjects=("location",),
    shows=("location", "latitude"),
    told=("location", "latitude"),
)
DESCRIPTIONS: Final = (NEAR, PLACE)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the trackers of every car."""
    async_add_to_cars(entry, async_add_entities, CarNear, (NEAR,))
    async_add_to_cars(entry, async_add_entities, CarPlace, (PLACE,))


def _near(link: LinkState) -> bool | None:
    """Whether a bridge has the car near; a way without a radio knows it by whether the car answers."""
    if link.linked or link.in_range is not None:
        return link.linked or link.in_range
    if link.reachable:
        return True
    return False if link.why_not == "not_in_range" else None


class CarNear(CarEntity, BaseScannerEntity):
    """Whether any of the bridges has the car near."""

    _attr_source_type = SourceType.BLUETOOTH_LE

    @property
    @override
    def is_connected(self) -> bool | None:
        household = self.coordinator.household
        links = [bridge.view(self.car).link for bridge in household if bridge.there and bridge.serves(self.car)]
        heard = {_near(link) for link in links if link}
        return True if True in heard else False if False in heard else None


class CarPlace(CarEntity, TrackerEntity):
    """Where the car says that it is."""

    entity_description: CarTrackerDescription

    @property
    @override
    def latitude(self) -> float | None:
        place = _place(self.view)
        return place[0] if place else None

    @property
    @override
    def longitude(self) -> float | None:
        place = _place(self.view)
        return place[1] if place else None


def _place(view: CarView) -> tuple[float, float] | None:
    """Latitude and longitude in degrees: the car's own first, where they are the world's, then the plain ones."""
    world = view.text("location", "native_system") == _WORLD
    for prefix in ("native_", "") if world else ("",):
        latitude = view.number("location", f"{prefix}latitude")
        longitude = view.number("location", f"{prefix}longitude")
        if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
            return latitude, longitude
    return None
