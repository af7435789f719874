"""Listens to one car and shows its signal: a moving meter on a terminal, a line a second elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import logging
import signal as signals
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from driveway_bridge.config import BluetoothSettings
from driveway_bridge.doctor import strength
from driveway_bridge.doctor.meter import CountingEar, Meter, Reading
from driveway_bridge.link.assembly import assemble
from driveway_bridge.reasons import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_S: Final = 1.0
PATIENCE_S: Final = 10.0
"""A car that stands near is heard long before."""
BAR: Final = 30
WEAKEST_DBM, STRONGEST_DBM = -100, -40
_COLOURS: Final = {"good": "green", "fair": "yellow", "weak": "red"}
_NOT_HEARD: Final = (
    "Not heard so far. Is it parked near by? It calls also when it sleeps; some metres or one wall less may do."
)


async def watch(vin: str, bluetooth: BluetoothSettings, *, seconds: float | None, as_json: bool) -> int:
    """Show the car's signal until the time is up or Ctrl-C; gives the exit status."""
    logging.getLogger().addHandler(logging.NullHandler())  # what matters is shown
    loop = asyncio.get_running_loop()
    began, wall = loop.time(), dt.datetime.now().astimezone()
    meter = Meter()
    meter.begin(began)
    air = assemble(bluetooth, heal=False)
    air.join(CountingEar(vin, meter.hear))
    stop = asyncio.Event()
    for number in (signals.SIGINT, signals.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    listening = asyncio.ensure_future(air.run())
    stopped = asyncio.ensure_future(stop.wait())
    trouble: dict[str, Any] | None = None
    with _screen(as_json=as_json) as show:
        while not stop.is_set() and (seconds is None or loop.time() - began < seconds):
            left = EVERY_S if seconds is None else min(EVERY_S, max(0.0, seconds - (loop.time() - began)))
            await asyncio.wait((stopped, listening), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            now, report = loop.time(), air.report()
            trouble = report if report.get("reason") and not report.get("scanning") else None
            show(meter.read(now), now - began, trouble)
            if listening.done():
                break
    stopped.cancel()
    listening.cancel()
    await asyncio.wait((stopped, listening))
    reading = meter.read(loop.time())
    best_at = None if reading.best_at is None else wall + dt.timedelta(seconds=reading.best_at - began)
    _sum_up(reading, best_at, trouble, as_json=as_json)
    return 0 if reading.best is not None or reading.per_s else 1


@contextlib.contextmanager
def _screen(*, as_json: bool) -> Iterator[Callable[[Reading, float, dict[str, Any] | None], None]]:
    """Where readings are shown."""
    if as_json:
        yield lambda reading, at_s, trouble: click.echo(json.dumps(_document(reading, at_s, trouble)))
    elif not sys.stdout.isatty():
        yield _Lines().show
    else:
        from rich.console import Console  # 0.1 s and 6 MB: only for somebody at a terminal
        from rich.live import Live
        from rich.text import Text

        with Live(console=Console(highlight=False), auto_refresh=False, transient=True) as live:

            def show(reading: Reading, at_s: float, trouble: dict[str, Any] | None) -> None:
                value = reading.current if reading.mean is None else reading.mean
                style = "" if value is None else _COLOURS[strength.word(value)]
                text = Text(_line(reading, at_s, trouble), style)
                if value is not None and strength.word(value) == "weak":
                    text.append(f"\n{strength.WIFI}", "dim")
                live.update(text, refresh=True)

            yield show


class _Lines:
    """A line a second; that nothing is heard is said once."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, reading: Reading, at_s: float, trouble: dict[str, Any] | None) -> None:
        """Show one reading."""
        line = _line(reading, at_s, trouble)
        if line != self._last or reading.mean is not None:
            click.echo(line)
        self._last = line


def _line(reading: Reading, at_s: float, trouble: dict[str, Any] | None) -> str:
    """One line for people, of at most 80 columns while the car is heard."""
    if trouble is not None:
        return _why(trouble)
    if reading.mean is None or reading.best is None:
        if at_s < PATIENCE_S and reading.best is None:
            return "listening ..."
        return _NOT_HEARD if reading.best is None else "not heard for some seconds"
    now = "    " if reading.current is None else f"{reading.current:4d}"
    return (
        f"{now} dBm {_bar(reading.mean)} {strength.word(reading.mean)}  "
        f"mean {reading.mean:.0f}  best {reading.best}  {reading.per_s:.1f}/s"
    )


def _bar(dbm: float) -> str:
    """The signal as a bar."""
    share = (dbm - WEAKEST_DBM) / (STRONGEST_DBM - WEAKEST_DBM)
    filled = round(BAR * min(1.0, max(0.0, share)))
    return f"[{'#' * filled}{'.' * (BAR - filled)}]"


def _document(reading: Reading, at_s: float, trouble: dict[str, Any] | None) -> dict[str, Any]:
    """The same for programs."""
    return {
        "at_s": round(at_s, 1),
        "signal_dbm": reading.current,
        "mean_dbm": None if reading.mean is None else round(reading.mean, 1),
        "best_dbm": reading.best,
        "per_s": round(reading.per_s, 1),
        "word": None if reading.mean is None else strength.word(reading.mean),
        "reason": None if trouble is None else trouble["reason"],
    }


def _why(trouble: dict[str, Any]) -> str:
    """Why the radio hears nothing."""
    entry = REASONS.get(trouble["reason"]) or REASONS["radio_unavailable"]
    return f"{entry.meaning} {entry.remedy}"


def _sum_up(reading: Reading, best_at: dt.datetime | None, trouble: dict[str, Any] | None, *, as_json: bool) -> None:
    if as_json:
        at = None if best_at is None else best_at.isoformat(timespec="seconds")
        click.echo(json.dumps({"summary": True, "best_dbm": reading.best, "best_at": at}))
    elif reading.best is None or best_at is None:
        click.echo(_why(trouble) if trouble else "The car was not heard.", err=True)
    else:
        word = strength.word(reading.best)
        click.echo(f"best {reading.best} dBm ({word}) at {best_at:%H:%M:%S}")
        if word != "good":
            click.echo(f"{strength.NEARER.partition(' `driveway')[0]} {strength.WIFI}")
