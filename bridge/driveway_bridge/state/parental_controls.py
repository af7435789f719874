"""What a young driver may not do."""

from __future__ import annotations

from dataclasses import dataclass

from driveway_bridge.state.reading import State, flag, integer, moment, nested, number


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentalSettings(State):
    """What is in force while the controls are on. The last three are not in the maker's public definitions."""

    speed_limit: bool | None = flag("speed_limit_enabled")
    limit_mph: float | None = number("current_limit_mph")
    minimum_mph: float | None = number("min_limit_mph")
    maximum_mph: float | None = number("max_limit_mph")
    chill_acceleration: bool | None = flag("chill_acceleration_enabled")
    safety_settings: bool | None = flag("require_safety_settings_enabled")
    curfew: bool | None = flag("curfew_enabled")
    curfew_start_minutes: int | None = integer("curfew_start_time")
    curfew_end_minutes: int | None = integer("curfew_end_time")
    browser_blocked: bool | None = flag("browser_blocked")
    theater_blocked: bool | None = flag("theater_blocked")
    arcade_blocked: bool | None = flag("arcade_blocked")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentalControls(State):
    """One answer about parental controls."""

    active: bool | None = flag("parental_controls_active")
    pin_set: bool | None = flag("parental_controls_pin_set")
    settings: ParentalSettings | None = nested("parental_controls_settings", ParentalSettings)
    at: float | None = moment("timestamp")
