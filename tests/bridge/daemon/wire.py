"""A piece of cable between two programs: TCP that can be held up, cut and looked at, in each direction."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from enum import Enum
from typing import Self


class Way(Enum):
    """To the server that was called, or back to who called it."""

    THERE = "there"
    BACK = "back"


Watch = Callable[[Way, bytes, int], None]
"""Hears of bytes as they pass: which way, what, and when, in nanoseconds on the machine's monotonic clock."""


class Wire:
    """Listens on a port of its own and passes everything on to another one on this computer."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.port = 0
        self.watch: Watch = lambda _way, _data, _at: None
        self.lets_in: Callable[[bytes], bool] = lambda _first: True
        """Looks at the first bytes of a connection; who is not let in is hung up on."""
        self._open = {way: asyncio.Event() for way in Way}
        self._waiting = {way: asyncio.Event() for way in Way}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.calls = 0
        """Connections so far."""
        for way in Way:
            self._open[way].set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self.cut()

    def hold(self, way: Way) -> None:
        """From now on let nothing pass this way."""
        self._open[way].clear()
        self._waiting[way].clear()

    def let(self, way: Way) -> None:
        """Let pass what was held up, and what follows."""
        self._open[way].set()

    async def held(self, way: Way) -> None:
        """Wait until something wants to pass that is held up."""
        await self._waiting[way].wait()

    async def cut(self) -> None:
        """End all connections; what was held up is lost."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.calls += 1
        try:
            first = await reader.read(65536)
            if first and self.lets_in(first):
                other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._to)
                for end in (writer, other_writer):
                    end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._pass(Way.THERE, first, reader, other_writer))
                    tasks.create_task(self._pass(Way.BACK, b"", other_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass  # one end is gone, or the wire was cut
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _pass(self, way: Way, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = first or await reader.read(65536)
        try:
            while data:
                at = time.monotonic_ns()
                if not self._open[way].is_set():
                    self._waiting[way].set()
                    await self._open[way].wait()
                self.watch(way, data, at)
                writer.write(data)
                data = await reader.read(65536)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
