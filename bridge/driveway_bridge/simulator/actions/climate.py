"""Climate: on, temperatures, keeper modes, defrost, overheat protection, and what warms or cools people."""

from __future__ import annotations

from driveway_bridge.proto import car_server, common
from driveway_bridge.simulator.actions.row import DRIVERS, Asked, RefusedError, Row, fitted
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.parts.climate import MAX_C, MIN_C, Keeper, Overheat

COMFORT_DISABLED = "cabin comfort remote settings not enabled"

_KEEPERS = (Keeper.OFF, Keeper.ON, Keeper.DOG, Keeper.CAMP)
_HEATER_LEVELS = {"SEAT_HEATER_OFF": 0, "SEAT_HEATER_LOW": 1, "SEAT_HEATER_MED": 2, "SEAT_HEATER_HIGH": 3}
_HEATED = {
    "CAR_SEAT_FRONT_LEFT": "left",
    "CAR_SEAT_FRONT_RIGHT": "right",
    "CAR_SEAT_REAR_LEFT": "rear_left",
    "CAR_SEAT_REAR_CENTER": "rear_center",
    "CAR_SEAT_REAR_RIGHT": "rear_right",
    "CAR_SEAT_THIRD_ROW_LEFT": "third_row_left",
    "CAR_SEAT_THIRD_ROW_RIGHT": "third_row_right",
}
_FRONT = {1: "left", 2: "right"}


def _power(asked: Asked) -> None:
    """Refuse what draws power while the car saves it."""
    if asked.car.settings.low_power:
        raise RefusedError("low_power_mode_enforced")


def _comfort(asked: Asked) -> None:
    """Refuse what warms or cools people while that is not allowed from afar."""
    if asked.faults.strikes(Fault.COMFORT_DISABLED):
        raise RefusedError(COMFORT_DISABLED)


def _auto(asked: Asked, message: car_server.HvacAutoAction) -> None:
    if message.power_on:
        _power(asked)
    asked.car.climate.switch(on=message.power_on)


def _temperatures(asked: Asked, message: car_server.HvacTemperatureAdjustmentAction) -> None:
    climate = asked.car.climate
    driver, passenger = message.driver_temp_celsius, message.passenger_temp_celsius
    if driver or passenger:
        climate.set_temperatures(driver or None, passenger or None)
    elif message.absolute_celsius:
        climate.set_temperatures(message.absolute_celsius, message.absolute_celsius)
    elif message.delta_celsius:
        climate.set_temperatures(climate.driver_c + message.delta_celsius, climate.passenger_c + message.delta_celsius)
    else:
        extreme = {"TEMP_MIN": MIN_C, "TEMP_MAX": MAX_C}.get(message.level.WhichOneof("type") or "")
        climate.set_temperatures(extreme, extreme)


def _keeper(asked: Asked, message: car_server.HvacClimateKeeperAction) -> None:
    if message.ClimateKeeperAction >= len(_KEEPERS):
        raise RefusedError("not_supported")
    mode = _KEEPERS[message.ClimateKeeperAction]
    if mode is not Keeper.OFF:
        _power(asked)
    asked.car.climate.keep(mode)


def _defrost(asked: Asked, message: car_server.HvacSetPreconditioningMaxAction) -> None:
    asked.car.climate.defrost(on=message.on)


def _bioweapon(asked: Asked, message: car_server.HvacBioweaponModeAction) -> None:
    fitted(asked.car.equipment.bioweapon)
    climate = asked.car.climate
    climate.bioweapon = message.on
    climate.on = climate.on or message.on


def _recirculation(asked: Asked, message: car_server.HvacRecirculationAction) -> None:
    asked.car.climate.recirculation = message.on


def _overheat(asked: Asked, message: car_server.SetCabinOverheatProtectionAction) -> None:
    wanted = Overheat.FAN_ONLY if message.fan_only else Overheat.ON
    asked.car.climate.overheat = wanted if message.on else Overheat.OFF


def _overheat_level(asked: Asked, message: car_server.SetCopTempAction) -> None:
    if message.copActivationTemp not in (1, 2, 3):
        raise RefusedError("not_supported")
    asked.car.climate.overheat_level = int(message.copActivationTemp)


def _heat_seats(asked: Asked, message: car_server.HvacSeatHeaterActions) -> None:
    _comfort(asked)
    seats = asked.car.climate.seat_heaters
    wanted: dict[str, int] = {}
    for action in message.hvacSeatHeaterAction:
        seat = _HEATED.get(action.WhichOneof("seat_position") or "", "")
        level = _HEATER_LEVELS.get(action.WhichOneof("seat_heater_level") or "")
        if level is None or seat not in seats:
            raise RefusedError("not_supported")
        wanted[seat] = level
    seats.update(wanted)


def _cool_seats(asked: Asked, message: car_server.HvacSeatCoolerActions) -> None:
    _comfort(asked)
    seats = asked.car.climate.seat_coolers
    wanted: dict[str, int] = {}
    for action in message.hvacSeatCoolerAction:
        seat = _FRONT.get(action.seat_position, "")
        if seat not in seats or not 1 <= action.seat_cooler_level <= 4:
            raise RefusedError("not_supported")
        wanted[seat] = action.seat_cooler_level - 1  # here 1 is off
    seats.update(wanted)


def _auto_seats(asked: Asked, message: car_server.AutoSeatClimateAction) -> None:
    _comfort(asked)
    for seat in message.carseat:
        if seat.seat_position not in _FRONT:
            raise RefusedError("not_supported")
        asked.car.climate.auto_seats[_FRONT[seat.seat_position]] = seat.on


def _heat_wheel(asked: Asked, message: car_server.HvacSteeringWheelHeaterAction) -> None:
    fitted(asked.car.equipment.wheel_heater)
    _comfort(asked)
    asked.car.climate.wheel_level = 3 if message.power_on else 0


def _wheel_level(asked: Asked, message: car_server.StwHeatLevelAction) -> None:
    fitted(asked.car.equipment.wheel_heater)
    _comfort(asked)
    levels = {
        common.StwHeatLevel.StwHeatLevel_Off: 0,
        common.StwHeatLevel.StwHeatLevel_Low: 1,
        common.StwHeatLevel.StwHeatLevel_High: 3,
    }
    if message.stw_heat_level not in levels:
        raise RefusedError("not_supported")
    asked.car.climate.wheel_level = levels[message.stw_heat_level]


def _auto_wheel(asked: Asked, message: car_server.AutoStwHeatAction) -> None:
    fitted(asked.car.equipment.wheel_heater)
    _comfort(asked)
    asked.car.climate.auto_wheel = message.on


ROWS = (
    Row("hvacAutoAction", DRIVERS, _auto),
    Row("hvacTemperatureAdjustmentAction", DRIVERS, _temperatures),
    Row("hvacClimateKeeperAction", DRIVERS, _keeper),
    Row("hvacSetPreconditioningMaxAction", DRIVERS, _defrost),
    Row("hvacBioweaponModeAction", DRIVERS, _bioweapon),
    Row("hvacRecirculationAction", DRIVERS, _recirculation),
    Row("setCabinOverheatProtectionAction", DRIVERS, _overheat),
    Row("setCopTempAction", DRIVERS, _overheat_level),
    Row("hvacSeatHeaterActions", DRIVERS, _heat_seats),
    Row("hvacSeatCoolerActions", DRIVERS, _cool_seats),
    Row("autoSeatClimateAction", DRIVERS, _auto_seats),
    Row("hvacSteeringWheelHeaterAction", DRIVERS, _heat_wheel),
    Row("stwHeatLevelAction", DRIVERS, _wheel_level),
    Row("autoStwHeatAction", DRIVERS, _auto_wheel),
)
