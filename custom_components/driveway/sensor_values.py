"""Readings of a car beside the battery: temperatures, driving, tyres, guard, software, what plays."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    UnitOfLength,
    UnitOfPower,
    UnitOfPressure,
    UnitOfSpeed,
    UnitOfTemperature,
    UnitOfTime,
)

from .coordinator import Coordinator
from .sensor_description import CarSensorDescription, moment, number, text, word

WHEELS: Final = ("front_left", "front_right", "rear_left", "rear_right")
_LONGEST_MIN: Final = 60 * 24 * 7

CLIMATE: Final = (
    *(
        number(
            key,
            "climate",
            f"{where}_celsius",
            SensorDeviceClass.TEMPERATURE,
            UnitOfTemperature.CELSIUS,
            suggested_display_precision=1,
        )
        for key, where in (("inside_temperature", "inside"), ("outside_temperature", "outside"))
    ),
    number(
        "fan_level",
        "climate",
        "fan_level",
        None,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    word("climate_keeper", "climate", "keeper", ("off", "on", "dog", "camp"), instead_of=("climate_keeper",)),
    word("defrost", "climate", "defrost", ("off", "normal", "max"), instead_of=("defrost_max",)),
    word(
        "overheat_protection",
        "climate",
        "overheat_protection",
        ("off", "on", "fan_only"),
        instead_of=("overheat_protection",),
    ),
    word(
        "overheat_pause",
        "climate",
        "overheat_pause",
        (
            "no_reason",
            "user_interaction",
            "energy_consumption_reached",
            "timeout",
            "low_solar_load",
            "fault",
            "cabin_below_threshold",
        ),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)


def _arrival(coordinator: Coordinator, car: str) -> datetime | None:
    """When the route ends, by what the car said last; None without a route."""
    heard_at = coordinator.heard_at(car, "drive", "route_minutes")
    minutes = coordinator.view(car).number("drive", "route_minutes")
    if heard_at is None or minutes is None or not 0 < minutes < _LONGEST_MIN:
        return None
    return heard_at + timedelta(minutes=minutes)


DRIVE: Final = (
    word("gear", "drive", "gear", ("park", "reverse", "neutral", "drive")),
    number(
        "speed",
        "drive",
        "speed_mph",
        SensorDeviceClass.SPEED,
        UnitOfSpeed.MILES_PER_HOUR,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    number(
        "power",
        "drive",
        "power_kw",
        SensorDeviceClass.POWER,
        UnitOfPower.KILO_WATT,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    number(
        "odometer",
        "drive",
        "odometer_miles",
        SensorDeviceClass.DISTANCE,
        UnitOfLength.MILES,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=0,
    ),
    text("destination", "drive", "route_destination", entity_registry_enabled_default=False),
    CarSensorDescription(
        key="arrival",
        translation_key="arrival",
        subjects=("drive",),
        shows=("drive", "route_minutes"),
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_arrival,
        tolerance=timedelta(minutes=4),
        entity_registry_enabled_default=False,
    ),
    number(
        "distance_to_arrival",
        "drive",
        "route_miles",
        SensorDeviceClass.DISTANCE,
        UnitOfLength.MILES,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    number(
        "traffic_delay",
        "drive",
        "route_delay_minutes",
        SensorDeviceClass.DURATION,
        UnitOfTime.MINUTES,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    # Without the device class, as the usable battery: the car has one battery level.
    number(
        "battery_at_arrival",
        "drive",
        "route_arrival_percent",
        None,
        PERCENTAGE,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
)

TYRES: Final = (
    *(
        number(
            f"tyre_pressure_{wheel}",
            "tyres",
            f"{wheel}_bar",
            SensorDeviceClass.PRESSURE,
            UnitOfPressure.BAR,
            suggested_display_precision=1,
        )
        for wheel in WHEELS
    ),
    *(
        number(
            f"tyre_pressure_recommended_{axle}",
            "tyres",
            f"{axle}_recommended_bar",
            SensorDeviceClass.PRESSURE,
            UnitOfPressure.BAR,
            suggested_display_precision=1,
            entity_category=EntityCategory.DIAGNOSTIC,
            entity_registry_enabled_default=False,
        )
        for axle in ("front", "rear")
    ),
)

CLOSURES: Final = (
    word("sentry_state", "closures", "sentry", ("off", "idle", "armed", "aware", "panic", "quiet")),
    word(
        "display",
        "closures",
        "display",
        ("off", "dim", "accessory", "on", "driving", "charging", "lock", "sentry", "dog", "entertainment"),
        entity_registry_enabled_default=False,
    ),
    number(
        "sunroof_opening",
        "closures",
        "sun_roof_percent",
        None,
        PERCENTAGE,
        told=("closures", "sun_roof_percent"),
        entity_registry_enabled_default=False,
    ),
    number(
        "tonneau_opening",
        "closures",
        "tonneau_percent",
        None,
        PERCENTAGE,
        told=("closures", "tonneau_percent"),
        entity_registry_enabled_default=False,
    ),
)

SOFTWARE: Final = (
    word(
        "software_update",
        "software",
        "status",
        ("installing", "scheduled", "available", "downloading_wifi_wait", "downloading"),
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    text("software_version", "software", "version", entity_category=EntityCategory.DIAGNOSTIC),
    number(
        "software_download",
        "software",
        "download_percent",
        None,
        PERCENTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    number(
        "software_installation",
        "software",
        "install_percent",
        None,
        PERCENTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    moment(
        "software_scheduled",
        "software",
        "scheduled_at",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)

MEDIA: Final = (
    word("playback", "media", "playback", ("stopped", "playing", "paused"), entity_registry_enabled_default=False),
    text("media_title", "media", "title", entity_registry_enabled_default=False),
    text("media_artist", "media", "artist", entity_registry_enabled_default=False),
    text("media_source", "media_detail", "source_name", entity_registry_enabled_default=False),
    text("media_station", "media_detail", "station", entity_registry_enabled_default=False),
)
