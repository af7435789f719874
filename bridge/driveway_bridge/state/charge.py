"""Battery, charging, the charge port, and what charging is planned for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.state.location import Place
from driveway_bridge.state.reading import State, choice, flag, integer, moment, nested, number, numbered


class ChargingState(StrEnum):
    """Whether and why the car charges or not."""

    DISCONNECTED = "disconnected"
    NO_POWER = "no_power"
    STARTING = "starting"
    CHARGING = "charging"
    COMPLETE = "complete"
    STOPPED = "stopped"
    CALIBRATING = "calibrating"


class FastCharger(StrEnum):
    """The kind of fast charger at the port."""

    SUPERCHARGER = "supercharger"
    CHADEMO = "chademo"
    GB = "gb"
    AC_SINGLE_WIRE_CAN = "ac_single_wire_can"
    COMBO = "combo"
    MC_SINGLE_WIRE_CAN = "mc_single_wire_can"
    OTHER = "other"
    TESLA = "tesla"


class FastChargerBrand(StrEnum):
    """The maker of the fast charger, where the car knows it."""

    TESLA = "tesla"


class Cable(StrEnum):
    """The standard of the cable at the port."""

    IEC = "iec"
    SAE = "sae"
    GB_AC = "gb_ac"
    GB_DC = "gb_dc"


class Latch(StrEnum):
    """What holds the cable in the port."""

    DISENGAGED = "disengaged"
    ENGAGED = "engaged"
    BLOCKING = "blocking"


class Days(StrEnum):
    """When something planned applies."""

    ALL_WEEK = "all_week"
    WEEKDAYS = "weekdays"


class PlannedMode(StrEnum):
    """What the car waits for before it charges."""

    OFF = "off"
    START_AT = "start_at"
    DEPART_BY = "depart_by"


class PortColor(StrEnum):
    """The light at the port."""

    OFF = "off"
    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    WHITE = "white"
    FLASHING_GREEN = "flashing_green"
    FLASHING_AMBER = "flashing_amber"
    AMBER = "amber"
    RAVE = "rave"
    DEBUG = "debug"
    FLASHING_BLUE = "flashing_blue"


class LimitReason(StrEnum):
    """What slows charging down."""

    NONE = "none"
    EVSE = "evse"
    BATT_TEMP_LOW = "batt_temp_low"
    HIGH_SOC = "high_soc"
    CABIN = "cabin"
    EVSE_RELOCATION_RECOMMENDED = "evse_relocation_recommended"


class Outlet(StrEnum):
    """Which sockets or feeds of the car have power."""

    OFF = "off"
    CABIN_AND_BED = "cabin_and_bed"
    CABIN = "cabin"


class PowershareState(StrEnum):
    """How far giving power from the car has come."""

    INACTIVE = "inactive"
    INIT = "init"
    ACTIVE = "active"
    STOPPED = "stopped"
    HANDSHAKING = "handshaking"
    ACTIVE_RECONNECTING_SOON = "active_reconnecting_soon"


class PowershareKind(StrEnum):
    """What takes power from the car."""

    NONE = "none"
    LOAD = "load"
    HOME = "home"
    GRID = "grid"
    POWERWALL = "powerwall"


class PowershareStop(StrEnum):
    """Why the car stopped giving power."""

    NONE = "none"
    SOC_TOO_LOW = "soc_too_low"
    RETRY = "retry"
    FAULT = "fault"
    USER = "user"
    RECONNECTING = "reconnecting"
    AUTHENTICATION = "authentication"
    ADAPTER_UPDATING = "adapter_updating"
    ADAPTER_INITIALIZATION_FAILED = "adapter_initialization_failed"


class Solar(StrEnum):
    """What charging on the sun's surplus does."""

    NOT_ALLOWED = "not_allowed"
    NO_CHARGE_RECOMMENDED = "no_charge_recommended"
    CHARGING_ON_EXCESS_SOLAR = "charging_on_excess_solar"
    CHARGING_ON_ANYTHING = "charging_on_anything"
    USER_DISABLED = "user_disabled"
    WAITING_FOR_SERVER = "waiting_for_server"
    ERROR = "error"
    USER_STOPPED = "user_stopped"


_OUTLET = dict(enumerate(Outlet))


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedCharging(State):
    """Charging that something in the house manages."""

    solar: Solar | None = choice("charge_on_solar_state", Solar)
    minutes_to_lower_limit: int | None = integer("minutes_to_lower_limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge(State):
    """One answer about charging. Amps, volts and kilowatts are at the cable; ranges are miles in any case.

    The maker does not state the units of currents, voltage, power and ranges; they follow the fields' names and what
    owners see.
    """

    charging: ChargingState | None = choice("charging_state", ChargingState)
    battery_percent: int | None = integer("battery_level")
    usable_battery_percent: int | None = integer("usable_battery_level")
    range_miles: float | None = number("battery_range")
    estimated_range_miles: float | None = number("est_battery_range")
    ideal_range_miles: float | None = number("ideal_battery_range")
    limit_percent: int | None = integer("charge_limit_soc")
    standard_limit_percent: int | None = integer("charge_limit_soc_std")
    minimum_limit_percent: int | None = integer("charge_limit_soc_min")
    maximum_limit_percent: int | None = integer("charge_limit_soc_max")
    one_time_limit_percent: int | None = integer("one_time_soc_limit")
    limit_reason: LimitReason | None = numbered("charge_limit_reason", dict(enumerate(LimitReason, 1)))  # 0: unknown
    max_range_charges: int | None = integer("max_range_charge_counter")
    energy_added_kwh: float | None = number("charge_energy_added")
    range_added_miles: float | None = number("charge_miles_added_rated")
    ideal_range_added_miles: float | None = number("charge_miles_added_ideal")
    volts: int | None = integer("charger_voltage")
    amps: int | None = integer("charger_actual_current")
    pilot_amps: int | None = integer("charger_pilot_current")
    """What the charger offers."""
    set_amps: int | None = integer("charging_amps")
    requested_amps: int | None = integer("charge_current_request")
    maximum_amps: int | None = integer("charge_current_request_max")
    """The largest current that can be set with this car and charger."""
    phases: int | None = integer("charger_phases")
    power_kw: int | None = integer("charger_power")
    rate_mph: float | None = number("charge_rate_mph_float")
    """Miles of range an hour."""
    rounded_rate_mph: int | None = integer("charge_rate_mph")
    minutes_to_full: int | None = integer("minutes_to_full_charge")
    minutes_to_limit: int | None = integer("minutes_to_charge_limit")
    for_trip: bool | None = flag("trip_charging")
    user_wants_charging: bool | None = flag("user_charge_enable_request")
    wants_charging: bool | None = flag("charge_enable_request")
    fast_charger: FastCharger | None = choice(
        "fast_charger_type",
        FastCharger,
        ACSingleWireCAN=FastCharger.AC_SINGLE_WIRE_CAN,
        MCSingleWireCAN=FastCharger.MC_SINGLE_WIRE_CAN,
    )
    fast_charger_brand: FastChargerBrand | None = choice("fast_charger_brand", FastChargerBrand)
    fast_charger_present: bool | None = flag("fast_charger_present")
    supercharger_trip_planner: bool | None = flag("supercharger_session_trip_planner")
    cable: Cable | None = choice("conn_charge_cable", Cable)
    cable_unlatched: bool | None = flag("charge_cable_unlatched")
    port_open: bool | None = flag("charge_port_door_open")
    port_latch: Latch | None = choice("charge_port_latch", Latch)
    port_color: PortColor | None = numbered("charge_port_color", dict(enumerate(PortColor)))
    port_cold_weather: bool | None = flag("charge_port_cold_weather_mode")

    planned_mode: PlannedMode | None = numbered("scheduled_charging_mode", dict(enumerate(PlannedMode)))
    planned_charging_pending: bool | None = flag("scheduled_charging_pending")
    planned_start_minutes: int | None = integer("scheduled_charging_start_time_minutes")
    """After midnight where the car is."""
    planned_start_app_minutes: int | None = integer("scheduled_charging_start_time_app")
    planned_start: int | None = integer("scheduled_charging_start_time")
    """Seconds since 1970."""
    planned_departure_minutes: int | None = integer("scheduled_departure_time_minutes")
    planned_departure: float | None = moment("scheduled_departure_time")
    preconditioning: bool | None = flag("preconditioning_enabled")
    preconditioning_days: Days | None = choice("preconditioning_times", Days)
    off_peak_days: Days | None = choice("off_peak_charging_times", Days)
    off_peak_end_minutes: int | None = integer("off_peak_hours_end_time")

    managed: bool | None = flag("managed_charging_active")
    managed_canceled: bool | None = flag("managed_charging_user_canceled")
    managed_start: int | None = integer("managed_charging_start_time")
    """Seconds since 1970."""
    managed_charging: ManagedCharging | None = nested("managed_charging_state", ManagedCharging)

    outlet: Outlet | None = numbered("outlet_state", _OUTLET)
    outlet_limit_percent: int | None = integer("outlet_soc_limit")
    outlet_seconds_left: int | None = integer("outlet_time_remaining")
    outlet_maximum_minutes: int | None = integer("outlet_max_timer_minutes")
    power_feed: Outlet | None = numbered("power_feed_state", _OUTLET)
    power_feed_limit_percent: int | None = integer("power_feed_soc_limit")
    power_feed_seconds_left: int | None = integer("power_feed_time_remaining")
    powershare: PowershareState | None = numbered("powershare_status", dict(enumerate(PowershareState)))
    powershare_kind: PowershareKind | None = numbered("powershare_type", dict(enumerate(PowershareKind)))
    powershare_stop: PowershareStop | None = numbered("powershare_stop_reason", dict(enumerate(PowershareStop)))
    powershare_allowed: bool | None = flag("powershare_feature_allowed")
    powershare_enabled: bool | None = flag("powershare_feature_enabled")
    powershare_requested: bool | None = flag("powershare_request")
    powershare_load_kw: float | None = number("powershare_instantaneous_load_kw")
    powershare_hours_left: int | None = integer("powershare_vehicle_energy_left_hr")
    powershare_limit_percent: int | None = integer("powershare_soc_limit")

    low_power_mode: bool | None = flag("low_power_mode")
    """Not in the maker's public definitions, as the next."""
    keeps_accessory_power: bool | None = flag("keep_accessory_power_mode")

    home: Place | None = nested("home_location", Place)
    work: Place | None = nested("work_location", Place)
    at: float | None = moment("timestamp")
    """When the car looked, in seconds since 1970."""
