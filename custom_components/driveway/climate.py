"""The cabin's climate: on or off, how warm it is, and how warm it should be."""

from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.climate import ClimateEntity, ClimateEntityDescription
from homeassistant.components.climate.const import ATTR_HVAC_MODE, ClimateEntityFeature, HVACMode
from homeassistant.const import ATTR_TEMPERATURE, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DrivewayConfigEntry
from .entity import CarControl, CarDescription, async_add_to_cars

PARALLEL_UPDATES = 0

CLIMATE: Final = "climate"
LOWEST_CELSIUS: Final = 15.0
"""What a command may ask for, and a car may allow less of it."""
HIGHEST_CELSIUS: Final = 28.0


@dataclass(frozen=True, kw_only=True)
class CarClimateDescription(CarDescription, ClimateEntityDescription):
    """The climate."""


DESCRIPTIONS = (
    CarClimateDescription(
        key="climate",
        translation_key="climate",
        subjects=(CLIMATE,),
        commands=("climate_on", "climate_off", "climate_temperature"),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the climate of every car."""
    async_add_to_cars(entry, async_add_entities, CarClimate, DESCRIPTIONS)


class CarClimate(CarControl, ClimateEntity):
    """The climate of a car.

    From 2026.11 on Home Assistant reads the `native_` names, before that the others; whoever has both is not warned.
    """

    entity_description: CarClimateDescription
    _attr_hvac_modes = [HVACMode.OFF, HVACMode.HEAT_COOL]  # noqa: RUF012 - as its base has it
    _attr_supported_features = (
        ClimateEntityFeature.TARGET_TEMPERATURE | ClimateEntityFeature.TURN_ON | ClimateEntityFeature.TURN_OFF
    )
    _attr_target_temperature_step = 0.5
    _attr_native_temperature_unit = UnitOfTemperature.CELSIUS
    _attr_temperature_unit = UnitOfTemperature.CELSIUS

    @property
    @override
    def hvac_mode(self) -> HVACMode | None:
        on = self.view.flag(CLIMATE, "on")
        if on is None:
            return None
        return HVACMode.HEAT_COOL if on else HVACMode.OFF

    @property
    def native_current_temperature(self) -> float | None:
        """Of the air inside, in °C."""
        return self.view.number(CLIMATE, "inside_celsius")

    @property
    def native_target_temperature(self) -> float | None:
        """As the driver has set it, in °C."""
        return self.view.number(CLIMATE, "driver_celsius")

    current_temperature = native_current_temperature
    target_temperature = native_target_temperature

    @property
    @override
    def min_temp(self) -> float:
        return max(LOWEST_CELSIUS, self.view.number(CLIMATE, "minimum_celsius") or LOWEST_CELSIUS)

    @property
    @override
    def max_temp(self) -> float:
        return min(HIGHEST_CELSIUS, self.view.number(CLIMATE, "maximum_celsius") or HIGHEST_CELSIUS)

    @override
    async def async_set_hvac_mode(self, hvac_mode: HVACMode) -> None:
        """Switch on or off; HomeAssistantError when the car did not confirm it."""
        await self.async_command("climate_off" if hvac_mode is HVACMode.OFF else "climate_on")

    @override
    async def async_set_temperature(self, **kwargs: Any) -> None:
        """Set how warm it should be, and the mode if one is given; errors as for the mode alone."""
        if ATTR_HVAC_MODE in kwargs:
            await self.async_handle_set_hvac_mode_service(kwargs[ATTR_HVAC_MODE])
        await self.async_command("climate_temperature", {"driver_celsius": round(kwargs[ATTR_TEMPERATURE], 1)})
