"""Driving: gear, speed, distance, the way ahead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.state.location import Place
from driveway_bridge.state.reading import State, choice, integer, moment, nested, number, text


class Gear(StrEnum):
    """The selected gear."""

    PARK = "park"
    REVERSE = "reverse"
    NEUTRAL = "neutral"
    DRIVE = "drive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive(State):
    """One answer about driving. A gear that the car does not tell is unknown: it is not park.

    The maker does not state the units of speed and power; they follow the fields' names and what owners see.
    """

    gear: Gear | None = choice("shift_state", Gear, P=Gear.PARK, R=Gear.REVERSE, N=Gear.NEUTRAL, D=Gear.DRIVE)
    speed_mph: float | None = number("speed_float")
    rounded_speed_mph: int | None = integer("speed")
    power_kw: int | None = integer("power")
    """Negative while the car brakes into its battery."""
    odometer_miles: float | None = number("odometer_in_hundredths_of_a_mile", times=0.01)
    route_destination: str | None = text("active_route_destination")
    route_minutes: float | None = number("active_route_minutes_to_arrival")
    route_miles: float | None = number("active_route_miles_to_arrival")
    route_delay_minutes: float | None = number("active_route_traffic_minutes_delay")
    route_arrival_percent: float | None = number("active_route_energy_at_arrival")
    """The battery on arrival."""
    route_place: Place | None = nested("active_route_coordinates", Place)
    route_updated: int | None = integer("last_route_update")
    """Seconds since 1970."""
    traffic_updated: float | None = moment("last_traffic_update")
    at: float | None = moment("timestamp")
