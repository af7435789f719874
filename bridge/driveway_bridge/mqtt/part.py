"""What further parts of the bridge have in common that take messages of their own."""

from __future__ import annotations

from typing import Protocol

from driveway_bridge.contract import Info
from driveway_bridge.mqtt.client import Message


class Part(Protocol):
    """One of them, as the bridge sees it."""

    def takes(self, message: Message) -> bool:
        """Take a message, if it is for this part; whether it was."""
        ...

    def announce(self) -> None:
        """A connection to the broker has just been made."""
        ...

    def follow(self, info: Info) -> None:
        """The cars have changed, or what is known of them."""
        ...
