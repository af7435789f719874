"""Child processes: started in process groups of their own, watched by what they print, and always ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

_LINE_LIMIT = 1 << 20  # a line of a log can be long: nothing here is worth failing for it
_TAIL_LINES = 15
_held: list[socket.socket] = []


class HouseError(Exception):
    """Something in the house did not do what it should; the text is for the person in front of it."""


def free_port(wanted: int = 0) -> int:
    """Give a port of 127.0.0.1 that nobody listens on: the wanted one, if it is free.

    On Linux nobody else is given it either until this process ends: a server may take it later, and again.
    """
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", wanted))
    except OSError:
        probe.bind(("127.0.0.1", 0))
    port: int = probe.getsockname()[1]
    if sys.platform == "linux":
        # It does not listen, and so leaves room for a server with SO_REUSEADDR, which all here have.
        _held.append(probe)
    else:
        probe.close()
    return port


def surroundings() -> dict[str, str]:
    """The environment for a child: this one without what was meant for this Python alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


class Process:
    """One child process; what it prints goes to its log file and, line by line, to whoever listens."""

    def __init__(self, name: str, log: Path, process: asyncio.subprocess.Process) -> None:
        """Take over a process that was just started; `start` is the way to one."""
        self.name = name
        self.log = log
        self._process = process
        self._recent: deque[str] = deque(maxlen=2000)
        self._listeners: list[Callable[[str], None]] = []
        self._reader = asyncio.create_task(self._read(), name=f"output of {name}")

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str | Path], *, logs: Path, environment: Mapping[str, str] | None = None
    ) -> Self:
        """Start it; its output is appended to NAME.log. On Linux it ends with this process, however that ends."""
        words = [str(word) for word in command]
        if setpriv := shutil.which("setpriv"):
            words = [setpriv, "--pdeathsig", "TERM", "--", *words]
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**surroundings(), "PYTHONUNBUFFERED": "1", **(environment or {})},
            cwd=logs,  # Python's -m puts the working folder first in its path
            process_group=0,
            limit=_LINE_LIMIT,
        )
        return cls(name, logs / f"{name}.log", process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call the listener with every line, the ones printed so far first."""
        for line in self._recent:
            listener(line)
        self._listeners.append(listener)

    async def type(self, line: str) -> None:
        """Write a line to its standard input."""
        if (stdin := self._process.stdin) is None or not self.running:
            raise HouseError(self.told("is not running"))
        stdin.write(f"{line}\n".encode())
        await stdin.drain()

    async def printed(self, text: str, *, timeout_s: float) -> None:
        """Wait for a line that holds the text."""
        seen = asyncio.Event()

        def look(line: str) -> None:
            if text in line:
                seen.set()

        self.listen(look)
        try:
            await self.brings(seen.wait(), f"did not print {text!r}", timeout_s=timeout_s)
        finally:
            self._listeners.remove(look)

    async def brings[T](self, event: Awaitable[T], otherwise: str, *, timeout_s: float) -> T:
        """Wait for what this process is to bring about; HouseError with the end of its log when it does not."""
        waiting = asyncio.ensure_future(event)
        ended = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait((waiting, ended), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            if ended.done():
                await self._reader
                raise HouseError(self.told(f"ended with status {ended.result()}"))
            raise HouseError(self.told(f"{otherwise} within {timeout_s:.0f} s"))
        finally:
            waiting.cancel()
            ended.cancel()

    async def ended(self) -> int:
        """Wait until it has ended; its exit status."""
        return await self._process.wait()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to its whole group, such as SIGSTOP."""
        os.killpg(self.pid, number)

    async def stop(self, *, grace_s: float = 10.0, by: signal.Signals = signal.SIGTERM) -> float:
        """End its whole group, by force after `grace_s`; gives the milliseconds it took."""
        began = time.monotonic()
        for number, patience in ((by, grace_s), (signal.SIGKILL, None)):
            if self.running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, number)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), patience)
        await self._reader
        return (time.monotonic() - began) * 1000

    async def _read(self) -> None:
        if (stdout := self._process.stdout) is None:
            raise RuntimeError("started without a pipe")
        with self.log.open("ab", buffering=0) as log:
            async for line in stdout:
                log.write(line)
                text = line.decode(errors="replace").rstrip("\n")
                self._recent.append(text)
                for listener in tuple(self._listeners):
                    listener(text)

    def told(self, what: str) -> str:
        """A sentence about this process, with the end of its log."""
        tail = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if self.log.exists() else []
        return "\n".join([f"{self.name} {what}. The end of {self.log}:", *(f"    {line}" for line in tail)])
