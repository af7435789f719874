"""What is set to a number: how far and how fast the car charges, and how loud it plays."""

from dataclasses import dataclass
from typing import override

from homeassistant.components.number import NumberEntity, NumberEntityDescription
from homeassistant.components.number.const import NumberDeviceClass
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfElectricCurrent
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DrivewayConfigEntry
from .entity import CarControl, CarDescription, async_add_to_cars

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class CarNumberDescription(CarDescription, NumberEntityDescription):
    """A number: which command sets it, and which readings of `subject` tell it and its limits."""

    command: str
    argument: str
    subject: str
    name: str
    low: float
    """What the command allows, as `high`; a car may allow less."""
    high: float
    least: str | None = None
    """The reading that tells the least that this car allows, as `most` the most."""
    most: str | None = None
    whole: bool = False
    """The command takes whole numbers only."""


DESCRIPTIONS = (
    CarNumberDescription(
        key="charge_limit",
        translation_key="charge_limit",
        device_class=NumberDeviceClass.BATTERY,
        native_unit_of_measurement=PERCENTAGE,
        native_step=1,
        entity_category=EntityCategory.CONFIG,
        subjects=("charge",),
        commands=("charge_limit",),
        command="charge_limit",
        argument="percent",
        subject="charge",
        name="limit_percent",
        low=50,
        high=100,
        least="minimum_limit_percent",
        most="maximum_limit_percent",
        whole=True,
    ),
    CarNumberDescription(
        key="charge_amps",
        translation_key="charge_amps",
        device_class=NumberDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        native_step=1,
        entity_category=EntityCategory.CONFIG,
        subjects=("charge",),
        commands=("charge_amps",),
        command="charge_amps",
        argument="amps",
        subject="charge",
        name="set_amps",
        low=1,
        high=80,
        most="maximum_amps",
        whole=True,
    ),
    CarNumberDescription(
        key="volume",
        translation_key="volume",
        native_step=0.5,
        entity_registry_enabled_default=False,
        subjects=("media",),
        commands=("media_volume",),
        command="media_volume",
        argument="volume",
        subject="media",
        name="volume",
        low=0,
        high=11,
        most="maximum_volume",
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the numbers of every car."""
    async_add_to_cars(entry, async_add_entities, CarNumber, DESCRIPTIONS)


class CarNumber(CarControl, NumberEntity):
    """Something of a car that is set to a number."""

    entity_description: CarNumberDescription

    @property
    @override
    def native_value(self) -> float | None:
        return self._told(self.entity_description.name)

    @property
    @override
    def native_min_value(self) -> float:
        description = self.entity_description
        return max(description.low, self._told(description.least) or description.low)

    @property
    @override
    def native_max_value(self) -> float:
        """The most that the car allows, or the command where the car says nothing that could be true."""
        description = self.entity_description
        told = self._told(description.most)
        return description.high if told is None or told < self.native_min_value else min(told, description.high)

    def _told(self, name: str | None) -> float | None:
        told = None if name is None else self.view.number(self.entity_description.subject, name)
        return told if told is None or not self.entity_description.whole else round(told)

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set it; HomeAssistantError when the car did not confirm it."""
        description = self.entity_description
        number = round(value) if description.whole else round(value, 2)
        await self.async_command(description.command, {description.argument: number})
