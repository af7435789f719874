"""The broker as the bridge knows it: where it is, what comes from it, and why there is no connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from driveway_bridge.settings import MqttSettings, TlsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the broker is, and who we are to it; `will_topic` gets `offline` when we vanish (None: nothing does)."""

    host: str
    port: int
    client_id: str
    will_topic: str | None
    subscriptions: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsSettings | None = None

    @classmethod
    def of(cls, settings: MqttSettings, *, client_id: str, will_topic: str | None, listen_to: tuple[str, ...]) -> Self:
        """The broker of the configuration, to which somebody goes under this name."""
        return cls(
            host=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            tls=settings.tls,
            client_id=client_id,
            will_topic=will_topic,
            subscriptions=listen_to,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived. `retain` says that its sender wanted it stored, or with MQTT 3.1.1 only that it was."""

    topic: str
    payload: bytes
    retain: bool


class NoConnection(Exception):
    """There is none; the text is for the owner. `try_older` when the broker may be one of MQTT 3.1.1.

    `deaf` when it would let us in, but not listen.
    """

    def __init__(self, text: str, *, try_older: bool = False, deaf: bool = False) -> None:
        super().__init__(text)
        self.try_older = try_older
        self.deaf = deaf
