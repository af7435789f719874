"""Software update, parental controls, and the categories that the maker has not published."""

from __future__ import annotations

from driveway_bridge.proto import vehicle
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.parts.security_settings import SPEED_MAX_MPH, SPEED_MIN_MPH
from driveway_bridge.simulator.parts.software import INSTALL_S, Update
from driveway_bridge.simulator.states.stamp import stamp

_SETTINGS = {
    0: "speed_limit_enabled",
    1: "chill_acceleration_enabled",
    2: "require_safety_settings_enabled",
    3: "curfew_enabled",
    4: "browser_blocked",
    5: "theater_blocked",
    6: "arcade_blocked",
}
"""Numbers of the parental settings, and their fields."""


def software_state(car: Car) -> vehicle.SoftwareUpdateState:
    """The update that is offered, if any."""
    software = car.software
    state = vehicle.SoftwareUpdateState(timestamp=stamp(car))
    if software.update is Update.NONE:
        state.version = ""
        return state
    getattr(state.status, software.update.value).SetInParent()
    state.version = software.new_version
    state.download_perc = 100
    state.install_perc = software.installed_percent(car.unix_s)
    state.expected_duration_sec = INSTALL_S
    if software.update is Update.SCHEDULED:
        state.scheduled_time_ms = int(software.due * 1000)
        state.warning_time_remaining_ms = max(0, int((software.due - car.unix_s) * 1000))
    return state


def parental_state(car: Car) -> vehicle.ParentalControlsState:
    """Which of the parental controls are on."""
    settings = car.settings
    state = vehicle.ParentalControlsState(
        timestamp=stamp(car),
        parental_controls_active=settings.parental.active,
        parental_controls_pin_set=bool(settings.parental.pin),
    )
    told = state.parental_controls_settings
    for number, name in _SETTINGS.items():
        setattr(told, name, number in settings.parental_settings)
    told.min_limit_mph, told.max_limit_mph = SPEED_MIN_MPH, SPEED_MAX_MPH
    told.current_limit_mph = settings.parental_limit_mph
    return state


def current_state(car: Car) -> vehicle.CurrentVehicleState:
    """Modes of the car as a whole."""
    state = vehicle.CurrentVehicleState(
        timestamp=stamp(car),
        notifications_supported=True,
        remote_start_supported=False,
        service_mode=False,
        pin_to_drive_enabled=car.settings.pin_to_drive.active,
        pin_to_drive_pin_set=bool(car.settings.pin_to_drive.pin),
    )
    state.guest_mode.GuestModeActive = car.settings.guest_mode
    return state


def legacy_state(car: Car) -> vehicle.VehicleState:
    """The same for older clients."""
    state = vehicle.VehicleState(timestamp=stamp(car), car_version=car.software.version, vehicle_name=car.settings.name)
    state.guestMode.GuestModeActive = car.settings.guest_mode
    return state


def config(car: Car) -> vehicle.VehicleConfig:
    """What the car is fitted with."""
    fitted = car.equipment
    return vehicle.VehicleConfig(
        steering_wheel_heater_installed=fitted.wheel_heater,
        sentry_mode_supported=fitted.sentry,
        homelink_supported=fitted.homelink,
        bioweapon_mode_supported=fitted.bioweapon,
        has_seat_cooling=fitted.seat_coolers,
        has_third_row_seat_heaters=fitted.third_row,
        has_air_suspension=fitted.air_suspension,
        motorized_charge_port=True,
        eu_vehicle=True,
        utc_offset=0,
    )


def detail(car: Car) -> vehicle.VehicleDetailState:
    """Name and software."""
    return vehicle.VehicleDetailState(
        timestamp=stamp(car), vehicle_name=car.settings.name, car_version=car.software.version
    )


def gui_settings(car: Car) -> vehicle.GuiSettings:
    """How the screen shows things."""
    return vehicle.GuiSettings(timestamp=stamp(car), gui_24_hour_time=True, show_range_units=True)


def display(car: Car) -> vehicle.DisplayState:
    """The screen."""
    return vehicle.DisplayState(timestamp=stamp(car), displayBrightnessAuto=True)
