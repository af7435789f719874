"""Whose turn it is with one car: one thing at a time, lock commands first, what the bridge asks by itself last.

Whatever comes later in that order gives way at once when something earlier arrives: a poll is dropped, an order starts
again afterwards, if it still may. Each car has a lane of its own, so two cars never wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Any, Final, TypeVar

MAX_WAITING: Final = 8
"""Turns that wait in one priority; an owner does not press more buttons within a command's few seconds."""

T = TypeVar("T")


class Priority(IntEnum):
    """Lower goes first."""

    LOCK = 0
    ORDER = 1
    POLL = 2


class Full(Exception):
    """Too many wait already."""


class Superseded(Exception):
    """While it waited, something else was asked for of the same thing."""


class GaveWay(Exception):
    """It was dropped for something more urgent, and does not begin again."""


class TooLate(Exception):
    """The turn did not come in time."""


class Turn:
    """A place in the lane, from `Lane.enter`. It has to be used or left."""

    def __init__(self, priority: Priority, name: str, subject: str | None) -> None:
        self.priority = priority
        self.name = name
        self.subject = subject
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[Any] | None = None
        self.superseded = False
        self.gave_way = False


class Lane:
    """The queue before one car."""

    def __init__(self) -> None:
        self._waiting: dict[Priority, list[Turn]] = {priority: [] for priority in Priority}
        self._current: Turn | None = None

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        return self._current is not None or any(self._waiting.values())

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(len(turns) for turns in self._waiting.values())

    def enter(self, priority: Priority, name: str, subject: str | None = None) -> Turn:
        """Take a place; Full when there is none.

        What runs and is less urgent gives way. What waits about the same subject under another name is superseded.
        """
        waiting = self._waiting[priority]
        if subject is not None:
            for turn in [turn for turn in waiting if turn.subject == subject and turn.name != name]:
                waiting.remove(turn)
                turn.superseded = True
                _wake(turn)
        if len(waiting) >= MAX_WAITING:
            raise Full
        self._make_way(priority)
        turn = Turn(priority, name, subject)
        waiting.append(turn)
        self._next()
        return turn

    async def run(
        self,
        turn: Turn,
        job: Callable[[], Awaitable[T]],
        within_s: float | None = None,
        *,
        again: Callable[[], bool] = lambda: True,
    ) -> T:
        """Wait for the turn, at most `within_s` seconds (TooLate), do the job and give the turn back.

        Superseded. An order that gave way is started anew if `again` says so, so `job` may be called more than once;
        else, and for polls, GaveWay.
        """
        loop = asyncio.get_running_loop()
        until = None if within_s is None else loop.time() + within_s
        try:
            while True:
                await _granted(turn, until)
                if turn.superseded:
                    raise Superseded
                if not turn.gave_way:
                    turn.task = loop.create_task(_run(job))
                    try:
                        return await turn.task  # type: ignore[no-any-return]  # Turn does not know what jobs return
                    except asyncio.CancelledError:
                        if _being_cancelled() or not turn.task.cancelling():
                            raise
                if turn.priority is Priority.POLL or not again():
                    raise GaveWay
                self._again(turn)
        finally:
            self.leave(turn)

    def leave(self, turn: Turn) -> None:
        """Give the place back, used or not; a second time does nothing."""
        if turn in self._waiting[turn.priority]:
            self._waiting[turn.priority].remove(turn)
        turn.granted.cancel()
        if self._current is turn:
            self._current = None
            self._next()

    def _again(self, turn: Turn) -> None:
        turn.gave_way = False
        turn.task = None
        turn.granted = asyncio.get_running_loop().create_future()
        self._waiting[turn.priority].insert(0, turn)
        self._current = None
        self._next()

    def _make_way(self, priority: Priority) -> None:
        turn = self._current
        if turn is None or turn.priority <= priority or turn.gave_way:
            return
        turn.gave_way = True
        if turn.task is not None:
            turn.task.cancel()

    def _next(self) -> None:
        while self._current is None:
            waiting = next((turns for turns in self._waiting.values() if turns), None)
            if waiting is None:
                return
            turn = waiting.pop(0)
            if _wake(turn):
                self._current = turn


def _wake(turn: Turn) -> bool:
    """Let the turn go on; False when whoever waited has just been cancelled."""
    if turn.granted.done():
        return False
    turn.granted.set_result(None)
    return True


async def _granted(turn: Turn, until: float | None) -> None:
    try:
        async with asyncio.timeout_at(until):
            await turn.granted
    except TimeoutError:
        raise TooLate from None


async def _run(job: Callable[[], Awaitable[T]]) -> T:
    return await job()


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
