"""Yes or no: what is open, plugged in, switched on or wrong at a car, and whether a bridge is there and well."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DrivewayConfigEntry
from .entity import BridgeEntity, CarDescription, CarEntity, async_add_to_bridges, async_add_to_cars
from .household import Bridge
from .listeners import LINK
from .sensor_charge import CHARGES
from .sensor_values import WHEELS
from .state import BODY, WINDOWS, CarView

PARALLEL_UPDATES = 0

ATTR_PROBLEMS: Final = "problems"


@dataclass(frozen=True, kw_only=True)
class CarBinarySensorDescription(CarDescription, BinarySensorEntityDescription):
    """A binary sensor and where its value comes from; None is unknown."""

    is_on_fn: Callable[[CarView], bool | None]


@dataclass(frozen=True, kw_only=True)
class BridgeBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor of a bridge; None is unknown."""

    is_on_fn: Callable[[Bridge], bool | None]
    problems: bool = False
    """Whether the bridge's problems stand beside it."""


def _reading(
    key: str,
    subject: str,
    name: str,
    device_class: BinarySensorDeviceClass | None = None,
    is_on: Callable[[CarView], bool | None] | None = None,
    **more: Any,
) -> CarBinarySensorDescription:
    """Describe a reading: a flag of the car's, unless `is_on` says otherwise."""
    return CarBinarySensorDescription(
        key=key,
        translation_key=key,
        subjects=(subject,),
        shows=(subject, name),
        device_class=device_class,
        is_on_fn=is_on or (lambda view: view.flag(subject, name)),
        **more,
    )


def _opening(
    key: str, device_class: BinarySensorDeviceClass = BinarySensorDeviceClass.OPENING, **more: Any
) -> CarBinarySensorDescription:
    """Describe a door or lid; whatever is not closed counts as open, also one that is ajar."""

    def is_open(view: CarView) -> bool | None:
        told = view.text(BODY, key)
        return None if told is None else told != "closed"

    return _reading(key, BODY, key, device_class, is_open, **more)


def _charging(view: CarView) -> bool | None:
    told = view.text("charge", "charging")
    return None if told is None else told in CHARGES


def _plugged_in(view: CarView) -> bool | None:
    told = view.text("charge", "charging")
    return None if told is None else told != "disconnected"


def _tyre_warning(wheel: str) -> CarBinarySensorDescription:
    """Describe a tyre's warning, be it soft or hard."""

    def warned(view: CarView) -> bool | None:
        warnings = {view.flag("tyres", f"{wheel}_{kind}_warning") for kind in ("soft", "hard")}
        return True if True in warnings else False if False in warnings else None

    return _reading(f"tyre_warning_{wheel}", "tyres", f"{wheel}_soft_warning", BinarySensorDeviceClass.PROBLEM, warned)


def _speed_limit(view: CarView) -> bool | None:
    told = view.value("closures", "speed_limit")
    active = told.get("active") if isinstance(told, dict) else None
    return active if isinstance(active, bool) else None


_DIAGNOSTIC: Final[dict[str, Any]] = {"entity_category": EntityCategory.DIAGNOSTIC}
_RARE: Final[dict[str, Any]] = {"entity_registry_enabled_default": False}

OF_CARS: Final = (
    CarBinarySensorDescription(
        key="reachable",
        subjects=(LINK,),
        translation_key="reachable",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda view: view.link.reachable if view.link else None,
    ),
    CarBinarySensorDescription(
        key="linked",
        subjects=(LINK,),
        translation_key="linked",
        is_on_fn=lambda view: view.link.linked if view.link else None,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    CarBinarySensorDescription(
        key="places_taken",
        subjects=(LINK,),
        translation_key="places_taken",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on_fn=lambda view: None if view.link is None or view.link.places_free is None else not view.link.places_free,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    _opening("front_driver_door", BinarySensorDeviceClass.DOOR),
    _opening("front_passenger_door", BinarySensorDeviceClass.DOOR),
    _opening("rear_driver_door", BinarySensorDeviceClass.DOOR),
    _opening("rear_passenger_door", BinarySensorDeviceClass.DOOR),
    _opening("front_trunk", instead_of=("frunk_open",)),
    _opening("rear_trunk", instead_of=("trunk_open", "trunk_close")),
    _opening("charge_port", instead_of=("charge_port_open", "charge_port_close")),
    _opening("tonneau", told=(BODY, "tonneau"), instead_of=("tonneau_open", "tonneau_close", "tonneau_stop")),
    *(
        _reading(f"{window}_window", "closures", f"{window}_window_open", BinarySensorDeviceClass.WINDOW)
        for window in WINDOWS
    ),
    _reading(
        "sunroof",
        "closures",
        "sun_roof",
        BinarySensorDeviceClass.OPENING,
        lambda view: None if (told := view.text("closures", "sun_roof")) is None else told != "closed",
        told=("closures", "sun_roof"),
        instead_of=("sunroof_open", "sunroof_close", "sunroof_vent"),
    ),
    _reading("asleep", BODY, "asleep"),
    _reading("user_present", BODY, "user_present", BinarySensorDeviceClass.OCCUPANCY),
    _reading("charging", "charge", "charging", BinarySensorDeviceClass.BATTERY_CHARGING, _charging),
    _reading("plugged_in", "charge", "charging", BinarySensorDeviceClass.PLUG, _plugged_in),
    _reading("charging_planned", "charge", "planned_charging_pending", **_RARE),
    _reading("fast_charger_present", "charge", "fast_charger_present", **_DIAGNOSTIC, **_RARE),
    _reading("low_power_mode", "charge", "low_power_mode", instead_of=("low_power_mode",)),
    _reading(
        "climate",
        "climate",
        "on",
        BinarySensorDeviceClass.RUNNING,
        instead_of=("climate_on", "climate_off", "climate_temperature"),
    ),
    _reading("preconditioning", "climate", "preconditioning", **_RARE),
    _reading("overheat_cooling", "climate", "overheat_cooling", BinarySensorDeviceClass.RUNNING, **_RARE),
    _reading("battery_heat", "climate", "battery_heat", told=("climate", "battery_heat"), **_RARE),
    _reading("front_defroster", "climate", "front_defroster", **_RARE),
    _reading("rear_defroster", "climate", "rear_defroster", **_RARE),
    *(_tyre_warning(wheel) for wheel in WHEELS),
    _reading("valet_mode", "closures", "valet_mode"),
    _reading("speed_limit", "closures", "speed_limit", is_on=_speed_limit, **_RARE),
    _reading("keyless_driving", "closures", "keyless_driving", **_RARE),
    _reading("parental_controls", "parental_controls", "active", told=("parental_controls", "active")),
    _reading("homelink_nearby", "location", "homelink_nearby", told=("location", "homelink_nearby"), **_RARE),
)

OF_BRIDGES: Final = (
    BridgeBinarySensorDescription(
        key="connected",
        translation_key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda bridge: bridge.there,
    ),
    BridgeBinarySensorDescription(
        key="problem",
        translation_key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        # What a bridge that is away said of itself says nothing of now; that it is away is told beside it.
        is_on_fn=lambda bridge: bool(bridge.health.problems) if bridge.health and bridge.there else None,
        problems=True,
    ),
)
DESCRIPTIONS: Final = (*OF_CARS, *OF_BRIDGES)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors of every car and bridge."""
    async_add_to_bridges(entry, async_add_entities, BridgeBinarySensor, OF_BRIDGES)
    async_add_to_cars(entry, async_add_entities, CarBinarySensor, OF_CARS)


class CarBinarySensor(CarEntity, BinarySensorEntity):
    """Something about a car that is or is not."""

    entity_description: CarBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.is_on_fn(self.view)


class BridgeBinarySensor(BridgeEntity, BinarySensorEntity):
    """Something about a bridge that is or is not."""

    entity_description: BridgeBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.is_on_fn(self.bridge)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        if not self.entity_description.problems:
            return None
        problems = self.bridge.health.problems if self.bridge.health and self.bridge.there else ()
        return {ATTR_PROBLEMS: [problem._asdict() for problem in problems]}
