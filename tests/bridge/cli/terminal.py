"""The command on a terminal, and what stands on its screen."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bridge.cli.programs import DRIVEWAY, PATIENCE_S, environment

ROWS, COLUMNS = 40, 100
_PIECES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+|\x1b")
_BEGUN = re.compile(r"\x1b(\[[0-9;?]*)?$")


def _make_controlling() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """`driveway` with these arguments on a terminal of 40 lines of 100 characters."""

    def __init__(self, *arguments: str | Path, **more: str) -> None:
        self._lines = [""] * ROWS
        self._row = self._column = 0
        self.redraws = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._begun = ""
        """The beginning of a word to the terminal whose end has not come: a full line of the system ends anywhere."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        size = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        self._process = subprocess.Popen(
            [*DRIVEWAY, *map(str, arguments)],
            env=environment(**{**size, **more}),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_make_controlling,  # noqa: PLW1509 - no threads here, and Ctrl-C needs it
        )
        os.close(slave)

    def until(self, text: str) -> str:
        """Wait until this stands on the screen, and give all of it."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.screen():
            assert time.monotonic() < end, f"it never showed {text!r}, but:\n{self.screen()}"
            assert self._read(), f"it ended without {text!r}, but:\n{self.screen()}"
        return self.screen()

    def press(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def status(self) -> int:
        """Wait for the end."""
        while self._read():
            pass
        return self._process.wait(timeout=PATIENCE_S)

    def screen(self) -> str:
        """What stands there now, without colours."""
        return "\n".join(line.rstrip() for line in self._lines).rstrip()

    def _read(self) -> bool:
        """Take what comes within a second; False at the end."""
        ready, _, _ = select.select([self._master], [], [], 1.0)
        if not ready:
            return True
        with contextlib.suppress(OSError):  # Linux's word for the other side being closed
            data = os.read(self._master, 65536)
            if data:
                text = self._begun + self._decoder.decode(data)
                begun = _BEGUN.search(text)
                self._begun = "" if begun is None else begun[0]
                self._draw(text.removesuffix(self._begun))
                return True
        return False

    def _draw(self, data: str) -> None:
        """As much of a terminal as is needed: cursor up, clear line, text."""
        for piece in _PIECES.findall(data):
            if piece == "\r":
                self._column = 0
            elif piece == "\n":
                self._row += 1
                if self._row >= ROWS:
                    self._lines = [*self._lines[1:], ""]
                    self._row = ROWS - 1
            elif piece.startswith("\x1b["):
                if piece.endswith("A"):
                    self._row = max(0, self._row - int(piece[2:-1] or 1))
                    self.redraws += 1
                elif piece.endswith("K"):
                    self._lines[self._row] = "" if piece == "\x1b[2K" else self._lines[self._row][: self._column]
            else:
                line = self._lines[self._row].ljust(self._column)
                self._lines[self._row] = line[: self._column] + piece + line[self._column + len(piece) :]
                self._column += len(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=PATIENCE_S)
        os.close(self._master)
