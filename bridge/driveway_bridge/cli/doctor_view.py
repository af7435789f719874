"""How the doctor's findings are shown: a moving list on a terminal, plain lines elsewhere, nothing for programs."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol, Self

import click

from driveway_bridge.doctor.chain import first_broken
from driveway_bridge.doctor.finding import State

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.table import Table

    from driveway_bridge.doctor.chain import Check, Examined

_MARKS: Final = {State.OK: "ok", State.WARNING: "look", State.BROKEN: "BROKEN", State.SKIPPED: "skipped"}
_STYLES: Final = {State.OK: "green", State.WARNING: "yellow", State.BROKEN: "bold red", State.SKIPPED: "dim"}
_LEAST_WIDTH: Final = 28
"""Of the titles, which are not all known when the first is shown."""
_SLOW_S: Final = 2.0
"""Elsewhere than on a terminal a check that is over by then says nothing but its result."""


class View(Protocol):
    """Shows a walk along the chain, and its sum."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *_: object) -> None:
        """End it, whatever happened."""
        ...

    def planned(self, checks: Sequence[Check]) -> None:
        """These come next."""
        ...

    def doing(self, check: Check, text: str) -> None:
        """A check goes on."""
        ...

    def ended(self, examined: Examined) -> None:
        """A check is over."""
        ...

    def close(self) -> None:
        """No more checks come."""
        ...

    def sum_up(self, examined: Sequence[Examined]) -> None:
        """Say in the end what matters."""
        ...


def make_view(*, as_json: bool) -> View:
    """The one that fits."""
    if as_json:
        return _Silence()
    return _Moving() if sys.stdout.isatty() else _Lines()


class _Silence:
    """For programs, which wait for the end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def planned(self, checks: Sequence[Check]) -> None:
        """Nothing."""

    def doing(self, check: Check, text: str) -> None:
        """Nothing."""

    def ended(self, examined: Examined) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def sum_up(self, examined: Sequence[Examined]) -> None:
        """Say it in one or two lines."""
        first = first_broken(examined)
        looks = sum(one.finding.state is State.WARNING for one in examined)
        if first is not None:
            click.echo(f"\nThe chain is broken at: {first.check.title}. {first.finding.remedy}")
        elif looks:
            click.echo(f"\nThe chain holds; {'one thing' if looks == 1 else f'{looks} things'} should be looked at.")
        else:
            click.echo("\nAll is well.")


class _InOrder(_Silence):
    """Shows findings in the order of the chain, each as soon as all before it are there."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._waiting: list[Check] = []
        self._over: dict[str, Examined] = {}
        self._began: dict[str, float] = {}

    def planned(self, checks: Sequence[Check]) -> None:
        self._waiting += checks
        self._titles |= {check.name: check.title for check in checks}

    def doing(self, check: Check, text: str) -> None:  # noqa: ARG002 - the views below use it
        self._began.setdefault(check.name, time.monotonic())

    def ended(self, examined: Examined) -> None:
        self._over[examined.check.name] = examined
        while self._waiting and (ready := self._over.get(self._waiting[0].name)):
            del self._waiting[0]
            self._show(ready)

    def _found(self, examined: Examined) -> str:
        because = examined.finding.because
        return f"because of: {self._titles[because]}" if because else examined.finding.found

    def _show(self, examined: Examined) -> None:
        raise NotImplementedError

    @property
    def _width(self) -> int:
        return max(_LEAST_WIDTH, *map(len, self._titles.values()))


class _Lines(_InOrder):
    """One line for each finding, and one for what to do."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, str] = {}
        self._slow: set[str] = set()

    def doing(self, check: Check, text: str) -> None:
        """Say it when it is slow, or as soon as it becomes so."""
        if check.name not in self._began:
            asyncio.get_running_loop().call_later(_SLOW_S, self._becomes_slow, check)
        super().doing(check, text)
        self._texts[check.name] = text
        if check.name in self._slow:
            self._say(check)

    def _becomes_slow(self, check: Check) -> None:
        if check.name not in self._over:
            self._slow.add(check.name)
            self._say(check)

    def _say(self, check: Check) -> None:
        click.echo(f"...      {check.title}: {self._texts[check.name] or 'takes its time'}")

    def _show(self, examined: Examined) -> None:
        mark, title = _MARKS[examined.finding.state], examined.check.title
        click.echo(f"{mark:<7}  {title:<{self._width}}  {self._found(examined)}".rstrip())
        if examined.finding.remedy:
            click.echo(f"{'':<7}  {'':<{self._width}}  {examined.finding.remedy}")


class _Moving(_InOrder):
    """The same on a terminal, with what is being done at the bottom."""

    def __init__(self) -> None:
        from rich.console import Console  # 0.1 s and 6 MB: only for somebody at a terminal
        from rich.live import Live

        super().__init__()
        self._doing: dict[str, str] = {}
        self._console = Console(highlight=False)
        self._live: Live = Live(console=self._console, get_renderable=self._now, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def doing(self, check: Check, text: str) -> None:
        super().doing(check, text)
        self._doing[check.name] = text

    def ended(self, examined: Examined) -> None:
        self._doing.pop(examined.check.name, None)
        super().ended(examined)

    def close(self) -> None:
        self._live.stop()

    def _show(self, examined: Examined) -> None:
        from rich.text import Text

        finding = examined.finding
        row = self._grid()
        found = Text(self._found(examined))
        if finding.remedy:
            found.append(f"\n{finding.remedy}", style="bold" if finding.state is State.BROKEN else "")
        row.add_row(Text(_MARKS[finding.state], _STYLES[finding.state]), examined.check.title, found)
        self._console.print(row)

    def _grid(self) -> Table:
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=7)
        grid.add_column(width=self._width)
        grid.add_column(ratio=1)
        return grid

    def _now(self) -> RenderableType:
        from rich.spinner import Spinner
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for name, text in tuple(self._doing.items()):  # it is drawn by a thread of rich, and may change meanwhile
            seconds = now - self._began[name]
            grid.add_row(Spinner("dots"), f"{self._titles[name]} {text} {seconds:.0f} s".replace("  ", " "))
        return grid
