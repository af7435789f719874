"""What moves, sounds or shines: windows, sunroof, horn, lights, garage, suspension; and software updates."""

from __future__ import annotations

from driveway_bridge.proto import car_server
from driveway_bridge.simulator.actions.row import DRIVERS, Asked, RefusedError, Row, fitted, insist
from driveway_bridge.simulator.parts.drive import HOME

VENT_PERCENT = 20


def _windows(asked: Asked, message: car_server.VehicleControlWindowAction) -> None:
    match message.WhichOneof("action"):
        case "vent":
            asked.car.windows_open = True
        case "close":
            asked.car.windows_open = False
        case _:
            raise RefusedError("invalid_command")


def _sunroof(asked: Asked, message: car_server.VehicleControlSunroofOpenCloseAction) -> None:
    fitted(asked.car.equipment.sunroof)
    car = asked.car
    steps = {"vent": VENT_PERCENT, "close": 0, "open": 100}
    named = message.WhichOneof("action")
    level = message.WhichOneof("sunroof_level")
    if named:
        wanted = steps[named]
    elif level == "absolute_level":
        wanted = message.absolute_level
    elif level == "delta_level":
        wanted = car.sunroof_percent + message.delta_level
    else:
        raise RefusedError("invalid_command")
    car.sunroof_percent = min(max(wanted, 0), 100)


def _homelink(asked: Asked, _message: car_server.VehicleControlTriggerHomelinkAction) -> None:
    fitted(asked.car.equipment.homelink)
    if not asked.car.drive.near(HOME):
        raise RefusedError("homelink_not_nearby")


def _schedule_update(asked: Asked, message: car_server.VehicleControlScheduleSoftwareUpdateAction) -> None:
    insist(asked.car.software.schedule(asked.car.unix_s + message.offset_sec))


def _cancel_update(asked: Asked, _message: car_server.VehicleControlCancelSoftwareUpdateAction) -> None:
    insist(asked.car.software.cancel())


def _suspension(asked: Asked, _message: car_server.SetSuspensionLevelAction) -> None:
    fitted(asked.car.equipment.air_suspension)


def _nothing_lasting(_asked: Asked, _message: object) -> None:
    """Heard or seen for a moment; the event says that it was done."""


ROWS = (
    Row("vehicleControlWindowAction", DRIVERS, _windows),
    Row("vehicleControlSunroofOpenCloseAction", DRIVERS, _sunroof),
    Row("vehicleControlFlashLightsAction", DRIVERS, _nothing_lasting),
    Row("vehicleControlHonkHornAction", DRIVERS, _nothing_lasting),
    Row("boomboxAction", DRIVERS, _nothing_lasting),
    Row("dashcamSaveClipAction", DRIVERS, _nothing_lasting),
    Row("vehicleControlTriggerHomelinkAction", DRIVERS, _homelink),
    Row("setSuspensionLevelAction", DRIVERS, _suspension),
    Row("vehicleControlScheduleSoftwareUpdateAction", DRIVERS, _schedule_update),
    Row("vehicleControlCancelSoftwareUpdateAction", DRIVERS, _cancel_update),
)
