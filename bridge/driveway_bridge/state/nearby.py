"""Answers that are no state of the car: charging places near it, and a sign of life."""

from __future__ import annotations

from dataclasses import dataclass

from driveway_bridge.state.location import Place
from driveway_bridge.state.reading import State, always, each, flag, integer, moment, nested, number, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Supercharger(State):
    """One place with fast chargers. Numbers that the car leaves out are 0, words are empty."""

    id: int = always(integer("id"))
    name: str = always(text("name"))
    distance_miles: float | None = always(number("distance_miles"))
    available_stalls: int = always(integer("available_stalls"))
    total_stalls: int = always(integer("total_stalls"))
    out_of_order_stalls: int = always(integer("out_of_order_stalls_number"))
    out_of_order_names: str = always(text("out_of_order_stalls_names"))
    maximum_power_kw: int = always(integer("max_power_kw"))
    closed: bool = always(flag("site_closed"))
    within_range: bool = always(flag("within_range"))
    place: Place | None = nested("location", Place)
    amenities: str = always(text("amenities"))
    billing: str = always(text("billing_info"))
    billing_time: str = always(text("billing_time"))
    street: str = always(text("street_address"))
    postal_code: str = always(text("postal_code"))
    city: str = always(text("city"))
    district: str = always(text("district"))
    region: str = always(text("state"))
    country: str = always(text("country"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbySites(State):
    """Charging places near the car."""

    superchargers: tuple[Supercharger, ...] = each("superchargers", Supercharger)
    at: float | None = moment("timestamp")
    stalls_at: int = always(integer("congestion_sync_time_utc_secs"))
    """When the free stalls were counted, in seconds since 1970; 0 if the car does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(State):
    """What came back from a ping."""

    id: int = always(integer("ping_id"))
    local: float | None = moment("local_timestamp")
    """The car's clock, in seconds since 1970."""
    last_remote: float | None = moment("last_remote_timestamp")
