"""Questions to infotainment. Each keeps the car awake a while longer: the body's status is `security.status`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge.commands import reply
from driveway_bridge.commands.base import Command
from driveway_bridge.commands.infotainment import (
    CHARGE,
    CHARGE_SCHEDULES,
    CLIMATE,
    CLOSURES,
    DRIVE,
    LOCATION,
    MEDIA,
    MEDIA_DETAIL,
    PARENTAL_CONTROLS,
    PRECONDITION_SCHEDULES,
    SOFTWARE_UPDATE,
    TYRES,
    Subject,
    payload,
)
from driveway_bridge.commands.parameter import integer
from driveway_bridge.commands.specification import EVERYBODY, Specification
from driveway_bridge.proto import car_server
from driveway_bridge.protocol.domain import Domain

if TYPE_CHECKING:
    from driveway_bridge.state.nearby import NearbySites, Pong

RADIUS: Final = integer("radius_miles", "miles", 1, 500, default=200)
COUNT: Final = integer("count", "", 1, 20, default=10)
"""More may not fit into one answer."""

charge = CHARGE.command
climate = CLIMATE.command
drive = DRIVE.command
location = LOCATION.command
closures = CLOSURES.command
charge_schedules = CHARGE_SCHEDULES.command
precondition_schedules = PRECONDITION_SCHEDULES.command
tyres = TYRES.command
media = MEDIA.command
media_detail = MEDIA_DETAIL.command
software_update = SOFTWARE_UPDATE.command
parental_controls = PARENTAL_CONTROLS.command


def ping() -> Command:
    """Ask infotainment for a sign of life."""
    return Command(
        name="ping",
        domain=Domain.INFOTAINMENT,
        payload=payload(car_server.VehicleAction(ping=car_server.Ping(ping_id=1))),
        reads=True,
        state=_pong,
    )


def nearby_sites(radius_miles: int = 200, count: int = 10) -> Command:
    """Read charging places around the car."""
    RADIUS.check(radius_miles)
    COUNT.check(count)
    question = car_server.GetNearbyChargingSites(include_meta_data=True, radius=radius_miles, count=count)
    return Command(
        name="nearby_sites",
        domain=Domain.INFOTAINMENT,
        payload=payload(car_server.VehicleAction(getNearbyChargingSites=question)),
        reads=True,
        state=_nearby_sites,
    )


def _pong(answer: bytes) -> Pong:
    cls: type[Pong] = import_module("driveway_bridge.state.nearby").Pong
    return cls.from_message(reply.pong(answer))


def _nearby_sites(answer: bytes) -> NearbySites:
    cls: type[NearbySites] = import_module("driveway_bridge.state.nearby").NearbySites
    return cls.from_message(reply.nearby_sites(answer))


def _about(subject: Subject[Any], summary: str) -> Specification:
    return Specification(
        name=subject.name, subject="read", summary=summary, build=subject.command, roles=EVERYBODY, reads=True
    )


SPECIFICATIONS: Final = (
    _about(CHARGE, "Read battery and charging."),
    _about(CLIMATE, "Read cabin, seats and glass."),
    _about(DRIVE, "Read gear, speed, distance and route."),
    _about(LOCATION, "Read where the car is."),
    _about(CLOSURES, "Read doors, windows, roof and the modes that guard the car."),
    _about(CHARGE_SCHEDULES, "Read the charging schedules."),
    _about(PRECONDITION_SCHEDULES, "Read the preconditioning schedules."),
    _about(TYRES, "Read the tyre pressures."),
    _about(MEDIA, "Read what plays."),
    _about(MEDIA_DETAIL, "Read more about what plays."),
    _about(SOFTWARE_UPDATE, "Read how far a software update has come."),
    _about(PARENTAL_CONTROLS, "Read the parental controls."),
    Specification(
        name="nearby_sites",
        subject="read",
        summary="Read charging places around the car.",
        build=nearby_sites,
        parameters=(RADIUS, COUNT),
        roles=EVERYBODY,
        reads=True,
    ),
    Specification(
        name="ping",
        subject="read",
        summary="Ask the car for a sign of life.",
        build=ping,
        roles=EVERYBODY,
        reads=True,
    ),
)
