"""All categories of the vehicle data, by the name in the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from driveway_bridge.proto import Message, Response, car_server
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.faults import Fault, Faults
from driveway_bridge.simulator.states import charging, climate, closures, drive, media, vehicle


class Category(NamedTuple):
    """Where it goes in the answer, and who makes it."""

    field: str
    make: Callable[[Car, Faults], Message]


def _plain(make: Callable[[Car], Message]) -> Callable[[Car, Faults], Message]:
    return lambda car, _faults: make(car)


def _climate(car: Car, faults: Faults) -> Message:
    return climate.climate_state(car, comfort_allowed=Fault.COMFORT_DISABLED not in faults)


def _media(car: Car, faults: Faults) -> Message:
    return media.media_state(car, titles=Fault.NO_TITLES not in faults)


def _media_detail(car: Car, faults: Faults) -> Message:
    return media.media_detail_state(car, titles=Fault.NO_TITLES not in faults)


CATEGORIES: Mapping[str, Category] = {
    "getChargeState": Category("charge_state", _plain(charging.charge_state)),
    "getClimateState": Category("climate_state", _climate),
    "getDriveState": Category("drive_state", _plain(drive.drive_state)),
    "getLocationState": Category("location_state", _plain(drive.location_state)),
    "getClosuresState": Category("closures_state", _plain(closures.closures_state)),
    "getChargeScheduleState": Category("charge_schedule_state", _plain(charging.charge_schedules)),
    "getPreconditioningScheduleState": Category(
        "preconditioning_schedule_state", _plain(charging.preconditioning_schedules)
    ),
    "getTirePressureState": Category("tire_pressure_state", _plain(drive.tire_state)),
    "getMediaState": Category("media_state", _media),
    "getMediaDetailState": Category("media_detail_state", _media_detail),
    "getSoftwareUpdateState": Category("software_update_state", _plain(vehicle.software_state)),
    "getParentalControlsState": Category("parental_controls_state", _plain(vehicle.parental_state)),
    # Not published by the maker.
    "getGuiSettings": Category("gui_settings", _plain(vehicle.gui_settings)),
    "getVehicleConfig": Category("vehicle_config", _plain(vehicle.config)),
    "getVehicleDetailState": Category("vehicle_detail_state", _plain(vehicle.detail)),
    "getVehicleState": Category("vehicle_state", _plain(vehicle.current_state)),
    "getLegacyVehicleState": Category("legacy_vehicle_state", _plain(vehicle.legacy_state)),
    "getDisplayState": Category("display_state", _plain(vehicle.display)),
}


class TooManyError(Exception):
    """More than one category was asked for: the answer would be too long."""


def read(request: car_server.GetVehicleData, car: Car, faults: Faults) -> Response:
    """Answer a request for one category; an unknown one is answered with no data. TooManyError for more."""
    asked = [descriptor.name for descriptor, _ in request.ListFields()]
    if len(asked) > 1:
        raise TooManyError
    response = Response()
    response.actionStatus.SetInParent()
    response.vehicleData.SetInParent()
    for name in asked:
        if name in CATEGORIES:
            field, make = CATEGORIES[name]
            getattr(response.vehicleData, field).CopyFrom(make(car, faults))
    return response
