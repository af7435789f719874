"""What happens to a car, the moment that it happens: locked and by whom, driven off, a pairing and how far it is."""

from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .cloud_entities import CloudEvent
from .contract import Event
from .coordinator import Coordinator, DrivewayConfigEntry
from .entity import CarDescription, CarEntity, async_add_to_cars
from .reasons import REASONS

PARALLEL_UPDATES = 0

ATTR_BY: Final = "by"
ATTR_REASON: Final = "reason"
BY: Final = ("home_assistant", "client", "plain", "page", "other")
"""Who locked or unlocked: we, somebody else who signs, plain words over MQTT, the bridge's page, another key."""
STAGES: Final = ("heard", "asleep", "presented", "card", "confirm", "known", "synchronised", "role")
PAIRED: Final = "paired"
FAILED: Final = "failed"
_GOOD: Final = ("done", "already_enrolled")


@dataclass(frozen=True, kw_only=True)
class CarEventDescription(CarDescription, EventEntityDescription):
    """Things that can happen; `subjects` is empty, as nothing that is stored is one of them."""

    subjects: tuple[str, ...] = ()


LOCK: Final = CarEventDescription(key="lock", translation_key="lock", event_types=["locked", "unlocked"])
DRIVE: Final = CarEventDescription(key="drive", translation_key="drive", event_types=["drove_off", "arrived"])
PAIRING: Final = CarEventDescription(
    key="pairing",
    translation_key="pairing",
    event_types=[*STAGES, PAIRED, FAILED],
    entity_registry_enabled_default=False,
)
DESCRIPTIONS: Final = (LOCK, DRIVE, PAIRING)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the events of every car, and of the cloud where it is watched."""
    async_add_to_cars(entry, async_add_entities, CarEvents, DESCRIPTIONS)
    if watch := entry.runtime_data.watch:
        async_add_entities([CloudEvent(watch, entry, "cloud_event")])


def told_by(coordinator: Coordinator, event: Event) -> str | None:
    """Give who did it, one of BY; None for what a newer bridge may say."""
    if event.by == "client" and any(event.client == bridge.signer.client for bridge in coordinator.household):
        return BY[0]
    return event.by if event.by in BY[1:] else None


class CarEvents(CarEntity, EventEntity):
    """One kind of thing that happens to a car. What this version does not know is passed over."""

    entity_description: CarEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.listeners.add_event(self.car, self._happened))

    @callback
    def _happened(self, event: Event) -> None:
        kind, attributes = self._understood(event)
        if kind in self.event_types:
            self._trigger_event(kind, attributes)
            self.async_write_ha_state()

    def _understood(self, event: Event) -> tuple[str, dict[str, Any]]:
        """Give its type and what stands beside it."""
        if event.event in ("locked", "unlocked"):
            return event.event, {ATTR_BY: told_by(self.coordinator, event)}
        if event.event == "pairing" and event.stage in REASONS:
            return PAIRED if event.stage in _GOOD else FAILED, {ATTR_REASON: event.stage}
        if event.event == "pairing":
            return event.stage if event.stage in STAGES else "", {}
        return event.event, {}
