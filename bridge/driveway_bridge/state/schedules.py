"""What the car shall do at which time of the week."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from driveway_bridge.state.reading import State, always, each, flag, integer, moment, nested, number, text


class Day(StrEnum):
    """A day of the week."""

    SUNDAY = "sunday"
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"


DAY_BITS: Final = {day: 1 << number for number, day in enumerate(Day)}
"""How the car writes days: Sunday is 1, Saturday 64."""


class _OnDays:
    """What has a mask of days."""

    __slots__ = ()
    day_mask: int

    @property
    def days(self) -> tuple[Day, ...]:
        """The days on which it applies; bits that are no days are nothing."""
        return tuple(day for day, bit in DAY_BITS.items() if self.day_mask & bit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSchedule(State, _OnDays):
    """One entry. Minutes are after midnight where the car is; a place of 0, 0 is none."""

    id: int = always(integer("id"))
    """The second since 1970 in which it was made: whoever uses an id again changes that entry."""
    name: str = always(text("name"))
    day_mask: int = always(integer("days_of_week"))
    start_enabled: bool = always(flag("start_enabled"))
    start_minutes: int = always(integer("start_time"))
    end_enabled: bool = always(flag("end_enabled"))
    end_minutes: int = always(integer("end_time"))
    one_time: bool = always(flag("one_time"))
    enabled: bool = always(flag("enabled"))
    latitude: float | None = always(number("latitude"))
    longitude: float | None = always(number("longitude"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PreconditionSchedule(State, _OnDays):
    """One entry. Minutes are after midnight where the car is; a place of 0, 0 is none."""

    id: int = always(integer("id"))
    """The second since 1970 in which it was made: whoever uses an id again changes that entry."""
    name: str = always(text("name"))
    day_mask: int = always(integer("days_of_week"))
    ready_minutes: int = always(integer("precondition_time"))
    one_time: bool = always(flag("one_time"))
    enabled: bool = always(flag("enabled"))
    latitude: float | None = always(number("latitude"))
    longitude: float | None = always(number("longitude"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSchedules(State):
    """One answer about when the car shall charge."""

    entries: tuple[ChargeSchedule, ...] = each("charge_schedules", ChargeSchedule)
    window: ChargeSchedule | None = nested("charge_schedule_window", ChargeSchedule)
    """What applies now or next."""
    buffer: int | None = integer("charge_buffer")
    maximum_entries: int | None = integer("max_num_charge_schedules")
    next_exists: bool | None = flag("next_schedule")
    show_complete: bool | None = flag("show_schedule_complete_state")
    at: float | None = moment("timestamp")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreconditionSchedules(State):
    """One answer about when cabin and battery shall be warm."""

    entries: tuple[PreconditionSchedule, ...] = each("precondition_schedules", PreconditionSchedule)
    window: PreconditionSchedule | None = nested("preconditioning_schedule_window", PreconditionSchedule)
    """What applies now or next."""
    maximum_entries: int | None = integer("max_num_precondition_schedules")
    next_exists: bool | None = flag("next_schedule")
    at: float | None = moment("timestamp")
