"""A hard deadline for calls that may not heed a cancellation.

bleak answers a cancelled connect by asking BlueZ to disconnect, and waits for that without limit: on a bus that has
fallen silent it would never come back. Such a call is left to itself, and whoever asked goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

_T = TypeVar("_T")
_LOGGER = logging.getLogger(__name__)

GRACE_S: Final = 3.0
"""For giving up in order; BlueZ takes 2 s for a disconnect."""

_stuck: set[asyncio.Task[Any]] = set()


async def within(seconds: float, job: Coroutine[Any, Any, _T], *, late_s: float = 0.0, grace_s: float = GRACE_S) -> _T:
    """Do the job; TimeoutError after `seconds`, and at most `late_s` and `grace_s` later whatever the job does.

    Out of time, or not waited for any more, it may go on for `late_s` before it is cancelled.
    """
    task = asyncio.ensure_future(job)
    try:
        await asyncio.wait({task}, timeout=max(seconds, 0.0))
    finally:
        try:
            if late_s and not task.done():
                await asyncio.wait({task}, timeout=late_s)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=grace_s)
            if not task.done():
                _stuck.add(task)
                task.add_done_callback(_forget)
    if not task.done() or task.cancelled():
        raise TimeoutError(f"not done within {seconds:.1f} s" if seconds > 0 else "there was no time left")
    return task.result()


def stuck() -> int:
    """How many calls have been left to themselves and have not ended."""
    return len(_stuck)


def _forget(task: asyncio.Task[Any]) -> None:
    _stuck.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOGGER.debug("A call that had been given up ended with %r", error)
