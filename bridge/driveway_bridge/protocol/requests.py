"""Bookkeeping of the conversation: what is asked, with which frames, and who waits in line at which domain."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import Enum, auto

from driveway_bridge.commands.base import Command
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.messages import Received
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


@dataclass(slots=True, eq=False)
class Request:
    """One command on its way."""

    id: int
    command: Command
    deadline: float
    answer_s: float
    stage: Stage = Stage.QUEUED
    due: float | None = None
    """When the stage ends by itself: the next handshake request, the end of patience, the end of a pause."""
    may_have_happened: bool = False
    resends: int = 0
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


@dataclass(slots=True)
class Lane:
    """One domain: its session, the request that it works on, and those in line."""

    session: Session
    address: bytes = b""
    """Our address for a domain that echoes uuids; the body controller gets a new one with each request."""
    active: Request | None = None
    queue: deque[Request] = field(default_factory=deque)

    def requests(self) -> list[Request]:
        """Those that are not over, the active one first."""
        return [*([] if self.active is None else [self.active]), *self.queue]

    def enqueue(self, request: Request) -> bool:
        """Let a request wait its turn, commands before reads; False when the line is too long."""
        if len(self.queue) >= MAX_QUEUED:
            return False
        position = len(self.queue)
        if not request.command.reads:
            position = next((i for i, other in enumerate(self.queue) if other.command.reads), position)
        self.queue.insert(position, request)
        return True


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
