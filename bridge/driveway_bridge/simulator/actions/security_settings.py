"""Settings that guard the car: sentry, valet, speed limit, PINs, guests, parental controls, power saving, its name."""

from __future__ import annotations

from driveway_bridge.proto import car_server, vehicle
from driveway_bridge.simulator.actions.row import DRIVERS, OWNERS, Asked, RefusedError, Row, fitted, insist
from driveway_bridge.simulator.parts.security_settings import speed_in_range


def _sentry(asked: Asked, message: car_server.VehicleControlSetSentryModeAction) -> None:
    fitted(asked.car.equipment.sentry)
    insist(asked.car.settings.set_sentry(on=message.on))


def _valet(asked: Asked, message: car_server.VehicleControlSetValetModeAction) -> None:
    if message.on and asked.car.settings.parental.active:
        raise RefusedError("parental_controls_active")
    insist(asked.car.settings.set_valet(message.password, on=message.on))


def _reset_valet_pin(asked: Asked, _message: car_server.VehicleControlResetValetPinAction) -> None:
    asked.car.settings.valet.pin = ""


def _speed_limit(asked: Asked, message: car_server.DrivingSetSpeedLimitAction) -> None:
    if not speed_in_range(message.limit_mph):
        raise RefusedError("limit_out_of_range")
    asked.car.settings.speed_limit_mph = message.limit_mph


def _limit_speed(asked: Asked, message: car_server.DrivingSpeedLimitAction) -> None:
    limit = asked.car.settings.speed_limit
    insist(limit.activate(message.pin) if message.activate else limit.deactivate(message.pin))


def _clear_speed_pin(asked: Asked, message: car_server.DrivingClearSpeedLimitPinAction) -> None:
    insist(asked.car.settings.speed_limit.clear(message.pin))


def _clear_speed_pin_admin(asked: Asked, _message: car_server.DrivingClearSpeedLimitPinAdminAction) -> None:
    asked.car.settings.speed_limit.reset()


def _pin_to_drive(asked: Asked, message: car_server.VehicleControlSetPinToDriveAction) -> None:
    guarded = asked.car.settings.pin_to_drive
    insist(guarded.activate(message.password) if message.on else guarded.deactivate(message.password))


def _reset_pin_to_drive(asked: Asked, _message: object) -> None:
    asked.car.settings.pin_to_drive.reset()


def _guest_mode(asked: Asked, message: vehicle.VehicleState.GuestMode) -> None:
    asked.car.settings.guest_mode = message.GuestModeActive


def _erase(asked: Asked, _message: car_server.EraseUserDataAction) -> None:
    if not asked.car.settings.guest_mode:
        raise RefusedError("guest_mode_not_active")


def _parental(asked: Asked, message: car_server.ParentalControlsAction) -> None:
    parental = asked.car.settings.parental
    insist(parental.activate(message.pin) if message.activate else parental.deactivate(message.pin))


def _clear_parental_pin(asked: Asked, message: car_server.ParentalControlsClearPinAction) -> None:
    insist(asked.car.settings.parental.clear(message.pin))


def _clear_parental_pin_admin(asked: Asked, _message: car_server.ParentalControlsClearPinAdminAction) -> None:
    asked.car.settings.parental.reset()


def _parental_setting(asked: Asked, message: car_server.ParentalControlsEnableSettingsAction) -> None:
    settings = asked.car.settings.parental_settings
    (settings.add if message.enable else settings.discard)(int(message.setting))


def _parental_limit(asked: Asked, message: car_server.ParentalControlsSetSpeedLimitAction) -> None:
    if not speed_in_range(message.limit_mph):
        raise RefusedError("limit_out_of_range")
    asked.car.settings.parental_limit_mph = message.limit_mph


def _low_power(asked: Asked, message: car_server.SetLowPowerModeAction) -> None:
    asked.car.settings.set_low_power(on=message.low_power_mode)


def _accessory_power(asked: Asked, message: car_server.SetKeepAccessoryPowerModeAction) -> None:
    if message.keep_accessory_power_mode and asked.car.settings.low_power:
        raise RefusedError("low_power_mode_enforced")
    asked.car.settings.keep_accessory_power = message.keep_accessory_power_mode


def _name(asked: Asked, message: car_server.SetVehicleNameAction) -> None:
    if not message.vehicleName:
        raise RefusedError("invalid_name")
    asked.car.settings.name = message.vehicleName


ROWS = (
    Row("vehicleControlSetSentryModeAction", DRIVERS, _sentry),
    Row("vehicleControlSetValetModeAction", DRIVERS, _valet),
    Row("vehicleControlResetValetPinAction", OWNERS, _reset_valet_pin),
    Row("drivingSetSpeedLimitAction", DRIVERS, _speed_limit),
    Row("drivingSpeedLimitAction", DRIVERS, _limit_speed),
    Row("drivingClearSpeedLimitPinAction", DRIVERS, _clear_speed_pin),
    Row("drivingClearSpeedLimitPinAdminAction", OWNERS, _clear_speed_pin_admin),
    Row("vehicleControlSetPinToDriveAction", OWNERS, _pin_to_drive),
    Row("vehicleControlResetPinToDriveAction", OWNERS, _reset_pin_to_drive),
    Row("vehicleControlResetPinToDriveAdminAction", OWNERS, _reset_pin_to_drive),
    Row("guestModeAction", DRIVERS, _guest_mode),
    Row("eraseUserDataAction", DRIVERS, _erase),
    Row("parentalControlsAction", DRIVERS, _parental),
    Row("parentalControlsClearPinAction", DRIVERS, _clear_parental_pin),
    Row("parentalControlsClearPinAdminAction", OWNERS, _clear_parental_pin_admin),
    Row("parentalControlsEnableSettingsAction", DRIVERS, _parental_setting),
    Row("parentalControlsSetSpeedLimitAction", DRIVERS, _parental_limit),
    Row("setLowPowerModeAction", DRIVERS, _low_power),
    Row("setKeepAccessoryPowerModeAction", DRIVERS, _accessory_power),
    Row("setVehicleNameAction", DRIVERS, _name),
)
