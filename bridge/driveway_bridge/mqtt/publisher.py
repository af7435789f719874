"""What the bridge tells: retained state that stands again after each connection, results, and its clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from driveway_bridge.boot import Boot
from driveway_bridge.contract import CLOCK_EVERY_S, ONLINE, Clock, Event, Info, LinkState, Result, Signer
from driveway_bridge.contract_topics import Topics
from driveway_bridge.known import BODY, SUBJECTS

ONE_CLOCK_S: Final = 0.05
"""Requests for the clock within this time get one answer together."""


class Send(Protocol):
    """How messages leave: False when there is no connection, and then they are lost."""

    def __call__(self, topic: str, payload: str, *, retain: bool = False, qos: int = 0) -> bool:
        """Hand one message over."""
        ...


class Publisher:
    """Everything that is published, but for the last will."""

    def __init__(self, topics: Topics, boot: Boot, info: Info, send: Send) -> None:
        self.signers: Callable[[], Iterable[Signer]] = tuple
        """Tells for whom the clock is signed."""
        self._topics = topics
        self._boot = boot
        self._send = send
        self._states: dict[str, str] = {}
        self._gone: set[str] = set()
        self._info = info
        self._clock_pause: asyncio.TimerHandle | None = None
        self._clock_asked = False

    def announce(self, health: dict[str, Any]) -> None:
        """Tell everything, after each connection: the broker may have forgotten all of it.

        `health` is as of now: the document from before the connection says that there is none.
        """
        self._states[self._topics.health] = json.dumps(health)
        # With QoS 1 the broker has to say whether it takes what we publish.
        self._send(self._topics.info, self._info.payload(), retain=True, qos=1)
        self._send(self._topics.status, ONLINE, retain=True, qos=1)
        self.clock()
        for topic, payload in self._states.items():
            self._send(topic, payload, retain=True, qos=1)
        for topic in self._gone:
            self._send(topic, "", retain=True, qos=1)

    @property
    def info(self) -> Info:
        """Who the bridge is; what is set here is told if it is new."""
        return self._info

    @info.setter
    def info(self, info: Info) -> None:
        if info != self._info:
            self._info = info
            self._send(self._topics.info, info.payload(), retain=True, qos=1)

    def health(self, document: dict[str, Any]) -> None:
        """Tell how the bridge itself is."""
        self._state(self._topics.health, json.dumps(document))

    def forget(self, car: str) -> None:
        """Take out of the broker what it keeps of a car that is no longer ours."""
        subjects = (BODY, *SUBJECTS.values())
        for topic in (self._topics.link(car), *(self._topics.state(car, subject) for subject in subjects)):
            self._states.pop(topic, None)
            self._gone.add(topic)
            self._send(topic, "", retain=True, qos=1)

    def link(self, car: str, state: LinkState) -> None:
        """Tell how a car is reached, if that has changed."""
        self._state(self._topics.link(car), state.payload())

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        """Tell the values of one subject, if anything has changed."""
        self._state(self._topics.state(car, subject), json.dumps(document))

    def result(self, car: str, result: Result) -> None:
        """Tell what became of a command.

        While there is no connection it is lost, and nobody is misled by that: whoever asked gives up by then, and the
        command itself cannot be carried out late.
        """
        self._send(self._topics.result(car), result.payload())

    def event(self, car: str, event: Event) -> None:
        """Tell what has happened to a car, once: while there is no connection it is lost, and never told late."""
        self._send(self._topics.event(car), event.payload())

    def clock(self) -> None:
        """Tell the clock now."""
        clock = Clock.signed(self._boot.id, round(self._boot.now(), 3), self.signers())
        self._send(self._topics.clock, clock.payload())

    def clock_soon(self) -> None:
        """Answer a request for the clock at once, and those that follow closely together with one more."""
        if self._clock_pause is not None:
            self._clock_asked = True
            return
        self.clock()
        self._clock_asked = False
        self._clock_pause = asyncio.get_running_loop().call_later(ONE_CLOCK_S, self._end_clock_pause)

    def _end_clock_pause(self) -> None:
        self._clock_pause = None
        if self._clock_asked:
            self.clock_soon()

    async def tick(self) -> None:
        """Tell the clock every few seconds, for ever."""
        try:
            while True:
                await asyncio.sleep(CLOCK_EVERY_S)
                self.clock()
        finally:
            if self._clock_pause is not None:
                self._clock_pause.cancel()

    def _state(self, topic: str, payload: str) -> None:
        if self._states.get(topic) != payload:
            self._states[topic] = payload
            self._gone.discard(topic)
            self._send(topic, payload, retain=True, qos=1)
