"""One open link and the conversation on it: feeds what arrives, sends what is to be sent, wakes at its deadlines.

All decisions are in `protocol.connection`; here are only tasks, futures and the clock.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from driveway_bridge.commands.base import Command
from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.base import Link, PushingLink
from driveway_bridge.protocol.connection import Connection
from driveway_bridge.protocol.events import (
    Broadcast,
    CardAwaited,
    CountersNeeded,
    Outcome,
    Refused,
    Reply,
    Sent,
    SessionReady,
    Unanswered,
)
from driveway_bridge.protocol.session import SavedSession
from driveway_bridge.state.body import Body

SEND_S = 3.0
"""A link that does not take one frame within this is as good as lost."""
CLOSE_S = 2.0


def always() -> bool:
    """No reason to keep a frame."""
    return True


@dataclass(slots=True, eq=False)
class Ask:
    """One request of one command on one link, and what was seen of it."""

    command: Command
    report: Callable[[str], None]
    future: asyncio.Future[Outcome]
    gives_way: bool | None = None
    """Others need not wait until this one is answered; None: if it reads."""
    leave: Callable[[], bool] = always
    """Asked right before a frame with the command itself goes out; False: it is too late for that."""
    id: int = 0
    exchanges: int = 0
    """Frames sent that want an answer, handshakes included."""
    handshakes: int = 0
    session_at: float | None = None
    """When the first handshake request went out."""
    sent_at: float | None = None
    """When the first frame with the command itself went out; parts of it may have."""

    def under_way_s(self, now: float) -> float:
        """For how long: what the answer says may be so old."""
        return 0.0 if self.sent_at is None else now - self.sent_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told what happens on a call."""

    broadcast: Callable[[Body], None]
    reply: Callable[[Ask, Reply], None]
    """An answer, also to a request that was over; at once, as broadcasts are: who waits for it wakes up later."""
    lost: Callable[[LinkLost], None]
    reserve: Callable[[CountersNeeded], Awaitable[SavedSession]]
    """Write a block of counters down."""


class Call:
    """Open from its making until `lost` is told or `close` is called."""

    def __init__(self, link: Link, connection: Connection, listener: Listener, clock: Callable[[], float]) -> None:
        """Begin to listen; needs a running loop."""
        self.open = True
        self.connection = connection
        self._link = link
        self._listener = listener
        self._clock = clock
        self._asks: dict[int, Ask] = {}
        self._over: dict[int, Ask] = {}
        self._outbox: deque[tuple[Ask, Sent, bytes]] = deque()
        self._sending = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pushing = link if isinstance(link, PushingLink) else None
        if self._pushing is not None:
            self._pushing.listen(self._hear, self._break)
        else:
            self._spawn(self._receive())

    async def ask(self, ask: Ask, *, timeout_s: float, answer_s: float) -> Outcome:
        """Put a request and wait for its outcome; LinkLost when the link goes first. Cancelling forgets the request.

        NotReached("expired") when it was too late for the command to leave.
        """
        if not self.open:
            raise LinkLost("link_lost", may_have_happened=False)
        ask.id = self.connection.request(
            ask.command, self._clock(), timeout_s=timeout_s, answer_s=answer_s, gives_way=ask.gives_way
        )
        self._asks[ask.id] = ask
        self._process()
        try:
            return await ask.future
        finally:
            self._asks.pop(ask.id, None)
            if ask.future.cancelled() or (ask.future.done() and isinstance(ask.future.exception(), NotReached)):
                self.connection.cancel(ask.id, self._clock())
                self._process()

    def hasten(self, ask: Ask, within_s: float) -> None:
        """Wait for this answer `within_s` seconds longer at most."""
        if ask.id in self._asks:
            self.connection.hasten(ask.id, self._clock() + within_s)
            self._loop.call_soon(self._process)  # we may be in the middle of it

    async def close(self) -> None:
        """Give the link back; whoever still waits gets LinkLost."""
        self._end(LinkLost("link_lost", "we hung up"))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._link.close()
        except TimeoutError:
            return  # nobody answers on the other side; there is nothing more to be done

    # Inside -----------------------------------------------------------------------------------------------------------

    def _process(self) -> None:
        """Hand over what the conversation has produced, and set the clock for its next deadline."""
        if not self.open:
            return
        frames = iter(self.connection.data_to_send())
        while (event := self.connection.next_event()) is not None:
            if isinstance(event, Sent):
                self._post(event, next(frames))
            elif isinstance(event, (Reply, Refused, Unanswered)):
                self._on_outcome(event)
            elif isinstance(event, Broadcast):
                self._listener.broadcast(event.body)
            elif isinstance(event, CardAwaited):
                self._on_card_awaited(event)
            elif isinstance(event, CountersNeeded):
                self._spawn(self._reserve(event))
            else:
                assert isinstance(event, SessionReady)  # noqa: S101 - the only one left; told by `saved` as well
        self._flush()
        deadline = self.connection.next_deadline()
        if deadline is not None and deadline < self._timer_at:
            # One that is set too early does no harm, so most commands find a timer that will do.
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self._loop.call_later(deadline - self._clock(), self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, math.inf
        self.connection.handle_deadline(self._clock())
        self._process()

    def _post(self, sent: Sent, frame: bytes) -> None:
        if sent.id in self._asks:
            self._outbox.append((self._asks[sent.id], sent, frame))

    def _on_card_awaited(self, event: CardAwaited) -> None:
        if event.id in self._asks:
            self._asks[event.id].report("card")

    def _on_outcome(self, outcome: Outcome) -> None:
        ask = self._asks.pop(outcome.id, None)
        if ask is not None:
            self._over[ask.id] = ask
            while len(self._over) > len(self._asks) + 8:
                del self._over[next(iter(self._over))]
        else:
            ask = self._over.pop(outcome.id, None) if isinstance(outcome, Reply) else None
        if ask is None:
            return
        if isinstance(outcome, Reply):
            self._listener.reply(ask, outcome)
        if not ask.future.done():
            ask.future.set_result(outcome)

    async def _receive(self) -> None:
        while True:
            self._take(await self._link.receive())

    def _hear(self, data: bytes) -> None:
        try:
            self._take(data)
        except Exception as error:  # noqa: BLE001 - a mistake of ours, told as such where it can be seen
            self._break(error)

    def _take(self, data: bytes) -> None:
        if self.open:
            self.connection.receive_data(data, self._clock())
            self._process()

    def _flush(self) -> None:
        """Send what is to be sent: at once if the link takes it at once."""
        pushing = self._pushing
        while pushing is not None and pushing.free and self._outbox and not self._sending:
            ask, sent, frame = self._outbox.popleft()
            if self._may_go(ask, sent):
                before = self._note_sending(ask, sent)
                try:
                    pushing.push(frame)
                except LinkLost as error:
                    self._note_failure(ask, before, error)
                    self._break(error)
                    return
                self._note_sent(ask, sent)
        if self._outbox and not self._sending:
            self._sending = True
            self._spawn(self._send_all())

    async def _send_all(self) -> None:
        """Send one frame after the other, whatever becomes of those who asked for them meanwhile."""
        try:
            while self._outbox:
                ask, sent, frame = self._outbox.popleft()
                if self._may_go(ask, sent):
                    await self._send(ask, sent, frame)
        finally:
            self._sending = False

    async def _send(self, ask: Ask, sent: Sent, frame: bytes) -> None:
        before = self._note_sending(ask, sent)
        try:
            async with asyncio.timeout(SEND_S):
                await self._link.send(frame)
        except TimeoutError as error:
            raise LinkLost("link_lost", "the link took no more", may_have_happened=True) from error
        except LinkLost as error:
            self._note_failure(ask, before, error)
            raise
        self._note_sent(ask, sent)

    @staticmethod
    def _may_go(ask: Ask, sent: Sent) -> bool:
        """Whether a frame is still wanted: a bridge that hung for a while must not send what is old by now."""
        if not ask.future.done() and not sent.handshake and not ask.leave():
            ask.future.set_exception(NotReached("expired"))
        return not ask.future.done()

    def _note_sending(self, ask: Ask, sent: Sent) -> float | None:
        """Note that a frame goes out; gives when one with the command itself did so before."""
        before = ask.sent_at
        ask.exchanges += 1
        if sent.handshake:
            ask.handshakes += 1
            ask.session_at = self._clock() if ask.session_at is None else ask.session_at
            ask.report("session")
        elif before is None:
            ask.sent_at = self._clock()
        return before

    @staticmethod
    def _note_failure(ask: Ask, before: float | None, error: LinkLost) -> None:
        if not error.may_have_happened:
            ask.sent_at = before

    @staticmethod
    def _note_sent(ask: Ask, sent: Sent) -> None:
        if not sent.handshake:
            ask.report("sent")

    async def _reserve(self, needed: CountersNeeded) -> None:
        block = await self._listener.reserve(needed)
        if self.open:
            self.connection.grant(needed.domain, block, self._clock())
            self._process()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        """End because the link is lost, or because of a mistake of ours: then those who wait shall see it."""
        if isinstance(error, LinkLost):
            if self._end(error):
                self._listener.lost(error)
        elif self._end(error):
            self._listener.lost(LinkLost("link_lost", type(error).__name__))
            self._loop.call_exception_handler({"message": "the conversation with the car broke", "exception": error})

    def _end(self, error: BaseException) -> bool:
        """Stop working and tell those who wait; False when that has been done before."""
        if not self.open:
            return False
        self.open = False
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        for ask in self._asks.values():
            if not ask.future.done():
                ask.future.set_exception(
                    LinkLost("link_lost", error.detail, may_have_happened=ask.sent_at is not None)
                    if isinstance(error, LinkLost)
                    else error
                )
        return True
