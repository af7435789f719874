"""One link's conversation with the car, sans-IO: requests and bytes in, frames and events out.

Each domain works on one request at a time: handshake if there is no session, a block of counters if none is left, the
command, its answer. Answers are recognised by the random address (body controller) or uuid (infotainment) that we
chose, so whatever else arrives is counted in `dropped` and changes nothing.
Source: the vehicle-command protocol, "addressing and correlation", "reply sequence", "retry semantics".
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from collections.abc import Callable, Mapping

from driveway_bridge.commands.base import Command
from driveway_bridge.proto import OperationStatus_E
from driveway_bridge.protocol import decisions, faults, framing, messages
from driveway_bridge.protocol.composing import compose
from driveway_bridge.protocol.decisions import RETRY_S, Next
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import (
    Broadcast,
    CardAwaited,
    CountersNeeded,
    Event,
    Outcome,
    Refused,
    Reply,
    Sent,
    SessionReady,
)
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.protocol.messages import Received
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.protocol.replies import Meaning, Verdict, card_word, judge
from driveway_bridge.protocol.requests import Attempt, Attempts, Greeting, Lane, Presentation, Request, Stage
from driveway_bridge.protocol.session import Lesson, SavedSession, Session
from driveway_bridge.state.body import Body

ANSWER_S = 2.5
"""How long an answer to one command is waited for, unless the request says otherwise."""
FRESH_S = 0.9
"""The first answer on a link may take so much longer: the link itself has only just come about."""
GIVE_WAY_S = 0.6
"""A domain takes one request at a time; after so long without an answer, one that gives way is no longer waited for."""
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
        kind: SignatureType = SignatureType.AES_GCM_PERSONALIZED,  # or HMAC_PERSONALIZED, readable: cars take both
    ) -> None:
        """Begin with remembered sessions; no counter is used before it is granted, if `counters_on_request`."""
        self.dropped: Counter[str] = Counter()
        """Messages that changed nothing, by why."""
        self._answered = False
        self._key = key
        self._random = random
        self._counters_on_request = counters_on_request
        self._kind = kind
        self._unframer = framing.Unframer()
        self._events: deque[Event] = deque()
        self._frames: list[tuple[Request, Sent, bytes]] = []
        self._attempts = Attempts()
        self._presented: Request | None = None
        self._ids = itertools.count(1)
        self._lanes = {
            domain: Lane(Session(vin, domain, key, (sessions or {}).get(domain)))
            for domain in (Domain.VEHICLE_SECURITY, Domain.INFOTAINMENT)
        }

    def request(
        self,
        command: Command,
        now: float,
        *,
        timeout_s: float = 8.0,
        answer_s: float = ANSWER_S,
        kind: SignatureType | None = None,
        gives_way: bool | None = None,
    ) -> int:
        """Ask for a command; gives the id that one outcome event will carry, at the latest after `timeout_s`.

        What `gives_way` (reads, if it is not said) does not hold up what does not. ValueError when the payload is too
        long for a frame.
        """
        if len(command.payload) > MAX_PAYLOAD:
            raise ValueError(f"the payload of {command.name} has {len(command.payload)} bytes")
        request = Request(
            next(self._ids),
            command,
            now + timeout_s,
            answer_s,
            kind=kind or self._kind,
            gives_way=command.reads if gives_way is None else gives_way,
        )
        if isinstance(command, Presentation):
            self._present(request)
            return request.id
        lane = self._lanes[command.domain]
        if not lane.enqueue(request):
            self._emit(Refused(id=request.id, reason="too_many"))
        elif lane.active is None:
            self._advance(lane, now)
        elif lane.must_give_way() and lane.active.stage in (Stage.ANSWER, Stage.PAUSE):
            pausing = lane.active.stage is Stage.PAUSE  # then nothing is on its way that could be waited for
            lane.active.due = now if pausing else max(now, lane.active.sent_at + GIVE_WAY_S)
            self.handle_deadline(now)
        return request.id

    def ready(self, domain: Domain) -> bool:
        """Whether the next command to a domain needs no handshake."""
        return self._lanes[domain].session.ready

    def doubt(self, domain: Domain) -> None:
        """Begin the next command to a domain with a handshake: it may have slept or booted."""
        self._lanes[domain].session.distrust()

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
                self._on_broadcast(received, now)
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
        first = math.inf
        for _lane, request in self._open_requests():
            first = min(first, request.deadline, math.inf if request.due is None else request.due)
        return None if first == math.inf else first

    def handle_deadline(self, now: float) -> None:
        """Do what is due at `now`; harmless when nothing is."""
        for lane, request in self._open_requests():
            due = request.due is not None and now >= request.due
            held_up = due and request.stage is not Stage.HANDSHAKE and request is lane.active and lane.must_give_way()
            if held_up and now < request.deadline:
                lane.give_way()
                self._advance(lane, now)
            elif now >= request.deadline or (due and request.stage is Stage.ANSWER):
                self._take(lane, request, decisions.after_silence(request, lane.session), now)
            elif due:
                self._begin(lane, request, now)

    def saved(self) -> dict[Domain, SavedSession]:
        """The sessions as they should be remembered."""
        return {domain: lane.session.saved for domain, lane in self._lanes.items() if lane.session.saved is not None}

    def _open_requests(self) -> list[tuple[Lane, Request]]:
        found = []
        for lane in self._lanes.values():
            if lane.active is not None:
                found.append((lane, lane.active))
                found += [(lane, request) for request in lane.queue]
        if self._presented is not None:
            found.append((self._lanes[Domain.VEHICLE_SECURITY], self._presented))
        return found

    # Going out --------------------------------------------------------------------------------------------------------

    def _advance(self, lane: Lane, now: float) -> None:
        if lane.active is None and lane.queue:
            lane.active = lane.queue.popleft()
            self._begin(lane, lane.active, now)

    def _begin(self, lane: Lane, request: Request, now: float) -> None:
        """Send what the request needs next."""
        command, session = request.command, lane.session
        request.due = None
        if isinstance(command, Greeting) or (command.authenticated and not session.ready):
            every_s = command.every_s if isinstance(command, Greeting) else RETRY_S
            request.stage, request.due = Stage.HANDSHAKE, now + every_s
            self._send(lane, request, now, handshake=True)
        elif lane.must_give_way():
            lane.give_way()
            self._advance(lane, now)
        elif command.authenticated and session.counters_left == 0 and self._counters_on_request:
            request.stage = Stage.COUNTERS
            if session.saved is not None:
                self._emit(CountersNeeded(command.domain, session.saved))
        else:
            if command.authenticated and session.counters_left == 0:
                session.allow(1)
            patience_s = request.answer_s + (0.0 if self._answered else FRESH_S)
            request.stage, request.due, request.sent_at = Stage.ANSWER, now + patience_s, now
            request.may_have_happened = request.may_have_happened or not command.reads
            self._send(lane, request, now)
            if command.authenticated and self._counters_on_request and session.running_low and session.saved:
                self._emit(CountersNeeded(command.domain, session.saved))

    def _present(self, request: Request) -> None:
        """Send a key to be added. It stays beside the lane, in which the proof of it is asked for meanwhile."""
        if self._presented is not None:
            self._emit(Refused(id=request.id, reason="too_many"))
            return
        self._presented = request
        request.stage, request.may_have_happened = Stage.ANSWER, True
        sent = Sent(request.id, request.command.domain, handshake=False)
        self._frames.append((request, sent, framing.frame(request.command.payload)))

    def _send(self, lane: Lane, request: Request, now: float, *, handshake: bool = False) -> None:
        attempt, message = compose(lane, request, now, handshake=handshake, key=self._key, random=self._random)
        self._attempts.add(attempt)
        self._frames.append((request, Sent(request.id, attempt.domain, handshake), framing.frame(message)))

    # Coming in --------------------------------------------------------------------------------------------------------

    def _on_broadcast(self, received: Received, now: float) -> None:
        message = messages.parse_vcsec(received.payload)
        if received.sender is not Domain.VEHICLE_SECURITY or message is None:
            self.dropped["foreign"] += 1
        elif self._presented is not None and message.HasField("commandStatus"):
            self._on_card_word(self._presented, card_word(message), now)
        elif not message.HasField("vehicleStatus"):
            self.dropped["not for us"] += 1  # polls that are meant for phones, once a second
        elif len(self._events) >= MAX_EVENTS:
            self.dropped["too many"] += 1
        else:
            self._emit(Broadcast(Body.from_message(message.vehicleStatus)))

    def _on_card_word(self, request: Request, verdict: Verdict, now: float) -> None:
        lane = self._lanes[Domain.VEHICLE_SECURITY]
        if verdict.meaning is Meaning.BUSY:
            self._emit(CardAwaited(request.id))
        elif verdict.meaning is Meaning.DONE:
            self._end(lane, request, Reply(id=request.id), now)
        elif verdict.meaning is Meaning.REFUSED:
            request.trouble = (verdict.reason, verdict.detail)
            self._take(lane, request, Next.REFUSED, now)

    def _on_message(self, received: Received, now: float) -> None:
        attempt = self._attempts.match(received)
        if attempt is None:
            self.dropped["unknown address"] += 1
            return
        self._answered = True
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
            step = decisions.after_handshake_fault(request, faults.message_fault(received.fault))
        elif received.session_info is not None:
            lesson = self._learn(lane, attempt, received, now)
            step = decisions.after_handshake(attempt, lesson, lane.session)
        elif received.status == OperationStatus_E.OPERATIONSTATUS_OK:
            self.dropped["not understood"] += 1
            return
        else:
            step = decisions.after_handshake_status(request, received.status)
        self._take(lane, request, step, now)

    def _on_fault(self, lane: Lane, attempt: Attempt, received: Received, now: float) -> None:
        lesson = None if received.session_info is None else self._learn(lane, attempt, received, now)
        fault = faults.message_fault(received.fault)
        step = decisions.after_fault(attempt.request, fault, lesson, lane.session, now)
        self._take(lane, attempt.request, step, now)

    def _on_reply(self, lane: Lane, request: Request, received: Received, payload: bytes, now: float) -> None:
        """Judge an answer without a fault."""
        verdict = judge(payload, request.command)
        step = decisions.after_reply(request, received.status, verdict, now)
        if step is Next.DONE:
            already_so = verdict.meaning is Meaning.ALREADY_SO
            done = Reply(
                id=request.id,
                payload=payload,
                body=verdict.body,
                state=verdict.state,
                already_so=already_so,
                detail=verdict.detail,
            )
            self._end(lane, request, done, now)
            self._attempts.drop(request)
            return
        if step is Next.WAIT and verdict.meaning is not Meaning.WAIT:
            self.dropped["not understood" if verdict.meaning is Meaning.UNCLEAR else "late"] += 1
        self._take(lane, request, step, now)

    def _learn(self, lane: Lane, attempt: Attempt, received: Received, now: float) -> Lesson:
        lesson = lane.session.learn(received, attempt.uuid, asked_at=attempt.at, now=now, handshake=attempt.handshake)
        if lesson is Lesson.ACCEPTED:
            self._emit(SessionReady(attempt.domain))
        else:
            self.dropped[f"session info {lesson.name.lower()}"] += 1
        return lesson

    # How requests go on and end ---------------------------------------------------------------------------------------

    def _take(self, lane: Lane, request: Request, step: Next, now: float) -> None:
        """Do what was decided."""
        if step is Next.SEND:
            self._begin(lane, request, now)
        elif step is Next.PAUSE:
            request.stage, request.due = Stage.PAUSE, now + decisions.pause_s(request)
            request.pauses += 1
        elif step is Next.DONE:
            self._end(lane, request, Reply(id=request.id), now)
        elif step is Next.UNANSWERED:
            self._end(lane, request, decisions.unanswered(request), now)
        elif step is not Next.WAIT:
            self._end(lane, request, decisions.refused(request, temporary=step is Next.REFUSED_FOR_NOW), now)

    def _end(self, lane: Lane, request: Request, outcome: Outcome | None, now: float) -> None:
        """Close a request with its outcome (None: without a word) and let the next one begin."""
        request.stage, request.due = Stage.OVER, None
        if outcome is not None:
            self._emit(outcome)
        if lane.active is request:
            lane.active = None
        elif request is self._presented:
            self._presented = None
        elif request in lane.queue:
            lane.queue.remove(request)
        self._advance(lane, now)

    def _emit(self, event: Event) -> None:
        self._events.append(event)
