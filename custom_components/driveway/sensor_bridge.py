"""How a bridge itself is: since when it runs, what its radio hears, what memory it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfInformation
from homeassistant.helpers.typing import StateType

from .entity import BridgeEntity
from .health import Health
from .household import Bridge


@dataclass(frozen=True, kw_only=True)
class BridgeSensorDescription(SensorEntityDescription):
    """A sensor of a bridge and where its value comes from; None is unknown."""

    value_fn: Callable[[Bridge, Health], StateType | datetime]


def _started(bridge: Bridge, health: Health) -> datetime | None:
    """When the clock of the bridge's boot showed zero, which is its start."""
    boot = health.text("boot")
    return bridge.wall_time(boot, 0.0) if boot else None


BRIDGE: Final = (
    BridgeSensorDescription(
        key="started",
        translation_key="started",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_started,
    ),
    BridgeSensorDescription(
        key="radio_heard",
        translation_key="radio_heard",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement="/min",
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda _, health: health.number("radio", "heard_per_minute"),
    ),
    BridgeSensorDescription(
        key="memory",
        translation_key="memory",
        device_class=SensorDeviceClass.DATA_SIZE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfInformation.MEGABYTES,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda _, health: health.number("process", "memory_mb"),
    ),
)


class BridgeSensor(BridgeEntity, SensorEntity):
    """A figure of a bridge, which holds only while the bridge is there."""

    entity_description: BridgeSensorDescription

    @property
    @override
    def available(self) -> bool:
        return super().available and self.bridge.there

    @property
    @override
    def native_value(self) -> StateType | datetime:
        health = self.bridge.health
        return self.entity_description.value_fn(self.bridge, health) if health else None
