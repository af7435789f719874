"""What somebody sees who pairs a car, mostly in it and in the dark: a checklist, what to do now, the time that is left.

On a terminal it is redrawn in place when something changes, and each second for the time; elsewhere there is one line
for each step. On standard error.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import click

from driveway_bridge.card_spots import CardSpot
from driveway_bridge.cli.wizard_words import ASLEEP, TITLES, WIDTH, clock, for_reading, outcome, tap
from driveway_bridge.pairing import Step, StepName, StepState

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

TICK_S: Final = 1.0
REMIND_S: Final = 30.0
"""Between two lines about the time that is left, where nothing can be redrawn."""
_MARKS: Final = {
    StepState.WAITING: ("·", "."),
    StepState.RUNNING: ("▸", ">"),
    StepState.OK: ("✓", "+"),
    StepState.FAILED: ("✗", "x"),
    StepState.SKIPPED: ("-", "-"),
}
_STYLES: Final = {
    StepState.WAITING: "dim",
    StepState.RUNNING: "bold cyan",
    StepState.OK: "green",
    StepState.FAILED: "bold red",
    StepState.SKIPPED: "dim",
}


class WizardView:
    """Shows steps as they are told; use it as a context within the event loop."""

    def __init__(self, spot: CardSpot, timeout_s: float) -> None:
        self._spot = spot
        self._end = asyncio.get_running_loop().time() + timeout_s
        self._steps = {name: Step(name=name) for name in StepName}
        self._timer: asyncio.TimerHandle | None = None
        self._live: Live | None = None
        self._unicode = True
        self._width = WIDTH
        self._tap_told = False

    @property
    def may_have_been_shown(self) -> bool:
        """Whether the car may have been told of the key."""
        return self._steps[StepName.PRESENTED].state not in (StepState.WAITING, StepState.SKIPPED)

    @property
    def proved(self) -> bool:
        """Whether the car has proved that it knows the key."""
        return self._steps[StepName.KNOWN].state is StepState.OK

    def tell(self, step: Step) -> None:
        """A step has changed."""
        self._steps[step.name] = step
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        else:
            for line in self._lines(step):
                click.echo(for_reading(line, sys.stderr), err=True)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console  # 0.1 s and 6 MB: only for somebody at a terminal

            console = Console(stderr=True)
            if not console.is_dumb_terminal:
                self._begin_live(console)
        self._tick()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._live is not None:
            self._live.update(self._table(over=True), refresh=True)
            self._live.stop()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._timer = loop.call_later(TICK_S, self._tick)
            return
        if self._timer is not None and self._running() is not None:
            click.echo(f"{clock(self._left())} left ...", err=True)
        self._timer = loop.call_later(REMIND_S, self._tick)

    def _begin_live(self, console: Console) -> None:
        from rich.live import Live

        self._unicode = console.encoding.lower().startswith("utf")
        self._width = console.width
        self._live = Live(self._table(), console=console, auto_refresh=False)
        self._live.start()

    def _left(self) -> float:
        return max(0.0, self._end - asyncio.get_running_loop().time())

    def _running(self) -> Step | None:
        return next((step for step in self._steps.values() if step.state is StepState.RUNNING), None)

    # Lines ------------------------------------------------------------------------------------------------------------

    def _lines(self, step: Step) -> Iterator[str]:
        """What is said of a change where nothing can be redrawn."""
        if step.name is StepName.CARD and step.state is StepState.RUNNING:
            if not self._tap_told:
                self._tap_told = True
                yield from tap(self._spot)
                yield f"{clock(self._left())} left."
            if step.facts.get("told_by_car"):
                yield "The car waits for the card."
        elif step.name is StepName.ASLEEP and step.state is StepState.RUNNING:
            yield ASLEEP
        elif step.name is StepName.HEARD and step.state is StepState.RUNNING:
            yield "Looking for the car ..."
        elif step.state is StepState.OK and step.name in TITLES:
            yield f"{outcome(step)}."

    # Checklist --------------------------------------------------------------------------------------------------------

    def _table(self, *, over: bool = False) -> Table:
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(padding=(0, 1))
        for name, title in TITLES.items():
            step = self._row(name)
            needless = step.state is StepState.SKIPPED and step.reason == "already_enrolled"
            if needless or (over and step.state is StepState.WAITING):
                continue
            text = title if step.state in (StepState.WAITING, StepState.RUNNING) else outcome(step)
            rows.add_row(Text(f" {_MARKS[step.state][not self._unicode]}"), Text(text), style=_STYLES[step.state])
        whole = Table.grid()
        whole.width = min(self._width, WIDTH)
        whole.add_row(rows)
        whole.add_row("")
        if not over:
            for paragraph in self._to_do():
                whole.add_row(Text(paragraph, style="bold"))
                whole.add_row("")
            whole.add_row(Text(f"{clock(self._left())} left. Ctrl-C cancels.", style="dim"))
        return whole

    def _to_do(self) -> tuple[str, ...]:
        """What somebody has to do now."""
        running = self._running()
        if running is None:
            return ()
        return {StepName.CARD: tap(self._spot), StepName.ASLEEP: (ASLEEP,)}.get(running.name, ())

    def _row(self, name: StepName) -> Step:
        """The step that a row shows: that there was no place is why the car was not talked to."""
        places = self._steps[StepName.PLACES]
        return places if name is StepName.REACHED and places.state is StepState.FAILED else self._steps[name]
