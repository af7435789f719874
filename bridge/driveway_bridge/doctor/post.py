"""A look at the broker: what lies stored on the bridge's topics, and what is told there while somebody listens."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from driveway_bridge.config import MqttSettings
from driveway_bridge.mqtt.client import Broker, Client, Message, NoConnection, Version

if TYPE_CHECKING:
    from driveway_bridge.mqtt.tls import Encryption

LEAVE_S: Final = 1.0


class Post:
    """One connection to the broker, under a name of its own and without a last will."""

    def __init__(self, settings: MqttSettings, subscriptions: tuple[str, ...]) -> None:
        name = f"driveway-look-{secrets.token_hex(4)}"
        self._broker = Broker.of(settings, client_id=name, will_topic=None, listen_to=subscriptions)
        self._client: Client | None = None
        self._news = asyncio.Event()
        self.last: dict[str, bytes] = {}
        """By topic, what came last. What is stored comes first of all."""
        self.heard: list[Message] = []
        self.problems: list[str] = []
        """What the broker says against what is published."""

    @classmethod
    async def open(cls, settings: MqttSettings, subscriptions: tuple[str, ...]) -> Self:
        """Connect and listen. NoConnection with a text for the owner."""
        post = cls(settings, subscriptions)
        version = Version.V5
        while True:
            client = Client(post._broker, version, post._on_message, post._on_problem)
            try:
                await client.open()
            except NoConnection as error:
                if not error.try_older or version is Version.V311:
                    raise
                version = Version.V311
            else:
                post._client = client
                return post

    @property
    def version(self) -> str:
        """The version of MQTT that is spoken."""
        return self._client.version.value if self._client else ""

    @property
    def encryption(self) -> Encryption | None:
        """How the connection is encrypted; None when it is not."""
        return self._client.encryption if self._client else None

    def say(self, topic: str, payload: str) -> bool:
        """Publish, not to be stored; False when the connection is lost."""
        return self._client is not None and self._client.publish(topic, payload, retain=False, qos=1)

    async def hear(
        self,
        wanted: Callable[[Message], bool],
        within_s: float,
        *,
        since: int = 0,
        unless_problem: int | None = None,
    ) -> Message | None:
        """The first message from number `since` on that is wanted; None when none comes in time.

        With `unless_problem` also as soon as there are more problems than so many.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while True:
            for message in self.heard[since:]:
                if wanted(message):
                    return message
            if unless_problem is not None and len(self.problems) > unless_problem:
                return None
            if not await self.news(end - loop.time()):
                return None

    async def news(self, within_s: float) -> bool:
        """Wait until something was heard or a problem told; False when the time is up."""
        self._news.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Hang up in order."""
        if self._client is not None:
            await self._client.close(LEAVE_S)

    def _on_message(self, message: Message) -> None:
        self.last[message.topic] = message.payload
        self.heard.append(message)
        self._news.set()

    def _on_problem(self, text: str) -> None:
        self.problems.append(text)
        self._news.set()
