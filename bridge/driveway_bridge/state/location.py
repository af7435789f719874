"""Where the car is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.state.reading import State, always, choice, flag, integer, moment, number, text


class CoordinateSystem(StrEnum):
    """What latitude and longitude refer to."""

    WGS = "wgs"
    """The world's, as maps and Home Assistant use it."""
    GCJ = "gcj"
    """China's, some hundred metres aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(State):
    """A point named in another state, in degrees."""

    latitude: float | None = always(number("latitude"))
    longitude: float | None = always(number("longitude"))


@dataclass(frozen=True, slots=True)
class Position:
    """A point on earth, in degrees."""

    latitude: float
    longitude: float
    system: CoordinateSystem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location(State):
    """One answer about the place. `position` is what to use; the rest is what the car said."""

    native_latitude: float | None = number("native_latitude")
    native_longitude: float | None = number("native_longitude")
    native_system: CoordinateSystem | None = choice("native_type", CoordinateSystem)
    native_supported: bool | None = flag("native_location_supported")
    latitude: float | None = number("latitude")
    longitude: float | None = number("longitude")
    corrected_latitude: float | None = number("corrected_latitude")
    """China only, as the next."""
    corrected_longitude: float | None = number("corrected_longitude")
    raw_latitude: float | None = number("geo_latitude")
    """Satellites only: less accurate, but true where the car was carried away."""
    raw_longitude: float | None = number("geo_longitude")
    raw_heading_degrees: float | None = number("geo_heading")
    raw_elevation_metres: float | None = number("geo_elevation")
    raw_accuracy_metres: float | None = number("geo_accuracy")
    heading_degrees: int | None = integer("heading")
    fix_at: int | None = integer("gps_as_of")
    """When the position was taken, in seconds since 1970."""
    estimate_valid: bool | None = flag("estimated_gps_valid")
    estimate_to_raw_metres: float | None = number("estimated_to_raw_distance")
    homelink_nearby: bool | None = flag("homelink_nearby")
    """None also where the car has no such transmitter."""
    place_name: str | None = text("location_name")
    at: float | None = moment("timestamp")

    @property
    def position(self) -> Position | None:
        """The car's own ("native") position if it has one, else the plain one, else China's."""
        return (
            _position(self.native_latitude, self.native_longitude, self.native_system)
            or _position(self.latitude, self.longitude, CoordinateSystem.WGS)
            or _position(self.corrected_latitude, self.corrected_longitude, CoordinateSystem.GCJ)
        )


def _position(latitude: float | None, longitude: float | None, system: CoordinateSystem | None) -> Position | None:
    """Join both halves; None for a point that is not on earth."""
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Position(latitude, longitude, system)
