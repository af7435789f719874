"""The drill of a car: its button, and how the last one ended."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.util import dt as dt_util

from .drill import DRILL, Drilled
from .entity import CarControl, CarDescription, CarEntity


@dataclass(frozen=True, kw_only=True)
class DrillSensorDescription(CarDescription, SensorEntityDescription):
    """A fact of the last drill; None is unknown."""

    value_fn: Callable[[Drilled], str | float | datetime | None]
    commands: tuple[str, ...] = (DRILL,)
    subjects: tuple[str, ...] = (DRILL,)
    entity_category: EntityCategory | None = EntityCategory.DIAGNOSTIC


@dataclass(frozen=True, kw_only=True)
class DrillButtonDescription(CarDescription, ButtonEntityDescription):
    """The button."""


SENSORS = (
    DrillSensorDescription(
        key="drill_result",
        translation_key="drill_result",
        device_class=SensorDeviceClass.ENUM,
        options=["good", "failed"],
        value_fn=lambda drilled: "good" if drilled.good else "failed",
    ),
    DrillSensorDescription(
        key="drill_latency",
        translation_key="drill_latency",
        device_class=SensorDeviceClass.DURATION,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        suggested_display_precision=0,
        value_fn=lambda drilled: drilled.took_ms,
    ),
    DrillSensorDescription(
        key="drill_at",
        translation_key="drill_at",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda drilled: dt_util.parse_datetime(drilled.at),
    ),
)
BUTTONS = (
    DrillButtonDescription(
        key="drill", translation_key="drill", commands=(DRILL,), entity_category=EntityCategory.DIAGNOSTIC
    ),
)

ATTR_REASON = "reason"


class DrillSensor(CarEntity, SensorEntity):
    """How the last drill ended. It is remembered here, so it stands also while no bridge is there."""

    entity_description: DrillSensorDescription

    @property
    def _last(self) -> Drilled | None:
        return self.coordinator.drill.results.get(self.car)

    @property
    @override
    def available(self) -> bool:
        return self._last is not None or super().available

    @property
    @override
    def native_value(self) -> str | float | datetime | None:
        return self.entity_description.value_fn(self._last) if self._last else None

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        if self.device_class is not SensorDeviceClass.ENUM or self._last is None:
            return None
        return {ATTR_REASON: self._last.reason}


class DrillButton(CarControl, ButtonEntity):
    """Do it now."""

    entity_description: DrillButtonDescription

    @override
    async def async_press(self) -> None:
        """Drill; HomeAssistantError when it did not go well."""
        await self.coordinator.drill.async_drill(self.car)
