"""One command on its way to the car, through one bridge after the other as `handover` has it."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .contract import Result
from .handover import ELSEWHERE, LEAST_S, LOCKS, may_go_on
from .household import Bridge

_LOGGER = logging.getLogger(__name__)

ACCEPTED_WITHIN_S: Final = 2.0
"""A bridge that has not said so much by then is silent; and a lock is tried through another one beside it."""


class CommandFailed(Exception):
    """A command that was not confirmed; `reason` is a code of `reasons.REASONS`, or one of a newer bridge.

    `sent` says whether it may have moved something: False for certainly not, None when nobody knows.
    """

    def __init__(self, reason: str, detail: str = "", *, sent: bool | None = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.sent = sent
        self.all: tuple[CommandFailed, ...] = (self,)
        """How it ended through each of the bridges."""


@dataclass(slots=True, eq=False)
class Attempt:
    """A command through one bridge; times are on the loop's clock."""

    bridge: Bridge
    begun: float
    until: float
    """When it can no longer begin."""
    follows: bool = False
    """Whether the bridge may still begin with an older command about the same, and others are asked beside it."""
    published: bool = False
    sent: bool = False
    """Whether the bridge has said that it left for the car."""
    failure: CommandFailed | None = None

    @property
    def loose(self) -> bool:
        """Whether the bridge may still carry it out, as far as is known here."""
        return self.published and (self.failure is None or self.failure.sent is None)


class Delivery:
    """A command that is given now and dies at `until`; `attempt` carries it out through one bridge."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        command: str,
        ways: Sequence[Bridge],
        until: float,
        attempt: Callable[[Attempt], Coroutine[Any, Any, Result]],
        superseded: Callable[[], bool],
    ) -> None:
        """`ways`: the bridges, the best one first; at least one. When `superseded` no further one is asked."""
        self._loop = loop
        self._command = command
        self._waiting = list(ways)
        self._until = until
        self._attempt = attempt
        self._superseded = superseded
        self._running: dict[asyncio.Task[Result], Attempt] = {}
        self._ended: list[Attempt] = []

    async def run(self, also: Collection[str] = ()) -> Result:
        """Give the first confirmation; CommandFailed when there is none. `also`: bridges to use from the start."""
        first, *others = self._waiting
        for bridge in (first, *(bridge for bridge in others if bridge.id in also)):
            self._begin(bridge, follows=bool(others) and bridge.id in also)
        try:
            while self._running:
                done, _ = await asyncio.wait(
                    self._running, timeout=self._patience_s(), return_when=asyncio.FIRST_COMPLETED
                )
                confirmed = [result for task in done if (result := self._end(task)) is not None]
                if confirmed:
                    return confirmed[0]
                if not done and self._patience_s() == 0:  # it may have said meanwhile that it left for the car
                    self._go_on("all are slow")
        finally:
            for task in self._running:
                task.cancel()
        raise _telling([attempt.failure for attempt in self._ended if attempt.failure])

    def loose_ends(self) -> Iterator[Attempt]:
        """Give what a bridge may still begin with, though nobody waits for it any more."""
        unanswered = [attempt for attempt in self._ended if attempt.failure is not None]
        return (attempt for attempt in (*unanswered, *self._running.values()) if attempt.loose)

    def _begin(self, bridge: Bridge, *, follows: bool = False) -> None:
        self._waiting.remove(bridge)
        attempt = Attempt(bridge, self._loop.time(), self._until, follows)
        self._running[self._loop.create_task(self._attempt(attempt))] = attempt

    def _end(self, task: asyncio.Task[Result]) -> Result | None:
        attempt = self._running.pop(task)
        self._ended.append(attempt)
        try:
            return task.result()
        except CommandFailed as failure:
            attempt.failure = failure
            if may_go_on(self._command, failure.reason, sent=failure.sent):
                self._go_on(f"{attempt.bridge.id} ends with {failure.reason}")
        return None

    def _go_on(self, why: str) -> None:
        """Begin with the next bridge, if there is one and time for it, and nothing else was asked for since."""
        if self._waiting and not self._superseded() and self._until - self._loop.time() >= LEAST_S:
            _LOGGER.info("%s goes to the bridge %s too: %s", self._command, self._waiting[0].id, why)
            self._begin(self._waiting[0])
        else:
            self._waiting.clear()

    def _patience_s(self) -> float | None:
        """How long to wait before another bridge is tried beside those that are at it; None: for ever.

        Only for locks: the others take their time, and bridges say by themselves when they fail.
        """
        attempts = self._running.values()
        if not self._waiting or self._command not in LOCKS or any(attempt.sent for attempt in attempts):
            return None
        return max(0.0, max(attempt.begun for attempt in attempts) + ACCEPTED_WITHIN_S - self._loop.time())


def _telling(failures: Sequence[CommandFailed]) -> CommandFailed:
    """Choose what is told: the car's own word; else that the fate is not known; else what the first one said."""
    by_the_car = (failure for failure in failures if failure.reason not in ELSEWHERE)
    unknown = (failure for failure in failures if failure.sent is None)
    told = next(by_the_car, None) or next(unknown, None) or failures[0]
    told.all = tuple(failures)
    return told
