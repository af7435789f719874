"""Where to go: destinations, and charging sites on the way."""

from __future__ import annotations

from driveway_bridge.proto import Response, car_server
from driveway_bridge.simulator.actions.row import DRIVERS, READERS, Asked, RefusedError, Row
from driveway_bridge.simulator.parts.drive import Route
from driveway_bridge.simulator.states.stamp import stamp

_SITES = (
    # name, latitude, longitude, stalls, free ones, kW, miles from home
    ("Northgate", 52.5900, 13.4050, 12, 9, 250, 4.8),
    ("Lakeside", 52.4600, 13.3000, 8, 0, 150, 6.1),
    ("Motorway Services East", 52.4100, 13.6000, 24, 17, 250, 11.2),
)


def _destination(asked: Asked, message: car_server.NavigationRequest) -> None:
    if not message.destination:
        raise RefusedError("invalid_destination")
    latitude, longitude = _SITES[0][1], _SITES[0][2]
    asked.car.drive.route = Route(message.destination, latitude, longitude)


def _coordinates(asked: Asked, message: car_server.NavigationGpsRequest) -> None:
    if not (-90 <= message.lat <= 90 and -180 <= message.lon <= 180):
        raise RefusedError("invalid_destination")
    asked.car.drive.route = Route(f"{message.lat:.5f}, {message.lon:.5f}", message.lat, message.lon)


def _named_coordinates(asked: Asked, message: car_server.NavigationGpsDestinationRequest) -> None:
    asked.car.drive.route = Route(message.destination, message.lat, message.lon)


def _supercharger(asked: Asked, message: car_server.NavigationSuperchargerRequest) -> None:
    name, latitude, longitude, *_ = _SITES[message.id % len(_SITES)]
    asked.car.drive.route = Route(name, latitude, longitude)


def _sites(asked: Asked, message: car_server.GetNearbyChargingSites) -> Response:
    response = Response()
    response.actionStatus.SetInParent()
    answer = response.getNearbyChargingSites
    answer.timestamp.CopyFrom(stamp(asked.car))
    answer.congestion_sync_time_utc_secs = int(asked.car.unix_s) - 60
    wanted = [site for site in _SITES if not message.radius or site[6] <= message.radius]
    for number, (name, latitude, longitude, total, free, power_kw, miles) in enumerate(wanted[: message.count or None]):
        site = answer.superchargers.add()
        site.id, site.name = number, name
        site.location.latitude, site.location.longitude = latitude, longitude
        site.available_stalls, site.total_stalls, site.max_power_kw = free, total, power_kw
        site.distance_miles = miles
        site.within_range = True
        if message.include_meta_data:
            site.city, site.country = "Berlin", "DE"
    return response


ROWS = (
    Row("getNearbyChargingSites", READERS, _sites),
    Row("navigationRequest", DRIVERS, _destination),
    Row("navigationGpsRequest", DRIVERS, _coordinates),
    Row("navigationGpsDestinationRequest", DRIVERS, _named_coordinates),
    Row("navigationSuperchargerRequest", DRIVERS, _supercharger),
)
