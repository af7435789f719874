"""What the owner should know and can change, as Home Assistant's repairs: there while it is so, and no longer.

A car that has dropped the key, and a code that has changed, are asked for by Home Assistant's own dialog (`reauth`),
which makes a repair of its own; there is one here for keys that have to wait for their turn there, or whose dialog was
left without success. A broker that speaks MQTT 3 is Home Assistant's own repair, too.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import CONF_CAR, DOCS, DOMAIN
from .contract import CONTRACT
from .coordinator import DrivewayConfigEntry
from .devices import cars_of
from .handover import WEAK_DBM
from .household import Bridge
from .listeners import EVERYTHING, HEALTH, LINK
from .reauth import CONF_BRIDGE, Asking, Need, key_lost
from .signal_week import SignalWeek

CONF_ENTRY: Final = "entry_id"
KEY_LOST: Final = "key_lost"
STORED_AFTER_S: Final = 3600.0
"""Strengths are written down so often at most, and when Home Assistant stops."""
_STORE_VERSION: Final = 1
_ERROR, _WARNING = ir.IssueSeverity.ERROR, ir.IssueSeverity.WARNING


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that may be wrong with a bridge, or with what it has to do with a car."""

    key: str
    so: bool | None
    """None: it cannot be told now, so that a repair stays as it is."""
    severity: ir.IssueSeverity
    page: str
    """Where the documentation tells more."""
    car: ConfigSubentry | None = None
    fixable: bool = False


def troubles_of(bridge: Bridge) -> Iterator[Trouble]:
    """Judge what a bridge says of itself."""
    theirs = bridge.info.contract if bridge.info else None
    yield Trouble("bridge_outdated", None if theirs is None else theirs < CONTRACT, _ERROR, "README.md")
    yield Trouble("component_outdated", None if theirs is None else theirs > CONTRACT, _ERROR, "README.md")
    health = bridge.condition
    if health is None:
        for key in ("commands_not_heard", "bridge_twice", "plain_opens"):
            yield Trouble(key, None, _WARNING, "")
        return
    reasons = {problem.reason for problem in health.problems}
    deaf = "commands_not_heard" in reasons or health.flag("mqtt", "ear", "ok") is False
    yield Trouble("commands_not_heard", deaf, _ERROR, "docs/broker.md")
    twice = "bridge_twice" in reasons or health.flag("mqtt", "twice") is True
    yield Trouble("bridge_twice", twice, _ERROR, "docs/reasons.md")
    yield Trouble("plain_opens", bool(health.value("plain", "opens")), _WARNING, "docs/mqtt.md#plain-topics")


def troubles_with(bridge: Bridge, car: ConfigSubentry, median_dbm: float | None, *, asked: bool) -> Iterator[Trouble]:
    """Judge what a bridge has to do with a car. `asked`: Home Assistant's own dialog asks for the key."""
    name: str = car.data[CONF_CAR]
    lost = key_lost(bridge, name)
    yield Trouble(KEY_LOST, lost and not asked, _ERROR, "docs/reasons.md", car, fixable=True)
    gone = bridge.lacks(name)
    weak = False if gone else None if median_dbm is None else median_dbm < WEAK_DBM
    yield Trouble("weak_signal", weak, _WARNING, "docs/radio.md", car)
    budget = bridge.condition.part("cars", name, "budget") if bridge.condition else None
    for key, used, allowed in (
        ("wakes_spent", "wakes_today", "wakes_allowed"),
        ("awake_minutes_spent", "awake_minutes_today", "awake_minutes_allowed"),
    ):
        spent = False if gone else _spent(budget.number(used), budget.number(allowed)) if budget else None
        yield Trouble(key, spent, _WARNING, "docs/configuration.md", car)


def _spent(used: float | None, allowed: float | None) -> bool | None:
    return None if used is None or allowed is None else 0 < allowed <= used


class Issues:
    """The repairs of one entry, and the strengths from which one of them follows."""

    def __init__(self, hass: HomeAssistant, entry: DrivewayConfigEntry, asking: Asking, week: SignalWeek) -> None:
        self._hass = hass
        self._entry = entry
        self._asking = asking
        self._week = week
        self._store = _store(hass, entry.entry_id)
        self._to_be_stored = False
        self._cars: set[str] = set()
        """Those at the last look."""

    @callback
    def look(self) -> None:
        """Raise and delete what has changed."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return  # what Home Assistant's own dialog will ask for is not known yet
        cars, bridges = cars_of(self._entry), list(self._entry.runtime_data.household)
        if cars.keys() != self._cars:
            self.forget_others()
        today = dt_util.utcnow().date().toordinal()
        for bridge in bridges:
            for trouble in troubles_of(bridge):
                self._tell(bridge, trouble)
            for car, subentry in cars.items():
                self._note_signal(bridge, car, today)
                asked = self._asking.asks(Need(bridge.id, car))
                median = self._week.median((bridge.id, car), today)
                for trouble in troubles_with(bridge, subentry, median, asked=asked):
                    self._tell(bridge, trouble)

    @callback
    def forget_others(self) -> None:
        """Delete what is about bridges and cars that are here no more."""
        cars, bridges = cars_of(self._entry), self._entry.runtime_data.household.bridges
        self._cars = set(cars)
        self._week.keep({(bridge, car) for bridge in bridges for car in cars})
        for issue in _issues(self._hass, self._entry.entry_id):
            if issue.data is None:
                continue  # of before Home Assistant's start: not shown, but it knows whether the owner ignored it
            bridge, car = issue.data.get(CONF_BRIDGE), issue.data.get(CONF_CAR)
            if (bridge is not None and bridge not in bridges) or (car is not None and car not in cars):
                ir.async_delete_issue(self._hass, DOMAIN, issue.issue_id)

    @callback
    def rest(self) -> None:
        """Take all back where the owner has disabled the household; what is ignored is remembered."""
        if self._entry.disabled_by is not None:
            for issue in _issues(self._hass, self._entry.entry_id):
                if issue.dismissed_version is None:
                    ir.async_delete_issue(self._hass, DOMAIN, issue.issue_id)

    async def async_store(self) -> None:
        """Write the strengths down now."""
        await self._store.async_save(self._week.as_stored())

    def _note_signal(self, bridge: Bridge, car: str, today: int) -> None:
        told = bridge.cars.get(car)
        link = told.link if told else None
        if not bridge.online or link is None or link.signal_dbm is None:
            return
        counted = self._week.note((bridge.id, car), link.signal_dbm, link.heard_at, today, time.monotonic())
        if counted and not self._to_be_stored:
            self._to_be_stored = True
            self._store.async_delay_save(self._stored, STORED_AFTER_S)

    def _stored(self) -> dict[str, Any]:
        self._to_be_stored = False
        return self._week.as_stored()

    def _tell(self, bridge: Bridge, trouble: Trouble) -> None:
        if trouble.so is None:
            return
        device = dr.async_get(self._hass).async_get_device_by_identifier((DOMAIN, bridge.id), self._entry.entry_id)
        if device is None:
            return  # the owner has just taken the bridge out
        # Home Assistant adds the ids of repairs to the diagnostics: they must not tell what is hidden there.
        about = [device.id] if trouble.car is None else [device.id, trouble.car.subentry_id]
        issue_id = "_".join((trouble.key, self._entry.entry_id, *about))
        if not trouble.so:
            ir.async_delete_issue(self._hass, DOMAIN, issue_id)
            return
        names = {"bridge": bridge.name}
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id,
            data={CONF_ENTRY: self._entry.entry_id, CONF_BRIDGE: bridge.id}
            | ({CONF_CAR: trouble.car.data[CONF_CAR]} if trouble.car else {}),
            is_fixable=trouble.fixable,
            learn_more_url=f"{DOCS}/{trouble.page}",
            severity=trouble.severity,
            translation_key=trouble.key,
            translation_placeholders=names | ({"car": trouble.car.title} if trouble.car else {}),
        )


async def async_watch(hass: HomeAssistant, entry: DrivewayConfigEntry, asking: Asking) -> None:
    """Keep the repairs as long as the entry is set up; reads what is stored of the last week."""
    week = SignalWeek(await _store(hass, entry.entry_id).async_load())
    issues = Issues(hass, entry, asking, week)
    issues.forget_others()
    entry.async_on_unload(entry.runtime_data.listeners.add(EVERYTHING, issues.look, LINK, HEALTH))
    entry.async_on_unload(entry.async_on_state_change(issues.look))
    entry.async_on_unload(issues.rest)
    entry.async_on_unload(issues.async_store)


async def async_forget(hass: HomeAssistant, entry_id: str) -> None:
    """Delete all repairs of an entry, and what is stored."""
    for issue in _issues(hass, entry_id):
        ir.async_delete_issue(hass, DOMAIN, issue.issue_id)
    await _store(hass, entry_id).async_remove()


def _issues(hass: HomeAssistant, entry_id: str) -> Iterable[ir.IssueEntry]:
    """Give the repairs of an entry."""
    issues = list(ir.async_get(hass).issues.values())
    return [issue for issue in issues if issue.domain == DOMAIN and f"_{entry_id}_" in issue.issue_id]


def _store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    return Store(hass, _STORE_VERSION, f"{DOMAIN}.signal.{entry_id}")
