"""What is heard from the bridges: one set of subscriptions for an entry feeds its household and wakes who listens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.components import mqtt
from homeassistant.core import callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .contract import CONTRACT, ONLINE, Event, Info, LinkState, Result
from .contract_json import ContractError
from .contract_topics import Topics
from .devices import async_adopt, async_register
from .health import Health
from .household import Bridge, Clock
from .listeners import HEALTH, LINK
from .state import SubjectState

if TYPE_CHECKING:
    from .coordinator import Coordinator

_LOGGER = logging.getLogger(__name__)

_LONGEST: Final = 65536
"""Characters of a message; what is longer is not read."""
LOOK_EVERY: Final = timedelta(seconds=5)
"""For bridges that have fallen silent."""

type _Hear = Callable[[Bridge, list[str], mqtt.ReceiveMessage], None]
"""Takes the bridge, the names of the topic below the base, and the message; may raise ContractError."""


class Ear:
    """Hears for one coordinator, until it is closed."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._household = coordinator.household
        self._closed = False

    async def async_start(self) -> None:
        """Subscribe; what is known arrives by itself, retained. All of it ends with the entry."""
        hass, entry = self._coordinator.hass, self._coordinator.entry
        entry.async_on_unload(mqtt.async_subscribe_connection_status(hass, self._hear_connection))
        every = Topics(self._coordinator.base)
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
            entry.async_on_unload(await mqtt.async_subscribe(hass, topic, self._guarded(hear), qos=0))
        entry.async_on_unload(
            async_track_time_interval(hass, self._look_for_silence, LOOK_EVERY, name="driveway silence")
        )

    def close(self) -> None:
        """Hear nothing more. After a reload of MQTT, unsubscribing alone does not see to that."""
        self._closed = True

    @callback
    def _look_for_silence(self, _now: datetime) -> None:
        silent = [bridge for bridge in self._household if bridge.look(time.monotonic())]
        for bridge in silent:
            _LOGGER.info("Bridge %s is silent", bridge.name)
        if silent:
            self._coordinator.changed()

    def _guarded(self, hear: _Hear) -> Callable[[mqtt.ReceiveMessage], None]:
        """Pass on what comes from our own bridges and keeps to the contract."""

        @callback
        def received(message: mqtt.ReceiveMessage) -> None:
            if self._closed:
                return
            if not message.retain:
                self._coordinator.broker.hear_others()
            names = message.topic.removeprefix(f"{self._coordinator.base}/").split("/")
            bridge = self._household.bridges.get(names[0])
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
        self._coordinator.broker.begin_anew()
        if not connected:
            # Who is there is told anew after the reconnect; until then nobody knows.
            for bridge in self._household:
                bridge.forget_presence()
            self._coordinator.commands.give_up("broker_away")
        else:
            self._coordinator.say_present(*self._household.bridges)  # a broker without a database has forgotten it
        self._coordinator.changed()

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
        async_register(self._coordinator.hass, self._coordinator.entry, bridge)
        if info.contract == CONTRACT:
            for car in info.cars:
                async_adopt(self._coordinator.hass, self._coordinator.entry, car)
        self._coordinator.changed()

    @callback
    def _hear_status(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        online = message.payload == ONLINE
        if online == bridge.online:
            return
        _LOGGER.info("Bridge %s is %s", bridge.name, "there" if online else "away")
        bridge.online = online
        bridge.hear_life(time.monotonic())
        if online:
            self._coordinator.say_present(bridge.id)
        if not online:
            bridge.forget_presence()
            self._coordinator.commands.give_up("bridge_away", bridge.id)
        self._coordinator.changed()

    @callback
    def _hear_clock(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        if message.retain:
            return  # nobody knows how old it is
        if bridge.hear_life(time.monotonic()):
            _LOGGER.info("Bridge %s is heard again", bridge.name)
            self._coordinator.changed()
        try:
            clock = Clock.parse(_text(message), time.monotonic(), bridge.signer)
        except ContractError as error:
            if error.reason != "malformed":
                self._distrust(bridge, error.reason)
            raise
        believed_again = bridge.distrust is not None
        times_changed = bridge.hear_clock(clock, dt_util.utcnow())
        if believed_again:
            self._coordinator.listeners.tell(bridge.id, HEALTH)
        self._coordinator.commands.hear_clock(bridge.id, clock)
        if times_changed:
            self._coordinator.changed()

    @callback
    def _distrust(self, bridge: Bridge, reason: str) -> None:
        """Say it once in a row, not with each clock."""
        if bridge.distrust is None:
            _LOGGER.warning(
                "A clock in the name of bridge %s is not believed (%s). Either the code that Home Assistant has is no"
                " longer the bridge's, or somebody else on the MQTT broker speaks in its name",
                bridge.name, reason,
            )  # fmt: skip
        bridge.distrust = reason
        self._coordinator.listeners.tell(bridge.id, HEALTH)

    @callback
    def _hear_link(self, bridge: Bridge, names: list[str], message: mqtt.ReceiveMessage) -> None:
        car = names[1]
        bridge.view(car).link = LinkState.parse(_text(message)) if message.payload else None
        self._coordinator.changed(car, LINK)

    @callback
    def _hear_state(self, bridge: Bridge, names: list[str], message: mqtt.ReceiveMessage) -> None:
        car, subject = names[1], names[3]
        if message.payload:
            bridge.view(car).subjects[subject] = SubjectState.parse(_text(message))
        else:
            bridge.view(car).subjects.pop(subject, None)
        self._coordinator.changed(car, subject)

    @callback
    def _hear_health(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        bridge.health = Health.parse(_text(message)) if message.payload else None
        self._coordinator.listeners.tell_all(HEALTH)

    @callback
    def _hear_event(self, bridge: Bridge, names: list[str], message: mqtt.ReceiveMessage) -> None:
        if not message.retain:
            self._coordinator.listeners.tell_event(names[1], Event.parse(_text(message)))

    @callback
    def _hear_result(self, bridge: Bridge, _names: list[str], message: mqtt.ReceiveMessage) -> None:
        if not message.retain:
            self._coordinator.commands.hear_result(bridge.id, Result.parse(_text(message)))


def _text(message: mqtt.ReceiveMessage) -> str:
    """Give the payload as the text that it is: the subscriptions ask for UTF-8."""
    return str(message.payload)
