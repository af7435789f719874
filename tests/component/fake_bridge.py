"""A bridge as Home Assistant hears it: it speaks through HA's own MQTT client, which a fixture mocks at the socket."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant, callback
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from custom_components.driveway.contract import (
    OFFLINE,
    ONLINE,
    CarInfo,
    Clock,
    Command,
    Event,
    Info,
    LinkState,
    Outcome,
    Result,
    SignedCommand,
    Signer,
)
from custom_components.driveway.contract_topics import Topics

CODE = "0123-4567-89AB-CDEF-GHJK"
OTHER_CODE = "KJHG-FEDC-BA98-7654-3210"
ANNA = CarInfo(id="car-0a1b2c3d", name="Anna", model="Model 3", role="driver", commands=("lock", "unlock"))
BERT = CarInfo(id="car-4e5f6071", name="Bert", model="Model Y")
"""Its bridge has not found out yet which role its key has."""


class FakeBridge:
    """Says what a test wants said, and does what a test wants done with commands."""

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        base: str = "driveway",
        name: str = "Carport",
        code: str = CODE,
        bridge: str = "bridge-0badcafe",
    ) -> None:
        self.hass = hass
        self.code = code
        self.signer = Signer.from_code(code)
        self.info = Info(
            bridge=bridge,
            name=name,
            version="0.1.0",
            boot="boot1",
            cars=(ANNA,),
            clients=(self.signer.client,),
            commands=("lock", "unlock"),
        )
        self.topics = Topics(base, self.info.bridge)
        self.now = 1000.0
        """What its clock shows: it stands still unless a test moves it."""
        self.commands: list[Command] = []
        self.asked = asyncio.Event()
        """Set by every command."""
        self.clock_requests = 0
        self.answers_clock = True
        self.on_clock_request: Callable[[], None] = self.tell_clock
        self.on_command: Callable[[Command], None] = self.confirm

    # Speaking

    def tell(self, topic: str, payload: str, *, retain: bool = False) -> None:
        async_fire_mqtt_message(self.hass, topic, payload, 0, retain)

    def announce(self, **changes: Any) -> None:
        self.info = replace(self.info, **changes)
        self.tell(self.topics.info, self.info.payload(), retain=False)

    def online(self) -> None:
        self.tell(self.topics.status, ONLINE)

    def offline(self) -> None:
        self.tell(self.topics.status, OFFLINE)

    def tell_clock(self, *, retain: bool = False, **fields: Any) -> None:
        clock = Clock.signed(self.info.boot, self.now, [self.signer])
        self.tell(self.topics.clock, json.dumps(asdict(clock) | fields), retain=retain)

    def link(self, car: CarInfo = ANNA, **fields: Any) -> None:
        self.tell(self.topics.link(car.id), LinkState(boot=self.info.boot, **fields).payload())

    def body(self, car: CarInfo = ANNA, *, boot: str | None = None, **values: object) -> None:
        """Say what the car told of its body just now."""
        self.tell_state("body", car, boot=boot, **values)

    def remembers(self, car: CarInfo = ANNA, *, at: float | None, subject: str = "body", **values: object) -> None:
        """Say what the car told before the bridge's start; None: no clock can tell when."""
        self._state(car, subject, self.info.boot, values, at, "memory")

    def tell_state(self, subject: str, car: CarInfo = ANNA, *, boot: str | None = None, **values: object) -> None:
        """Say what the car told of a subject just now; what is not named was never heard."""
        self._state(car, subject, boot or self.info.boot, values, self.now, "push")

    def _state(
        self, car: CarInfo, subject: str, boot: str, values: Mapping[str, object], at: float | None, source: str
    ) -> None:
        readings: dict[str, dict[str, object]] = {
            name: {"value": value, "at": at, "source": source} for name, value in values.items()
        }
        if subject == "body":
            readings.setdefault("tonneau", {"value": None, "at": None, "source": None})  # never heard
        self.tell(
            self.topics.state(car.id, subject),
            json.dumps({"boot": boot, "time": "2026-11-22T17:00:00Z", **readings}),
        )

    def health(self, **parts: object) -> None:
        """Say how the bridge is; parts as in the document of docs/mqtt.md."""
        self.tell(
            self.topics.health, json.dumps({"boot": self.info.boot, "uptime_s": self.now, "problems": []} | parts)
        )

    def event(self, event: str, car: CarInfo = ANNA, *, retain: bool = False, **fields: Any) -> None:
        """Say what happened to a car."""
        told = Event(event=event, boot=self.info.boot, at=self.now, **fields)
        self.tell(self.topics.event(car.id), told.payload(), retain=retain)

    def forget(self, car: CarInfo) -> None:
        """Take out of the broker what stands there of a car that is no longer the bridge's."""
        self.tell(self.topics.link(car.id), "")
        self.tell(self.topics.state(car.id, "body"), "")

    def result(
        self,
        command: Command,
        outcome: Outcome,
        reason: str | None = None,
        *,
        stage: str | None = None,
        retain: bool = False,
        **more: Any,
    ) -> None:
        """Say what became of a command; `more`: fields of Result, as `data`."""
        result = Result(id=command.id, outcome=outcome, reason=reason, stage=stage, **more)
        self.tell(self.topics.result(command.car), result.payload(), retain=retain)

    async def come_up(self) -> None:
        """Say all that a bridge says when it starts, with a locked car in reach."""
        self.announce()
        self.online()
        self.tell_clock()
        self.link(
            reachable=True,
            in_range=True,
            heard_at=self.now - 1,
            signal_dbm=-61,
            places_free=True,
            asleep=False,
            contact_at=self.now - 10,
        )
        self.body(lock="locked", asleep=False, user_present=False)
        await self.hass.async_block_till_done()

    # Listening

    async def listen(self) -> None:
        await mqtt.async_subscribe(self.hass, self.topics.command(), self._hear_command, qos=0)
        await mqtt.async_subscribe(self.hass, self.topics.clock_request, self._hear_clock_request, qos=0)

    @callback
    def _hear_command(self, message: mqtt.ReceiveMessage) -> None:
        assert isinstance(message.payload, str)
        assert not message.retain
        assert message.qos == 0
        signed = SignedCommand.parse(message.payload.encode())
        assert signed.genuine(self.signer)
        assert message.topic == self.topics.command(signed.command.car)
        self.commands.append(signed.command)
        self.asked.set()
        self.on_command(signed.command)

    @callback
    def _hear_clock_request(self, _message: mqtt.ReceiveMessage) -> None:
        self.clock_requests += 1
        if self.answers_clock:
            self.on_clock_request()

    # Ways to deal with a command

    def confirm(self, command: Command) -> None:
        """Do it: the car's report goes out before the word that it is done."""
        self.result(command, Outcome.ACCEPTED)
        self.result(command, Outcome.SENT)
        if command.command in ("lock", "unlock"):
            [car] = [car for car in self.info.cars if car.id == command.car]
            self.body(car, lock=f"{command.command}ed")
        self.result(command, Outcome.CONFIRMED, "done")

    def obey(self, subject: str = "body", **values: object) -> None:
        """Let the car show these values from the next command on that is more than a look, before it is done."""

        def obeying(command: Command) -> None:
            self.result(command, Outcome.ACCEPTED)
            self.result(command, Outcome.SENT)
            if command.command != "status":
                [car] = [car for car in self.info.cars if car.id == command.car]
                self._state(car, subject, self.info.boot, values, self.now, "push")
            self.result(command, Outcome.CONFIRMED, "done")

        self.on_command = obeying

    def accept(self, command: Command) -> None:
        """Take it, and say no more."""
        self.result(command, Outcome.ACCEPTED)

    def fall_silent(self, command: Command) -> None:
        """Take it, and be gone."""
        self.accept(command)
        self.offline()

    def ignore(self, command: Command) -> None:
        """Hear nothing."""

    def end(self, outcome: Outcome, reason: str | None) -> None:
        """Let commands end like that from now on."""

        def ending(command: Command) -> None:
            self.result(command, Outcome.ACCEPTED)
            self.result(command, outcome, reason)

        self.on_command = ending
