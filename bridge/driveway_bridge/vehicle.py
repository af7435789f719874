"""One car: opens links when they are needed, puts commands, and settles the fate of those that were not answered.

An unknown fate is never met with a blind repetition: the body's state is read (or the car tells it by itself), and only
if it shows the opposite is an idempotent command given again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from driveway_bridge.call import Ask, Call, Listener
from driveway_bridge.commands import security
from driveway_bridge.commands.base import Command
from driveway_bridge.errand import Answer, Errand, Execution
from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.base import Dialer
from driveway_bridge.protocol.connection import ANSWER_S, Connection
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import CountersNeeded, Refused, Reply, Unanswered
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.protocol.session import SavedSession
from driveway_bridge.session_store import Sessions
from driveway_bridge.state.body import Body

__all__ = ["Execution", "Vehicle"]
_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
MAX_REPEATS = 2
"""How often a command is given again after the car's state showed that it was not done."""
MAX_LINKS = 6
"""Links opened, or tried to, for one command."""
READ_S = 1.5
"""How long one reading of the state is waited for."""
GRACE_S = 0.5
"""The car told the wished state, but its answer is missing: so long it may still say otherwise."""
_TELL_S = 0.5
"""A dialer has this much less than the command, so that it can still say by itself why there is no link."""
_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
_AT_ONCE = ("not_in_range", "nobody_listening", "radio_unavailable")
"""Trying again within the same command would not change these."""


def _ignore(*_told: object) -> None:
    """Nobody listens."""


class Vehicle:
    """One car. `execute` may be called several times at once; dialer and store stay their owner's to close."""

    def __init__(
        self,
        vin: str,
        key: PrivateKey,
        dialer: Dialer,
        sessions: Sessions,
        *,
        hold_s: float = 10.0,
        on_body: Callable[[Body, str], None] = _ignore,
        on_link: Callable[[bool, str | None], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Open nothing yet. An idle link is kept `hold_s` seconds (0: given back at once, inf: kept).

        `on_body(body, "read" | "push")` hears each state, asked for or told by the car itself; `on_link(linked,
        reason)` each opening, giving back (no reason), loss and failed attempt.
        """
        self._vin = vin
        self._key = key
        self._dialer = dialer
        self._store = sessions
        self._hold_s = hold_s
        self._on_body = on_body
        self._on_link = on_link
        self._clock = clock
        self._random = random
        self._sessions: dict[Domain, SavedSession] | None = None
        self._remembered: dict[Domain, SavedSession] = {}
        self._call: Call | None = None
        self._opening = asyncio.Lock()
        self._errands: set[Errand] = set()
        self._idle: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def linked(self) -> bool:
        """Whether a link is held right now."""
        return self._call is not None and self._call.open

    async def execute(
        self, command: Command, *, timeout_s: float = 8.0, progress: Callable[[str], None] = _ignore
    ) -> Execution:
        """Do a command within `timeout_s`; whatever the car or the link says is in the result, nothing of it is raised.

        `progress` hears `connecting`, `session`, `sent`, `verifying`. Cancelling forgets the request; its frame may
        have gone out.
        """
        now = self._clock()
        errand = Errand(command, now, now + timeout_s, progress, asyncio.get_running_loop().create_future())
        with self._busy_with(errand):
            answer = await (self._read(errand) if command.reads else self._act(errand))
        execution = errand.conclude(answer, self._clock())
        _LOG.debug("%s: %s, %s %s", command.name, execution.outcome, execution.reason, execution.detail)
        return execution

    async def close(self) -> None:
        """Give the link back and remember the sessions. The vehicle can be used again after it."""
        self._hang_up()
        sessions, self._sessions = self._sessions or {}, None
        for domain, session in sessions.items():
            if session != self._remembered.get(domain):
                await self._stored(self._store.release, domain, session)
        if self._closing:  # last, because a link may take its time
            await asyncio.wait(self._closing)

    # Certainty --------------------------------------------------------------------------------------------------------

    async def _act(self, errand: Errand) -> Answer:
        """Give a command and, if its fate is not told, settle it."""
        command = errand.command
        settled_by = command.done if command.idempotent else None
        for _ in range(1 + MAX_REPEATS):
            answer = await self._put(errand, command, ANSWER_S if settled_by else math.inf)
            if isinstance(answer, (Reply, Refused)) or not errand.sent():
                return answer
            if errand.proof.done():
                return errand.proof.result()
            if settled_by is None or isinstance(answer, NotReached):
                return answer
            errand.report("verifying")
            shown = await self._verify(errand, settled_by)
            if errand.proof.done():
                return errand.proof.result()
            if shown is None or self._left(errand) <= 0:
                return answer
        return answer

    async def _read(self, errand: Errand) -> Answer:
        """Read; to ask again changes nothing."""
        for _ in range(1 + MAX_REPEATS):
            answer = await self._put(errand, errand.command, READ_S)
            if isinstance(answer, (Reply, Refused, NotReached)) or not await self._pause_after(answer, errand):
                break
        return answer

    async def _verify(self, errand: Errand, done: Callable[[Body], bool | None]) -> bool | None:
        """Read the body's state to see whether a command was done; None when the car does not tell."""
        for _ in range(1 + MAX_REPEATS):
            answer = await self._unless_proved(errand, self._put(errand, security.status(), READ_S))
            if errand.proof.done():
                return True
            if isinstance(answer, Reply):
                shown = None if answer.body is None else done(answer.body)
                if shown:
                    errand.prove(answer)
                return shown
            if isinstance(answer, (Refused, NotReached)) or not await self._pause_after(answer, errand):
                break
        return None

    async def _unless_proved(self, errand: Errand, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Work, but stop as soon as the fate is known anyway."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait((task, errand.proof), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else errand.proof.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    async def _put(self, errand: Errand, command: Command, answer_s: float) -> Answer:
        """Put one request, on a new link if need be, until it has an outcome or may have been heard on a lost link."""
        while True:
            try:
                call = await self._linked(errand)
            except NotReached as error:
                return error
            ask = Ask(command, errand.report, asyncio.get_running_loop().create_future())
            errand.asks.append(ask)
            errand.call = call
            left = self._left(errand)
            try:
                answer = await call.ask(ask, timeout_s=left, answer_s=min(answer_s, left))
            except LinkLost as error:
                errand.lost = error
                if error.may_have_happened or not await self._pause(errand):
                    return error
                continue
            if isinstance(answer, Reply) and answer.body is not None:
                errand.body = answer.body
                self._on_body(answer.body, "read")
            return answer

    def _left(self, errand: Errand) -> float:
        return max(0.0, errand.deadline - self._clock())

    async def _pause_after(self, answer: Unanswered | LinkLost, errand: Errand) -> bool:
        """Silence has lasted long enough; after a loss there is a pause. False when no time is left."""
        return await self._pause(errand) if isinstance(answer, LinkLost) else self._left(errand) > 0

    async def _pause(self, errand: Errand) -> bool:
        """Wait a little longer before each further link; False when there shall be none."""
        pause = min(_SHORTEST_PAUSE_S * 2 ** max(0, errand.links - 1), _LONGEST_PAUSE_S)
        if errand.links >= MAX_LINKS or self._left(errand) <= pause:
            return False
        await asyncio.sleep(pause)
        return True

    # The link ---------------------------------------------------------------------------------------------------------

    async def _linked(self, errand: Errand) -> Call:
        """The open call, or a new one within the errand's time; NotReached with the reason."""
        begun = self._clock()
        try:
            async with asyncio.timeout(self._left(errand)):
                while True:
                    try:
                        async with self._opening:
                            if self._call is not None and self._call.open:
                                return self._call
                            errand.report("connecting")
                            errand.links += 1
                            left = self._left(errand)
                            return await self._open(max(left - _TELL_S, left / 2))
                    except NotReached as error:
                        if not error.temporary or error.reason in _AT_ONCE or not await self._pause(errand):
                            raise
        except TimeoutError as error:
            self._on_link(False, "no_connection")
            raise NotReached("no_connection") from error
        finally:
            errand.link_s += self._clock() - begun

    async def _open(self, within_s: float) -> Call:
        if self._closing:  # one link at a time
            await asyncio.wait(self._closing)
        if self._sessions is None:
            self._sessions = await self._load()
        try:
            link = await self._dialer.connect(within_s)
        except NotReached as error:
            self._on_link(False, error.reason)
            raise
        connection = Connection(
            self._vin, self._key, sessions=self._sessions, random=self._random, counters_on_request=True
        )
        listener = Listener(
            broadcast=self._on_broadcast, late_reply=self._on_late_reply, lost=self._on_lost, reserve=self._reserve
        )
        self._call = Call(link, connection, listener, self._clock)
        self._on_link(True, None)
        return self._call

    @contextlib.contextmanager
    def _busy_with(self, errand: Errand) -> Iterator[None]:
        """Keep the link while something is to be done, and for `hold_s` after that."""
        if self._idle is not None:
            self._idle.cancel()
        self._errands.add(errand)
        try:
            yield
        finally:
            self._errands.discard(errand)
            if not self._errands and self._hold_s <= 0:
                self._hang_up()
            elif not self._errands and math.isfinite(self._hold_s):
                self._idle = asyncio.get_running_loop().call_later(self._hold_s, self._hang_up)

    def _hang_up(self) -> None:
        """Give the link back; the closing itself takes place beside."""
        if self._idle is not None:
            self._idle.cancel()
        if self._call is not None:
            self._part_from(self._call)
            self._on_link(False, None)

    def _on_lost(self, error: LinkLost) -> None:
        if self._call is not None:
            self._part_from(self._call)
            self._on_link(False, error.reason)

    def _part_from(self, call: Call) -> None:
        self._call = None
        self._sessions = call.connection.saved()
        task = asyncio.get_running_loop().create_task(call.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # What the car tells by itself -------------------------------------------------------------------------------------

    def _on_broadcast(self, body: Body) -> None:
        self._on_body(body, "push")
        for errand in self._errands:
            done = errand.command.done
            if done is not None and errand.sent() and done(body):
                errand.prove(Reply(id=0, body=body))
                if errand.call is not None and errand.asks[-1].command is errand.command:
                    errand.call.hasten(errand.asks[-1], GRACE_S)

    def _on_late_reply(self, ask: Ask, reply: Reply) -> None:
        if reply.body is not None:
            self._on_body(reply.body, "read")
        for errand in self._errands:
            if ask in errand.asks and ask.command is errand.command:
                errand.prove(reply)

    # Memory -----------------------------------------------------------------------------------------------------------

    async def _load(self) -> dict[Domain, SavedSession]:
        found = {
            domain: await self._stored(self._store.load, domain)
            for domain in (Domain.VEHICLE_SECURITY, Domain.INFOTAINMENT)
        }
        self._remembered = {domain: session for domain, session in found.items() if session is not None}
        return dict(self._remembered)

    async def _reserve(self, needed: CountersNeeded) -> SavedSession:
        return await self._stored(self._store.reserve, needed.domain, needed.session)

    async def _stored(self, method: Callable[..., _T], domain: Domain, *session: SavedSession) -> _T:
        """Call the store, in a thread where it waits for a disk."""
        if self._store.blocking:
            return await asyncio.to_thread(method, self._vin, domain, *session)
        return method(self._vin, domain, *session)
