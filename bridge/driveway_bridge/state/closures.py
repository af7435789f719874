"""Doors, windows, roof, and the modes that guard the car, as infotainment sees them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.state.body import CLOSURE_STATES, ClosureState
from driveway_bridge.state.reading import State, choice, flag, integer, moment, nested, number, numbered


class SunRoof(StrEnum):
    """What the roof does."""

    CALIBRATING = "calibrating"
    CLOSED = "closed"
    OPEN = "open"
    MOVING = "moving"
    VENT = "vent"


class Display(StrEnum):
    """What the screen in the middle shows."""

    OFF = "off"
    DIM = "dim"
    ACCESSORY = "accessory"
    ON = "on"
    DRIVING = "driving"
    CHARGING = "charging"
    LOCK = "lock"
    SENTRY = "sentry"
    DOG = "dog"
    ENTERTAINMENT = "entertainment"


class Sentry(StrEnum):
    """What the guard does."""

    OFF = "off"
    IDLE = "idle"
    ARMED = "armed"
    AWARE = "aware"
    PANIC = "panic"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedLimit(State):
    """The speed limit that the owner can set."""

    active: bool | None = flag("active")
    pin_set: bool | None = flag("pin_code_set")
    limit_mph: float | None = number("current_limit_mph")
    minimum_mph: float | None = number("min_limit_mph")
    maximum_mph: float | None = number("max_limit_mph")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closures(State):
    """One answer about what is open. None also where the car has no such thing."""

    front_driver_door_open: bool | None = flag("door_open_driver_front")
    front_passenger_door_open: bool | None = flag("door_open_passenger_front")
    rear_driver_door_open: bool | None = flag("door_open_driver_rear")
    rear_passenger_door_open: bool | None = flag("door_open_passenger_rear")
    front_trunk_open: bool | None = flag("door_open_trunk_front")
    rear_trunk_open: bool | None = flag("door_open_trunk_rear")
    front_driver_window_open: bool | None = flag("window_open_driver_front")
    front_passenger_window_open: bool | None = flag("window_open_passenger_front")
    rear_driver_window_open: bool | None = flag("window_open_driver_rear")
    rear_passenger_window_open: bool | None = flag("window_open_passenger_rear")
    sun_roof: SunRoof | None = choice("sun_roof_state", SunRoof)
    sun_roof_percent: int | None = integer("sun_roof_percent_open")
    tonneau: ClosureState | None = numbered("tonneau_state", CLOSURE_STATES)
    tonneau_percent: int | None = integer("tonneau_percent_open")
    tonneau_moving: bool | None = flag("tonneau_in_motion")
    locked: bool | None = flag("locked")
    user_present: bool | None = flag("is_user_present")
    keyless_driving: bool | None = flag("remote_start")
    display: Display | None = choice("center_display_state", Display)
    sentry: Sentry | None = choice("sentry_mode_state", Sentry)
    sentry_possible: bool | None = flag("sentry_mode_available")
    valet_mode: bool | None = flag("valet_mode")
    valet_pin_needed: bool | None = flag("valet_pin_needed")
    speed_limit: SpeedLimit | None = nested("speed_limit_mode", SpeedLimit)
    at: float | None = moment("timestamp")

    @property
    def window_open(self) -> bool | None:
        """Whether any window is open; None when the car does not tell of all and none of the others is."""
        windows = (
            self.front_driver_window_open,
            self.front_passenger_window_open,
            self.rear_driver_window_open,
            self.rear_passenger_window_open,
        )
        if any(windows):
            return True
        return None if None in windows else False
