"""The second way of a lock command: another lock entity, as one of the maker's cloud, where no bridge hears the car.

The way over the bridges goes first. The other lock is used only when it is certain that none of them has sent the
command, and that none will: not after an unknown fate, and not when the car itself said no. What the other lock says of
the car's state is shown as its word, and never as ours.
"""

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from homeassistant.components.lock.const import DOMAIN as LOCK_DOMAIN
from homeassistant.const import ATTR_CODE, ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import (
    CALLBACK_TYPE,
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event

from .const import CONF_ROUTE, DOMAIN, SECOND_LOCK
from .contract import LOCK_TTL_S
from .coordinator import Coordinator
from .delivery import CommandFailed
from .devices import cars_of
from .reasons import OF_THE_RADIO
from .wording import async_in_words

EVENT_SECOND_LOCK: Final = "driveway_second_lock"
"""Fired when the other lock was asked and has not objected."""
ANSWERS_WITHIN_S: Final = 60.0
"""A cloud may have to wake the car."""
OUT_OF_REACH: Final = OF_THE_RADIO | frozenset(
    {
        "not_in_range",
        "no_connection",
        "places_full",
        "link_lost",
        "nobody_listening",
        "no_answer",
        "stopping",
        "bridge_away",
        "bridge_silent",
        "broker_away",
    }
)
"""Reasons that say that a bridge did not get as far as the car. They count only where nothing was sent."""

_ROUND: Final[ContextVar[frozenset[str]]] = ContextVar("driveway_cars_on_the_second_way", default=frozenset())
"""Cars whose second lock is being called. One that leads back to ours, as a group may, ends there."""


class SecondLock:
    """The second way to one car, if its owner has named one."""

    def __init__(self, hass: HomeAssistant, coordinator: Coordinator, car: str) -> None:
        self._hass = hass
        self._coordinator = coordinator
        self._car = car
        self._turn = asyncio.Lock()
        """Of two presses the later one has to come later: a cloud may take them in any order."""

    @property
    def entity_id(self) -> str | None:
        """The other lock; None without one, and for one of our own, which is no other way."""
        subentry = cars_of(self._coordinator.entry).get(self._car)
        entity_id: str | None = subentry.data.get(CONF_ROUTE) if subentry else None
        known = er.async_get(self._hass).async_get(entity_id) if entity_id else None
        return None if known is not None and known.platform == DOMAIN else entity_id or None

    @property
    def state(self) -> State | None:
        """What the other lock shows; None while there is nothing to be had from it."""
        state = self._hass.states.get(self.entity_id or "")
        return None if state is None or state.state == STATE_UNAVAILABLE else state

    def async_track(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call the listener when the other lock shows something else; gives what ends that."""

        @callback
        def changed(_event: Event[EventStateChangedData]) -> None:
            listener()

        return async_track_state_change_event(self._hass, self.entity_id or [], changed)

    def takes(self, error: HomeAssistantError) -> bool:
        """Whether a command that ended so through the bridges may go this way."""
        failure = error.__cause__
        return (
            self.entity_id is not None
            and self._car not in _ROUND.get()
            and isinstance(failure, CommandFailed)
            and all(one.sent is False and one.reason in OUT_OF_REACH for one in failure.all)
        )

    async def async_send(
        self,
        command: str,
        why: HomeAssistantError,
        *,
        begins: Callable[[], None],
        code: str | None = None,
        context: Context | None = None,
    ) -> None:
        """Have the other lock `lock` or `unlock`; HomeAssistantError, that names both ways, when it does not.

        `begins` is called right before the other lock is.
        """
        began, other = time.monotonic(), self.state
        if other is None:
            raise await self._error("second_lock_away", why, self.entity_id or "")
        # A bridge that fell silent may still begin with what was asked before: it would come after this.
        await asyncio.sleep(self._coordinator.commands.loose_s(self._car, command))
        data = {ATTR_ENTITY_ID: other.entity_id} | ({ATTR_CODE: code} if code else {})
        try:
            async with asyncio.timeout(LOCK_TTL_S):  # an old command is not carried out late
                await self._turn.acquire()
        except TimeoutError as error:
            raise await self._error("second_lock_silent", why, other.name) from error
        try:
            if self._coordinator.commands.superseded(self._car, command):  # perhaps a bridge has done that already
                raise self._coordinator.translated(self._car, "superseded")
            begins()
            await self._call(command, other, data, why, context)
        finally:
            self._turn.release()
        self._coordinator.async_note_second_lock(self._car, command, began)
        self._hass.bus.async_fire(
            EVENT_SECOND_LOCK,
            {"car": self._car, "command": command, SECOND_LOCK: other.entity_id, "reason": _reason(why)},
            context=context,
        )

    async def _call(
        self, command: str, other: State, data: dict[str, str], why: HomeAssistantError, context: Context | None
    ) -> None:
        token = _ROUND.set(_ROUND.get() | {self._car})
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await self._hass.services.async_call(LOCK_DOMAIN, command, data, blocking=True, context=context)
        except TimeoutError as error:
            raise await self._error("second_lock_silent", why, other.name) from error
        except Exception as error:  # other integrations raise what they like; the owner has to hear of both ways
            said = str(error) or type(error).__name__
            raise await self._error("second_lock_failed", why, other.name, error=said) from error
        finally:
            _ROUND.reset(token)

    async def _error(self, key: str, why: HomeAssistantError, lock: str, **more: str) -> HomeAssistantError:
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders={"why": await async_in_words(self._hass, why), "lock": lock, **more},
        )


def _reason(error: HomeAssistantError) -> str:
    return error.__cause__.reason if isinstance(error.__cause__, CommandFailed) else ""
