"""Settings of the whole car: what has power, and its name."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command, same
from driveway_bridge.commands.infotainment import CHARGE, act, act_and_read
from driveway_bridge.commands.parameter import boolean, text
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server

NAME: Final = text("name", 1, 100)
ON: Final = boolean("on")


def vehicle_name(name: str) -> Command:
    """Give the car a name."""
    NAME.check(name)
    action = car_server.SetVehicleNameAction(vehicleName=name)
    return act("vehicle_name", car_server.VehicleAction(setVehicleNameAction=action))


def low_power_mode(*, on: bool) -> Command:
    """Save the battery while the car is parked: less works from afar."""
    ON.check(on)
    action = car_server.SetLowPowerModeAction(low_power_mode=on)
    return act_and_read(
        "low_power_mode",
        car_server.VehicleAction(setLowPowerModeAction=action),
        CHARGE,
        lambda charge: same(charge.low_power_mode, on),
    )


def accessory_power(*, on: bool) -> Command:
    """Keep the sockets under power while the car is parked."""
    ON.check(on)
    action = car_server.SetKeepAccessoryPowerModeAction(keep_accessory_power_mode=on)
    return act_and_read(
        "accessory_power",
        car_server.VehicleAction(setKeepAccessoryPowerModeAction=action),
        CHARGE,
        lambda charge: same(charge.keeps_accessory_power, on),
    )


SPECIFICATIONS: Final = (
    Specification(
        name="low_power_mode",
        subject="settings",
        summary="Save the battery while parked; less works from afar meanwhile.",
        build=low_power_mode,
        parameters=(ON,),
        verified_by="read_charge",
    ),
    Specification(
        name="accessory_power",
        subject="settings",
        summary="Keep the sockets under power while parked.",
        build=accessory_power,
        parameters=(ON,),
        verified_by="read_charge",
    ),
    Specification(
        name="vehicle_name",
        subject="settings",
        summary="Give the car a name.",
        build=vehicle_name,
        parameters=(NAME,),
    ),
)
