"""The garage door that the car can open."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command
from driveway_bridge.commands.infotainment import act
from driveway_bridge.commands.parameter import number
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server, common

LATITUDE: Final = number("latitude", "°", -90, 90)
LONGITUDE: Final = number("longitude", "°", -180, 180)


def homelink(latitude: float, longitude: float) -> Command:
    """Press the garage door's button; the place is the door's. A second press closes it again."""
    LATITUDE.check(latitude)
    LONGITUDE.check(longitude)
    action = car_server.VehicleControlTriggerHomelinkAction(
        location=common.LatLong(latitude=latitude, longitude=longitude)
    )
    return act("homelink", car_server.VehicleAction(vehicleControlTriggerHomelinkAction=action), idempotent=False)


SPECIFICATIONS: Final = (
    Specification(
        name="homelink",
        subject="homelink",
        summary="Press the button of the garage door at this place.",
        build=homelink,
        parameters=(LATITUDE, LONGITUDE),
        idempotent=False,
        opens=True,
    ),
)
