"""One car: opens links when they are needed, puts commands, and settles the fate of those that were not answered.

An unknown fate is never met with a blind repetition: the state is read that shows it (or the car tells it by itself),
and only if it shows the opposite is an idempotent command given again.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any

from driveway_bridge.call import Ask, always
from driveway_bridge.commands import security
from driveway_bridge.commands.base import Command
from driveway_bridge.errand import Answer, Errand, Execution
from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.line import Ears, Line, Terms
from driveway_bridge.link.base import Dialer
from driveway_bridge.protocol.connection import ANSWER_S
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import Refused, Reply, Unanswered
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.rousing import ROUSE_S, Rouser
from driveway_bridge.session_store import Sessions
from driveway_bridge.state.body import Body

__all__ = ["Execution", "Vehicle"]
_LOG = logging.getLogger(__name__)
MAX_REPEATS = 2
"""How often a command is given again after the state showed that it was not done, and a question after silence."""
TIMEOUT_S = 8.0
"""For a command, if nothing is said; where the car may have to be woken for it, ROUSE_S more."""
_PATIENCE_S = {Domain.VEHICLE_SECURITY: (0.8, 1.6, ANSWER_S), Domain.INFOTAINMENT: (5.0, 5.0, 5.0)}
"""How long the answer to a command is waited for before its effect is looked for: at first, and to each repetition. The
body answers in 0.3 s, and looking at it costs no more than that."""
READ_S = {Domain.VEHICLE_SECURITY: 1.5, Domain.INFOTAINMENT: 4.0}
"""How long one reading of the state is waited for."""
PUSH_S = 0.05
"""What the car tells by itself sooner after a command was sent does not come from it: it was on its way already."""
GRACE_S = 0.5
"""The car told the wished state, but its answer is missing: so long it may still say otherwise."""


def usual_timeout_s(command: Command, *, wake: bool | None = None) -> float:
    """How long a command may take if nothing is said; `wake` as for `Vehicle.execute`."""
    wake = not command.reads if wake is None else wake
    return TIMEOUT_S + (ROUSE_S if wake and command.domain is Domain.INFOTAINMENT else 0.0)


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
        kind: SignatureType = SignatureType.AES_GCM_PERSONALIZED,
        on_body: Callable[[Body, str, float], None] = _ignore,
        on_link: Callable[[bool, str | None], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Open nothing yet. An idle link is kept `hold_s` seconds (0: given back at once, inf: kept).

        `kind` is how commands are authenticated: encrypted, or with HMAC_PERSONALIZED readable for whoever listens.

        `on_body(body, "read" | "push", old_s)` hears each state, asked for `old_s` seconds ago, or told by the car
        itself (0); `on_link(linked, reason)` each opening, giving back (no reason), loss and failed attempt.
        """
        self._on_body = on_body
        self._clock = clock
        self._errands: set[Errand] = set()
        self.public_key = key.public
        """Of our key: 65 bytes."""
        terms = Terms(vin=vin, key=key, hold_s=hold_s, kind=kind, clock=clock, random=random)
        ears = Ears(broadcast=self._on_broadcast, reply=self._on_reply, link=on_link)
        self._line = Line(terms, dialer, sessions, ears)
        self._rouser = Rouser(self._put, self._line, clock)

    @property
    def linked(self) -> bool:
        """Whether a link is held right now."""
        call = self._line.call
        return call is not None and call.open

    async def execute(
        self,
        command: Command,
        *,
        timeout_s: float | None = None,
        wake: bool | None = None,
        linger: bool = True,
        progress: Callable[[str], None] = _ignore,
        leave: Callable[[], bool] = always,
    ) -> Execution:
        """Do a command within `timeout_s`; whatever the car or the link says is in the result, nothing of it is raised.

        Without `timeout_s` it is TIMEOUT_S, and ROUSE_S more where the car may have to be woken. With `wake` (None:
        for all but reads) a sleeping car is woken for what needs infotainment, else the result is `car_asleep`.
        `progress` hears `connecting`, `session`, `waking`, `booting`, `sent`, `card` (a key was presented: tap a card
        now), `verifying`. Without `linger` the link is not kept for what may come next. Cancelling forgets the
        request; its frame may have gone out. `leave` is asked right before each frame with the command itself goes
        out; when it says False none does, and the result is `expired`.
        """
        now = self._clock()
        if timeout_s is None:
            timeout_s = usual_timeout_s(command, wake=wake)
        wake = not command.reads if wake is None else wake
        proof: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        errand = Errand(command, now, now + timeout_s, progress, wake, proof, leave)
        self._errands.add(errand)
        self._line.keep()
        try:
            if command.reads:  # on a slow link the answer may come when the question was already put again
                answer = await self._unless_proved(errand, self._ask_patiently(errand, command))
            else:
                answer = await self._act(errand)
        finally:
            self._errands.discard(errand)
            self._line.let_go(linger=linger)
        execution = errand.conclude(answer, self._clock())
        _LOG.debug("%s: %s, %s %s", command.name, execution.outcome, execution.reason, execution.detail)
        return execution

    def give_back(self) -> bool:
        """Give the link back now if it is idle, whatever `hold_s` says; whether there was one."""
        return self._line.give_back()

    async def close(self) -> None:
        """Give the link back and remember the sessions. The vehicle can be used again after it."""
        await self._line.close()

    # Certainty --------------------------------------------------------------------------------------------------------

    async def _act(self, errand: Errand) -> Answer:
        """Give a command and, if its fate is not told, settle it."""
        command = errand.command
        settled_by = command.done if command.idempotent else None
        last: Answer | None = None
        for patience_s in _PATIENCE_S[command.domain]:
            if command.domain is Domain.INFOTAINMENT and (deaf := await self._rouser.ensure(errand)) is not None:
                return self._proved_or(errand, last or deaf)
            last = await self._put(errand, command, patience_s if settled_by else math.inf)
            if isinstance(last, Refused) and last.temporary and settled_by is not None and errand.sent():
                # A car that asks to wait has been seen to do it all the same.
                await self._verify(errand, settled_by)
                return errand.proof.result() if errand.proof.done() else last
            if isinstance(last, (Reply, Refused, NotReached)):
                break
            if not errand.sent():
                if isinstance(last, LinkLost) or errand.left(self._clock()) <= 0:
                    break
                continue  # it waits behind a frame that the link has not taken so far: nothing of it has left
            if errand.proof.done() or settled_by is None:
                break
            errand.report("verifying")
            shown = await self._verify(errand, settled_by)
            if errand.proof.done() or shown is None or errand.left(self._clock()) <= 0:
                break
        return self._proved_or(errand, last)

    @staticmethod
    def _proved_or(errand: Errand, last: Answer | None) -> Answer:
        """Give the last word on a command: what the car said to it goes before what its state showed."""
        if errand.proof.done() and not isinstance(last, (Reply, Refused)):
            return errand.proof.result()
        assert last is not None  # noqa: S101 - it was put at least once
        return last

    async def _ask_patiently(self, errand: Errand, question: Command) -> Answer:
        """Ask, and ask again after silence."""
        answer: Answer = NotReached("no_connection")
        for _ in range(1 + MAX_REPEATS):
            if question.domain is Domain.INFOTAINMENT and (deaf := await self._rouser.ensure(errand)) is not None:
                return deaf
            answer = await self._put(errand, question, READ_S[question.domain])
            if isinstance(answer, (Reply, Refused, NotReached)) or not await self._pause_after(answer, errand):
                break
        return answer

    async def _verify(self, errand: Errand, done: Callable[[Any], bool | None]) -> bool | None:
        """Read the state that shows whether a command was done; None when the car does not tell."""
        question = errand.command.read_back or security.status()
        answer = await self._unless_proved(errand, self._ask_patiently(errand, question))
        if errand.proof.done():
            return True
        if not isinstance(answer, Reply) or answer.state is None:
            return None
        shown = done(answer.state)
        if shown:
            errand.prove(answer)
        return shown

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

    async def _put(self, errand: Errand, command: Command, answer_s: float, *, within_s: float = math.inf) -> Answer:
        """Put one request, on a new link if need be, until it has an outcome or may have been heard on a lost link."""
        main = command is errand.command
        end = self._clock() + within_s
        while True:
            try:
                call = await self._line.open(errand)
            except NotReached as error:
                return error
            # Whatever is asked beside a command does not hold up the commands of others.
            ask = Ask(
                command,
                errand.report if main else errand.report_beside,
                asyncio.get_running_loop().create_future(),
                gives_way=None if main else True,
                leave=errand.leave if main else always,
            )
            errand.asks.append(ask)
            errand.call = call
            left = max(0.0, min(errand.left(self._clock()), end - self._clock()))
            try:
                answer = await call.ask(ask, timeout_s=left, answer_s=min(answer_s, left))
            except LinkLost as error:
                errand.lost = error
                if error.may_have_happened or not await self._line.pause(errand):
                    return error
                continue
            except NotReached as error:
                return error
            if isinstance(answer, Reply) and answer.body is not None:
                errand.body = answer.body
            self._rouser.note(answer, command.domain)
            return answer

    async def _pause_after(self, answer: Unanswered | LinkLost, errand: Errand) -> bool:
        """Silence has lasted long enough; after a loss there is a pause. False when no time is left."""
        return await self._line.pause(errand) if isinstance(answer, LinkLost) else errand.left(self._clock()) > 0

    # What the car tells by itself -------------------------------------------------------------------------------------

    def _hear_body(self, body: Body, source: str, old_s: float = 0.0) -> None:
        self._rouser.note_body(body)
        self._on_body(body, source, old_s)

    def _on_broadcast(self, body: Body) -> None:
        self._hear_body(body, "push")
        for errand in self._errands:
            done = errand.command.done
            if done is not None and errand.sent(before=self._clock() - PUSH_S) and done(body):
                errand.prove(Reply(id=0, body=body, state=body))
                if errand.call is not None and errand.asks[-1].command is errand.command:
                    errand.call.hasten(errand.asks[-1], GRACE_S)

    def _on_reply(self, ask: Ask, reply: Reply) -> None:
        if reply.body is not None:
            self._hear_body(reply.body, "read", ask.under_way_s(self._clock()))
        if ask.future.done():  # nobody waits for this very request any more
            for errand in self._errands:
                if ask in errand.asks and ask.command is errand.command:
                    errand.prove(reply)
