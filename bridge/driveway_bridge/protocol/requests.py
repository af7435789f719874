"""Bookkeeping of the conversation: what is asked, with which frames, and who waits in line at which domain."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import Enum, auto

from driveway_bridge.commands.base import Command
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.messages import Received
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.protocol.session import Session, Signature

MAX_ATTEMPTS = 32
"""Frames whose answers are still recognised; older ones are forgotten."""
MAX_QUEUED = 16
"""Requests that may wait at one domain."""


class Stage(Enum):
    """What a request waits for."""

    QUEUED = auto()
    HANDSHAKE = auto()
    COUNTERS = auto()
    ANSWER = auto()
    PAUSE = auto()
    """The car was busy; asked again at `due`."""
    OVER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting(Command):
    """Ask a domain who it is and whether it knows our key, and nothing else."""

    name: str = "greeting"
    payload: bytes = b""
    reads: bool = True
    every_s: float = 1.0
    """How often it is repeated until there is an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation(Command):
    """A key that a card at the car shall add: sent as it is, without envelope and only once.

    `CardAwaited` may follow; silence is what most cars answer, so the outcome may well be `Unanswered`.
    """

    name: str = "present_key"
    domain: Domain = Domain.VEHICLE_SECURITY
    authenticated: bool = False
    idempotent: bool = False


@dataclass(slots=True, eq=False)
class Request:
    """One command on its way."""

    id: int
    command: Command
    deadline: float
    answer_s: float
    kind: SignatureType = SignatureType.AES_GCM_PERSONALIZED
    gives_way: bool = False
    """Others need not wait until this one is answered."""
    stage: Stage = Stage.QUEUED
    due: float | None = None
    """When the stage ends by itself: the next handshake request, the end of patience, the end of a pause."""
    sent_at: float = 0.0
    """When the command went out last, not only a handshake."""
    may_have_happened: bool = False
    resends: int = 0
    pauses: int = 0
    """How often the car has asked to wait."""
    trouble: tuple[str, str] | None = None
    """Reason code and detail of what stood in the way so far."""
    wrong_tags: int = 0
    stale_infos: int = 0
    key_changed: bool = False


@dataclass(slots=True, eq=False)
class Attempt:
    """One frame that was sent for a request."""

    request: Request
    domain: Domain
    address: bytes
    uuid: bytes
    at: float
    handshake: bool = False
    signature: Signature | None = None
    wrong_tag: bool = False
    """An answer to it was forged, or came from another car."""


@dataclass(slots=True)
class Lane:
    """One domain: its session, the request that it works on, and those in line."""

    session: Session
    address: bytes = b""
    """Our address for a domain that echoes uuids; the body controller gets a new one with each request."""
    active: Request | None = None
    queue: deque[Request] = field(default_factory=deque)

    def enqueue(self, request: Request) -> bool:
        """Let a request wait its turn, commands before those that give way; False when the line is too long."""
        if len(self.queue) >= MAX_QUEUED:
            return False
        position = len(self.queue)
        if not request.gives_way:
            position = self._urgent()
        self.queue.insert(position, request)
        return True

    def must_give_way(self) -> bool:
        """Whether the active request holds up one that is more urgent."""
        return self.active is not None and self.active.gives_way and self._urgent() > 0

    def give_way(self) -> None:
        """Put the active request back in line, before all others that give way; a late answer to it still counts."""
        if self.active is not None:
            self.active.stage, self.active.due = Stage.QUEUED, None
            self.queue.insert(self._urgent(), self.active)
            self.active = None

    def _urgent(self) -> int:
        return sum([not request.gives_way for request in self.queue])


class Attempts:
    """The frames whose answers we recognise, newest last."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Domain, bytes], Attempt] = OrderedDict()

    def add(self, attempt: Attempt) -> None:
        """Remember a frame; the oldest one goes when there are too many."""
        self._known[attempt.domain, _name(attempt.domain, attempt.address, attempt.uuid)] = attempt
        while len(self._known) > MAX_ATTEMPTS:
            self._known.popitem(last=False)

    def match(self, received: Received) -> Attempt | None:
        """Find the frame that a message answers: by sender, address and, where it is given, the uuid."""
        if received.address is None:
            return None
        attempt = self._known.get((received.sender, _name(received.sender, received.address, received.request_uuid)))
        if attempt is None or attempt.address != received.address:
            return None
        return attempt if received.request_uuid in (b"", attempt.uuid) else None

    def latest(self, request: Request) -> Attempt | None:
        """The newest frame of a request."""
        return next((attempt for attempt in reversed(self._known.values()) if attempt.request is request), None)

    def drop(self, request: Request) -> None:
        """Recognise nothing of a request any more."""
        for name in [name for name, attempt in self._known.items() if attempt.request is request]:
            del self._known[name]


def _name(domain: Domain, address: bytes, uuid: bytes) -> bytes:
    """What tells answers apart: the body controller often leaves out the uuid, so each request has its own address."""
    return address if domain is Domain.VEHICLE_SECURITY else uuid
