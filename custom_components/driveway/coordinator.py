"""What an entry holds, for everything that shows it or does something: the household, its commands, who listens.

Push only: the bridges retain what they know, so there is nothing to poll and nothing to store. Entities listen to
what they show of their car alone, because every message would otherwise write a hundred states.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_CODE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.util import dt as dt_util

from .broker import Broker
from .cloud_watch import CloudWatch
from .commands import Commands, Heard
from .const import (
    CONF_BASE_TOPIC,
    CONF_BRIDGES,
    CONF_IGNORED_CARS,
    CONF_ROUTE,
    CONF_WATCH,
    DOMAIN,
    PRESENT,
    SECOND_LOCK,
)
from .contract import LOCK_TTL_S, Result, Signer
from .contract_topics import Topics
from .delivery import CommandFailed
from .devices import async_ignore, async_register, cars_of
from .drill import Drill
from .ear import Ear
from .household import Bridge, Household
from .listeners import AVAILABILITY, COMMAND, Listeners
from .reasons import REASONS
from .state import CarView

_LOGGER = logging.getLogger(__name__)

RECENT_KEPT: Final = 20

_TRANSLATED: Final = REASONS.keys() - {"done", "already_so"} | {"unloaded"}
"""Codes that have a text under `exceptions`."""

type DrivewayConfigEntry = ConfigEntry[Coordinator]
type NewCar = Callable[[ConfigSubentry], None]


@dataclass(frozen=True, slots=True)
class LastCommand:
    """How a command ended: its reason code, when, and after how long."""

    command: str
    reason: str
    at: datetime
    took_ms: float
    route: str | None = None
    """`bluetooth` or `tcp`, where a bridge said so; `second_lock`: it went through another lock entity."""


class Coordinator:
    """One household as Home Assistant sees it."""

    def __init__(self, hass: HomeAssistant, entry: DrivewayConfigEntry) -> None:
        self.hass = hass
        self.entry = entry
        self.base: str = entry.data[CONF_BASE_TOPIC]
        self.household = Household(
            {bridge: Signer.from_code(held[CONF_CODE]) for bridge, held in entry.data[CONF_BRIDGES].items()}
        )
        self.broker = Broker(hass, self.base, f"home-{entry.entry_id[-8:].lower()}", self.changed)
        self.commands = Commands(hass, self.base, self.broker)
        self.listeners = Listeners()
        self.drill = Drill(hass, self)
        self.watch = CloudWatch(hass, entry) if entry.options.get(CONF_WATCH) else None
        self.last_commands: dict[str, LastCommand] = {}
        """By car: what was asked of it last, from here."""
        self.recent_commands: deque[tuple[str, LastCommand]] = deque(maxlen=RECENT_KEPT)
        """The same for all cars, with the car's id, the latest one last."""
        self._ear = Ear(self)
        self._views: dict[str, CarView] = {}
        self._knowers: dict[tuple[str, str], Bridge | None] = {}
        """By car and subject: who heard of it last."""
        self._new_car: list[NewCar] = []
        self._cars = cars_of(entry)
        self._set_up_with = _settings(entry)

    async def async_start(self) -> None:
        """Subscribe; ConfigEntryNotReady without an MQTT client. What is known arrives by itself, retained.

        There is no waiting for a bridge: after a power cut it may start later than we do, and what is set up by then
        comes to life the moment that it is heard.
        """
        if not await mqtt.async_wait_for_mqtt_client(self.hass):
            raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="mqtt_not_available")
        for bridge in self.household:
            async_register(self.hass, self.entry, bridge)
        self.entry.async_on_unload(self._close)
        self.entry.async_on_unload(self.entry.add_update_listener(self._follow_entry))
        await self._ear.async_start()
        await self.broker.async_start(self.entry)
        self.say_present(*self.household.bridges)

    @callback
    def say_present(self, *bridges: str) -> None:
        """Tell bridges that their cars are shown here, so that nothing appears twice by MQTT's own discovery."""
        for bridge in bridges:
            self.entry.async_create_background_task(self.hass, self._say(bridge), f"driveway present {bridge}")

    async def _say(self, bridge: str) -> None:
        try:
            await mqtt.async_publish(self.hass, Topics(self.base, bridge).component, PRESENT, qos=0, retain=True)
        except HomeAssistantError as error:  # it is said again with the next connection
            _LOGGER.debug("Bridge %s was not told that it is shown here: %s", bridge, error)

    async def _follow_entry(self, hass: HomeAssistant, entry: DrivewayConfigEntry) -> None:
        """Take in a car that came; let one rest that the owner has removed; start anew with other settings."""
        before, self._cars = self._cars, cars_of(entry)
        removed = before.keys() - self._cars.keys()
        ignored = set(entry.data.get(CONF_IGNORED_CARS, ()))
        # A car that no bridge has comes back by itself when one has it again: then somebody has wished it.
        gone = {car for car in removed if self._may_be_told_of(car)}
        if gone - ignored or ignored & self._cars.keys():
            async_ignore(hass, entry, (ignored | gone) - self._cars.keys())
        for new_car in self._new_car:
            for car in self._cars.keys() - before.keys():
                new_car(self._cars[car])
        if before.keys() != self._cars.keys():
            self.changed()
        if _settings(entry) != self._set_up_with:
            hass.config_entries.async_schedule_reload(entry.entry_id)
        for car in removed:
            await self.drill.async_forget(car)

    def _may_be_told_of(self, car: str) -> bool:
        return any(bridge.info is None or bridge.serves(car) for bridge in self.household)

    @callback
    def _close(self) -> None:
        """Hear nothing more, and let nobody wait."""
        self._ear.close()
        self.broker.close()
        self.commands.give_up("unloaded")

    # For the entities --------------------------------------------------------------------------------------------

    def available(self, car: str) -> bool:
        """Whether commands for the car have somewhere to go."""
        return self.broker.there and self.household.available(car)

    def bridge(self, car: str) -> Bridge | None:
        """Give the bridge that is chosen for the car."""
        return self.household.bridge_for(car, time.monotonic())

    def view(self, car: str) -> CarView:
        """Give what is known of the car, from all bridges; made once for everything that a message changes."""
        if car not in self._views:
            self._views[car] = self.household.view(car, time.monotonic())
        return self._views[car]

    def heard_at(self, car: str, subject: str, name: str | None = None) -> datetime | None:
        """When the car told a reading, or anything of the subject; None when that is not known."""
        if (car, subject) not in self._knowers:
            self._knowers[car, subject] = self.household.knower(car, subject, time.monotonic())
        knower = self._knowers[car, subject]
        return knower.heard_at(car, subject, name) if knower else None

    @callback
    def async_for_every_car(self, new_car: NewCar) -> None:
        """Call with the subentry of every car there is, and of every one that comes."""
        for subentry in cars_of(self.entry).values():
            new_car(subentry)
        self._new_car.append(new_car)

    def may(self, car: str, command: str) -> bool | None:
        """Whether one of the bridges may give the command; None while none of them knows the role of its key."""
        told = [known for bridge in self.household if (known := bridge.serves(car))]
        if any(known.commands is not None and command in known.commands for known in told):
            return True
        return None if not told or any(known.commands is None for known in told) else False

    async def async_command(
        self,
        car: str,
        command: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        ttl_s: float = LOCK_TTL_S,
        ended_within_s: float | None = None,
        bridge: str | None = None,
        heard: Heard | None = None,
    ) -> Result:
        """Have a command carried out; HomeAssistantError in the user's language when it was not confirmed.

        The error's cause is the CommandFailed.
        `bridge`: through this one alone. `heard` is told each station on the way, as soon as it is reached.
        `ended_within_s`: seconds after it was accepted, where a person has to do something meanwhile.
        """
        began = time.monotonic()
        ways = [way for way in self.household.ways(car, began) if bridge in (None, way.id)]
        try:
            result = await self.commands.send(
                ways, car, command, arguments=arguments, ttl_s=ttl_s, ended_within_s=ended_within_s, heard=heard
            )
        except CommandFailed as failure:
            _LOGGER.debug("%s of %s: %s", command, car, failure)
            self._note(car, command, failure.reason, began)
            raise self.translated(car, failure.reason) from failure
        self._note(car, command, result.reason or "done", began, result.route)
        return result

    @callback
    def async_note_second_lock(self, car: str, command: str, began: float) -> None:
        """Note a command that another lock entity has carried out; `began` on the monotonic clock."""
        self._note(car, command, "done", began, SECOND_LOCK)

    def _note(self, car: str, command: str, reason: str, began: float, route: str | None = None) -> None:
        took_ms = (time.monotonic() - began) * 1000
        ended = self.last_commands[car] = LastCommand(command, reason, dt_util.utcnow(), took_ms, route)
        self.recent_commands.append((car, ended))
        self.changed(car, COMMAND)

    def translated(self, car: str, reason: str) -> HomeAssistantError:
        """Give the error that tells the owner a reason code."""
        subentry = cars_of(self.entry).get(car)
        known = reason in _TRANSLATED
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=reason if known else "unknown_reason",
            translation_placeholders={"car": subentry.title if subentry else car}
            | ({} if known else {"reason": reason}),
        )

    @callback
    def changed(self, car: str | None = None, what: str = AVAILABILITY) -> None:
        """Wake those who show it; without a car everybody."""
        if car is None:
            self._views.clear()
            self._knowers.clear()
            self.listeners.tell_all(what)
        else:
            self._views.pop(car, None)
            self._knowers.clear()
            self.listeners.tell(car, what)


def _settings(entry: DrivewayConfigEntry) -> tuple[Any, ...]:
    """Give all that a change of calls for a start anew. Cars come and go while we run, and are not among it."""
    routes = {car: route for car, subentry in cars_of(entry).items() if (route := subentry.data.get(CONF_ROUTE))}
    return entry.data[CONF_BASE_TOPIC], entry.data[CONF_BRIDGES], dict(entry.options), routes
