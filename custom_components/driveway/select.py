"""What is chosen among several: how warm seats and wheel are, and what keeps the climate on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DrivewayConfigEntry
from .entity import CarControl, CarDescription, async_add_to_cars

PARALLEL_UPDATES = 0

CLIMATE: Final = "climate"
LEVELS: Final = ("off", "low", "medium", "high")
"""Of seats; the car tells them as numbers from 0."""
SEATS: Final = (
    "front_left",
    "front_right",
    "rear_left",
    "rear_center",
    "rear_right",
    "rear_left_back",
    "rear_right_back",
    "third_row_left",
    "third_row_right",
)
"""That may be heated."""
FEW_HAVE: Final = SEATS[5:]


@dataclass(frozen=True, kw_only=True)
class CarSelectDescription(CarDescription, SelectEntityDescription):
    """A choice: the command whose `argument` is one of the options, and the reading of the climate that tells it."""

    command: str
    argument: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What goes with the command besides."""
    name: str


def _select(
    key: str, command: str, argument: str, options: tuple[str, ...], name: str, *, equipment: bool = True, **more: Any
) -> CarSelectDescription:
    """Describe a choice; `equipment`: only cars that tell of it have it."""
    return CarSelectDescription(
        key=key,
        translation_key=key,
        subjects=(CLIMATE,),
        told=(CLIMATE, name) if equipment else None,
        commands=(command,),
        options=list(options),
        command=command,
        argument=argument,
        name=name,
        **more,
    )


DESCRIPTIONS = (
    _select("climate_keeper", "climate_keeper", "mode", ("off", "on", "dog", "camp"), "keeper", equipment=False),
    _select(
        "overheat_protection",
        "overheat_protection",
        "mode",
        ("off", "on", "fan_only"),
        "overheat_protection",
        equipment=False,
        entity_category=EntityCategory.CONFIG,
    ),
    _select(
        "overheat_temperature",
        "overheat_temperature",
        "level",
        ("low", "medium", "high"),
        "overheat_temperature",
        entity_category=EntityCategory.CONFIG,
    ),
    _select("wheel_heat_level", "wheel_heat_level", "level", ("off", "low", "high"), "wheel_heat_level"),
    *(
        _select(
            f"seat_heat_{seat}",
            "seat_heat",
            "level",
            LEVELS,
            f"{seat}_seat_heat",
            arguments={"seat": seat},
            entity_registry_enabled_default=seat not in FEW_HAVE,
        )
        for seat in SEATS
    ),
    *(
        _select(
            f"seat_cooling_{seat}", "seat_cooling", "level", LEVELS, f"{seat}_seat_cooling", arguments={"seat": seat}
        )
        for seat in ("front_left", "front_right")
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the choices of every car."""
    async_add_to_cars(entry, async_add_entities, CarSelect, DESCRIPTIONS)


class CarSelect(CarControl, SelectEntity):
    """Something of a car that is one of several."""

    entity_description: CarSelectDescription

    @property
    @override
    def current_option(self) -> str | None:
        name = self.entity_description.name
        level = self.view.number(CLIMATE, name)
        told = self.view.text(CLIMATE, name) if level is None else dict(enumerate(LEVELS)).get(int(level))
        return told if told in self.options else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose; HomeAssistantError when the car did not confirm it."""
        description = self.entity_description
        await self.async_command(description.command, {**description.arguments, description.argument: option})
