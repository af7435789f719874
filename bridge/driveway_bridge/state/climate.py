"""Cabin, seats, steering wheel, glass."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.state.reading import State, choice, flag, integer, moment, number, numbered


class Keeper(StrEnum):
    """What keeps the climate on while nobody drives."""

    OFF = "off"
    ON = "on"
    DOG = "dog"
    CAMP = "camp"


class Defrost(StrEnum):
    """How strongly the glass is being cleared."""

    OFF = "off"
    NORMAL = "normal"
    MAX = "max"


class OverheatProtection(StrEnum):
    """Whether the cabin is kept from getting too hot."""

    OFF = "off"
    ON = "on"
    FAN_ONLY = "fan_only"


class OverheatTemperature(StrEnum):
    """From when on the cabin is too hot."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class OverheatPause(StrEnum):
    """Why the protection does not cool."""

    NO_REASON = "no_reason"
    USER_INTERACTION = "user_interaction"
    ENERGY_CONSUMPTION_REACHED = "energy_consumption_reached"
    TIMEOUT = "timeout"
    LOW_SOLAR_LOAD = "low_solar_load"
    FAULT = "fault"
    CABIN_BELOW_THRESHOLD = "cabin_below_threshold"


class WheelHeat(StrEnum):
    """How warm the steering wheel is being made."""

    OFF = "off"
    LOW = "low"
    HIGH = "high"


class AutoRequest(StrEnum):
    """Whether somebody meddled with the automatic."""

    ON = "on"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate(State):
    """One answer about the climate. Seats: 0 is off, 3 is high. None also where the car has no such thing."""

    on: bool | None = flag("is_climate_on")
    inside_celsius: float | None = number("inside_temp_celsius")
    outside_celsius: float | None = number("outside_temp_celsius")
    driver_celsius: float | None = number("driver_temp_setting")
    """What the driver set, as the next."""
    passenger_celsius: float | None = number("passenger_temp_setting")
    minimum_celsius: float | None = number("min_avail_temp_celsius")
    maximum_celsius: float | None = number("max_avail_temp_celsius")
    automatic: bool | None = flag("is_auto_conditioning_on")
    automatic_request: AutoRequest | None = numbered("hvac_auto_request", dict(enumerate(AutoRequest)))
    preconditioning: bool | None = flag("is_preconditioning")
    fan_level: int | None = integer("fan_status")
    left_vent_direction: int | None = integer("left_temp_direction")
    right_vent_direction: int | None = integer("right_temp_direction")
    keeper: Keeper | None = choice("climate_keeper_mode", Keeper, Party=Keeper.CAMP)
    defrost: Defrost | None = choice("defrost_mode", Defrost)
    front_defroster: bool | None = flag("is_front_defroster_on")
    rear_defroster: bool | None = flag("is_rear_defroster_on")
    bioweapon: bool | None = flag("bioweapon_mode_on")
    comfort_remote: bool | None = flag("remote_heater_control_enabled")
    """Whether seats and wheel obey from outside."""

    overheat_protection: OverheatProtection | None = numbered(
        "cabin_overheat_protection", dict(enumerate(OverheatProtection))
    )
    overheat_temperature: OverheatTemperature | None = numbered(
        "cop_activation_temperature", dict(enumerate(OverheatTemperature, 1))
    )
    overheat_cooling: bool | None = flag("cabin_overheat_protection_actively_cooling")
    overheat_pause: OverheatPause | None = numbered("cop_not_running_reason", dict(enumerate(OverheatPause)))
    overheat_allowed: bool | None = flag("allow_cabin_overheat_protection")
    overheat_fan_only_possible: bool | None = flag("supports_fan_only_cabin_overheat_protection")

    front_left_seat_heat: int | None = integer("seat_heater_left")
    front_right_seat_heat: int | None = integer("seat_heater_right")
    rear_left_seat_heat: int | None = integer("seat_heater_rear_left")
    rear_right_seat_heat: int | None = integer("seat_heater_rear_right")
    rear_center_seat_heat: int | None = integer("seat_heater_rear_center")
    rear_left_back_seat_heat: int | None = integer("seat_heater_rear_left_back")
    rear_right_back_seat_heat: int | None = integer("seat_heater_rear_right_back")
    third_row_left_seat_heat: int | None = integer("seat_heater_third_row_left")
    third_row_right_seat_heat: int | None = integer("seat_heater_third_row_right")
    front_left_seat_cooling: int | None = integer("seat_fan_front_left")
    front_right_seat_cooling: int | None = integer("seat_fan_front_right")
    front_left_seat_automatic: bool | None = flag("auto_seat_climate_left")
    front_right_seat_automatic: bool | None = flag("auto_seat_climate_right")
    wheel_heat: bool | None = flag("steering_wheel_heater")
    wheel_heat_level: WheelHeat | None = numbered("steering_wheel_heat_level", dict(enumerate(WheelHeat, 1)))
    wheel_heat_automatic: bool | None = flag("auto_steering_wheel_heat")
    battery_heat: bool | None = flag("battery_heater")
    battery_heat_no_power: bool | None = flag("battery_heater_no_power")
    wiper_heat: bool | None = flag("wiper_blade_heater")
    mirror_heat: bool | None = flag("side_mirror_heaters")
    at: float | None = moment("timestamp")
