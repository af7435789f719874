"""The cabin's climate. Seats and wheel are in `seats`."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command, near, same, unless
from driveway_bridge.commands.infotainment import CLIMATE, act, act_and_read
from driveway_bridge.commands.parameter import boolean, choice, number
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server, common

COLDEST_CELSIUS, HOTTEST_CELSIUS = 15.0, 28.0
DRIVER: Final = number("driver_celsius", "°C", COLDEST_CELSIUS, HOTTEST_CELSIUS)
PASSENGER: Final = number("passenger_celsius", "°C", COLDEST_CELSIUS, HOTTEST_CELSIUS, default=None)
KEEPER: Final = choice("mode", ("off", "on", "dog", "camp"))
OVERHEAT_MODE: Final = choice("mode", ("off", "on", "fan_only"))
OVERHEAT_LEVEL: Final = choice("level", ("low", "medium", "high"))
ON: Final = boolean("on")
_ROUNDED_CELSIUS = 0.3
"""Cars keep half degrees."""
_KEEPERS: Final = {
    "off": car_server.HvacClimateKeeperAction.ClimateKeeperAction_Off,
    "on": car_server.HvacClimateKeeperAction.ClimateKeeperAction_On,
    "dog": car_server.HvacClimateKeeperAction.ClimateKeeperAction_Dog,
    "camp": car_server.HvacClimateKeeperAction.ClimateKeeperAction_Camp,
}
_OVERHEAT_LEVELS: Final = {"low": 1, "medium": 2, "high": 3}


def climate_on() -> Command:
    """Begin to warm or cool the cabin."""
    return _power("climate_on", on=True)


def climate_off() -> Command:
    """Stop warming or cooling the cabin."""
    return _power("climate_off", on=False)


def climate_temperature(driver_celsius: float, passenger_celsius: float | None = None) -> Command:
    """Set the temperatures; without a passenger's, both are the driver's."""
    DRIVER.check(driver_celsius)
    PASSENGER.check(passenger_celsius)
    passenger = driver_celsius if passenger_celsius is None else passenger_celsius
    action = car_server.HvacTemperatureAdjustmentAction(
        driver_temp_celsius=driver_celsius,
        passenger_temp_celsius=passenger,
        # The maker's client always sends this beside; cars take the two numbers.
        level=car_server.HvacTemperatureAdjustmentAction.Temperature(TEMP_MAX=common.Void()),
    )
    return act_and_read(
        "climate_temperature",
        car_server.VehicleAction(hvacTemperatureAdjustmentAction=action),
        CLIMATE,
        lambda climate: (
            None
            if climate.driver_celsius is None or climate.passenger_celsius is None
            else bool(
                near(climate.driver_celsius, driver_celsius, _ROUNDED_CELSIUS)
                and near(climate.passenger_celsius, passenger, _ROUNDED_CELSIUS)
            )
        ),
    )


def climate_keeper(mode: str) -> Command:
    """Keep the climate on after people have left: `off`, `on`, `dog` or `camp`."""
    KEEPER.check(mode)
    action = car_server.HvacClimateKeeperAction(ClimateKeeperAction=_KEEPERS[mode])
    return act_and_read(
        "climate_keeper",
        car_server.VehicleAction(hvacClimateKeeperAction=action),
        CLIMATE,
        lambda climate: same(climate.keeper, mode),
    )


def defrost_max(*, on: bool) -> Command:
    """Clear the glass with all that the car has."""
    ON.check(on)
    return act_and_read(
        "defrost_max",
        car_server.VehicleAction(
            hvacSetPreconditioningMaxAction=car_server.HvacSetPreconditioningMaxAction(on=on),
        ),
        CLIMATE,
        lambda climate: None if climate.defrost is None else (climate.defrost == "max") == on,
    )


def overheat_protection(mode: str) -> Command:
    """Keep the parked cabin from getting too hot: `off`, `on` or `fan_only`."""
    OVERHEAT_MODE.check(mode)
    action = car_server.SetCabinOverheatProtectionAction(on=mode != "off", fan_only=mode == "fan_only")
    return act_and_read(
        "overheat_protection",
        car_server.VehicleAction(setCabinOverheatProtectionAction=action),
        CLIMATE,
        lambda climate: same(climate.overheat_protection, mode),
    )


def overheat_temperature(level: str) -> Command:
    """Set from when on the cabin is too hot: `low`, `medium` or `high` (about 30, 35 and 40 °C)."""
    OVERHEAT_LEVEL.check(level)
    action = car_server.SetCopTempAction()
    action.copActivationTemp = _OVERHEAT_LEVELS[level]  # type: ignore[assignment]  # its number
    return act_and_read(
        "overheat_temperature",
        car_server.VehicleAction(setCopTempAction=action),
        CLIMATE,
        lambda climate: same(climate.overheat_temperature, level),
    )


def bioweapon(*, on: bool) -> Command:
    """Keep everything that the filter can hold out of the cabin."""
    ON.check(on)
    return act_and_read(
        "bioweapon",
        car_server.VehicleAction(hvacBioweaponModeAction=car_server.HvacBioweaponModeAction(on=on)),
        CLIMATE,
        lambda climate: same(climate.bioweapon, on),
    )


def recirculation(*, on: bool) -> Command:
    """Keep the air in the cabin."""
    ON.check(on)
    action = car_server.HvacRecirculationAction(on=on)
    return act("recirculation", car_server.VehicleAction(hvacRecirculationAction=action))


def _power(name: str, *, on: bool) -> Command:
    return act_and_read(
        name,
        car_server.VehicleAction(hvacAutoAction=car_server.HvacAutoAction(power_on=on)),
        CLIMATE,
        lambda climate: climate.on if on else unless(climate.on),
    )


SPECIFICATIONS: Final = (
    Specification(
        name="climate_on",
        subject="climate",
        summary="Warm or cool the cabin.",
        build=climate_on,
        verified_by="read_climate",
    ),
    Specification(
        name="climate_off",
        subject="climate",
        summary="Stop warming or cooling the cabin.",
        build=climate_off,
        verified_by="read_climate",
    ),
    Specification(
        name="climate_temperature",
        subject="climate",
        summary="Set the temperatures; the passenger's is the driver's unless it is given.",
        build=climate_temperature,
        parameters=(DRIVER, PASSENGER),
        verified_by="read_climate",
    ),
    Specification(
        name="climate_keeper",
        subject="climate",
        summary="Keep the climate on while nobody drives.",
        build=climate_keeper,
        parameters=(KEEPER,),
        verified_by="read_climate",
    ),
    Specification(
        name="defrost_max",
        subject="climate",
        summary="Clear the glass as fast as the car can.",
        build=defrost_max,
        parameters=(ON,),
        verified_by="read_climate",
    ),
    Specification(
        name="overheat_protection",
        subject="climate",
        summary="Keep the parked cabin from getting too hot.",
        build=overheat_protection,
        parameters=(OVERHEAT_MODE,),
        verified_by="read_climate",
    ),
    Specification(
        name="overheat_temperature",
        subject="climate",
        summary="Set from when on the cabin is too hot.",
        build=overheat_temperature,
        parameters=(OVERHEAT_LEVEL,),
        verified_by="read_climate",
    ),
    Specification(
        name="bioweapon",
        subject="climate",
        summary="Filter the cabin's air as well as the car can (cars with the large filter).",
        build=bioweapon,
        parameters=(ON,),
        verified_by="read_climate",
    ),
    Specification(
        name="recirculation",
        subject="climate",
        summary="Keep the air in the cabin.",
        build=recirculation,
        parameters=(ON,),
        unofficial=True,
    ),
)
