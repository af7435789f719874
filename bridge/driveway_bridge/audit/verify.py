"""Looks through all files of the audit: whether the chain is whole, and reaches as far as the memory says it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from driveway_bridge.audit import trail
from driveway_bridge.audit.chain import START, Break, Position, Walk
from driveway_bridge.audit.trail import Mark


@dataclass(slots=True)
class Verdict:
    """What was found."""

    files: int = 0
    lines: int = 0
    first: int | None = None
    at: Position = START
    """The last line."""
    torn: int = 0
    """Lines that a power cut tore, and that the bridge told of when it started."""
    breaks: list[Break] = field(default_factory=list)


def verify(data: Path, mark: Mark | None, witness: Position | None = None) -> Verdict:
    """Look through everything; OSError as it is.

    `mark` is what the bridge's memory holds of the chain, `witness` the place of a line that somebody kept elsewhere.
    A running bridge goes on writing meanwhile: what looks like a break only because of that is looked at once more.
    """
    verdict = _verify(data, mark, witness)
    return _verify(data, mark, witness) if verdict.breaks else verdict


def _verify(data: Path, mark: Mark | None, witness: Position | None) -> Verdict:
    walk, verdict = Walk(), Verdict()
    kept = [one for one in (mark.at if mark else None, witness) if one is not None and one != START]
    for file in trail.files(data):
        verdict.files += 1
        try:
            lines = trail.lines(file)
        except FileNotFoundError:  # it has another name by now, or was the oldest
            verdict.breaks.append(Break("missing", file.name, 0, (walk.at or START).number + 1))
            continue
        verdict.breaks += walk.file(file.name, lines, kept)
    verdict.lines, verdict.torn, verdict.first = walk.lines, walk.torn, walk.first
    verdict.at = walk.at or START
    if mark is not None and walk.first is not None and walk.first > mark.oldest:
        verdict.breaks.insert(0, Break("missing", _first_file(data), 0, mark.oldest, walk.first - 1))
    for one in kept:
        if one.number > verdict.at.number:
            verdict.breaks.append(Break("cut", trail.FILE, 0, verdict.at.number + 1, one.number))
            break
    return verdict


def _first_file(data: Path) -> str:
    return trail.files(data)[0].name
