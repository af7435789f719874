"""Updates of the car's software."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command
from driveway_bridge.commands.infotainment import SOFTWARE_UPDATE, act_and_read
from driveway_bridge.commands.parameter import integer
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server

DELAY: Final = integer("delay_seconds", "s", 0, 7 * 24 * 3600, default=0)
_PLANNED: Final = ("scheduled", "installing")


def update_schedule(delay_seconds: int = 0) -> Command:
    """Install the update that is ready, after a delay. The car cannot be driven meanwhile."""
    DELAY.check(delay_seconds)
    action = car_server.VehicleControlScheduleSoftwareUpdateAction(offset_sec=delay_seconds)
    return act_and_read(
        "update_schedule",
        car_server.VehicleAction(vehicleControlScheduleSoftwareUpdateAction=action),
        SOFTWARE_UPDATE,
        lambda update: None if update.status is None else update.status in _PLANNED,
    )


def update_cancel() -> Command:
    """Do not install the update that is scheduled; one that has begun goes on."""
    action = car_server.VehicleControlCancelSoftwareUpdateAction()
    return act_and_read(
        "update_cancel",
        car_server.VehicleAction(vehicleControlCancelSoftwareUpdateAction=action),
        SOFTWARE_UPDATE,
        lambda update: None if update.status is None else update.status not in _PLANNED,
    )


SPECIFICATIONS: Final = (
    Specification(
        name="update_schedule",
        subject="software",
        summary="Install the waiting software update, now or later; the car cannot be driven meanwhile.",
        build=update_schedule,
        parameters=(DELAY,),
        verified_by="read_software_update",
    ),
    Specification(
        name="update_cancel",
        subject="software",
        summary="Do not install the scheduled software update.",
        build=update_cancel,
        verified_by="read_software_update",
    ),
)
