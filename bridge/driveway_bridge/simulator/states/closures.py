"""Closures state: doors, windows, lids, and the settings that guard the car."""

from __future__ import annotations

from driveway_bridge.proto import vehicle
from driveway_bridge.simulator.car import CLOSED, Car
from driveway_bridge.simulator.parts.charging import Phase
from driveway_bridge.simulator.parts.climate import Keeper
from driveway_bridge.simulator.parts.drive import Gear
from driveway_bridge.simulator.parts.lids import CLOSING, OPENING
from driveway_bridge.simulator.parts.security_settings import SPEED_MAX_MPH, SPEED_MIN_MPH
from driveway_bridge.simulator.states.stamp import stamp

_DOORS = {
    "driver_front": "front_driver_door",
    "driver_rear": "rear_driver_door",
    "passenger_front": "front_passenger_door",
    "passenger_rear": "rear_passenger_door",
    "trunk_front": "front_trunk",
    "trunk_rear": "rear_trunk",
}
WINDOWS = ("driver_front", "driver_rear", "passenger_front", "passenger_rear")


def closures_state(car: Car) -> vehicle.ClosuresState:
    """Everything that can stand open, and who guards it."""
    settings = car.settings
    state = vehicle.ClosuresState(
        locked=car.locked,
        is_user_present=car.user_present,
        remote_start=False,
        valet_mode=settings.valet.active,
        valet_pin_needed=not settings.valet.pin,
        timestamp=stamp(car),
    )
    for name, closure in _DOORS.items():
        setattr(state, f"door_open_{name}", car.closures[closure] != CLOSED)
    for name in WINDOWS:
        setattr(state, f"window_open_{name}", car.windows_open)
    getattr(state.center_display_state, _display(car)).SetInParent()
    if car.equipment.sentry:
        state.sentry_mode_available = True
        getattr(state.sentry_mode_state, "Armed" if settings.sentry else "Off").SetInParent()
    if car.equipment.sunroof:
        state.sun_roof_percent_open = car.sunroof_percent
        getattr(state.sun_roof_state, _sunroof(car.sunroof_percent)).SetInParent()
    if car.equipment.tonneau:
        state.tonneau_state = car.closures["tonneau"]
        state.tonneau_percent_open = car.lids.percent_open("tonneau", car.now or 0.0)
        state.tonneau_in_motion = car.closures["tonneau"] in (OPENING, CLOSING)
    limit = state.speed_limit_mode
    limit.active, limit.pin_code_set = settings.speed_limit.active, bool(settings.speed_limit.pin)
    limit.min_limit_mph, limit.max_limit_mph = SPEED_MIN_MPH, SPEED_MAX_MPH
    limit.current_limit_mph = settings.speed_limit_mph
    return state


def _sunroof(percent: int) -> str:
    if percent == 0:
        return "Closed"
    return "Vent" if percent <= 20 else "Open"


def _display(car: Car) -> str:
    if car.drive.gear is not Gear.PARK:
        return "Driving"
    if car.user_present:
        return "On"
    if car.climate.keeper is Keeper.DOG:
        return "Dog"
    if car.settings.sentry:
        return "Sentry"
    return "Charging" if car.charging.phase is Phase.CHARGING else "Off"
