"""What the conversation tells whoever drives it. All frozen; `id` is the number that `Connection.request` gave."""

from __future__ import annotations

from dataclasses import dataclass

from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.session import SavedSession
from driveway_bridge.state.body import Body
from driveway_bridge.state.reading import State


@dataclass(frozen=True, slots=True)
class Sent:
    """One frame of `data_to_send` is for this request; events of this kind and frames come in the same order."""

    id: int
    domain: Domain
    handshake: bool
    """A handshake request: it moves nothing."""


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The car proved itself; epoch, counter and clock are those that it told."""

    domain: Domain


@dataclass(frozen=True, slots=True)
class CountersNeeded:
    """Write down a block of counters after `session.counter`, then call `Connection.grant`.

    Commands wait for it where none is left. It comes earlier too, while there are some: then nothing waits.
    """

    domain: Domain
    session: SavedSession


@dataclass(frozen=True, slots=True)
class CardAwaited:
    """The car has taken notice of the key that was presented: now a key card has to be tapped."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The car did it, or told it. It may come after `Unanswered`: a late answer is still one."""

    id: int
    payload: bytes = b""
    """The application message, decrypted; empty for a bare acknowledgement."""
    body: Body | None = None
    state: State | Body | None = None
    """What was asked for, of a command that reads; of the status it is the body as well."""
    already_so: bool = False
    """The car said that nothing was to be done."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The car said no, or cannot prove that it is the car; the request is over."""

    id: int
    reason: str
    """A code of `reasons.REASONS`."""
    detail: str = ""
    temporary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """No answer came in time; the request is over."""

    id: int
    reason: str
    """A code of `reasons.REASONS`."""
    detail: str = ""
    may_have_happened: bool
    """A command, not only a handshake, went out and was not turned away."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """The body controller told everybody its state. Not authenticated: good to show, not to decide on."""

    body: Body


Outcome = Reply | Refused | Unanswered
"""The end of a request."""
Event = Sent | SessionReady | CountersNeeded | CardAwaited | Broadcast | Outcome
