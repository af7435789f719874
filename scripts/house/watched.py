"""A value that changes, and those who wait for it to become something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watched[T]:
    """Every value it takes is shown to every waiter, so none is missed, however short it lasts."""

    def __init__(self, value: T) -> None:
        """Begin with this value."""
        self.value = value
        self._waiters: list[tuple[Callable[[T], bool], asyncio.Future[T]]] = []

    def update(self, value: T) -> None:
        """Take a new value."""
        self.value = value
        for wanted, waiter in tuple(self._waiters):
            if not waiter.done() and wanted(value):
                waiter.set_result(value)

    async def until(self, wanted: Callable[[T], bool], *, timeout_s: float) -> T:
        """Wait until it is as wanted (it may be so already); TimeoutError."""
        if wanted(self.value):
            return self.value
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = (wanted, waiter)
        self._waiters.append(entry)
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter
        finally:
            self._waiters.remove(entry)
