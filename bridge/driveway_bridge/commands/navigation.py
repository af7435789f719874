"""Where to drive. None of this is in the maker's public definitions."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command
from driveway_bridge.commands.infotainment import act
from driveway_bridge.commands.parameter import integer, number, text
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server

DESTINATION: Final = text("destination", 1, 400)
LATITUDE: Final = number("latitude", "°", -90, 90)
LONGITUDE: Final = number("longitude", "°", -180, 180)
SITE: Final = integer("site_id", "", 1, 2**53 - 1)


def navigate(destination: str) -> Command:
    """Drive to an address or a place by its name."""
    DESTINATION.check(destination)
    action = car_server.NavigationRequest(destination=destination, order=1)
    return act("navigate", car_server.VehicleAction(navigationRequest=action))


def navigate_to_point(latitude: float, longitude: float) -> Command:
    """Drive to a point, instead of whatever was the destination."""
    LATITUDE.check(latitude)
    LONGITUDE.check(longitude)
    action = car_server.NavigationGpsRequest(
        lat=latitude, lon=longitude, order=car_server.NavigationGpsRequest.REMOTE_NAV_TRIP_ORDER_REPLACE
    )
    return act("navigate_to_point", car_server.VehicleAction(navigationGpsRequest=action))


def navigate_to_supercharger(site_id: int) -> Command:
    """Drive to a charging place by the id that `nearby_sites` tells."""
    SITE.check(site_id)
    action = car_server.NavigationSuperchargerRequest(
        id=site_id,
        remote_nav_trip_order=car_server.NavigationSuperchargerRequest.REMOTE_NAV_TRIP_ORDER_REPLACE,
    )
    return act("navigate_to_supercharger", car_server.VehicleAction(navigationSuperchargerRequest=action))


SPECIFICATIONS: Final = (
    Specification(
        name="navigate",
        subject="navigation",
        summary="Send an address or the name of a place to the navigation.",
        build=navigate,
        parameters=(DESTINATION,),
        unofficial=True,
    ),
    Specification(
        name="navigate_to_point",
        subject="navigation",
        summary="Send a point to the navigation.",
        build=navigate_to_point,
        parameters=(LATITUDE, LONGITUDE),
        unofficial=True,
    ),
    Specification(
        name="navigate_to_supercharger",
        subject="navigation",
        summary="Send a charging place to the navigation, by the id from `nearby_sites`.",
        build=navigate_to_supercharger,
        parameters=(SITE,),
        unofficial=True,
    ),
)
