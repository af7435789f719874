"""What the files of the audit tell people: commands with the time at which they were given."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from driveway_bridge.audit import trail
from driveway_bridge.audit.record import Record
from driveway_bridge.clients import UNSIGNED

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Shown:
    """One command, for people."""

    record: Record
    unix_s: float | None
    """When it ended; None where no clock could tell."""
    own: bool = True
    """Whether that was in this start of the bridge."""


def time_text(unix_s: float) -> str:
    """Write a time of day as the audit does."""
    return time.strftime(_TIME, time.gmtime(unix_s))


def unix_s(text: object) -> float | None:
    """Read a time of day as the audit writes it; None when it is none."""
    try:
        return calendar.timegm(time.strptime(text, _TIME)) if isinstance(text, str) else None
    except ValueError:
        return None


def dated(data: Path) -> Iterator[tuple[dict[str, Any], float | None]]:
    """All lines, the newest first, with their Unix time: by a later line of the same start where they have none."""
    began: dict[object, float] = {}
    for link in trail.newest_first(data):
        line = dict(link.fields)
        boot, boot_s, at = str(line.get("boot")), line.get("boot_s"), unix_s(line.get("time"))
        if not isinstance(boot_s, int | float):
            yield line, at
            continue
        if at is not None:
            began.setdefault(boot, at - boot_s)
        yield line, began[boot] + boot_s if boot in began else None


def earlier(data: Path, limit: int) -> list[Shown]:
    """The last commands in the files that were signed, or given on the bridge itself; the newest first."""
    records = ((Record.of(line), at) for line, at in dated(data))
    shown = (Shown(record, at, own=False) for record, at in records if record is not None and record.who != UNSIGNED)
    return list(islice(shown, limit))


def last_used(data: Path) -> dict[str, float | None]:
    """When each client, by id, gave its last command that is in the files; None where no clock could tell."""
    used: dict[str, float | None] = {}
    for line, at in dated(data):
        if isinstance(client := line.get("client"), str):
            used.setdefault(client, at)
    return used
