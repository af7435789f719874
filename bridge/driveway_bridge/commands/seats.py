"""Warm and cool seats, and the warm wheel. Cars refuse these unless the cabin's climate is on."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command, same
from driveway_bridge.commands.infotainment import CLIMATE, act_and_read
from driveway_bridge.commands.parameter import boolean, choice
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server

_HEATED: Final = {
    "front_left": "CAR_SEAT_FRONT_LEFT",
    "front_right": "CAR_SEAT_FRONT_RIGHT",
    "rear_left": "CAR_SEAT_REAR_LEFT",
    "rear_left_back": "CAR_SEAT_REAR_LEFT_BACK",
    "rear_center": "CAR_SEAT_REAR_CENTER",
    "rear_right": "CAR_SEAT_REAR_RIGHT",
    "rear_right_back": "CAR_SEAT_REAR_RIGHT_BACK",
    "third_row_left": "CAR_SEAT_THIRD_ROW_LEFT",
    "third_row_right": "CAR_SEAT_THIRD_ROW_RIGHT",
}
_FRONT: Final = {"front_left": 1, "front_right": 2}
_LEVELS: Final = ("off", "low", "medium", "high")
"""As the car tells them: 0 to 3."""
_HEAT_LEVELS: Final = {
    "off": "SEAT_HEATER_OFF",
    "low": "SEAT_HEATER_LOW",
    "medium": "SEAT_HEATER_MED",
    "high": "SEAT_HEATER_HIGH",
}
_WHEEL_LEVELS: Final = {"off": 1, "low": 2, "high": 3}
HEATED_SEAT: Final = choice("seat", tuple(_HEATED))
FRONT_SEAT: Final = choice("seat", tuple(_FRONT))
LEVEL: Final = choice("level", _LEVELS)
WHEEL_LEVEL: Final = choice("level", tuple(_WHEEL_LEVELS))
ON: Final = boolean("on")


def seat_heat(seat: str, level: str) -> Command:
    """Warm a seat."""
    HEATED_SEAT.check(seat)
    LEVEL.check(level)
    heater = car_server.HvacSeatHeaterActions.HvacSeatHeaterAction()
    getattr(heater, _HEAT_LEVELS[level]).SetInParent()
    getattr(heater, _HEATED[seat]).SetInParent()
    action = car_server.HvacSeatHeaterActions(hvacSeatHeaterAction=[heater])
    return act_and_read(
        "seat_heat",
        car_server.VehicleAction(hvacSeatHeaterActions=action),
        CLIMATE,
        lambda climate: same(getattr(climate, f"{seat}_seat_heat"), _LEVELS.index(level)),
    )


def seat_cooling(seat: str, level: str) -> Command:
    """Cool a front seat."""
    FRONT_SEAT.check(seat)
    LEVEL.check(level)
    cooler = car_server.HvacSeatCoolerActions.HvacSeatCoolerAction()
    # In requests, unlike in the state, off is 1.
    cooler.seat_cooler_level = _LEVELS.index(level) + 1  # type: ignore[assignment]  # its number
    cooler.seat_position = _FRONT[seat]  # type: ignore[assignment]  # its number
    action = car_server.HvacSeatCoolerActions(hvacSeatCoolerAction=[cooler])
    return act_and_read(
        "seat_cooling",
        car_server.VehicleAction(hvacSeatCoolerActions=action),
        CLIMATE,
        lambda climate: same(getattr(climate, f"{seat}_seat_cooling"), _LEVELS.index(level)),
    )


def seat_automatic(seat: str, *, on: bool) -> Command:
    """Let the car choose how warm or cool a front seat is."""
    FRONT_SEAT.check(seat)
    ON.check(on)
    position = car_server.AutoSeatClimateAction.CarSeat(on=on)
    position.seat_position = _FRONT[seat]  # type: ignore[assignment]  # its number
    return act_and_read(
        "seat_automatic",
        car_server.VehicleAction(autoSeatClimateAction=car_server.AutoSeatClimateAction(carseat=[position])),
        CLIMATE,
        lambda climate: same(getattr(climate, f"{seat}_seat_automatic"), on),
    )


def wheel_heat(*, on: bool) -> Command:
    """Warm the steering wheel."""
    ON.check(on)
    action = car_server.HvacSteeringWheelHeaterAction(power_on=on)
    return act_and_read(
        "wheel_heat",
        car_server.VehicleAction(hvacSteeringWheelHeaterAction=action),
        CLIMATE,
        lambda climate: same(climate.wheel_heat, on),
    )


def wheel_heat_level(level: str) -> Command:
    """Warm the steering wheel: `off`, `low` or `high`."""
    WHEEL_LEVEL.check(level)
    action = car_server.StwHeatLevelAction()
    action.stw_heat_level = _WHEEL_LEVELS[level]  # type: ignore[assignment]  # its number
    return act_and_read(
        "wheel_heat_level",
        car_server.VehicleAction(stwHeatLevelAction=action),
        CLIMATE,
        lambda climate: same(climate.wheel_heat_level, level),
    )


def wheel_heat_automatic(*, on: bool) -> Command:
    """Let the car choose how warm the steering wheel is."""
    ON.check(on)
    return act_and_read(
        "wheel_heat_automatic",
        car_server.VehicleAction(autoStwHeatAction=car_server.AutoStwHeatAction(on=on)),
        CLIMATE,
        lambda climate: same(climate.wheel_heat_automatic, on),
    )


SPECIFICATIONS: Final = (
    Specification(
        name="seat_heat",
        subject="seats",
        summary="Warm a seat.",
        build=seat_heat,
        parameters=(HEATED_SEAT, LEVEL),
        verified_by="read_climate",
    ),
    Specification(
        name="seat_cooling",
        subject="seats",
        summary="Cool a front seat.",
        build=seat_cooling,
        parameters=(FRONT_SEAT, LEVEL),
        verified_by="read_climate",
    ),
    Specification(
        name="seat_automatic",
        subject="seats",
        summary="Let the car choose how warm or cool a front seat is.",
        build=seat_automatic,
        parameters=(FRONT_SEAT, ON),
        verified_by="read_climate",
    ),
    Specification(
        name="wheel_heat",
        subject="seats",
        summary="Warm the steering wheel.",
        build=wheel_heat,
        parameters=(ON,),
        verified_by="read_climate",
    ),
    Specification(
        name="wheel_heat_level",
        subject="seats",
        summary="Choose how warm the steering wheel is.",
        build=wheel_heat_level,
        parameters=(WHEEL_LEVEL,),
        verified_by="read_climate",
        unofficial=True,
    ),
    Specification(
        name="wheel_heat_automatic",
        subject="seats",
        summary="Let the car choose how warm the steering wheel is.",
        build=wheel_heat_automatic,
        parameters=(ON,),
        verified_by="read_climate",
        unofficial=True,
    ),
)
