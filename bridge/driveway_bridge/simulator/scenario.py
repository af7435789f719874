"""A scenario: what is said to the virtual car, and when. A file of lines: seconds from the start, then the words.

# Somebody comes home, and the battery fills.
0     drive_off
30    drive_home
35.5  plug_in 16
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from driveway_bridge.simulator.words import NotUnderstoodError, understand

MAX_LINES = 10_000


class ScenarioError(ValueError):
    """The file is no scenario; the text says which line and why."""


@dataclass(frozen=True, slots=True)
class Step:
    """Words, and how many seconds after the start they are said."""

    at_s: float
    line: str


def read_scenario(path: Path) -> list[Step]:
    """Read a file. Raises ScenarioError; OSError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: this is not text") from error
    return parse_scenario(text, str(path))


def parse_scenario(text: str, name: str = "scenario") -> list[Step]:
    """Read lines; their times may not go back. Raises ScenarioError, `name` being what its text begins with."""
    steps: list[Step] = []
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        if len(steps) >= MAX_LINES:
            raise ScenarioError(f"{name}: more than {MAX_LINES} steps")
        try:
            steps.append(_step(said, steps[-1].at_s if steps else 0.0))
        except (NotUnderstoodError, ValueError) as error:
            raise ScenarioError(f"{name}, line {number}: {error}") from error
    return steps


def _step(said: str, not_before_s: float) -> Step:
    time, _, words = said.partition(" ")
    try:
        at_s = float(time.removesuffix("s"))
    except ValueError:
        at_s = math.nan
    if not math.isfinite(at_s) or at_s < 0:
        raise ValueError(f"a line begins with seconds from the start, and '{time}' is no such number")
    if at_s < not_before_s:
        raise ValueError(f"{at_s:g} s is before the line above it")
    return Step(at_s, str(understand(words.strip())))
