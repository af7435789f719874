"""One bridge for one data folder: two would use the same counters, and the car would take one of them for a thief."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from driveway_bridge.errors import ConfigurationError

LOCK_FILE: Final = "bridge.lock"
"""Stays when the bridge ends: what counts is the lock on it, which ends with the process, however that ends."""


@contextlib.contextmanager
def hold(data: Path) -> Iterator[None]:
    """Be the only bridge on this folder, which is made if need be; ConfigurationError when another one is.

    One-shot commands do not ask for the lock: what they share with a running bridge can be shared.
    """
    file = data / LOCK_FILE
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(file, error) from error
    try:
        _lock(handle, data, file)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)  # for people; nothing is decided by it
        yield
    finally:
        os.close(handle)


def _lock(handle: int, data: Path, file: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        process = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
        who = f" (process {process})" if process.isdecimal() else ""
        problem = f"{data}: another bridge{who} works on this folder; stop it, or give this one its own with --data"
        raise ConfigurationError([problem]) from error
    except OSError as error:
        raise _unusable(file, error) from error


def _unusable(file: Path, error: OSError) -> ConfigurationError:
    why = error.strerror or type(error).__name__
    return ConfigurationError(
        [f"{file}: cannot be made or locked ({why}); choose a folder on a disk of this computer with --data"]
    )
