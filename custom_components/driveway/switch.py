"""What is switched on and off: charging, the guard, heating and the like. Shown as the car reports it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DrivewayConfigEntry
from .entity import CarControl, CarDescription, async_add_to_cars
from .sensor_charge import CHARGES
from .state import CarView

PARALLEL_UPDATES = 0


class Order(NamedTuple):
    """A command with its arguments."""

    command: str
    arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class CarSwitchDescription(CarDescription, SwitchEntityDescription):
    """A switch: what turns it, and where its state comes from; None is unknown."""

    on: Order
    off: Order
    is_on_fn: Callable[[CarView], bool | None]


def _switch(
    key: str,
    command: str,
    subject: str,
    name: str,
    *,
    on_if: Callable[[str], bool] | None = None,
    equipment: bool = False,
    **more: Any,
) -> CarSwitchDescription:
    """Describe a switch of one command; `on_if` judges a word of the car where it does not say yes or no.

    `equipment`: only cars that tell of it have it. `arguments` go with the command, besides `on`.
    """
    arguments = more.pop("arguments", {})

    def is_on(view: CarView) -> bool | None:
        if on_if is None:
            return view.flag(subject, name)
        word = view.text(subject, name)
        return None if word is None else on_if(word)

    return CarSwitchDescription(
        key=key,
        translation_key=key,
        subjects=(subject,),
        told=(subject, name) if equipment else None,
        commands=(command,),
        on=Order(command, {**arguments, "on": True}),
        off=Order(command, {**arguments, "on": False}),
        is_on_fn=is_on,
        **more,
    )


def _charging(view: CarView) -> bool | None:
    told = view.text("charge", "charging")
    return None if told is None else told in CHARGES


DESCRIPTIONS = (
    CarSwitchDescription(
        key="charging",
        translation_key="charging",
        subjects=("charge",),
        commands=("charge_start", "charge_stop"),
        on=Order("charge_start"),
        off=Order("charge_stop"),
        is_on_fn=_charging,
    ),
    _switch("sentry", "sentry_mode", "closures", "sentry", on_if=lambda word: word != "off"),
    _switch("defrost", "defrost_max", "climate", "defrost", on_if=lambda word: word == "max"),
    _switch("wheel_heat", "wheel_heat", "climate", "wheel_heat", equipment=True),
    _switch(
        "wheel_heat_automatic",
        "wheel_heat_automatic",
        "climate",
        "wheel_heat_automatic",
        equipment=True,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
    *(
        _switch(
            f"seat_automatic_{seat}",
            "seat_automatic",
            "climate",
            f"{seat}_seat_automatic",
            equipment=True,
            arguments={"seat": seat},
            entity_category=EntityCategory.CONFIG,
            entity_registry_enabled_default=False,
        )
        for seat in ("front_left", "front_right")
    ),
    _switch("bioweapon", "bioweapon", "climate", "bioweapon", equipment=True, entity_registry_enabled_default=False),
    _switch(
        "low_power_mode",
        "low_power_mode",
        "charge",
        "low_power_mode",
        equipment=True,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
    _switch(
        "accessory_power",
        "accessory_power",
        "charge",
        "keeps_accessory_power",
        equipment=True,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches of every car."""
    async_add_to_cars(entry, async_add_entities, CarSwitch, DESCRIPTIONS)


class CarSwitch(CarControl, SwitchEntity):
    """Something of a car that is on or off."""

    entity_description: CarSwitchDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.is_on_fn(self.view)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Switch on; HomeAssistantError when the car did not confirm it."""
        await self.async_command(*self.entity_description.on)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Switch off; HomeAssistantError when the car did not confirm it."""
        await self.async_command(*self.entity_description.off)
