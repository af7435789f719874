"""The guard, and what its cameras keep."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command
from driveway_bridge.commands.infotainment import CLOSURES, act, act_and_read
from driveway_bridge.commands.parameter import boolean
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server

ON: Final = boolean("on")


def sentry_mode(*, on: bool) -> Command:
    """Switch the guard on or off."""
    ON.check(on)
    action = car_server.VehicleControlSetSentryModeAction(on=on)
    return act_and_read(
        "sentry_mode",
        car_server.VehicleAction(vehicleControlSetSentryModeAction=action),
        CLOSURES,
        lambda closures: None if closures.sentry is None else (closures.sentry != "off") == on,
    )


def dashcam_save() -> Command:
    """Keep what the cameras saw last."""
    action = car_server.VehicleAction(dashcamSaveClipAction=car_server.DashcamSaveClipAction())
    return act("dashcam_save", action, idempotent=False)


SPECIFICATIONS: Final = (
    Specification(
        name="sentry_mode",
        subject="sentry",
        summary="Switch Sentry Mode on or off.",
        build=sentry_mode,
        parameters=(ON,),
        verified_by="read_closures",
    ),
    Specification(
        name="dashcam_save",
        subject="sentry",
        summary="Save what the cameras saw in the last minutes.",
        build=dashcam_save,
        idempotent=False,
        unofficial=True,
    ),
)
