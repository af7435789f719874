"""The battery and how it is charged."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfLength,
    UnitOfPower,
    UnitOfSpeed,
    UnitOfTime,
)

from .coordinator import Coordinator
from .sensor_description import CarSensorDescription, moment, number, word

_LONGEST_MIN: Final = 60 * 24 * 30
CHARGES: Final = ("starting", "charging", "calibrating")
"""Words of `charging` that mean that it goes on until somebody or something ends it."""

_number = partial(number, subject="charge")
_word = partial(word, subject="charge")


def _finished_at(coordinator: Coordinator, car: str) -> datetime | None:
    """When the limit will be reached, by what the car said last; None while it does not charge."""
    view = coordinator.view(car)
    if view.text("charge", "charging") not in CHARGES:
        return None
    for name in ("minutes_to_limit", "minutes_to_full"):  # cars tell one of them, or both
        minutes, heard_at = view.number("charge", name), coordinator.heard_at(car, "charge", name)
        if minutes and heard_at and 0 < minutes < _LONGEST_MIN:
            return heard_at + timedelta(minutes=minutes)
    return None


CHARGE: Final = (
    _number(
        "battery",
        name="battery_percent",
        device_class=SensorDeviceClass.BATTERY,
        unit=PERCENTAGE,
        suggested_display_precision=0,
    ),
    # Without the device class: the page of the car shows the first battery that it finds.
    _number(
        "usable_battery",
        name="usable_battery_percent",
        device_class=None,
        unit=PERCENTAGE,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    _number(
        "range",
        name="range_miles",
        device_class=SensorDeviceClass.DISTANCE,
        unit=UnitOfLength.MILES,
        suggested_display_precision=0,
    ),
    _number(
        "estimated_range",
        name="estimated_range_miles",
        device_class=SensorDeviceClass.DISTANCE,
        unit=UnitOfLength.MILES,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    _number(
        "charge_limit",
        name="limit_percent",
        device_class=None,
        unit=PERCENTAGE,
        suggested_display_precision=0,
        instead_of=("charge_limit",),
    ),
    _word(
        "charging_state",
        name="charging",
        options=("disconnected", "no_power", "starting", "charging", "complete", "stopped", "calibrating"),
    ),
    _word(
        "charge_limit_reason",
        name="limit_reason",
        options=("none", "evse", "batt_temp_low", "high_soc", "cabin", "evse_relocation_recommended"),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    CarSensorDescription(
        key="charging_finished",
        translation_key="charging_finished",
        subjects=("charge",),
        shows=("charge", "minutes_to_limit"),
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_finished_at,
        tolerance=timedelta(minutes=4),
    ),
    _number(
        "charging_power",
        name="power_kw",
        device_class=SensorDeviceClass.POWER,
        unit=UnitOfPower.KILO_WATT,
        suggested_display_precision=1,
    ),
    _number(
        "charging_current",
        name="amps",
        device_class=SensorDeviceClass.CURRENT,
        unit=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
    ),
    _number(
        "charging_current_offered",
        name="pilot_amps",
        device_class=SensorDeviceClass.CURRENT,
        unit=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    _number(
        "charging_voltage",
        name="volts",
        device_class=SensorDeviceClass.VOLTAGE,
        unit=UnitOfElectricPotential.VOLT,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    _number(
        "charging_phases",
        name="phases",
        device_class=None,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    _number(
        "charging_rate",
        name="rate_mph",
        device_class=SensorDeviceClass.SPEED,
        unit=UnitOfSpeed.MILES_PER_HOUR,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    # It begins anew with each session, which is what the class expects of a meter that falls.
    _number(
        "energy_added",
        name="energy_added_kwh",
        device_class=SensorDeviceClass.ENERGY,
        unit=UnitOfEnergy.KILO_WATT_HOUR,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=1,
    ),
    _number(
        "range_added",
        name="range_added_miles",
        device_class=SensorDeviceClass.DISTANCE,
        unit=UnitOfLength.MILES,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=0,
        entity_registry_enabled_default=False,
    ),
    _word(
        "charging_cable",
        name="cable",
        options=("iec", "sae", "gb_ac", "gb_dc"),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    _word(
        "fast_charger",
        name="fast_charger",
        options=(
            "supercharger",
            "chademo",
            "gb",
            "ac_single_wire_can",
            "combo",
            "mc_single_wire_can",
            "other",
            "tesla",
        ),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    _word(
        "charge_port_latch",
        name="port_latch",
        options=("disengaged", "engaged", "blocking"),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    moment("planned_charging", "charge", "planned_start", entity_registry_enabled_default=False),
    moment("planned_departure", "charge", "planned_departure", entity_registry_enabled_default=False),
    _word(
        "powershare",
        name="powershare",
        options=("inactive", "init", "active", "stopped", "handshaking", "active_reconnecting_soon"),
        told=("charge", "powershare"),
    ),
    _number(
        "powershare_power",
        name="powershare_load_kw",
        device_class=SensorDeviceClass.POWER,
        unit=UnitOfPower.KILO_WATT,
        suggested_display_precision=1,
        told=("charge", "powershare_load_kw"),
    ),
    _number(
        "powershare_time_left",
        name="powershare_hours_left",
        device_class=SensorDeviceClass.DURATION,
        unit=UnitOfTime.HOURS,
        told=("charge", "powershare_hours_left"),
        entity_registry_enabled_default=False,
    ),
)
