"""How large this process is, from /proc; None where the system does not tell."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path

_SELF = Path("/proc/self")


def read(proc: Path = _SELF) -> dict[str, float | None]:
    """Memory in MB (resident), threads, open files and how many there may be, and tasks of the running loop."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return {
        "memory_mb": _memory_mb(proc),
        "threads": _threads(proc),
        "files": _files(proc),
        "files_allowed": None if allowed == resource.RLIM_INFINITY else allowed,
        "tasks": len(asyncio.all_tasks()),
    }


def _memory_mb(proc: Path) -> float | None:
    try:
        pages = int((proc / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * resource.getpagesize() / 1e6, 1)


def _threads(proc: Path) -> int | None:
    try:
        return sum(1 for _ in (proc / "task").iterdir())
    except OSError:
        return None


def _files(proc: Path) -> int | None:
    try:
        return len(os.listdir(proc / "fd")) - 1  # noqa: PTH208 - names only; the one more is this reading's own
    except OSError:
        return None
