"""The lock, which is the car: it has the car's name, and shows as locked only what the car reported as locked.

What the bridge remembers from before its last start counts as such a report, with its age beside it.

Where the owner has named a second lock, it is asked when no bridge hears the car. What is shown is then unknown until
the car has told a bridge, and so it is while no bridge is there. What the second lock says stands in an attribute.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, override

from homeassistant.components.lock import LockEntity, LockEntityDescription
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_CODE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SECOND_LOCK
from .contract import Event
from .coordinator import Coordinator, DrivewayConfigEntry
from .entity import ATTR_HEARD_AT, ATTR_SOURCE, OPENS_TTL_S, CarControl, CarDescription, async_add_to_cars
from .event import told_by
from .second_lock import SecondLock
from .state import BODY, Reading

PARALLEL_UPDATES = 0

SHOWN_WITHIN_S: Final = 2.0
"""How long a confirmed command waits for the car's report before the entity shows the last one again."""

ATTR_ROUTE: Final = "route"
ATTR_SECOND_LOCK_STATE: Final = "second_lock_state"

CHANGED_BY: Final = {
    "home_assistant": "Home Assistant",
    "client": "MQTT client",
    "plain": "MQTT",
    "page": "Bridge",
    "other": "Other key",
}
"""For who locked or unlocked, as told by the event; Home Assistant does not translate these."""

_LOCKED: Final = {"locked": True, "internal_locked": True, "unlocked": False, "selective_unlocked": False}


@dataclass(frozen=True, kw_only=True)
class CarLockDescription(CarDescription, LockEntityDescription):
    """The lock."""


DESCRIPTIONS: Final = (CarLockDescription(key="lock", translation_key="lock", shows=(BODY, "lock")),)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the lock of every car."""
    async_add_to_cars(entry, async_add_entities, CarLock, DESCRIPTIONS)


class CarLock(CarControl, LockEntity):
    """The locks of a car."""

    _attr_name = None
    _age_step = timedelta(0)
    _unrecorded_attributes = frozenset({ATTR_HEARD_AT, ATTR_SOURCE, ATTR_ROUTE, ATTR_SECOND_LOCK_STATE})

    entity_description: CarLockDescription

    def __init__(self, coordinator: Coordinator, subentry: ConfigSubentry, description: CarLockDescription) -> None:
        super().__init__(coordinator, subentry, description)
        self._under_way: list[str] = []
        """Commands that have not ended, in the order of the presses; the last one is shown."""
        self._reported = asyncio.Event()
        """Set anew at every report of the car."""
        self._remembered = False
        """Whether what is shown is from before the bridge's start."""
        self._last_change: tuple[bool, str | None] | None = None
        """What the locks were last changed to and by whom; it is shown while the car reports just that."""
        self._second = SecondLock(coordinator.hass, coordinator, self.car)
        self._route: str | None = None
        """How the last command went that was confirmed: `bluetooth`, `tcp` or `second_lock`."""
        self._doubted: Reading | None = None
        """The report that says nothing any more, since the second lock was asked."""
        self._read()

    @property
    @override
    def offered(self) -> bool:
        return super().offered or self._second.state is not None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        attributes = {**self._attr_extra_state_attributes, ATTR_ROUTE: self._route}
        if self._second.entity_id is not None:
            other = self._second.state
            attributes[ATTR_SECOND_LOCK_STATE] = other.state if other else None
        return attributes

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.listeners.add_event(self.car, self._happened))
        self.async_on_remove(self._second.async_track(self._show))

    @property
    @override
    def changed_by(self) -> str | None:
        return self._last_change[1] if self._last_change and self._last_change[0] is self._attr_is_locked else None

    @callback
    def _happened(self, event: Event) -> None:
        """Take over who it was. The word of it may come before or after the car's report."""
        if event.event in ("locked", "unlocked"):
            self._last_change = (event.event == "locked", CHANGED_BY.get(told_by(self.coordinator, event) or ""))
            self.async_write_ha_state()

    @override
    async def async_lock(self, **kwargs: Any) -> None:
        """Lock; HomeAssistantError when the car did not confirm it."""
        await self._carry_out("lock", kwargs.get(ATTR_CODE), locked=True)

    @override
    async def async_unlock(self, **kwargs: Any) -> None:
        """Unlock; HomeAssistantError when the car did not confirm it."""
        await self._carry_out("unlock", kwargs.get(ATTR_CODE), locked=False)

    async def _carry_out(self, command: str, code: str | None, *, locked: bool) -> None:
        """Send a command; it counts as under way until the car reports what it did, or the second lock has answered.

        A second press while one is under way is sent as well: the bridge takes them in turn, and "already so" is a
        success, while swallowing the press could swallow the one that matters.
        """
        self._under_way.append(command)
        self._show()
        try:
            result = await self.async_command(command, ttl_s=OPENS_TTL_S)
        except HomeAssistantError as error:
            if not self._second.takes(error):
                raise
            await self._second.async_send(command, error, begins=self._doubt, code=code, context=self._context)
            self._route = SECOND_LOCK
        else:
            self._route = result.route
            if result.reason != "already_so":
                self._last_change = (locked, CHANGED_BY["home_assistant"])
            await self._report_of(locked=locked)
        finally:
            self._under_way.remove(command)
            self._show()

    @callback
    def _doubt(self) -> None:
        """Another way than ours is taken: what the car has reported until now says nothing any more."""
        self._doubted = self.view.reading(BODY, "lock")

    async def _report_of(self, *, locked: bool) -> None:
        """Wait for the report that goes with a confirmation, but not for long: another key may have been quicker."""
        try:
            async with asyncio.timeout(SHOWN_WITHIN_S):
                while self._attr_is_locked is not locked or self._remembered:
                    self._reported.clear()
                    await self._reported.wait()
        except TimeoutError:
            return

    @callback
    @override
    def _handle_change(self) -> None:
        self._show()
        self._reported.set()

    def _show(self) -> None:
        self._read()
        self.async_write_ha_state()

    def _read(self) -> None:
        """Take over what the car reported and what is under way."""
        shown = self._under_way[-1] if self._under_way else None
        self._attr_is_locking = shown == "lock"
        self._attr_is_unlocking = shown == "unlock"
        reading = self.view.reading(BODY, "lock")
        if reading is not None and reading != self._doubted and not reading.remembered:
            self._doubted = None
        told = self.view.text(BODY, "lock") if self._doubted is None and super().offered else None
        before, self._attr_is_locked = self._attr_is_locked, _LOCKED.get(told or "")
        if self._last_change and before is self._last_change[0] is not self._attr_is_locked:
            self._last_change = None  # somebody has changed it since
        self._note_age()
        self._remembered = reading is not None and reading.remembered
