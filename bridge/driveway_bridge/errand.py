"""One command on its way to the car, over as many links as it takes, and what is said of it at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from driveway_bridge.call import Ask, Call
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.errors import DrivewayError, LinkLost, NotReached
from driveway_bridge.protocol.events import Refused, Reply, Unanswered
from driveway_bridge.state.body import Body

Answer = Reply | Refused | Unanswered | LinkLost | NotReached
"""How one request on one link can end."""
_STAGES = ("", "connecting", "session", "sent", "verifying")


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
    exchanges: int = 0
    """Frames sent that want an answer, handshakes included."""
    handshakes: int = 0
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds: `link` until there was a link, `session` for the handshake, `car` from the command on, `total`."""
    may_have_happened: bool = False
    temporary: bool = False


@dataclass(slots=True, eq=False)
class Errand:
    """The memory of one `execute`."""

    command: Command
    started: float
    deadline: float
    progress: Callable[[str], None]
    proof: asyncio.Future[Reply]
    """A late answer, or the state that the car told after the command went out."""
    asks: list[Ask] = field(default_factory=list)
    call: Call | None = None
    """Where the last one of `asks` was put."""
    links: int = 0
    """Links opened, or tried to."""
    link_s: float = 0.0
    lost: LinkLost | None = None
    body: Body | None = None
    _stage: int = 0

    def report(self, stage: str) -> None:
        """Tell a stage when it is reached for the first time; they only go forward."""
        reached = _STAGES.index(stage)
        if reached > self._stage:
            self._stage = reached
            self.progress(stage)

    def sent(self) -> bool:
        """Whether any byte of the command itself, not of a reading beside it, may have gone out."""
        return any(ask.sent_at is not None for ask in self.asks if ask.command is self.command)

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
            earlier = [ask for ask in self.asks[:-1] if ask.command is self.command and ask.sent_at is not None]
            may_have_happened = bool(earlier)
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
            exchanges=sum(ask.exchanges for ask in self.asks),
            handshakes=sum(ask.handshakes for ask in self.asks),
            phases_ms=self._phases(now),
            may_have_happened=may_have_happened,
            temporary=temporary,
        )

    def _phases(self, now: float) -> dict[str, float]:
        sent_at = min((ask.sent_at for ask in self.asks if ask.sent_at is not None), default=now)
        session_at = min((ask.session_at for ask in self.asks if ask.session_at is not None), default=None)
        seconds = {
            "link": self.link_s,
            "session": 0.0 if session_at is None else max(0.0, sent_at - session_at),
            "car": now - sent_at,
            "total": now - self.started,
        }
        return {phase: round(value * 1000, 3) for phase, value in seconds.items()}
