"""Lines that are sealed to each other: each names the hash of the one before, and ends with its own. Pure.

A line is a JSON object whose last member is `"hash"`: the SHA-256, in hex, of the line's bytes without that member
(`...,"hash":"<64 digits>"}` becomes `...}`), so that nobody has to agree on how JSON is written. `number` counts the
lines from 1, `previous` is the hash of the line before, 64 zeros for the first.

Bytes that are no line are what a power cut leaves of one. The bridge keeps them, and tells of them in the next line,
of the kind `torn`, with their number and their hash; others have no such line after them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

FIRST: Final = "0" * 64
"""What stands for the hash of a line before the first."""
TORN: Final = "torn"
_SEALED: Final = re.compile(rb'(\{.*),"hash":"([0-9a-f]{64})"\}')


class Position(NamedTuple):
    """How far a chain goes: the number and the hash of a line."""

    number: int
    hash: str


START: Final = Position(0, FIRST)


class Link(NamedTuple):
    """One line that was read; its content is only what it claims, until `intact` and its place were looked at."""

    position: Position
    previous: str
    fields: Mapping[str, Any]
    intact: bool
    """Whether it is what was sealed."""


def seal(fields: Mapping[str, Any], after: Position) -> tuple[bytes, Position]:
    """Make the line that follows, with its newline, and where the chain is then."""
    number = after.number + 1
    body = json.dumps({"number": number, **fields, "previous": after.hash}, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(body.encode("ascii")).hexdigest()
    return f'{body[:-1]},"hash":"{digest}"}}\n'.encode("ascii"), Position(number, digest)


def read(line: bytes) -> Link | None:
    """Read one line, without its newline; None when it is none of ours."""
    found = _SEALED.fullmatch(line)
    if found is None:
        return None
    try:
        fields = json.loads(line)
        number, previous = fields["number"], fields["previous"]
    except (ValueError, KeyError, RecursionError):
        return None
    if type(number) is not int or not isinstance(previous, str):
        return None
    body, digest = found[1] + b"}", found[2].decode()
    return Link(Position(number, digest), previous, fields, hashlib.sha256(body).hexdigest() == digest)


def torn(junk: bytes) -> dict[str, Any]:
    """What a line tells of bytes before it that are no line; `junk` without the newline at its end."""
    return {"kind": TORN, "bytes": len(junk), "sha256": hashlib.sha256(junk).hexdigest()}


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the chain does not hold."""

    kind: str
    """`changed`, `removed`, `inserted`, `unreadable`; `missing`: a file; `cut`: the end."""
    file: str
    line: int
    """In the file, from 1; 0 for the file as a whole."""
    number: int
    """Of the line concerned, or of the first of them, as far as is known."""
    until: int | None = None
    """Of the last line concerned, where there are several."""


@dataclass(slots=True)
class Walk:
    """Goes along the lines of all files, the oldest first; `at` is where it has come to."""

    at: Position | None = None
    """None before the first line."""
    first: int | None = None
    """Number of the first line."""
    lines: int = 0
    torn: int = 0
    """Lines that a power cut tore, and that were told of."""
    _junk: bytes | None = None
    _junk_line: int = 0

    def file(self, name: str, lines: Iterable[bytes], known: Collection[Position] = ()) -> Iterator[Break]:
        """Take one file's lines, without their newlines; tell where the chain does not hold.

        `known` are places of the chain that somebody else remembers: a line with such a number has to be that one.
        """
        line = 0
        for line, raw in enumerate(lines, 1):
            link = read(raw)
            if link is None:
                self._junk_line = self._junk_line if self._junk is not None else line
                self._junk = raw if self._junk is None else self._junk + b"\n" + raw
                continue
            yield from self._after_junk(name, link)
            broken = list(self._take(name, line, link))
            if not broken and any(one.number == link.position.number and one != link.position for one in known):
                broken = [Break("changed", name, line, link.position.number)]
            yield from broken
        if self._junk is not None:  # nothing follows in this file that tells of it
            yield Break("unreadable", name, self._junk_line, self._next)
            self._junk = None

    @property
    def _next(self) -> int:
        return 1 if self.at is None else self.at.number + 1

    def _after_junk(self, name: str, link: Link) -> Iterator[Break]:
        if self._junk is None:
            return
        junk, self._junk = self._junk, None
        if link.intact and {name: link.fields.get(name) for name in ("kind", "bytes", "sha256")} == torn(junk):
            self.torn += 1
        else:
            yield Break("unreadable", name, self._junk_line, self._next)

    def _take(self, name: str, line: int, link: Link) -> Iterator[Break]:
        self.lines += 1
        number = link.position.number
        before, self.at = self.at, link.position
        if not link.intact:
            yield Break("changed", name, line, number)
            if before is None:
                self.first = number
            return
        if before is None:
            self.first = number
            if number == 1 and link.previous != FIRST:
                yield Break("changed", name, line, number)
        elif number > before.number + 1:
            yield Break("missing" if line == 1 else "removed", name, line, before.number + 1, number - 1)
        elif number <= before.number:
            yield Break("inserted", name, line, number)
        elif link.previous != before.hash:
            yield Break("changed", name, line - 1, before.number)
