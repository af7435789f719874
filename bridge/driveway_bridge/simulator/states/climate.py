"""Climate state."""

from __future__ import annotations

from driveway_bridge.proto import common, vehicle
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.parts.climate import MAX_C, MIN_C
from driveway_bridge.simulator.states.stamp import stamp

_WHEEL_LEVELS = {
    0: common.StwHeatLevel.StwHeatLevel_Off,
    1: common.StwHeatLevel.StwHeatLevel_Low,
    3: common.StwHeatLevel.StwHeatLevel_High,
}


def climate_state(car: Car, *, comfort_allowed: bool = True) -> vehicle.ClimateState:
    """Temperatures, fans, seats, and what keeps the climate on."""
    climate = car.climate
    state = vehicle.ClimateState(
        inside_temp_celsius=round(climate.inside_c, 1),
        outside_temp_celsius=climate.outside_c,
        driver_temp_setting=climate.driver_c,
        passenger_temp_setting=climate.passenger_c,
        is_climate_on=climate.on,
        is_auto_conditioning_on=climate.on,
        is_preconditioning=climate.on and not car.user_present,
        is_front_defroster_on=climate.max_defrost,
        is_rear_defroster_on=climate.max_defrost,
        fan_status=climate.fan,
        min_avail_temp_celsius=MIN_C,
        max_avail_temp_celsius=MAX_C,
        battery_heater=False,
        side_mirror_heaters=climate.max_defrost,
        wiper_blade_heater=climate.max_defrost,
        remote_heater_control_enabled=comfort_allowed,
        allow_cabin_overheat_protection=True,
        supports_fan_only_cabin_overheat_protection=True,
        cabin_overheat_protection=climate.overheat.value,  # type: ignore[arg-type]
        cabin_overheat_protection_actively_cooling=climate.cooling_a_hot_cabin,
        cop_activation_temperature=climate.overheat_level,  # type: ignore[arg-type]
        auto_seat_climate_left=climate.auto_seats["left"],
        auto_seat_climate_right=climate.auto_seats["right"],
        timestamp=stamp(car),
    )
    getattr(state.climate_keeper_mode, climate.keeper.value).SetInParent()
    getattr(state.defrost_mode, "Max" if climate.max_defrost else "Off").SetInParent()
    for seat, level in climate.seat_heaters.items():
        setattr(state, f"seat_heater_{seat}", level)
    for seat, level in climate.seat_coolers.items():
        setattr(state, f"seat_fan_front_{seat}", level)
    if car.equipment.bioweapon:
        state.bioweapon_mode_on = climate.bioweapon
    if car.equipment.wheel_heater:
        state.steering_wheel_heater = climate.wheel_level > 0
        state.steering_wheel_heat_level = _WHEEL_LEVELS[climate.wheel_level]
        state.auto_steering_wheel_heat = climate.auto_wheel
    return state
