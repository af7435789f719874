"""The car's end of one link: bytes and `now` in, bytes out. It waits for nothing; whoever drives it does.

Feed `receive_data`, send what `data_to_send` gives, call `handle_deadline` at `next_deadline`, and drop the link when
`hung_up` is set.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from driveway_bridge.proto import DecodeError, FromVCSECMessage, RoutableMessage, vcsec
from driveway_bridge.protocol.framing import MAX_SENT, Unframer, frame, split
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.profiles import Draw, between

if TYPE_CHECKING:
    from driveway_bridge.simulator.virtual_car import VirtualCar

ADDRESS_SIZE = 16
UUID_SIZE = 16
INBOX = 16
"""Requests that wait for their turn; what comes on top is dropped."""
LATE_S = 5.0
"""How long session information takes with the fault of that name; clients accept it for up to 4 s."""
_GARBAGE = bytes((0x32, 0x7F, 0x01))  # a field that announces more bytes than follow


class Endpoint:
    """One open link to the car."""

    def __init__(self, car: VirtualCar, now: float, draw: Draw) -> None:
        self.hung_up = False
        """The car has dropped the link."""
        self._car = car
        self._faults = car.faults
        self._profile = car.profile
        self._draw = draw
        self._unframer = Unframer(limit=MAX_SENT)
        self._unreadable = 0
        self._waiting = 0
        self._ready_at = now + self._profile.connect_s
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()
        self._outbox: list[bytes] = []
        self._idle_until: float | None = None
        self._stay(now)
        if self._profile.broadcast_every_s is not None:
            self._later(self._ready_at + self._profile.broadcast_every_s, self._call_for_phones)

    @property
    def dropped(self) -> int:
        """Frames and pieces that were thrown away because nothing could be made of them."""
        return self._unframer.dropped + self._unreadable

    # The surface.

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes of the client, cut anyhow."""
        if self.hung_up:
            return
        self._stay(now)
        for message in self._unframer.feed(data, now):
            request = _read(message) or _read_bare(message)
            if request is None or self._waiting >= INBOX:
                self._unreadable += 1
                continue
            self._waiting += 1
            half = self._profile.exchange_s / 2
            self._later(max(now + half, self._ready_at - half), self._work_on(request))
        self.handle_deadline(now)

    def data_to_send(self) -> list[bytes]:
        """Give the framed bytes that are due, and forget them."""
        pieces, self._outbox = self._outbox, []
        if len(pieces) > 1 and self._faults.strikes(Fault.MERGED_FRAMES):
            return [b"".join(pieces)]
        return pieces

    def next_deadline(self) -> float | None:
        """When `handle_deadline` has something to do; None: never."""
        if self.hung_up:
            return None
        times = [self._agenda[0][0]] if self._agenda else []
        if self._idle_until is not None:
            times.append(self._idle_until)
        return min(times, default=None)

    def handle_deadline(self, now: float) -> None:
        """Do what is due."""
        while not self.hung_up and self._agenda and self._agenda[0][0] <= now:
            heapq.heappop(self._agenda)[2](now)
        if self._idle_until is not None and now >= self._idle_until:
            self.hang_up()

    def push(self, message: RoutableMessage, now: float) -> None:
        """Say something without being asked; it leaves with the next `handle_deadline`."""
        self._later(now + self._profile.exchange_s / 2, lambda _now: self._emit(message))

    def hang_up(self) -> None:
        """Drop the link; what was not sent is lost."""
        self.hung_up = True
        self._agenda.clear()
        self._outbox.clear()

    # Inside.

    def _later(self, due: float, act: Callable[[float], None]) -> None:
        if self.hung_up:
            return
        heapq.heappush(self._agenda, (due, next(self._numbers), act))

    def _stay(self, now: float) -> None:
        """Something was said: the link lives for another while."""
        if self._profile.idle_drop_s is not None:
            self._idle_until = now + between(self._draw, *self._profile.idle_drop_s)

    def _work_on(self, request: RoutableMessage | vcsec.ToVCSECMessage) -> Callable[[float], None]:
        def work(now: float) -> None:
            self._waiting -= 1
            if Fault.SILENT in self._faults:
                return
            if isinstance(request, RoutableMessage):
                self._serve(request, now)
            else:
                self._car.enrolment.ask_bare(request, now, self._say_bare)

        return work

    def _serve(self, request: RoutableMessage, now: float) -> None:
        if request.HasField("signature_data") and self._faults.strikes(Fault.HANG_UP_ON_REQUEST):
            self.hang_up()
            return
        answer = self._car.handle(request, now)
        if answer.enrolment:
            security = self._car.security
            self._car.enrolment.ask(
                answer.enrolment, now, lambda message, then: self._reply(security.plain(request, message), then)
            )
        if answer.executed and self._faults.strikes(Fault.HANG_UP_AFTER_EXECUTE):
            self.hang_up()
        elif not (answer.executed and self._faults.strikes(Fault.LOST_ACK)):
            for reply in answer.replies:
                self._reply(reply, now)
        self._car.settle(now)

    def _reply(self, reply: RoutableMessage, now: float) -> None:
        due = now + self._profile.exchange_s / 2
        if reply.WhichOneof("payload") == "session_info" and self._faults.strikes(Fault.LATE_SESSION_INFO):
            due += LATE_S
        copies = 2 if self._faults.strikes(Fault.DUPLICATE_REPLY) else 1
        if self._faults.strikes(Fault.GARBAGE_BEFORE_REPLY):
            self._later(due, lambda _now: self._emit_bytes(_GARBAGE))
        if self._faults.strikes(Fault.FOREIGN_REPLY):
            foreign = RoutableMessage()
            foreign.CopyFrom(reply)
            foreign.to_destination.routing_address = bytes(ADDRESS_SIZE)
            self._later(due, lambda _now: self._emit(foreign))
        for _ in range(copies):
            self._later(due, lambda _now: self._emit(reply, half=self._faults.strikes(Fault.HALF_REPLY)))

    def _say_bare(self, message: FromVCSECMessage, now: float) -> None:
        """Answer somebody who gave no address: without an envelope, as old cars do."""
        self._later(now + self._profile.exchange_s / 2, lambda _now: self._emit_bytes(message.SerializeToString()))

    def _call_for_phones(self, now: float) -> None:
        every = self._profile.broadcast_every_s
        if every is None:
            return
        if Fault.NO_BROADCASTS not in self._faults:
            call = self._car.call_for_phones()
            bare = self._faults.strikes(Fault.BARE_FRAMES)
            self._emit_bytes(call.protobuf_message_as_bytes if bare else call.SerializeToString())
        self._later(now + every, self._call_for_phones)

    def _emit(self, message: RoutableMessage, *, half: bool = False) -> None:
        self._emit_bytes(message.SerializeToString(), half=half)

    def _emit_bytes(self, message: bytes, *, half: bool = False) -> None:
        if self.hung_up or Fault.SILENT in self._faults:
            return
        framed = frame(message)
        if half:
            framed = framed[: len(framed) // 2]
        self._outbox += split(framed, 1) if self._faults.strikes(Fault.FRAGMENT_ONE_BYTE) else [framed]


def _read(message: bytes) -> RoutableMessage | None:
    """Read a request; None when it is none, or cannot be answered because it does not say to whom."""
    try:
        request = RoutableMessage.FromString(message)
    except DecodeError:
        return None
    if len(request.from_destination.routing_address) != ADDRESS_SIZE or len(request.uuid) > UUID_SIZE:
        return None
    return request


def _read_bare(message: bytes) -> vcsec.ToVCSECMessage | None:
    """Read a request without an envelope, which only asks for a new key; None when it is none."""
    try:
        request = vcsec.ToVCSECMessage.FromString(message)
    except DecodeError:
        return None
    return request if request.HasField("signedMessage") else None
