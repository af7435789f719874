"""What all entities have in common: whom they belong to, when they are there, and when they show something new."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback, async_get_current_platform

from .const import CAR_MANUFACTURER, CONF_CAR, DOMAIN
from .contract import LOCK_TTL_S, MAX_TTL_S, Result
from .coordinator import Coordinator, DrivewayConfigEntry
from .household import Bridge
from .listeners import HEALTH
from .state import BODY, CarView

OPENS_TTL_S: Final = LOCK_TTL_S
"""Seconds that a command lives which opens, unlocks or starts something, or belongs to a lock or lid."""
COMFORT_TTL_S: Final = MAX_TTL_S
"""Seconds that any other command lives; it may have to wake the car."""

ATTR_HEARD_AT: Final = "heard_at"
ATTR_SOURCE: Final = "source"
AGE_STEP: Final = timedelta(minutes=5)
"""`heard_at` of a value that stays the same follows in such steps: each of them is a row in the recorder's database."""


@dataclass(frozen=True, kw_only=True)
class CarDescription(EntityDescription):
    """One thing of a car: what it shows, and who gets it."""

    subjects: tuple[str, ...] = (BODY,)
    """Whose changes change what is shown: subjects of the car's state, or names of `listeners`."""
    commands: tuple[str, ...] = ()
    """What it needs: it is not offered where no bridge's key may give them all."""
    instead_of: tuple[str, ...] = ()
    """Commands of a control that shows the same: it is only offered where no bridge's key may give them all."""
    shows: tuple[str, str] | None = None
    """Subject and name of the reading that is shown: when and how it was heard stands beside it."""
    told: tuple[str, str] | None = None
    """Subject and name of a reading that only cars with this equipment tell: it comes with the first of them."""


class CarEntity(Entity):
    """One thing of one car.

    Available means that a bridge is there to ask and to command. A car that is out of range or asleep does not make
    an entity unavailable: Home Assistant drops commands to unavailable entities without a word.
    """

    entity_description: CarDescription
    _attr_has_entity_name = True
    _attr_should_poll = False
    _unrecorded_attributes = frozenset({ATTR_HEARD_AT, ATTR_SOURCE})
    _age_step = AGE_STEP

    def __init__(self, coordinator: Coordinator, subentry: ConfigSubentry, description: CarDescription) -> None:
        self.entity_description = description
        self.coordinator = coordinator
        self.car: str = subentry.data[CONF_CAR]
        self._attr_unique_id = unique_id(self.car, description.key)
        self._heard: tuple[Any, str | None, datetime | None] | None = None
        """The reading whose age is shown: its value, its source, and when it was heard."""
        bridge = coordinator.bridge(self.car) or next(iter(coordinator.household))
        known = bridge.serves(self.car)
        self._attr_device_info = dr.DeviceInfo(
            identifiers={(DOMAIN, self.car)},
            manufacturer=CAR_MANUFACTURER,
            name=subentry.title,
            via_device_id=dr.async_get_device_id_by_identifier(
                coordinator.hass, (DOMAIN, bridge.id), config_entry_id=coordinator.entry.entry_id
            ),
        )
        if known and known.model:
            self._attr_device_info["model"] = known.model

    @property
    def view(self) -> CarView:
        """What is known of the car now."""
        return self.coordinator.view(self.car)

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.available(self.car)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        what = self.entity_description.subjects
        self.async_on_remove(self.coordinator.listeners.add(self.car, self._handle_change, *what))
        self._note_age()

    @callback
    def _handle_change(self) -> None:
        """Show what has changed."""
        self._note_age()
        self.async_write_ha_state()

    @callback
    def _note_age(self) -> None:
        """Take over when and how the reading was heard that is shown; no age is shown younger than it is."""
        shows = self.entity_description.shows
        if shows is None:
            return
        reading = self.view.reading(*shows)
        value, source = (reading.value, reading.source) if reading else (None, None)
        heard_at = self.coordinator.heard_at(self.car, *shows)
        if self._heard is not None and self._heard[:2] == (value, source):
            before = self._heard[2]
            if before and heard_at and timedelta(0) <= heard_at - before < self._age_step:
                return
        self._heard = (value, source, heard_at)
        self._attr_extra_state_attributes = {
            ATTR_HEARD_AT: heard_at.replace(microsecond=0) if heard_at else None,
            ATTR_SOURCE: source,
        }


class CarControl(CarEntity):
    """One thing of a car that can be done something with.

    Without a bridge it is shown as unavailable, and yet it answers: Home Assistant passes over what is not `available`
    without a word, so an automation that locks the car at night would go well, and nobody would know.
    """

    @property
    @override
    def available(self) -> bool:
        return True

    @property
    def offered(self) -> bool:
        """Whether somebody is there to carry it out."""
        return self.coordinator.available(self.car)

    @override
    def _stringify_state(self, available: bool) -> str:
        return super()._stringify_state(self.offered)

    async def async_command(
        self, command: str, arguments: Mapping[str, Any] | None = None, *, ttl_s: float = COMFORT_TTL_S
    ) -> Result:
        """Have a command carried out; HomeAssistantError in the user's language when the car did not confirm it."""
        return await self.coordinator.async_command(self.car, command, arguments=arguments, ttl_s=ttl_s)


class BridgeEntity(Entity):
    """One thing of a bridge itself, shown also while it is away."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, coordinator: Coordinator, bridge: Bridge, description: EntityDescription) -> None:
        self.entity_description = description
        self.coordinator = coordinator
        self.bridge = bridge
        self._attr_unique_id = unique_id(bridge.id, description.key)
        self._attr_device_info = dr.DeviceInfo(identifiers={(DOMAIN, bridge.id)})

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.broker.there

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.listeners.add(self.bridge.id, self._handle_change, HEALTH))

    @callback
    def _handle_change(self) -> None:
        self.async_write_ha_state()


def unique_id(about: str, key: str) -> str:
    """Give the unique id of an entity of a car or bridge."""
    return f"{about}-{key}"


def _by_role(coordinator: Coordinator, car: str, description: CarDescription) -> bool | None:
    """Whether the roles of the bridges' keys let an entity be of use, and no control shows the same; None: not known.

    Nobody is deprived of anything, nor of the names that the owner gave, before all bridges were heard.
    """

    def may(commands: Iterable[str]) -> set[bool | None]:
        return {coordinator.may(car, command) for command in commands}

    needed, instead_of = may(description.commands), may(description.instead_of)
    if False in needed or instead_of == {True}:
        return False if all(bridge.info for bridge in coordinator.household) else None
    if instead_of:
        return True if False in instead_of else None
    return None if needed and not any(bridge.serves(car) for bridge in coordinator.household) else True


def _equipped(coordinator: Coordinator, car: str, description: CarDescription) -> bool:
    """Whether a car has what it takes, as far as it has told."""
    return description.told is None or coordinator.view(car).value(*description.told) is not None


@callback
def async_add_to_cars[Description: CarDescription](
    entry: DrivewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[Coordinator, ConfigSubentry, Description], CarEntity],
    descriptions: Iterable[Description],
) -> None:
    """Add to every car, now and later, what it has and what the bridges' keys may do; take away what they may no more.

    What a car had once it keeps: after a restart of Home Assistant the entity must not be missing until bridge and car
    told of it again, as calls would be swallowed meanwhile, and what the owner has set up for it be lost.
    """
    coordinator, registry = entry.runtime_data, er.async_get(entry.runtime_data.hass)
    domain = async_get_current_platform().domain
    wanted = tuple(descriptions)

    @callback
    def new_car(subentry: ConfigSubentry) -> None:
        car: str = subentry.data[CONF_CAR]
        there: set[str] = set()

        def registered(description: Description) -> str | None:
            return registry.async_get_entity_id(domain, DOMAIN, unique_id(car, description.key))

        @callback
        def look() -> None:
            if subentry.subentry_id not in entry.subentries:
                return  # the owner has removed the car
            new: list[CarEntity] = []
            for description in wanted:
                by_role = _by_role(coordinator, car, description)
                if by_role is False:
                    there.discard(description.key)
                    if entity_id := registered(description):
                        registry.async_remove(entity_id)
                elif description.key not in there and (
                    registered(description) or (by_role and _equipped(coordinator, car, description))
                ):
                    there.add(description.key)
                    new.append(make(coordinator, subentry, description))
            if new:
                async_add_entities(new, config_subentry_id=subentry.subentry_id)

        look()
        what = {description.told[0] for description in wanted if description.told}
        entry.async_on_unload(coordinator.listeners.add(car, look, *what))

    coordinator.async_for_every_car(new_car)


@callback
def async_add_to_bridges[Description: EntityDescription](
    entry: DrivewayConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[Coordinator, Bridge, Description], BridgeEntity],
    descriptions: Iterable[Description],
) -> None:
    """Add to every bridge of the entry; a new one comes with a reload."""
    coordinator = entry.runtime_data
    async_add_entities(
        [make(coordinator, bridge, description) for bridge in coordinator.household for description in descriptions]
    )
