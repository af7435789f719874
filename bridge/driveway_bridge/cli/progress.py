"""Tells somebody who waits what is going on: a moving line on a terminal, plain lines elsewhere. On standard error."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import click

_TERMINAL_AFTER_S: Final = 0.7
_PLAIN_AFTER_S: Final = 2.0
"""A command that is done by then says nothing but its result."""
STAGES: Final[Mapping[str, str]] = {
    "connecting": "Looking for the car ...",
    "session": "The car is there; agreeing with it on a session ...",
    "waking": "The car sleeps; waking it ...",
    "booting": "The car is awake; waiting until its computer has started ...",
    "sent": "Sent; waiting for the car's answer ...",
    "card": "The car waits for a key card ...",
    "verifying": "No answer; looking at the car's state ...",
}


class Progress:
    """Shows stages from a while after its beginning; use it as a context within the event loop."""

    def __init__(self) -> None:
        self.stage = "connecting"
        self._show: Callable[[str], None] | None = None
        self._end: Callable[[], None] = lambda: None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def may_have_been_sent(self) -> bool:
        """Whether the command was on its way when the last stage was told."""
        return self.stage in ("sent", "card", "verifying")

    def enter(self, stage: str) -> None:
        """A stage of `STAGES` begins."""
        self.stage = stage
        if self._show is not None:
            self._show(STAGES[stage])

    def __enter__(self) -> Self:
        terminal = sys.stderr.isatty()
        after, begin = (_TERMINAL_AFTER_S, self._begin_line) if terminal else (_PLAIN_AFTER_S, self._begin_plain)
        self._timer = asyncio.get_running_loop().call_later(after, begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._end()

    def _begin_plain(self) -> None:
        self._show = lambda text: click.echo(text, err=True)
        self._show(STAGES[self.stage])

    def _begin_line(self) -> None:
        from rich.console import Console  # 0.1 s and 6 MB: only for somebody who waits at a terminal

        line = Console(stderr=True).status(STAGES[self.stage])
        line.start()
        self._show = line.update
        self._end = line.stop
