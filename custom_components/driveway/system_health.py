"""What the page "System information" shows of Driveway: all of it from memory, nothing is asked of anybody."""

from collections.abc import Iterable
from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import async_get_integration

from . import disclosure
from .const import DOMAIN
from .contract import CONTRACT
from .coordinator import DrivewayConfigEntry
from .devices import cars_of


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Name the function that gives the facts."""
    register.async_register_info(async_facts)


async def async_facts(hass: HomeAssistant) -> dict[str, Any]:
    """Give the facts of all households together, without names; None is shown as unknown."""
    entries: list[DrivewayConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    coordinators = [entry.runtime_data for entry in entries]
    bridges = [bridge for coordinator in coordinators for bridge in coordinator.household]
    there = [bridge for bridge in bridges if bridge.there]
    infos = [bridge.info for bridge in bridges if bridge.info]
    cars = [(coordinator, car) for coordinator in coordinators for car in cars_of(coordinator.entry)]
    of_cars = [
        bridge.health.part("cars", car)
        for coordinator, car in cars
        for bridge in coordinator.household
        if bridge.health and bridge.there
    ]
    links = [coordinator.view(car).link for coordinator, car in cars if coordinator.available(car)]
    contacts = (coordinator.household.last_contact(car) for coordinator, car in cars)
    return {
        "version": str((await async_get_integration(hass, DOMAIN)).version),
        "contract": CONTRACT,
        "broker_connected": bool(coordinators) and all(coordinator.broker.there for coordinator in coordinators),
        "bridges_there": f"{len(there)} / {len(bridges)}",
        "bridge_versions": _listed(f"{disclosure.version(info.version)} ({info.contract})" for info in infos),
        "bridge_problems": sum(len(bridge.health.problems) for bridge in there if bridge.health),
        "cars_reached": f"{sum(link is not None and link.reachable is True for link in links)} / {len(cars)}",
        "last_contact": max((at for at in contacts if at), default=None),
        "commands_waiting": sum(health.number("queue") or 0 for health in of_cars),
        "command_ms": max(
            (ms for health in of_cars if (ms := health.number("latency_ms", "total", "p95"))), default=None
        ),
    }


def _listed(texts: Iterable[str]) -> str | None:
    return ", ".join(sorted(set(texts))) or None
