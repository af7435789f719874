"""The component's ear: one set of subscriptions per entry feeds the household and wakes the entities.

Push only: the bridges retain what they know, so there is nothing to poll and nothing to store. Entities listen to
what they show of their car alone, because every message would otherwise write a hundred states.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_CODE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady, HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

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
from .contract import CONTRACT, LOCK_TTL_S, ONLINE, Event, Info, LinkState, Result, Signer
from .contract_json import ContractError
from .contract_topics import Topics
from .delivery import CommandFailed
from .devices import async_adopt, async_ignore, async_register, cars_of
from .drill import Drill
from .health import Health
from .household import Bridge, Clock, Household
from .listeners import AVAILABILITY, COMMAND, HEALTH, LINK, Listeners
from .reasons import REASONS
from .state import CarView, SubjectState

_LOGGER = logging.getLogger(__name__)

_LONGEST: Final = 65536
"""Characters of a message; what is longer is not read."""

LOOK_EVERY: Final = timedelta(seconds=5)
"""For bridges that have fallen silent."""
RECENT_KEPT: Final = 20

_TRANSLATED: Final = REASONS.keys() - {"done", "already_so"} | {"unloaded"}
"""Codes that have a text under `exceptions`."""

type DrivewayConfigEntry = ConfigEntry[Coordinator]
type _Hear = Callable[[Bridge, list[str], mqtt.ReceiveMessage], None]
"""Takes the bridge, the names of the topic below the base, and the message; may raise ContractError."""
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
        self.commands = Commands(hass, self.base)
        self.connected = False
        self.listeners = Listeners()
        self.drill = Drill(hass, self)
        self.watch = CloudWatch(hass, entry) if entry.options.get(CONF_WATCH) else None
        self.last_commands: dict[str, LastCommand] = {}
        """By car: what was asked of it last, from here."""
        self.recent_commands: deque[tuple[str, LastCommand]] = deque(maxlen=RECENT_KEPT)
        """The same for all cars, with the car's id, the latest one last."""
        self._closed = False
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
        self.connected = mqtt.is_connected(self.hass)
        self.entry.async_on_unload(self._close)
        self.entry.async_on_unload(self.entry.add_update_listener(self._follow_entry))
        self.entry.async_on_unload(mqtt.async_subscribe_connection_status(self.hass, self._hear_connection))
        every = Topics(self.base)
        # Home Assistant subscribes in this order, also after a reconnect, and each waits for the one before. Who hears
        # that a bridge is there can therefore already hear what it answers.
        for topic, hear in (
            (every.result(), self._hear_result),
            (every.clock, self._hear_clock),
            (every.info, self._hear_info),
            (every.event(), self._hear_event),
            (every.link(), self._hear_link),
            (every.state(), self._hear_state),
            (every.health, self._hear_health),
            (every.status, self._hear_status),
        ):
            # QoS 0: an acknowledgement would stand in the way of a command that follows at once.
            self.entry.async_on_unload(await mqtt.async_subscribe(self.hass, topic, self._guarded(hear), qos=0))
        self.entry.async_on_unload(
            async_track_time_interval(self.hass, self._look_for_silence, LOOK_EVERY, name="driveway silence")
        )
        self._say_present(*self.household.bridges)

    @callback
    def _look_for_silence(self, _now: datetime) -> None:
        silent = [bridge for bridge in self.household if bridge.look(time.monotonic())]
        for bridge in silent:
            _LOGGER.info("Bridge %s is silent", bridge.info.name if bridge.info else bridge.id)
        if silent:
            self._changed()

    @callback
    def _say_present(self, *bridges: str) -> None:
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
        ignored = set(entry.data.get(CONF_IGNORED_CARS, ()))
        # A car that no bridge has comes back by itself when one has it again: then somebody has wished it.
        gone = {car for car in before.keys() - self._cars.keys() if self._may_be_told_of(car)}
        if gone - ignored or ignored & self._cars.keys():
            async_ignore(hass, entry, (ignored | gone) - self._cars.keys())
        for new_car in self._new_car:
            for car in self._cars.keys() - before.keys():
                new_car(self._cars[car])
        if before.keys() != self._cars.keys():
            self._changed()
        if _settings(entry) != self._set_up_with:
            hass.config_entries.async_schedule_reload(entry.entry_id)

    def _may_be_told_of(self, car: str) -> bool:
        return any(bridge.info is None or bridge.serves(car) for bridge in self.household)

    @callback
    def _close(self) -> None:
        """Hear nothing more. After a reload of MQTT, unsubscribing alone does not see to that."""
        self._closed = True
        self.commands.give_up("unloaded")

    # For the entities --------------------------------------------------------------------------------------------

    def available(self, car: str) -> bool:
        """Whether commands for the car have somewhere to go."""
        return self.connected and self.household.available(car)

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
        self._changed(car, COMMAND)

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

    # What is heard -----------------------------------------------------------------------------------------------

    def _guarded(self, hear: _Hear) -> Callable[[mqtt.ReceiveMessage], None]:
        """Pass on what comes from our own bridges and keeps to the contract."""

        @callback
        def received(message: mqtt.ReceiveMessage) -> None:
            if self._closed:
                return
            names = message.topic.removeprefix(f"{self.base}/").split("/")
            bridge = self.household.bridges.get(names[0])
            if bridge is None or len(message.payload) > _LONGEST:
                return
            try:
                hear(bridge, names, message)
            except ContractError as error:
                _LOGGER.debug("Not understood on %s: %s", message.topic, error)

        return received

    @callback
    def _hear_connection(self, connected: bool) -> None:  # noqa: FBT001 - called by position
        if self._closed:
            return
        self.connected = connected
        if not connected:
            # Who is there is told anew after the reconnect; until then nobody knows.
            for bridge in self.household:
                bridge.forget_presence()
            self.commands.give_up("broker_away")
        else:
            self._say_present(*self.household.bridges)  # a broker without a database has forgotten it
        self._changed()

    @callback
    def _hear_info(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        if not message.payload:
            return  # the bridge was removed from the broker; its status tells the rest
        info = Info.parse(_text(message))
        if info.bridge != bridge.id or info == bridge.info:
            return
        if info.contract != CONTRACT:
            _LOGGER.warning(
                "Bridge %s speaks version %s of the contract, this component version %s: update the older one",
                info.name, info.contract, CONTRACT,
            )  # fmt: skip
        bridge.info = info
        if bridge.clock is not None and bridge.clock.boot != info.boot:
            bridge.clock = None  # that of before a restart; commands must not use it
        async_register(self.hass, self.entry, bridge)
        if info.contract == CONTRACT:
            for car in info.cars:
                async_adopt(self.hass, self.entry, car)
        self._changed()

    @callback
    def _hear_status(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        online = message.payload == ONLINE
        if online == bridge.online:
            return
        _LOGGER.info("Bridge %s is %s", bridge.info.name if bridge.info else bridge.id, "there" if online else "away")
        bridge.online = online
        bridge.hear_life(time.monotonic())
        if online:
            self._say_present(bridge.id)
        if not online:
            bridge.forget_presence()
            self.commands.give_up("bridge_away", bridge.id)
        self._changed()

    @callback
    def _hear_clock(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        if message.retain:
            return  # nobody knows how old it is
        if bridge.hear_life(time.monotonic()):
            _LOGGER.info("Bridge %s is heard again", bridge.info.name if bridge.info else bridge.id)
            self._changed()
        try:
            clock = Clock.parse(_text(message), time.monotonic(), bridge.signer)
        except ContractError as error:
            if error.reason != "malformed":
                self._distrust(bridge, error.reason)
            raise
        believed_again = bridge.distrust is not None
        times_changed = bridge.hear_clock(clock, dt_util.utcnow())
        if believed_again:
            self.listeners.tell(bridge.id, HEALTH)
        self.commands.hear_clock(bridge.id, clock)
        if times_changed:
            self._changed()

    @callback
    def _distrust(self, bridge: Bridge, reason: str) -> None:
        """Say it once in a row, not with each clock."""
        if bridge.distrust is None:
            _LOGGER.warning(
                "A clock in the name of bridge %s is not believed (%s). Either the code that Home Assistant has is no"
                " longer the bridge's, or somebody else on the MQTT broker speaks in its name",
                bridge.info.name if bridge.info else bridge.id, reason,
            )  # fmt: skip
        bridge.distrust = reason
        self.listeners.tell(bridge.id, HEALTH)

    @callback
    def _hear_link(self, bridge: Bridge, names: list[str], message: mqtt.ReceiveMessage) -> None:
        car = names[1]
        bridge.view(car).link = LinkState.parse(_text(message)) if message.payload else None
        self._changed(car, LINK)

    @callback
    def _hear_state(self, bridge: Bridge, names: list[str], message: mqtt.ReceiveMessage) -> None:
        car, subject = names[1], names[3]
        if message.payload:
            bridge.view(car).subjects[subject] = SubjectState.parse(_text(message))
        else:
            bridge.view(car).subjects.pop(subject, None)
        self._changed(car, subject)

    @callback
    def _hear_health(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        bridge.health = Health.parse(_text(message)) if message.payload else None
        self.listeners.tell_all(HEALTH)

    @callback
    def _hear_event(self, bridge: Bridge, names: list[str], message: mqtt.ReceiveMessage) -> None:
        if not message.retain:
            self.listeners.tell_event(names[1], Event.parse(_text(message)))

    @callback
    def _hear_result(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        if not message.retain:
            self.commands.hear_result(bridge.id, Result.parse(_text(message)))

    @callback
    def _changed(self, car: str | None = None, what: str = AVAILABILITY) -> None:
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


def _text(message: mqtt.ReceiveMessage) -> str:
    """Give the payload as the text that it is: the subscriptions ask for UTF-8."""
    return str(message.payload)
