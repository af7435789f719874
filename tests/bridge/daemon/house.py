"""Somebody in the house who speaks MQTT: hears everything, publishes anything. On paho's own thread."""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from driveway_bridge.contract import LOCK_TTL_S, Command, Outcome, Result, Signer
from tests.bridge import paho_thread

PATIENCE_S = 40.0


class Heard(NamedTuple):
    topic: str
    payload: bytes
    retain: bool
    at: float


class House:
    """A client of the broker; `heard` holds everything below the base topic, or of these topics, in order.

    `user`: name and password; `ca`: with TLS, and whom it trusts.
    """

    def __init__(
        self,
        port: int,
        base: str = "driveway",
        *,
        patience_s: float = PATIENCE_S,
        topics: tuple[str, ...] = (),
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        user: tuple[str, str] | None = None,
        ca: Path | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._topics = topics or (f"{base}/#",)
        self._patience_s = patience_s
        self._news = asyncio.Event()
        self._subscribed = asyncio.Event()
        self.heard: list[Heard] = []
        self._version = version
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        if user is not None:
            self._client.username_pw_set(*user)
        if ca is not None:
            self._client.tls_set_context(ssl.create_default_context(cafile=ca))
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe

    async def __aenter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        async with asyncio.timeout(self._patience_s):
            await self._subscribed.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.to_thread(paho_thread.end, self._client)

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        connected = client.socket()
        assert connected is not None
        connected.setsockopt(6, 1, 1)  # type: ignore[attr-defined]  # TCP_NODELAY
        if self._version is MQTTProtocolVersion.MQTTv5:
            client.subscribe([(topic, SubscribeOptions(qos=0, retainAsPublished=True)) for topic in self._topics])
        else:
            client.subscribe([(topic, 0) for topic in self._topics])

    @property
    def connected(self) -> bool:
        """Whether there is a broker, as far as this client has noticed."""
        return self._client.is_connected()

    def _on_subscribe(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def _on_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        heard = Heard(message.topic, bytes(message.payload), message.retain, time.monotonic())
        self._loop.call_soon_threadsafe(self._note, heard)

    def _note(self, heard: Heard) -> None:
        self.heard.append(heard)
        self._news.set()

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False, qos: int = 0) -> None:
        self._client.publish(topic, payload, qos=qos, retain=retain)

    async def wait(self, wanted: Callable[[Heard], bool], since: int = 0) -> Heard:
        """The first message from number `since` on that is wanted."""
        async with asyncio.timeout(self._patience_s):
            while True:
                for heard in self.heard[since:]:
                    if wanted(heard):
                        return heard
                self._news.clear()
                await self._news.wait()

    def results(self, command_id: str | None) -> list[Result]:
        """What was said of a command so far."""
        parsed = (Result.parse(heard.payload) for heard in self.heard if heard.topic.endswith("/result"))
        return [result for result in parsed if result.id == command_id]

    async def final(self, command_id: str | None) -> Result:
        """Wait for the final result of a command."""
        await self.wait(
            lambda heard: (
                heard.topic.endswith("/result")
                and (result := Result.parse(heard.payload)).id == command_id
                and result.outcome.final
            )
        )
        return next(result for result in self.results(command_id) if result.outcome.final)

    async def clock(self) -> tuple[str, Callable[[], float]]:
        """Boot id, and the bridge's clock as a sender keeps it: what it heard live plus its own seconds."""
        since = len(self.heard)
        topic = next(heard.topic for heard in self.heard if heard.topic.endswith("/info")).removesuffix("info")
        self.publish(f"{topic}clock/get", b"x")
        heard = await self.wait(lambda heard: heard.topic.endswith("/clock") and not heard.retain, since)
        told = json.loads(heard.payload)
        return told["boot"], lambda: told["now"] + time.monotonic() - heard.at

    async def signed(self, signer: Signer, car: str, name: str, **changes: Any) -> tuple[str, str]:
        """A fresh command: its id and its payload."""
        boot, now = await self.clock()
        fields: dict[str, Any] = {
            "id": secrets.token_hex(8),
            "client": signer.client,
            "car": car,
            "command": name,
            "boot": boot,
            "issued": now(),
            "ttl": LOCK_TTL_S,
        } | changes
        return fields["id"], Command(**fields).signed(signer)


def stations(results: list[Result]) -> list[Outcome]:
    return [result.outcome for result in results]


async def until_taken(house: House) -> None:
    """Wait until the bridge can tell how old a plain word may be: until it has heard some beats of its own."""
    for _ in range(4):
        since = len(house.heard)
        await house.wait(lambda heard: heard.payload.startswith(b"beat-"), since)
