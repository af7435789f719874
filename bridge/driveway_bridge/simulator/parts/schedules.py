"""When it charges and warms up by itself: the old single schedule, and the lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from driveway_bridge.simulator.parts.drive import HOME, NEAR_DEG, WORK

MAX_SCHEDULES = 5
"""Of each kind; more would not fit into one answer."""
DAY_S = 86_400


class Mode(Enum):
    """What the single schedule does, by the numbers of the messages; charging and departure share it."""

    OFF = 0
    START_AT = 1
    DEPART_BY = 2


class Located(Protocol):
    """A schedule of the messages: it has a number and a place."""

    id: int
    latitude: float
    longitude: float


T = TypeVar("T", bound=Located)


class Book(Generic[T]):
    """Schedules of one kind, by number."""

    def __init__(self) -> None:
        self.entries: dict[int, T] = {}

    def put(self, schedule: T) -> str | None:
        """Add one, or change the one with its number; gives the reason against it."""
        if schedule.id not in self.entries and len(self.entries) >= MAX_SCHEDULES:
            return "max_schedules_reached"
        self.entries[schedule.id] = schedule
        return None

    def remove(self, number: int) -> str | None:
        """Remove one."""
        return None if self.entries.pop(number, None) else "schedule_not_found"

    def remove_at(self, *, home: bool, work: bool, other: bool) -> None:
        """Remove all at these places."""
        wanted: dict[str, bool] = {"home": home, "work": work, "other": other}
        self.entries = {number: entry for number, entry in self.entries.items() if not wanted[place_of(entry)]}


def place_of(entry: Located) -> str:
    """Where a schedule applies."""
    near: Callable[[tuple[float, float]], bool] = lambda place: (  # noqa: E731 - used twice, right here
        abs(entry.latitude - place[0]) < NEAR_DEG and abs(entry.longitude - place[1]) < NEAR_DEG
    )
    return "home" if near(HOME) else "work" if near(WORK) else "other"


@dataclass(slots=True)
class SingleSchedule:
    """The old way: one time of charging or of departure, in minutes after midnight."""

    mode: Mode = Mode.OFF
    start_min: int = 0
    departure_min: int = 8 * 60
    off_peak_end_min: int = 6 * 60
    preconditioning: str | None = None
    """`all_week`, `weekdays`, or None: not."""
    off_peak: str | None = None
    due: float | None = None
    """When charging begins that waits for its time now (Unix); None: nothing waits."""

    def wait(self, unix_s: float) -> None:
        """The cable is in: wait for the next start, if there is one."""
        self.due = self.next_start(unix_s)

    def next_start(self, unix_s: float) -> float | None:
        """When charging would begin after that time."""
        if self.mode is not Mode.START_AT:
            return None
        start = unix_s - unix_s % DAY_S + self.start_min * 60
        return start if start > unix_s else start + DAY_S
