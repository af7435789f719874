"""What a helper needs to see, without what is private: for a whole entry, and for one car or bridge.

Bridges and cars are numbered, in the order in which the entry has them: their ids could be found again elsewhere.
"""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from homeassistant.components.mqtt.const import DOMAIN as MQTT
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import __version__ as home_assistant
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import AnyDeviceEntry
from homeassistant.loader import async_get_integration
from homeassistant.util import dt as dt_util

from . import disclosure
from .const import DOMAIN
from .contract import CONTRACT, DEFAULT_BASE
from .coordinator import Coordinator, DrivewayConfigEntry, LastCommand
from .devices import cars_of
from .drill import Drilled
from .health import Health
from .household import Bridge
from .state import SubjectState

_OPTION_WORDS: Final = frozenset(
    {"never", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)
_OF_THE_LINK: Final = ("reachable", "linked", "in_range", "places_free", "asleep")


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: DrivewayConfigEntry) -> dict[str, Any]:
    """Give all that helps to understand a household."""
    report = _Report(entry.runtime_data)
    return {
        **await _surroundings(hass, report),
        "bridges": {alias: report.bridge(bridge) for bridge, alias in report.bridges.items()},
        "cars": {alias: report.car(car) for car, alias in report.cars.items()},
        "recent_commands": [report.command(ended, car) for car, ended in report.coordinator.recent_commands],
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: DrivewayConfigEntry, device: AnyDeviceEntry
) -> dict[str, Any]:
    """Give what concerns one car or one bridge."""
    report = _Report(entry.runtime_data)
    ids = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    found = await _surroundings(hass, report)
    for bridge in ids & report.bridges.keys():
        found[report.bridges[bridge]] = report.bridge(bridge)
    for car in ids & report.cars.keys():
        found[report.cars[car]] = report.car(car) | {
            "bridges": {
                alias: report.bridge(bridge, only=car)
                for bridge, alias in report.bridges.items()
                if report.household.bridges[bridge].serves(car)
            },
            "recent_commands": [report.command(ended) for of, ended in report.coordinator.recent_commands if of == car],
        }
    return found


async def _surroundings(hass: HomeAssistant, report: _Report) -> dict[str, Any]:
    """What all reports begin with: versions, the broker, and what the owner has chosen."""
    entry, coordinator = report.entry, report.coordinator
    brokers = hass.config_entries.async_entries(MQTT)
    return {
        "versions": {
            "home_assistant": disclosure.version(home_assistant),
            "component": disclosure.version(str((await async_get_integration(hass, DOMAIN)).version)),
            "contract": CONTRACT,
        },
        "cloud_watch": (coordinator.watch.data or "not_certain") if coordinator.watch else "off",
        "mqtt": {
            "connected": coordinator.broker.there,
            "protocol": disclosure.word("5", "3.1.1", "3.1")(brokers[0].data.get("protocol")) if brokers else None,
            "usual_base_topic": coordinator.base == DEFAULT_BASE,
        },
        "options": _chosen(entry.options),
        "subentries": Counter(subentry.subentry_type for subentry in entry.subentries.values()),
    }


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the owner has set: yes, no and days of the week as they are, of all else whether it is set."""
    return {
        name: value if isinstance(value, bool) or (isinstance(value, str) and value in _OPTION_WORDS) else bool(value)
        for name, value in options.items()
    }


class _Report:
    """The facts of one entry, with numbers in place of ids."""

    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator
        self.entry: DrivewayConfigEntry = coordinator.entry
        self.household = coordinator.household
        self._now = time.monotonic()
        self._wall = dt_util.utcnow()
        self.bridges = {bridge: f"bridge_{number}" for number, bridge in enumerate(self.household.bridges, 1)}
        known = [*cars_of(self.entry), *(car for bridge in self.household for car in bridge.cars)]
        self.cars = {car: f"car_{number}" for number, car in enumerate(dict.fromkeys(known), 1)}

    def bridge(self, bridge_id: str, only: str | None = None) -> dict[str, Any]:
        """One bridge and what it told of its cars, or of `only` this one."""
        bridge = self.household.bridges[bridge_id]
        info, clock, health = bridge.info, bridge.clock, bridge.health
        return {
            "online": bridge.online,
            "silent": bridge.silent,
            "version": disclosure.version(info.version) if info else None,
            "contract": info.contract if info else None,
            "commands": len(info.commands) if info else None,
            "clients": len(info.clients) if info else None,
            "knows_us": bridge.signer.client in info.clients if info else None,
            "distrust": disclosure.reason(bridge.distrust),
            "clock": {
                "age_s": round(clock.age(self._now), 1),
                "same_boot": info is not None and clock.boot == info.boot,
            }
            if clock
            else None,
            "problems": disclosure.problems(health) if health else None,
            "health": disclosure.BRIDGE_HEALTH(health.document) if health else None,
            "cars": {
                alias: self._told(bridge, car, health)
                for car, alias in self.cars.items()
                if only in (None, car) and (car in bridge.cars or bridge.serves(car))
            },
        }

    def _told(self, bridge: Bridge, car: str, health: Health | None) -> dict[str, Any]:
        """What one bridge knows of one car, and how it does with it."""
        known, view = bridge.serves(car), bridge.view(car)
        return {
            "role": disclosure.ROLE(known.role) if known else None,
            "model": disclosure.MODEL(known.model) if known else None,
            "commands": len(known.commands) if known and known.commands is not None else None,
            "expected_s": round(bridge.expected_s(car, self._now), 2),
            "recent_s": [
                None if took_s is None else round(took_s, 2) for took_s in bridge.record(car).recent(self._now)
            ],
            "link": {name: getattr(view.link, name) for name in _OF_THE_LINK}
            | {
                "heard_s_ago": self._ago(bridge.wall_time(view.link.boot, view.link.heard_at)),
                "contact_s_ago": self._ago(bridge.wall_time(view.link.boot, view.link.contact_at)),
                "signal_dbm": view.link.signal_dbm,
                "why_not": disclosure.reason(view.link.why_not),
            }
            if view.link
            else None,
            "state": {
                subject: self._state(bridge, car, subject, state)
                for subject, state in sorted(view.subjects.items())
                if subject in disclosure.READINGS
            },
            "unknown_subjects": len(view.subjects.keys() - disclosure.READINGS.keys()),
            "health": disclosure.CAR_HEALTH(health.value("cars", car)) if health else None,
        }

    def _state(self, bridge: Bridge, car: str, subject: str, state: SubjectState) -> dict[str, Any]:
        """One subject: the readings that may be shown, and how many more there are."""
        shown = {
            name: {
                "value": disclosure.reading(reading.value),
                "source": disclosure.SOURCE(reading.source),
                "age_s": self._ago(bridge.heard_at(car, subject, name)),
            }
            for name, reading in sorted(state.readings.items())
            if name in disclosure.READINGS[subject]
        }
        return {
            "same_boot": bridge.info is not None and state.boot == bridge.info.boot,
            "readings": shown,
            "not_shown": len(state.readings) - len(shown),
        }

    def car(self, car: str) -> dict[str, Any]:
        """One car as Home Assistant has it."""
        coordinator, subentry = self.coordinator, cars_of(self.entry).get(car)
        last, drill = coordinator.last_commands.get(car), coordinator.drill.results.get(car)
        return {
            "available": coordinator.available(car),
            "routes": [self.bridges[bridge.id] for bridge in self.household.ways(car, self._now)],
            "last_contact_s_ago": self._ago(self.household.last_contact(car)),
            "last_command": self.command(last) if last else None,
            "last_drill": self._drill(drill) if drill else None,
            "settings": sorted(subentry.data.keys()) if subentry else None,
            "entities": self._entities(subentry) if subentry else None,
        }

    def _entities(self, subentry: ConfigSubentry) -> dict[str, dict[str, int]]:
        """How many entities of each platform there are, and how many of them are off or not available."""
        found: dict[str, Counter[str]] = {}
        registry = er.async_get(self.coordinator.hass)
        for entity in er.async_entries_for_config_entry(registry, self.entry.entry_id):
            if entity.config_subentry_id == subentry.subentry_id:
                state = self.coordinator.hass.states.get(entity.entity_id)
                counts = found.setdefault(entity.domain, Counter(there=0, disabled=0, unavailable=0, unknown=0))
                counts["there"] += 1
                counts["disabled"] += entity.disabled
                for missing in ("unavailable", "unknown"):
                    counts[missing] += state is not None and state.state == missing
        return {platform: dict(counts) for platform, counts in sorted(found.items())}

    def command(self, ended: LastCommand, car: str | None = None) -> dict[str, Any]:
        """How a command ended; its name only where a bridge offers it."""
        offered = {command for bridge in self.household if bridge.info for command in bridge.info.commands}
        return ({"car": self.cars.get(car)} if car else {}) | {
            "command": ended.command if ended.command in offered else disclosure.NOT_SHOWN,
            "reason": disclosure.reason(ended.reason),
            "route": disclosure.ROUTE(ended.route),
            "took_ms": round(ended.took_ms),
            "ended_s_ago": self._ago(ended.at),
        }

    def _drill(self, drilled: Drilled) -> dict[str, Any]:
        """How the last drill ended."""
        return {
            "reason": disclosure.reason(drilled.reason),
            "took_ms": None if drilled.took_ms is None else round(drilled.took_ms),
            "failures": drilled.failures,
            "ended_s_ago": self._ago(dt_util.parse_datetime(drilled.at)),
        }

    def _ago(self, at: datetime | None) -> float | None:
        return None if at is None else round((self._wall - at).total_seconds(), 1)
