"""What a car does once: flash, honk, wake up, open the garage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DrivewayConfigEntry
from .drill_entities import BUTTONS, DrillButton
from .entity import CarControl, CarDescription, async_add_to_cars
from .waking import async_open

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class CarButtonDescription(CarDescription, ButtonEntityDescription):
    """A button and its command."""

    subjects: tuple[str, ...] = ()
    command: str
    arguments_fn: Callable[[HomeAssistant], Mapping[str, Any]] | None = None
    opens: bool = False
    """It opens something: its command lives as short as it can."""


def _button(key: str, command: str, **more: Any) -> CarButtonDescription:
    return CarButtonDescription(key=key, translation_key=key, commands=(command,), command=command, **more)


DESCRIPTIONS = (
    _button("lights", "flash_lights"),
    _button("horn", "honk_horn"),
    _button("wake", "wake"),
    _button(
        "homelink",
        "homelink",
        # The car presses the button of the garage door that it knows at a place: that of the house.
        arguments_fn=lambda hass: {"latitude": hass.config.latitude, "longitude": hass.config.longitude},
        opens=True,
        entity_registry_enabled_default=False,
    ),
    *(
        _button(command, command, entity_registry_enabled_default=False)
        for command in ("media_toggle", "media_next_track", "media_previous_track")
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons of every car."""
    async_add_to_cars(entry, async_add_entities, CarButton, DESCRIPTIONS)
    async_add_to_cars(entry, async_add_entities, DrillButton, BUTTONS)


class CarButton(CarControl, ButtonEntity):
    """Something that a car does once."""

    entity_description: CarButtonDescription

    @override
    async def async_press(self) -> None:
        """Do it; HomeAssistantError when the car did not confirm it."""
        description = self.entity_description
        arguments = description.arguments_fn(self.hass) if description.arguments_fn else None
        if description.opens:
            await async_open(self, description.command, arguments)
        else:
            await self.async_command(description.command, arguments)
