"""A road that a test can watch and cut: what is sent to its port goes on to another one, and back."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self


class Road:
    """A relay on 127.0.0.1; `travelled` has the moments, on the monotonic clock, at which something went out on it."""

    def __init__(self, destination: int) -> None:
        self.port = 0
        self.travelled: list[float] = []
        self.open = asyncio.Event()
        self.open.set()
        self._destination = destination
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def block(self) -> None:
        """From now on nothing gets through, and nobody is told."""
        self.open.clear()

    def times(self, since: float) -> list[float]:
        """When something went out since then."""
        return [at for at in self.travelled if at >= since]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there, back = await asyncio.open_connection("127.0.0.1", self._destination)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._carry(reader, back, out=True))
                tasks.create_task(self._carry(there, writer, out=False))
        except* ConnectionError:
            pass  # the same as an end, here
        finally:
            for end in (writer, back):
                end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, out: bool) -> None:
        while data := await reader.read(65536):
            await self.open.wait()
            if out:
                self.travelled.append(time.monotonic())
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # one end is the end of both


def moments(times: list[float], apart_s: float = 0.3) -> int:
    """How many visits there were: what lies closer together is one."""
    return sum(after - before > apart_s for before, after in zip([float("-inf"), *times], times, strict=False))
