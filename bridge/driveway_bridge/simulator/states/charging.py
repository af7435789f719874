"""Charge state and charge schedules."""

from __future__ import annotations

import math

from driveway_bridge.proto import vehicle
from driveway_bridge.simulator.car import CLOSED, Car
from driveway_bridge.simulator.parts.charging import (
    CAPACITY_KWH,
    LIMIT_MAX,
    LIMIT_MIN,
    LIMIT_STANDARD,
    MILES_PER_PERCENT,
    Phase,
)
from driveway_bridge.simulator.parts.schedules import MAX_SCHEDULES, Mode
from driveway_bridge.simulator.states.stamp import stamp

_COLORS = vehicle.ChargeState.ChargePortColor_E


def charge_state(car: Car) -> vehicle.ChargeState:
    """Battery, charger, cable, port, and the single schedule."""
    charging = car.charging
    state = vehicle.ChargeState(
        charge_limit_soc=charging.limit,
        charge_limit_soc_std=LIMIT_STANDARD,
        charge_limit_soc_min=LIMIT_MIN,
        charge_limit_soc_max=LIMIT_MAX,
        max_range_charge_counter=charging.to_max_range,
        fast_charger_present=False,
        battery_range=round(charging.level * MILES_PER_PERCENT, 2),
        est_battery_range=round(charging.level * MILES_PER_PERCENT * 0.91, 2),
        ideal_battery_range=round(charging.level * MILES_PER_PERCENT, 2),
        battery_level=int(charging.level),
        usable_battery_level=int(charging.level),
        charge_energy_added=round(charging.added_kwh, 1),
        charge_port_door_open=car.closures["charge_port"] != CLOSED,
        charge_port_cold_weather_mode=False,
        charge_current_request=charging.amps,
        charge_current_request_max=charging.max_amps,
        charging_amps=charging.amps,
        charge_enable_request=charging.phase is not Phase.STOPPED,
        trip_charging=False,
        charge_port_color=_port_color(car),
        timestamp=stamp(car),
    )
    getattr(state.charging_state, charging.phase.value).SetInParent()
    state.fast_charger_type.SNA.SetInParent()
    getattr(state.conn_charge_cable, "IEC" if charging.cable else "SNA").SetInParent()
    getattr(state.charge_port_latch, "Engaged" if charging.latched else "Disengaged").SetInParent()
    if charging.cable:
        _add_flow(state, car)
    _add_schedule(state, car)
    return state


def _add_flow(state: vehicle.ChargeState, car: Car) -> None:
    charging = car.charging
    flows = charging.phase is Phase.CHARGING
    cable = charging.cable
    state.charger_voltage = cable.volts if cable and flows else 0
    state.charger_phases = cable.phases if cable and flows else 0
    state.charger_pilot_current = charging.max_amps
    state.charger_actual_current = charging.actual_amps
    state.charger_power = round(charging.power_kw)
    mph = charging.percent_per_hour * MILES_PER_PERCENT
    state.charge_rate_mph = round(mph)
    state.charge_rate_mph_float = round(mph, 1)
    minutes = math.ceil((charging.hours_to(charging.limit) or 0) * 60)
    state.minutes_to_full_charge = state.minutes_to_charge_limit = minutes
    state.charge_miles_added_rated = round(charging.added_kwh / CAPACITY_KWH * 100 * MILES_PER_PERCENT, 1)


def _port_color(car: Car) -> vehicle.ChargeState.ChargePortColor_E:
    if car.closures["charge_port"] == CLOSED:
        return _COLORS.ChargePortColorOff
    return {
        Phase.CHARGING: _COLORS.ChargePortColorFlashingGreen,
        Phase.COMPLETE: _COLORS.ChargePortColorGreen,
        Phase.STOPPED: _COLORS.ChargePortColorBlue,
        Phase.NO_POWER: _COLORS.ChargePortColorRed,
    }.get(car.charging.phase, _COLORS.ChargePortColorWhite)


def _add_schedule(state: vehicle.ChargeState, car: Car) -> None:
    schedule = car.schedule
    state.scheduled_charging_mode = schedule.mode.value  # type: ignore[assignment]
    state.scheduled_charging_pending = schedule.due is not None
    state.preconditioning_enabled = schedule.preconditioning is not None
    if schedule.mode is Mode.START_AT:
        state.scheduled_charging_start_time_minutes = schedule.start_min
        state.scheduled_charging_start_time_app = schedule.start_min
        state.scheduled_charging_start_time = int(schedule.next_start(car.unix_s) or 0)
    if schedule.mode is Mode.DEPART_BY:
        state.scheduled_departure_time_minutes = schedule.departure_min
        state.off_peak_hours_end_time = schedule.off_peak_end_min
    if schedule.preconditioning:
        getattr(state.preconditioning_times, schedule.preconditioning).SetInParent()
    if schedule.off_peak:
        getattr(state.off_peak_charging_times, schedule.off_peak).SetInParent()


def charge_schedules(car: Car) -> vehicle.ChargeScheduleState:
    """The list of charge schedules."""
    return vehicle.ChargeScheduleState(
        charge_schedules=car.charge_schedules.entries.values(),
        max_num_charge_schedules=MAX_SCHEDULES,
        charge_buffer=0,
        next_schedule=bool(car.charge_schedules.entries),
        timestamp=stamp(car),
    )


def preconditioning_schedules(car: Car) -> vehicle.PreconditioningScheduleState:
    """The list of preconditioning schedules."""
    return vehicle.PreconditioningScheduleState(
        precondition_schedules=car.preconditioning_schedules.entries.values(),
        max_num_precondition_schedules=MAX_SCHEDULES,
        next_schedule=bool(car.preconditioning_schedules.entries),
        timestamp=stamp(car),
    )
