"""The signal history as a picture: SVG with classes for its colours, so the page decides on dark and light.

The band goes from the weakest to the strongest signal, the line through the mean. Where nothing was heard there is
nothing, and the strip below says why: connected, or silence.

Pains 95, 37.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Final

from driveway_bridge.signal_history import WEAK_DBM, SignalPoint
from driveway_bridge.web.texts import text

HEIGHT: Final = 190
NARROWEST, WIDEST = 260, 1200
ROOMY: Final = 420
"""So wide, and there is room for more words below."""
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 8, 38
STRIP_Y, STRIP_HEIGHT = HEIGHT - BOTTOM + 5, 5
HIGHEST_DBM, LOWEST_DBM = -40, -105
GRID_DBM: Final = (-50, -70, -90)
RANGES_H: Final = (1, 3, 6, 12, 24)
_POINTS_PER_COLUMN: Final = 2.0
"""Width of a column; more detail than a screen shows would only make the picture large."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Some minutes side by side, drawn as one."""

    x: float
    width: float
    linked: bool
    signal: tuple[float, float, float] | None = None
    """The weakest, the mean and the strongest, in dBm; None when nothing was heard."""


def draw(points: Sequence[SignalPoint], language: str, width: int) -> str:
    """Draw up to 24 hours; the picture covers the shortest of RANGES_H that holds all of them. `width` in pixels."""
    width = max(NARROWEST, min(WIDEST, width))
    minutes = max((point["minutes_ago"] for point in points), default=0) + 1
    hours = next((hours for hours in RANGES_H if hours * 60 >= minutes), RANGES_H[-1])
    columns = list(_columns(points, hours * 60, width))
    title = text(language, "picture", "title", hours=hours)
    size = f'viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}"'
    named = 'role="img" aria-labelledby="signal-title signal-text"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="signal" {named} {size}>',
        f'<title id="signal-title">{escape(title)}</title>',
        f'<desc id="signal-text">{escape(_described(points, language))}</desc>',
        *_grid(language, hours, width),
        *_band(columns),
        *_strip(columns),
        "</svg>",
    ]
    return "\n".join(parts)


def _described(points: Sequence[SignalPoint], language: str) -> str:
    heard = [point for point in points if point["count"]]
    if not heard:
        return text(language, "picture", "nothing")
    count = sum(point["count"] for point in heard)
    mean = sum((point["mean_dbm"] or 0) * point["count"] for point in heard) / count
    present = sum(bool(point["count"] or point["linked"]) for point in points)
    return text(
        language,
        "picture",
        "described",
        weakest=min(point["min_dbm"] or 0 for point in heard),
        strongest=max(point["max_dbm"] if point["max_dbm"] is not None else LOWEST_DBM for point in heard),
        mean=round(mean),
        share=round(100 * present / len(points)),
    )


def _columns(points: Sequence[SignalPoint], minutes: int, width: int) -> Iterator[_Column]:
    """Put the minutes into columns, the oldest first; what lies before the first point has none."""
    room = width - LEFT - RIGHT
    together = max(1, round(_POINTS_PER_COLUMN * minutes / room))
    for number, group in groupby(points, key=lambda point: point["minutes_ago"] // together):
        inside = list(group)
        newest = min(minutes, number * together)
        oldest = min(minutes, newest + together)
        place = (LEFT + room * (1 - oldest / minutes), room * (oldest - newest) / minutes)
        linked = any(point["linked"] for point in inside)
        heard = [point for point in inside if point["count"]]
        if not heard:
            yield _Column(*place, linked)
            continue
        count = sum(point["count"] for point in heard)
        low = min(point["min_dbm"] or 0 for point in heard)
        mean = sum((point["mean_dbm"] or 0.0) * point["count"] for point in heard) / count
        high = max(LOWEST_DBM if point["max_dbm"] is None else point["max_dbm"] for point in heard)
        yield _Column(*place, linked, (low, mean, high))


def _y(dbm: float) -> float:
    share = (HIGHEST_DBM - max(LOWEST_DBM, min(HIGHEST_DBM, dbm))) / (HIGHEST_DBM - LOWEST_DBM)
    return TOP + share * (HEIGHT - TOP - BOTTOM)


def _grid(language: str, hours: int, width: int) -> Iterator[str]:
    right, floor = width - RIGHT, HEIGHT - BOTTOM
    yield (
        f'<rect class="weak" x="{LEFT}" y="{_y(WEAK_DBM):.1f}" width="{right - LEFT}" '
        f'height="{floor - _y(WEAK_DBM):.1f}"/>'
    )
    for dbm in GRID_DBM:
        y, kind = _y(dbm), "limit" if dbm == WEAK_DBM else "grid"
        yield f'<line class="{kind}" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="axis" x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">&#8722;{-dbm}</text>'
    yield f'<text class="axis" x="{LEFT + 5}" y="{floor - 5}">{escape(text(language, "picture", "weak"))}</text>'
    ticks = 2 if width < ROOMY else 3 if hours == 3 else 4
    for tick in range(ticks + 1):
        x = LEFT + (right - LEFT) * tick / ticks
        ago = hours * (1 - tick / ticks)
        word = text(language, "picture", "ago", hours=f"{ago:g}") if ago else text(language, "picture", "now")
        anchor = "start" if tick == 0 else "end" if tick == ticks else "middle"
        if 0 < tick < ticks:
            yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{floor}"/>'
        yield f'<text class="axis" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{escape(word)}</text>'


def _band(columns: Sequence[_Column]) -> Iterator[str]:
    for heard, group in groupby(columns, key=lambda column: column.signal is not None):
        if not heard:
            continue
        high, low, line = [], [], []
        for column in group:
            weakest, mean, strongest = column.signal or (LOWEST_DBM,) * 3
            for x in (column.x, column.x + column.width):
                high.append(f"{x:.1f},{_y(strongest) - 1:.1f}")
                low.append(f"{x:.1f},{_y(weakest) + 1:.1f}")
                line.append(f"{x:.1f},{_y(mean):.1f}")
        yield f'<polygon class="band" points="{" ".join([*high, *reversed(low)])}"/>'
        yield f'<polyline class="mean" points="{" ".join(line)}"/>'


def _strip(columns: Sequence[_Column]) -> Iterator[str]:
    def kind(column: _Column) -> str:
        return "linked" if column.linked else "silent" if column.signal is None else "heard"

    for name, group in groupby(columns, key=kind):
        inside = list(group)
        x, end = inside[0].x, inside[-1].x + inside[-1].width
        yield f'<rect class="{name}" x="{x:.1f}" y="{STRIP_Y}" width="{end - x:.1f}" height="{STRIP_HEIGHT}"/>'
