"""What a helper needs to see, without what is private: no codes, no names that the owner gave."""

import time
from dataclasses import asdict
from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

from .const import CONF_BASE_TOPIC
from .coordinator import DrivewayConfigEntry
from .household import Bridge

_PRIVATE: Final = {"clients", "code", "name", "title"}


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: DrivewayConfigEntry) -> dict[str, Any]:
    """Give all that was heard from the bridges of an entry. Car ids are digests; the VIN is nowhere."""
    coordinator = entry.runtime_data
    facts = {
        CONF_BASE_TOPIC: coordinator.base,
        "connected": coordinator.connected,
        "cars": [dict(subentry.data) for subentry in entry.subentries.values()],
        "bridges": {bridge.id: _bridge(bridge) for bridge in coordinator.household},
    }
    return async_redact_data(facts, _PRIVATE)


def _bridge(bridge: Bridge) -> dict[str, Any]:
    clock = bridge.clock
    return {
        "online": bridge.online,
        "silent": bridge.silent,
        # The redaction goes through lists, not through tuples.
        "info": asdict(bridge.info) | {"cars": [asdict(car) for car in bridge.info.cars]} if bridge.info else None,
        "clock": clock and {"boot": clock.boot, "now": clock.now, "age_s": round(clock.age(time.monotonic()), 1)},
        "cars": {
            car: {
                "link": view.link and asdict(view.link),
                "state": {subject: asdict(state) for subject, state in view.subjects.items()},
            }
            for car, view in bridge.cars.items()
        },
    }
