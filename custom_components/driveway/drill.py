"""The drill: the whole way of a lock command with a signed one that moves nothing, on a button and once a week.

Proof before the outage. It goes over the bridges alone; a second lock would prove nothing. What came of it outlives
restarts, and when it failed twice in a row a repair issue says so.
"""

import asyncio
import datetime as dt
import logging
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_change
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import CONF_CAR, CONF_DRILL, CONF_DRILL_TIME, DOMAIN, DRILL_TIME, NEVER, WEEKDAYS
from .contract import LOCK_TTL_S
from .delivery import CommandFailed
from .devices import cars_of
from .wording import async_in_words

if TYPE_CHECKING:
    from .coordinator import Coordinator

_LOGGER = logging.getLogger(__name__)

DRILL: Final = "drill"
"""The command; and, for listeners, that a drill has ended."""
WAITS_S: Final = 50 * 60.0
"""How long a drill that was missed waits for a bridge; it is done within an hour after the start in any case."""
ALARMING: Final = 2
"""Failures in a row that raise an issue."""
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Drilled:
    """How the last drill of a car ended."""

    at: str
    """ISO 8601."""
    good: bool
    reason: str
    """A code of `reasons.REASONS`."""
    took_ms: float | None
    """From the request here to the car's answer here, but for the time that it waited for other commands; good ones."""
    failures: int
    """In a row, this one included."""


@dataclass(frozen=True, slots=True)
class _Schedule:
    """When drills are due, and the last due time that was dealt with: that of the schedule itself at first."""

    day: str
    time: str
    done: str


class Drill:
    """The drills of one household."""

    def __init__(self, hass: HomeAssistant, coordinator: Coordinator) -> None:
        self._hass = hass
        self._coordinator = coordinator
        self._store = _store(hass, coordinator.entry)
        self.results: dict[str, Drilled] = {}
        """By car."""
        self._schedule: _Schedule | None = None

    async def async_load(self) -> None:
        """Take over what is remembered."""
        kept = await self._store.async_load() or {}
        self.results = {car: Drilled(**result) for car, result in kept.get("results", {}).items()}
        if (schedule := kept.get("schedule")) is not None:
            self._schedule = _Schedule(**schedule)
        for car in self.results:
            await self._tell_issue(car)

    @callback
    def async_start(self) -> None:
        """Begin with the schedule, and with what was missed of it while Home Assistant was off."""
        entry = self._coordinator.entry
        day = entry.options.get(CONF_DRILL, NEVER)
        at = dt_util.parse_time(entry.options.get(CONF_DRILL_TIME, DRILL_TIME))
        if day == NEVER or at is None:
            if self._schedule is not None:
                self._schedule = None
                entry.async_create_background_task(self._hass, self._save(), "driveway drill schedule")
            return
        weekday, told = WEEKDAYS.index(day), at.isoformat()
        due = last_due(dt_util.now(), weekday, at)
        if self._schedule is None or (self._schedule.day, self._schedule.time) != (day, told):
            self._schedule = _Schedule(day, told, dt_util.utcnow().isoformat())
            entry.async_create_background_task(self._hass, self._save(), "driveway drill schedule")

        @callback
        def tick(now: datetime) -> None:
            # It may be that of the day before: in spring the clock skips an hour.
            if self._is_open(due := last_due(dt_util.as_local(now), weekday, at)):
                begin(due, wait_s=0)

        def begin(due: datetime, *, wait_s: float) -> None:
            entry.async_create_background_task(self._hass, self._round(due, wait_s), "driveway drill")

        entry.async_on_unload(
            async_track_time_change(self._hass, tick, hour=at.hour, minute=at.minute, second=at.second)
        )
        if self._is_open(due):
            begin(due, wait_s=WAITS_S)

    async def async_drill(self, car: str) -> None:
        """Do it now; HomeAssistantError when it did not go well."""
        began = time.monotonic()
        before = self.results.get(car)
        try:
            result = await self._coordinator.async_command(car, DRILL, ttl_s=LOCK_TTL_S)
        except HomeAssistantError as error:
            reason = error.__cause__.reason if isinstance(error.__cause__, CommandFailed) else "internal"
            if reason != "unloaded":
                failures = before.failures + 1 if before else 1
                await self._keep(car, Drilled(_now(), good=False, reason=reason, took_ms=None, failures=failures))
            raise
        took_ms = (time.monotonic() - began) * 1000 - result.phases_ms.get("waiting", 0.0)
        reason = result.reason or "done"
        await self._keep(
            car, Drilled(_now(), good=True, reason=reason, took_ms=max(0.0, round(took_ms, 1)), failures=0)
        )

    async def async_forget(self, car: str) -> None:
        """Forget a car that is no longer shown; its issue goes with its others."""
        if self.results.pop(car, None) is not None:
            await self._save()

    async def _round(self, due: datetime, wait_s: float) -> None:
        """Drill with each car, one after the other."""
        if wait_s:
            await asyncio.gather(*(self._bridge_there(car, wait_s) for car in cars_of(self._coordinator.entry)))
        if self._schedule is None or not self._is_open(due):
            return
        self._schedule = _Schedule(self._schedule.day, self._schedule.time, due.isoformat())
        await self._save()
        for car in cars_of(self._coordinator.entry):
            if self._coordinator.may(car, DRILL) is False:
                continue
            try:
                await self.async_drill(car)
            except HomeAssistantError as error:  # it is kept and shown
                _LOGGER.info("The weekly drill failed: %s", await async_in_words(self._hass, error))

    async def _bridge_there(self, car: str, wait_s: float) -> None:
        """Wait for a bridge that has the car, but not for ever."""
        there = asyncio.Event()

        @callback
        def look() -> None:
            if self._coordinator.available(car):
                there.set()

        remove = self._coordinator.listeners.add(car, look)
        look()
        try:
            async with asyncio.timeout(wait_s):
                await there.wait()
        except TimeoutError:
            return  # the drill itself will say what is missing
        finally:
            remove()

    def _is_open(self, due: datetime) -> bool:
        """Whether nobody has dealt with a due time yet."""
        done = dt_util.parse_datetime(self._schedule.done) if self._schedule else None
        return done is None or due > done

    async def _keep(self, car: str, result: Drilled) -> None:
        self.results[car] = result
        self._coordinator.listeners.tell(car, DRILL)
        await self._tell_issue(car)
        await self._save()

    async def _tell_issue(self, car: str) -> None:
        """Raise the issue of a car, or delete it; that of a car which goes is deleted with its others."""
        entry, result = self._coordinator.entry, self.results[car]
        if (subentry := cars_of(entry).get(car)) is None:
            return
        issue_id = f"drill_failed_{entry.entry_id}_{subentry.subentry_id}"
        if result.failures < ALARMING:
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
            return
        why = await async_in_words(self._hass, self._coordinator.translated(car, result.reason))
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            data={CONF_CAR: car},
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="drill_failed",
            translation_placeholders={"car": subentry.title, "why": why},
        )

    async def _save(self) -> None:
        await self._store.async_save(
            {
                "results": {car: asdict(result) for car, result in self.results.items()},
                "schedule": asdict(self._schedule) if self._schedule else None,
            }
        )


def last_due(now: datetime, weekday: int, at: dt.time) -> datetime:
    """Give the last moment, not after now, at which a weekly drill was due; in the time zone of now."""
    day = now.date() - timedelta(days=(now.weekday() - weekday) % 7)
    due = datetime.combine(day, at, tzinfo=now.tzinfo)
    return due if due <= now else datetime.combine(day - timedelta(days=7), at, tzinfo=now.tzinfo)


async def async_forget(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what is kept for an entry that goes."""
    await _store(hass, entry).async_remove()


def _store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.drill.{entry.entry_id}")


def _now() -> str:
    return dt_util.utcnow().isoformat()
