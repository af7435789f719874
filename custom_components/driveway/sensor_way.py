"""The way to a car: what stands in it, how well it is heard, what became of the last command, and what we cost it."""

from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import SIGNAL_STRENGTH_DECIBELS_MILLIWATT, EntityCategory, UnitOfTime

from .coordinator import Coordinator
from .listeners import COMMAND, HEALTH, LINK
from .reasons import OF_THE_RADIO, REASONS
from .sensor_description import CarSensorDescription
from .state import BODY

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
OUTCOMES: Final = (*REASONS, "unloaded", "other")
"""How a command can have ended."""


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


def _route(coordinator: Coordinator, car: str) -> str | None:
    """The name of the bridge that a command would be given to first."""
    bridge = coordinator.bridge(car)
    return bridge.info.name if bridge and bridge.info else None


def _outcome(coordinator: Coordinator, car: str) -> str | None:
    last = coordinator.last_commands.get(car)
    return None if last is None else last.reason if last.reason in OUTCOMES else "other"


def _of_last_command(coordinator: Coordinator, car: str) -> dict[str, Any]:
    last = coordinator.last_commands.get(car)
    if last is None:
        return {}
    return {"command": last.command, "at": last.at, "took_ms": round(last.took_ms), "route": last.route}


def _caused(coordinator: Coordinator, car: str, name: str) -> float | None:
    """What all bridges together say of a car's budget; None while none of them says anything."""
    parts = [bridge.health.number("cars", car, "budget", name) for bridge in coordinator.household if bridge.health]
    told = [part for part in parts if part is not None]
    return sum(told) if told else None


def _wakes(coordinator: Coordinator, car: str) -> int | None:
    wakes = _caused(coordinator, car, "wakes_today")
    return None if wakes is None else round(wakes)


WAY: Final = (
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
        key="last_command",
        subjects=(COMMAND,),
        translation_key="last_command",
        device_class=SensorDeviceClass.ENUM,
        options=list(OUTCOMES),
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_outcome,
        attributes_fn=_of_last_command,
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
    CarSensorDescription(
        key="route",
        subjects=(LINK,),
        translation_key="route",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_route,
    ),
    CarSensorDescription(
        key="awake_time_caused",
        subjects=(HEALTH,),
        translation_key="awake_time_caused",
        device_class=SensorDeviceClass.DURATION,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda coordinator, car: _caused(coordinator, car, "awake_minutes_today"),
    ),
    CarSensorDescription(
        key="wakes_caused",
        subjects=(HEALTH,),
        translation_key="wakes_caused",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_wakes,
    ),
)
