"""One link's conversation with the car, sans-IO: requests and bytes in, frames and events out.

Each domain works on one request at a time: handshake if there is no session, a block of counters if none is left, the
command, its answer. Answers are recognised by the random address (body controller) or uuid (infotainment) that we
chose, so whatever else arrives is counted in `dropped` and changes nothing.
Source: the vehicle-command protocol, "addressing and correlation", "reply sequence", "retry semantics".
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Callable, Mapping

from driveway_bridge.commands.base import Command
from driveway_bridge.proto import OperationStatus_E
from driveway_bridge.protocol import faults, framing, messages
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import (
    Broadcast,
    CountersNeeded,
    Event,
    Outcome,
    Refused,
    Reply,
    Sent,
    SessionReady,
    Unanswered,
)
from driveway_bridge.protocol.faults import Remedy
from driveway_bridge.protocol.keys import NONCE_SIZE, PrivateKey
from driveway_bridge.protocol.messages import ID_SIZE, Received
from driveway_bridge.protocol.replies import Meaning, judge
from driveway_bridge.protocol.requests import Attempt, Attempts, Lane, Request, Stage
from driveway_bridge.protocol.session import Lesson, SavedSession, Session, Signature
from driveway_bridge.state.body import Body

RETRY_S = 1.0
"""Pause before a busy car is asked again, and between handshake requests."""
ANSWER_S = 2.5
"""How long an answer to one command is waited for, unless the request says otherwise."""
MAX_RESENDS = 3
"""How often one command is signed anew because epoch, counter or clock did not agree."""
MAX_EVENTS = 256
"""Broadcasts are dropped beyond this; outcomes are not, and there are no more of those than requests."""
MAX_PAYLOAD = 768
"""Bytes of a command's payload, so that it fits into a frame with everything around it."""


class Connection:
    """The state machine; `random` gives that many unpredictable bytes. All times are seconds of one monotonic clock."""

    def __init__(
        self,
        vin: str,
        key: PrivateKey,
        *,
        sessions: Mapping[Domain, SavedSession] | None = None,
        random: Callable[[int], bytes],
        counters_on_request: bool = False,
    ) -> None:
        """Begin with remembered sessions; with `counters_on_request`, no counter is used before it is granted."""
        self.dropped: Counter[str] = Counter()
        """Messages that changed nothing, by why."""
        self._key = key
        self._random = random
        self._counters_on_request = counters_on_request
        self._unframer = framing.Unframer()
        self._events: deque[Event] = deque()
        self._frames: list[tuple[Request, Sent, bytes]] = []
        self._attempts = Attempts()
        self._ids = itertools.count(1)
        self._lanes = {
            domain: Lane(Session(vin, domain, key, (sessions or {}).get(domain)))
            for domain in (Domain.VEHICLE_SECURITY, Domain.INFOTAINMENT)
        }

    def request(self, command: Command, now: float, *, timeout_s: float = 8.0, answer_s: float = ANSWER_S) -> int:
        """Ask for a command; gives the id that one outcome event will carry, at the latest after `timeout_s`.

        ValueError when the payload is too long for a frame.
        """
        if len(command.payload) > MAX_PAYLOAD:
            raise ValueError(f"the payload of {command.name} has {len(command.payload)} bytes")
        request = Request(next(self._ids), command, now + timeout_s, answer_s)
        lane = self._lanes[command.domain]
        if lane.enqueue(request):
            self._advance(lane, now)
        else:
            self._emit(Refused(id=request.id, reason="too_many"))
        return request.id

    def cancel(self, request_id: int, now: float) -> None:
        """Forget a request; no event will carry its id."""
        for lane, request in self._open_requests():
            if request.id == request_id:
                self._attempts.drop(request)
                self._end(lane, request, None, now)

    def hasten(self, request_id: int, at: float) -> None:
        """Do not wait for this request longer than until `at`."""
        for _lane, request in self._open_requests():
            if request.id == request_id:
                request.deadline = min(request.deadline, at)

    def grant(self, domain: Domain, block: SavedSession, now: float) -> None:
        """Allow the counters after `block.counter` up to `block.granted`, which are now written down."""
        lane = self._lanes[domain]
        lane.session.grant(block)
        if lane.active is not None and lane.active.stage is Stage.COUNTERS:
            self._begin(lane, lane.active, now)

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes from the car, cut anyhow."""
        for message in self._unframer.feed(data, now):
            received = messages.parse(message)
            if received is None:
                self.dropped["foreign"] += 1
            elif received.address is None:
                self._on_broadcast(received)
            else:
                self._on_message(received, now)

    def data_to_send(self) -> list[bytes]:
        """Frames to send now; each has one `Sent` event, in the same order. What is over by now is not sent."""
        frames = []
        for request, sent, frame in self._frames:
            if request.stage is not Stage.OVER:
                frames.append(frame)
                self._emit(sent)
        self._frames.clear()
        return frames

    def next_event(self) -> Event | None:
        """The next event, or None."""
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """When `handle_deadline` is due; None when nothing is waited for."""
        ends = [request.deadline for _lane, request in self._open_requests()]
        dues = [request.due for _lane, request in self._open_requests() if request.due is not None]
        return min(ends + dues, default=None)

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`; harmless when nothing is."""
        for lane, request in self._open_requests():
            due = request.due is not None and now >= request.due
            if now >= request.deadline or (due and request.stage is Stage.ANSWER):
                self._give_up(lane, request, now)
            elif due:
                self._begin(lane, request, now)

    def saved(self) -> dict[Domain, SavedSession]:
        """The sessions as they should be remembered."""
        return {domain: lane.session.saved for domain, lane in self._lanes.items() if lane.session.saved is not None}

    def _open_requests(self) -> list[tuple[Lane, Request]]:
        return [(lane, request) for lane in self._lanes.values() for request in lane.requests()]

    # Going out --------------------------------------------------------------------------------------------------------

    def _advance(self, lane: Lane, now: float) -> None:
        if lane.active is None and lane.queue:
            lane.active = lane.queue.popleft()
            self._begin(lane, lane.active, now)

    def _begin(self, lane: Lane, request: Request, now: float) -> None:
        """Send what the request needs next."""
        command, session = request.command, lane.session
        request.due = None
        if command.authenticated and not session.ready:
            request.stage, request.due = Stage.HANDSHAKE, now + RETRY_S
            self._send(lane, request, now, handshake=True)
        elif command.authenticated and session.counters_left == 0 and self._counters_on_request:
            request.stage = Stage.COUNTERS
            if session.saved is not None:
                self._emit(CountersNeeded(command.domain, session.saved))
        else:
            if command.authenticated and session.counters_left == 0:
                session.allow(1)
            request.stage, request.due = Stage.ANSWER, now + request.answer_s
            request.may_have_happened = request.may_have_happened or not command.reads
            self._send(lane, request, now)

    def _send(self, lane: Lane, request: Request, now: float, *, handshake: bool = False) -> None:
        command = request.command
        if command.domain is Domain.VEHICLE_SECURITY:
            address = self._random(ID_SIZE)
        else:
            address = lane.address = lane.address or self._random(ID_SIZE)
        uuid = self._random(ID_SIZE)
        signature: Signature | None = None
        if handshake:
            message = messages.session_info_request(command.domain, address, uuid, self._key.public)
        elif command.authenticated:
            nonce = self._random(NONCE_SIZE)
            message, signature = lane.session.sign(command.payload, now, address=address, uuid=uuid, nonce=nonce)
        else:
            message = messages.plain_request(command.domain, address, uuid, command.payload)
        self._attempts.add(Attempt(request, command.domain, address, uuid, now, handshake, signature))
        self._frames.append((request, Sent(request.id, command.domain, handshake), framing.frame(message)))

    # Coming in --------------------------------------------------------------------------------------------------------

    def _on_broadcast(self, received: Received) -> None:
        message = messages.parse_vcsec(received.payload)
        if received.sender is not Domain.VEHICLE_SECURITY or message is None:
            self.dropped["foreign"] += 1
        elif not message.HasField("vehicleStatus"):
            self.dropped["not for us"] += 1  # polls that are meant for phones, once a second
        elif len(self._events) >= MAX_EVENTS:
            self.dropped["too many"] += 1
        else:
            self._emit(Broadcast(Body.from_message(message.vehicleStatus)))

    def _on_message(self, received: Received, now: float) -> None:
        attempt = self._attempts.match(received)
        if attempt is None:
            self.dropped["unknown address"] += 1
            return
        lane, request = self._lanes[attempt.domain], attempt.request
        if attempt.handshake:
            if request.stage is Stage.HANDSHAKE:
                self._on_handshake_reply(lane, attempt, received, now)
            else:
                self.dropped["late"] += 1
        elif (payload := self._payload(lane, attempt, received)) is None:
            return
        elif received.fault:
            if request.stage in (Stage.ANSWER, Stage.PAUSE) and attempt is self._attempts.latest(request):
                self._on_fault(lane, attempt, received, now)
            else:
                self.dropped["late"] += 1
        elif received.session_info is not None:
            self.dropped["not understood"] += 1
        else:
            self._on_reply(lane, request, received, payload, now)

    def _payload(self, lane: Lane, attempt: Attempt, received: Received) -> bytes | None:
        """The application message, opened where it is sealed; None when it is forged or repeated."""
        if received.sealed is None:
            return received.payload
        signature = attempt.signature
        if signature is None or (payload := lane.session.open(received, signature)) is None:
            self.dropped["not genuine"] += 1
            return None
        if not signature.replies.accept(received.sealed.counter):
            self.dropped["repeated"] += 1
            return None
        return payload

    def _on_handshake_reply(self, lane: Lane, attempt: Attempt, received: Received, now: float) -> None:
        request = attempt.request
        if received.fault:
            fault = faults.message_fault(received.fault)
            request.trouble = (fault.reason, fault.name)
            if fault.remedy is Remedy.NONE:
                self._refuse(lane, request, now)
            return  # anything else passes: handshake requests are repeated anyway
        if received.session_info is not None:
            self._on_lesson(lane, request, self._learn(lane, attempt, received, now), now)
        elif received.status == OperationStatus_E.OPERATIONSTATUS_WAIT:
            request.trouble = ("car_busy", "WAIT")
        elif received.status == OperationStatus_E.OPERATIONSTATUS_ERROR:
            request.trouble = ("refused_by_car", "ERROR")
            self._refuse(lane, request, now)
        else:
            self.dropped["not understood"] += 1

    def _on_lesson(self, lane: Lane, request: Request, lesson: Lesson, now: float) -> None:
        """Go on after the answer to a handshake."""
        if lesson is Lesson.ACCEPTED:
            if lane.session.ready:
                self._begin(lane, request, now)
            else:
                request.trouble = ("refused_by_car", "the counter is used up")
                self._refuse(lane, request, now)
        elif lesson is Lesson.KEY_UNKNOWN:
            request.trouble = ("key_not_enrolled", lesson.name)
            self._refuse(lane, request, now)
        elif lesson is Lesson.WRONG_TAG:
            request.wrong_tags += 1
        elif lesson is Lesson.STALE:
            request.stale_infos += 1

    def _on_fault(self, lane: Lane, attempt: Attempt, received: Received, now: float) -> None:
        """Answer a refusal of the protocol's own kind."""
        request = attempt.request
        fault = faults.message_fault(received.fault)
        request.trouble = (fault.reason, fault.name)
        lesson = None if received.session_info is None else self._learn(lane, attempt, received, now)
        if fault.remedy is Remedy.UNKNOWN_FATE:
            self._end(lane, request, self._unanswered(request), now)
            return
        request.may_have_happened = False
        if lesson is Lesson.KEY_UNKNOWN:
            request.trouble = ("key_not_enrolled", lesson.name)
            self._refuse(lane, request, now)
        elif fault.remedy is Remedy.NONE:
            self._refuse(lane, request, now)
        elif fault.remedy is Remedy.RETRY:
            self._pause(lane, request, now)
        elif not request.command.idempotent or request.resends >= MAX_RESENDS:
            if request.key_changed:
                request.trouble = ("car_key_changed", fault.name)
            self._refuse(lane, request, now, temporary=True)
        else:
            if lesson is Lesson.KEY_CHANGED:
                request.key_changed = True
                lane.session.forget()
            elif lesson is not Lesson.ACCEPTED or (fault.name == "INVALID_SIGNATURE" and request.resends):
                # Nothing to learn from it, or learning did not help: ask the car from the beginning.
                lane.session.distrust()
                request.trouble = None
                request.wrong_tags += lesson is Lesson.WRONG_TAG
            request.resends += 1
            self._begin(lane, request, now)

    def _on_reply(self, lane: Lane, request: Request, received: Received, payload: bytes, now: float) -> None:
        """Judge an answer without a fault."""
        command = request.command
        if command.domain is Domain.VEHICLE_SECURITY:
            verdict = judge(payload, reads=command.reads)
        else:
            verdict = judge(b"", reads=False)  # the first answer of infotainment is the result; its reader judges it
        meaning, reason, detail = verdict.meaning, verdict.reason, verdict.detail
        if received.status == OperationStatus_E.OPERATIONSTATUS_WAIT:
            meaning = Meaning.BUSY
        elif received.status == OperationStatus_E.OPERATIONSTATUS_ERROR and meaning is not Meaning.REFUSED:
            meaning, reason, detail = Meaning.REFUSED, "refused_by_car", "ERROR"
        if meaning in (Meaning.DONE, Meaning.ALREADY_SO):
            reply = Reply(id=request.id, payload=payload, body=verdict.body, already_so=meaning is Meaning.ALREADY_SO)
            self._end(lane, request, reply, now)
            self._attempts.drop(request)
        elif request.stage not in (Stage.ANSWER, Stage.PAUSE):
            self.dropped["late"] += 1
        elif meaning is Meaning.REFUSED:
            request.trouble = (reason, detail)
            self._refuse(lane, request, now)
        elif meaning is Meaning.BUSY:
            request.trouble = ("car_busy", "WAIT")
            self._pause(lane, request, now)
        elif meaning is Meaning.UNCLEAR:
            self.dropped["not understood"] += 1
            request.trouble = ("not_understood", "")

    def _learn(self, lane: Lane, attempt: Attempt, received: Received, now: float) -> Lesson:
        lesson = lane.session.learn(received, attempt.uuid, asked_at=attempt.at, now=now, handshake=attempt.handshake)
        if lesson is Lesson.ACCEPTED:
            self._emit(SessionReady(attempt.domain))
        else:
            self.dropped[f"session info {lesson.name.lower()}"] += 1
        return lesson

    # How requests end -------------------------------------------------------------------------------------------------

    def _pause(self, lane: Lane, request: Request, now: float) -> None:
        """Ask a busy car again in a moment, if that is allowed and there is time."""
        if not request.command.idempotent or now + RETRY_S >= request.deadline:
            self._refuse(lane, request, now, temporary=True)
        else:
            request.stage, request.due = Stage.PAUSE, now + RETRY_S

    def _refuse(self, lane: Lane, request: Request, now: float, *, temporary: bool = False) -> None:
        reason, detail = request.trouble or ("refused_by_car", "")
        self._end(lane, request, Refused(id=request.id, reason=reason, detail=detail, temporary=temporary), now)

    def _give_up(self, lane: Lane, request: Request, now: float) -> None:
        """Time is up: say what is known."""
        if request.stage is Stage.HANDSHAKE and request.stale_infos:
            lane.session.forget()  # what we remember contradicts the car: the next command begins from nothing
        if request.stage is Stage.HANDSHAKE and request.wrong_tags and request.trouble is None:
            request.trouble = ("wrong_car", Lesson.WRONG_TAG.name)
            self._refuse(lane, request, now)
        elif request.stage in (Stage.HANDSHAKE, Stage.PAUSE) and request.trouble is not None:
            self._refuse(lane, request, now, temporary=True)
        else:
            self._end(lane, request, self._unanswered(request), now)

    def _unanswered(self, request: Request) -> Unanswered:
        reason, detail = request.trouble or ("", "")
        reason = "not_understood" if reason == "not_understood" else "no_answer"
        return Unanswered(id=request.id, reason=reason, detail=detail, may_have_happened=request.may_have_happened)

    def _end(self, lane: Lane, request: Request, outcome: Outcome | None, now: float) -> None:
        """Close a request with its outcome (None: without a word) and let the next one begin."""
        request.stage, request.due = Stage.OVER, None
        if outcome is not None:
            self._emit(outcome)
        if lane.active is request:
            lane.active = None
        elif request in lane.queue:
            lane.queue.remove(request)
        self._advance(lane, now)

    def _emit(self, event: Event) -> None:
        self._events.append(event)
