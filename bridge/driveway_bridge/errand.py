"""One command on its way to the car, over as many links as it takes, and what is said of it at the end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from driveway_bridge.call import Ask, Call, always
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.errors import DrivewayError, LinkLost, NotReached
from driveway_bridge.protocol.events import Refused, Reply, Unanswered
from driveway_bridge.state.body import Body
from driveway_bridge.state.reading import State

Answer = Reply | Refused | Unanswered | LinkLost | NotReached
"""How one request on one link can end."""
_STAGES = ("", "connecting", "session", "waking", "booting", "sent", "card", "verifying")


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What became of a command."""

    outcome: Outcome
    """A final one."""
    reason: str
    """A code of `reasons.REASONS`."""
    detail: str = ""
    body: Body | None = None
    """The body's state, if it was read or told on the way."""
    state: State | Body | None = None
    """What a command that reads has read; for others, what showed that they were done."""
    exchanges: int = 0
    """Frames sent that want an answer, handshakes included."""
    handshakes: int = 0
    wakes: int = 0
    """Wake-ups sent to get at infotainment."""
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds: `link` until there was a link, `waking` if the car had to be looked after before the command,
    `session` for the handshake, `car` from the command on, `total`."""
    may_have_happened: bool = False
    temporary: bool = False


@dataclass(slots=True, eq=False)
class Errand:
    """The memory of one `execute`."""

    command: Command
    started: float
    deadline: float
    progress: Callable[[str], None]
    wake: bool
    """Whether a car that sleeps is woken for it."""
    proof: asyncio.Future[Reply]
    """A late answer, or the state that the car told after the command went out."""
    leave: Callable[[], bool] = always
    asks: list[Ask] = field(default_factory=list)
    call: Call | None = None
    """Where the last one of `asks` was put."""
    links: int = 0
    """Links opened, or tried to."""
    link_s: float = 0.0
    waking_s: float = 0.0
    wakes: int = 0
    lost: LinkLost | None = None
    body: Body | None = None
    _stage: int = 0

    def report(self, stage: str) -> None:
        """Tell a stage when it is reached for the first time; they only go forward."""
        reached = _STAGES.index(stage)
        if reached > self._stage:
            self._stage = reached
            self.progress(stage)

    def left(self, now: float) -> float:
        """Seconds until the deadline, never less than none."""
        return max(0.0, self.deadline - now)

    def report_beside(self, stage: str) -> None:
        """Tell a stage of a request that is not the command itself: that one was sent does not count."""
        if stage != "sent":
            self.report(stage)

    def own(self) -> list[Ask]:
        """The requests that are the command itself, and not a reading beside it."""
        return [ask for ask in self.asks if ask.command is self.command]

    def sent(self, before: float = math.inf) -> bool:
        """Whether any byte of the command itself, not of a reading beside it, may have gone out before then."""
        return any(ask.sent_at is not None and ask.sent_at <= before for ask in self.own())

    def prove(self, reply: Reply) -> None:
        """The command has done its work."""
        if reply.body is not None:
            self.body = reply.body
        if not self.proof.done():
            self.proof.set_result(reply)

    def conclude(self, answer: Answer, now: float) -> Execution:
        """Say what is known when no more will be tried, `answer` being the last word."""
        may_have_happened = self.sent() and not self.command.reads
        temporary, detail = False, ""
        if isinstance(answer, Reply):
            self.report("sent")  # the answer can be quicker than the link's own confirmation of the frame
            outcome, reason = Outcome.CONFIRMED, "already_so" if answer.already_so else "done"
        elif isinstance(answer, Refused):
            outcome, reason, detail, temporary = Outcome.REFUSED, answer.reason, answer.detail, answer.temporary
            may_have_happened = may_have_happened and any(ask.sent_at is not None for ask in self.own()[:-1])
        else:
            outcome = Outcome.UNCONFIRMED if may_have_happened else Outcome.FAILED
            temporary = answer.temporary if isinstance(answer, DrivewayError) else True
            # Why the fate is not known, rather than why finding out did not work either.
            cause = self.lost if may_have_happened and self.lost and isinstance(answer, NotReached) else answer
            reason, detail = cause.reason, cause.detail
        return Execution(
            outcome=outcome,
            reason=reason,
            detail=detail,
            body=self.body,
            state=answer.state if isinstance(answer, Reply) else None,
            exchanges=sum([ask.exchanges for ask in self.asks]),
            handshakes=sum([ask.handshakes for ask in self.asks]),
            wakes=self.wakes,
            phases_ms=self._phases(now),
            may_have_happened=may_have_happened,
            temporary=temporary,
        )

    def _phases(self, now: float) -> dict[str, float]:
        sent_at, session_at = math.inf, math.inf
        for ask in self.own():
            if ask.sent_at is not None:
                sent_at = min(sent_at, ask.sent_at)
            if ask.session_at is not None:
                session_at = min(session_at, ask.session_at)
        sent_at = min(sent_at, now)
        phases = {
            "link": round(self.link_s * 1000, 3),
            "session": round(max(0.0, sent_at - session_at) * 1000, 3),
            "car": round((now - sent_at) * 1000, 3),
            "total": round((now - self.started) * 1000, 3),
        }
        if self.waking_s:
            phases["waking"] = round(self.waking_s * 1000, 3)
        return phases
