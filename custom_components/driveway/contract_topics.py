"""Names of the contract: its topics, and the shape of what stands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Topics:
    """Names below one base for one bridge; `+` as bridge or car gives the filter for all of them."""

    base: str
    bridge: str = "+"

    @property
    def info(self) -> str:
        """Retained: who the bridge is, its cars, what it can do (`Info`)."""
        return f"{self.base}/{self.bridge}/info"

    @property
    def status(self) -> str:
        """Retained: `online`, or `offline` by last will."""
        return f"{self.base}/{self.bridge}/status"

    @property
    def clock(self) -> str:
        """Every few seconds and on request: the bridge's time, signed (`Clock`)."""
        return f"{self.base}/{self.bridge}/clock"

    @property
    def clock_request(self) -> str:
        """Anything published here makes the bridge tell its clock at once."""
        return f"{self.base}/{self.bridge}/clock/get"

    @property
    def health(self) -> str:
        """Retained: how the bridge itself is: radio, broker, cars, latencies, memory. For people and diagnostics."""
        return f"{self.base}/{self.bridge}/health"

    @property
    def component(self) -> str:
        """Retained: `present` while Home Assistant's component shows this bridge's cars; empty when it does no more."""
        return f"{self.base}/{self.bridge}/component"

    def link(self, car: str = "+") -> str:
        """Retained: whether and how the car is reached (`LinkState`)."""
        return f"{self.base}/{self.bridge}/{car}/link"

    def state(self, car: str = "+", subject: str = "+") -> str:
        """Retained: values of one subject, each `{"value": .., "at": seconds, "source": ..}`."""
        return f"{self.base}/{self.bridge}/{car}/state/{subject}"

    def event(self, car: str = "+") -> str:
        """What happened to the car, told once (`Event`)."""
        return f"{self.base}/{self.bridge}/{car}/event"

    def command(self, car: str = "+") -> str:
        """Signed commands for one car."""
        return f"{self.base}/{self.bridge}/{car}/command"

    def result(self, car: str = "+") -> str:
        """What became of commands (`Result`)."""
        return f"{self.base}/{self.bridge}/{car}/result"

    def lease(self, car: str = "+") -> str:
        """What a bridge says to the others of who looks after the car."""
        return f"{self.base}/{self.bridge}/{car}/lease"

    def plain(self, car: str = "+", thing: str = "+") -> str:
        """Plain words for automations, unsigned."""
        return f"{self.base}/{self.bridge}/{car}/{thing}/set"


_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def valid_name(text: object) -> bool:
    """Whether a bridge, car, client or command id has the allowed shape: 1 to 64 letters, digits, `_`, `-`."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def valid_base(text: str) -> bool:
    """Whether this may be a base topic: names joined by `/`."""
    return len(text) <= 128 and all(valid_name(part) for part in text.split("/"))
