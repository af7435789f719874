"""The files of the audit: lines are added to `audit.log`, which takes another name when it is long; old ones go.

A file that is full is called `audit-NUMBER.log` after the number of its first line. What is written has reached the
disk when `append` returns. Nothing here waits for anybody but the disk, and nothing is kept open in between: whoever
takes the file away finds that the next line says so.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from driveway_bridge import private_file
from driveway_bridge.audit import chain
from driveway_bridge.audit.chain import Link, Position

FILE: Final = "audit.log"
NOTE: Final = "audit"
"""The memory's note on how far the chain goes."""
MAX_BYTES: Final = 1_000_000
"""Of a file, some 2000 commands; the last line may stand over."""
KEPT: Final = 8
"""Files beside the one that is written to."""
GAP: Final = "gap"
"""The kind of a line that tells that lines before it are not there any more, or not as they were."""
_OLD: Final = re.compile(r"audit-(\d{10})\.log")


@dataclass(frozen=True, slots=True)
class Mark:
    """What is remembered elsewhere of the chain: how far it goes, and with which line the oldest file begins."""

    at: Position
    oldest: int

    def document(self) -> dict[str, Any]:
        """As a note of the memory."""
        return {"number": self.at.number, "hash": self.at.hash, "oldest": self.oldest}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Mark | None:
        """Read a note; None when it is none of ours."""
        number, digest, oldest = (document.get(name) for name in ("number", "hash", "oldest"))
        if not isinstance(number, int) or not isinstance(digest, str) or not isinstance(oldest, int):
            return None
        return cls(Position(number, digest), oldest)


def files(data: Path) -> list[Path]:
    """All files, the oldest first, the one that is written to last."""
    newest = data / FILE
    exists = newest.exists()  # before the others: a running bridge may give it a name among theirs
    old = sorted(path for path in data.glob("audit-*.log") if _OLD.fullmatch(path.name))
    return [*old, newest] if exists else old


def lines(file: Path) -> list[bytes]:
    """All lines of a file without their newlines; the last may be torn."""
    content = file.read_bytes()
    return content.removesuffix(b"\n").split(b"\n") if content else []


def newest_first(data: Path) -> Iterator[Link]:
    """All lines that can be read, the last one first."""
    for file in reversed(files(data)):
        try:
            content = lines(file)
        except FileNotFoundError:
            if file.name != FILE:
                continue  # it was the oldest, and a running bridge has deleted it
            yield from newest_first(data)  # it has another name by now
            return
        for raw in reversed(content):
            if (link := chain.read(raw)) is not None:
                yield link


class Trail:
    """Adds lines. Every method may wait for the disk, and raises OSError as it is; then nothing was added."""

    def __init__(self, data: Path, mark: Mark | None, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        """Go on where the files end, or, where they do not reach as far as `mark`, where that says they were."""
        self._data = data
        self._file = data / FILE
        self._max_bytes = max_bytes
        self._kept = kept
        self._at, self._news = self._end(mark)
        self._oldest = self._first_number() if mark is None else mark.oldest
        """Files that begin before this line may be deleted, at the next change of files: that is remembered by then."""

    @property
    def mark(self) -> Mark:
        """What is to be remembered elsewhere."""
        return Mark(self._at, self._oldest)

    @property
    def broken(self) -> bool:
        """Whether a line that tells of a gap waits to be written."""
        return any(news["kind"] == GAP for news in self._news)

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Add lines, all of them or none."""
        if self._size() >= self._max_bytes:
            self._rotate()
        at, content = self._at, b""
        for fields in (*self._news, *records):
            line, at = chain.seal(fields, at)
            content += line
        if content:
            self._write(content)
            self._at = at
            self._news.clear()

    def _write(self, content: bytes) -> None:
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            before = os.fstat(handle)
            if before.st_mode & private_file.OTHERS:
                os.fchmod(handle, 0o600)
            try:
                _write_all(handle, content)
                os.fsync(handle)
            except OSError:
                with contextlib.suppress(OSError):  # else the next start of the bridge finds a torn line
                    os.ftruncate(handle, before.st_size)
                raise
        finally:
            os.close(handle)
        if before.st_size == 0:
            private_file.sync(self._data)

    def _rotate(self) -> None:
        first = next((link for link in map(chain.read, lines(self._file)) if link is not None), None)
        number = self._at.number if first is None else first.position.number
        self._file.rename(self._data / f"audit-{number:010}.log")
        private_file.sync(self._data)
        old = files(self._data)
        for file in old[: -self._kept]:
            if _number(file) < self._oldest:
                file.unlink()
        self._oldest = _number(old[-self._kept :][0])

    def _size(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return self._file.stat().st_size
        return 0

    def _first_number(self) -> int:
        for file in files(self._data):
            for raw in lines(file)[:1]:
                if (link := chain.read(raw)) is not None:
                    return link.position.number
        return self._at.number + 1

    # Where the files end ----------------------------------------------------------------------------------------------

    def _end(self, mark: Mark | None) -> tuple[Position, list[dict[str, Any]]]:
        """Where to go on, and what has to be told first."""
        news = self._mend()
        found: Position | None = None
        kept = mark is None
        for link in newest_first(self._data):
            found = found or link.position
            if mark is None or link.position.number <= mark.at.number:
                kept = kept or (mark is not None and link.position == mark.at and link.intact)
                break
        if kept or mark is None:
            return found or chain.START, news
        if found is None and mark.at == chain.START:
            return chain.START, news
        # The chain goes on from what was remembered, so that what is missing stays to be seen.
        ends = 0 if found is None else found.number
        news.append({"kind": GAP, "files_end": ends, "remembered": mark.at.number})
        return Position(max(ends, mark.at.number), mark.at.hash), news

    def _mend(self) -> list[dict[str, Any]]:
        """End a last line that was torn, and say what is to be told of it."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return []
        if not content:
            return []
        all_lines = content.removesuffix(b"\n").split(b"\n")
        good = next((i for i in range(len(all_lines), 0, -1) if chain.read(all_lines[i - 1]) is not None), 0)
        if not content.endswith(b"\n"):
            self._write(b"\n")
        junk = b"\n".join(all_lines[good:])
        return [chain.torn(junk)] if good < len(all_lines) else []


def _number(file: Path) -> int:
    found = _OLD.fullmatch(file.name)
    return 0 if found is None else int(found[1])


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]
