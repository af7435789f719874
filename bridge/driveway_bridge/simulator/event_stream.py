"""The events of the virtual car as JSON lines, and the lines that come back, without ever stopping the car for either.

A reader that does not keep up would block the event loop in a write, so threads do the reading and writing; they use
the bare file descriptors, because an interpreter that ends does not wait for a lock on one of those.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

UNREAD_LIMIT = 10_000
"""Events that wait for a slow reader; what comes on top is lost."""
MAX_LINE = 4096
"""Bytes of one line; longer ones are thrown away."""


class EventWriter:
    """Writes events to a file descriptor, one JSON object a line."""

    def __init__(self, descriptor: int, closed: Callable[[], None]) -> None:
        """`closed` is called, from another thread, when nobody can read any more."""
        self._descriptor = descriptor
        self._closed = closed
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="events", daemon=True)
        self._thread.start()

    def put(self, event: dict[str, Any]) -> None:
        """Write an event soon."""
        if self._lines.qsize() < UNREAD_LIMIT:
            self._lines.put(json.dumps(event, separators=(",", ":")).encode() + b"\n")

    def close(self, patience_s: float = 1.0) -> None:
        """Write what waits, if somebody reads it within `patience_s`."""
        self._lines.put(None)
        self._thread.join(patience_s)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                with contextlib.suppress(RuntimeError):  # the event loop has ended by itself meanwhile
                    self._closed()
                return


def read_lines(descriptor: int, take: Callable[[str], None]) -> None:
    """Give each line that arrives on a file descriptor to `take`, from another thread; its end is ignored."""
    if os.isatty(descriptor) and os.tcgetpgrp(descriptor) != os.getpgrp():
        return  # in the background of a terminal, reading would stop the process
    threading.Thread(target=_read, args=(descriptor, take), name="commands", daemon=True).start()


def _read(descriptor: int, take: Callable[[str], None]) -> None:
    rest = b""
    # An input that cannot be read is one on which nothing is said; RuntimeError: the event loop has ended meanwhile.
    with contextlib.suppress(OSError, RuntimeError):
        while data := os.read(descriptor, MAX_LINE):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                take(line.decode(errors="replace"))
            if len(rest) > MAX_LINE:
                take(rest.decode(errors="replace"))
                rest = b""
