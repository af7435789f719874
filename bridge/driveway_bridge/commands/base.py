"""What a command is, before anybody sends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.body import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One request to one domain of the car, complete but for its signature."""

    name: str
    """The word that owners and the contract use, as `lock`."""
    domain: Domain
    payload: bytes
    """The serialized application message (for VCSEC an UnsignedMessage)."""
    authenticated: bool = True
    """Signed and encrypted; the body's status is asked without."""
    idempotent: bool = True
    """Doing it twice is the same as doing it once. Nothing else is ever sent a second time."""
    reads: bool = False
    """The answer is data and nothing is changed; an acknowledgement without data is not the end."""
    done: Callable[[Body], bool | None] | None = None
    """Whether a body state shows the wished effect (None: it cannot tell); how an unknown fate is settled."""
