"""Charging now: start, stop, how far, how strongly. What is planned is in `schedules`."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command, same
from driveway_bridge.commands.infotainment import CHARGE, act_and_read
from driveway_bridge.commands.parameter import integer
from driveway_bridge.commands.specification import CHARGING, Specification
from driveway_bridge.proto import car_server, common

PERCENT: Final = integer("percent", "%", 50, 100)
AMPS: Final = integer("amps", "A", 1, 80)
"""What a car and charger really allow is `Charge.maximum_amps`."""


def charge_start() -> Command:
    """Start charging. A full battery is as good as charging; without a cable the car refuses."""
    action = car_server.ChargingStartStopAction(start=common.Void())
    return act_and_read(
        "charge_start",
        car_server.VehicleAction(chargingStartStopAction=action),
        CHARGE,
        lambda charge: (
            None
            if charge.charging in (None, "calibrating")
            else charge.charging in ("starting", "charging", "complete")
        ),
        already_so=frozenset({"is charging", "charging", "complete"}),
    )


def charge_stop() -> Command:
    """Stop charging; the cable stays locked."""
    action = car_server.ChargingStartStopAction(stop=common.Void())
    return act_and_read(
        "charge_stop",
        car_server.VehicleAction(chargingStartStopAction=action),
        CHARGE,
        lambda charge: None if charge.charging is None else charge.charging not in ("starting", "charging"),
        already_so=frozenset({"not charging", "is not charging"}),
    )


def charge_standard() -> Command:
    """Set the charge limit to the car's everyday value."""
    action = car_server.ChargingStartStopAction(start_standard=common.Void())
    return act_and_read(
        "charge_standard",
        car_server.VehicleAction(chargingStartStopAction=action),
        CHARGE,
        lambda charge: (
            None if charge.standard_limit_percent is None else same(charge.limit_percent, charge.standard_limit_percent)
        ),
    )


def charge_max_range() -> Command:
    """Set the charge limit to the car's highest value."""
    action = car_server.ChargingStartStopAction(start_max_range=common.Void())
    return act_and_read(
        "charge_max_range",
        car_server.VehicleAction(chargingStartStopAction=action),
        CHARGE,
        lambda charge: (
            None if charge.maximum_limit_percent is None else same(charge.limit_percent, charge.maximum_limit_percent)
        ),
    )


def charge_limit(percent: int) -> Command:
    """Set how far the car charges."""
    PERCENT.check(percent)
    return act_and_read(
        "charge_limit",
        car_server.VehicleAction(chargingSetLimitAction=car_server.ChargingSetLimitAction(percent=percent)),
        CHARGE,
        lambda charge: same(charge.limit_percent, percent),
    )


def charge_amps(amps: int) -> Command:
    """Set the current at which the car charges; it takes no more than car and charger allow."""
    AMPS.check(amps)
    return act_and_read(
        "charge_amps",
        car_server.VehicleAction(setChargingAmpsAction=car_server.SetChargingAmpsAction(charging_amps=amps)),
        CHARGE,
        lambda charge: same(charge.set_amps if charge.set_amps is not None else charge.requested_amps, amps),
    )


SPECIFICATIONS: Final = (
    Specification(
        name="charge_start",
        subject="charging",
        summary="Start charging.",
        build=charge_start,
        roles=CHARGING,
        verified_by="read_charge",
    ),
    Specification(
        name="charge_stop",
        subject="charging",
        summary="Stop charging.",
        build=charge_stop,
        roles=CHARGING,
        verified_by="read_charge",
    ),
    Specification(
        name="charge_limit",
        subject="charging",
        summary="Set how far the car charges.",
        build=charge_limit,
        parameters=(PERCENT,),
        roles=CHARGING,
        verified_by="read_charge",
    ),
    Specification(
        name="charge_amps",
        subject="charging",
        summary="Set the charging current; car and charger may allow less.",
        build=charge_amps,
        parameters=(AMPS,),
        roles=CHARGING,
        verified_by="read_charge",
    ),
    Specification(
        name="charge_standard",
        subject="charging",
        summary="Set the charge limit to the car's everyday value.",
        build=charge_standard,
        roles=CHARGING,
        verified_by="read_charge",
    ),
    Specification(
        name="charge_max_range",
        subject="charging",
        summary="Set the charge limit to the car's highest value.",
        build=charge_max_range,
        roles=CHARGING,
        verified_by="read_charge",
    ),
)
