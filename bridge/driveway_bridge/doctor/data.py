"""The folder in which the bridge keeps its key and its memory, and the key itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from driveway_bridge import key_store, private_file
from driveway_bridge.doctor.case import Case
from driveway_bridge.doctor.finding import Finding, broken, ok, skipped, warning
from driveway_bridge.errors import ConfigurationError

LEAST_BYTES: Final = 1_000_000
"""With less the memory of sessions and values cannot be written any more."""
FEW_BYTES: Final = 50_000_000
_NO_FOLDER: Final = "Start the bridge once, or `driveway pair`: both make it. Is --data the bridge's own folder?"


async def examine_folder(case: Case, _tell: Callable[[str], None]) -> Finding:
    """There, ours, writable, with room left. Nothing stays behind in it."""
    return await asyncio.to_thread(folder, case.data)


def folder(data: Path) -> Finding:
    """Look at a data folder."""
    try:
        facts = data.stat()
    except FileNotFoundError:
        return broken(f"{data} does not exist", _NO_FOLDER)
    except OSError as error:
        return broken(f"{data} cannot be read: {error.strerror}", _whose(data))
    if not stat.S_ISDIR(facts.st_mode):
        return broken(f"{data} is not a folder", "Choose another one with --data.")
    try:
        with tempfile.TemporaryFile(dir=data) as file:  # has no name, or loses it at once
            file.write(b"written by driveway doctor")
            os.fsync(file.fileno())
        free = shutil.disk_usage(data).free
    except OSError as error:
        return broken(f"nothing can be written into {data}: {error.strerror}", _whose(data))
    return _private(data, facts) or _room(data, free)


def _private(data: Path, facts: os.stat_result) -> Finding | None:
    """Whether it belongs to who runs this, and others keep out."""
    if facts.st_uid != os.geteuid():
        return warning(
            f"{data} belongs to another user",
            "Run this as the user that runs the bridge, as `sudo -u driveway driveway doctor ...`; files that others "
            "make there may be closed to it.",
        )
    if facts.st_mode & 0o022:
        return warning(f"other users of this computer may write into {data}", f"Close it to them: `chmod go-w {data}`.")
    return None


def _room(data: Path, free: int) -> Finding:
    """Whether the disk has some, `free` in bytes."""
    if free < LEAST_BYTES:
        return broken(f"the disk of {data} is full", "Make room on it: the bridge cannot remember anything any more.")
    if free < FEW_BYTES:
        return warning(f"only {free // 1_000_000} MB are left on the disk of {data}", "Make room on it soon.")
    return ok(f"{data}: there, writable, {_size(free)} free")


async def examine_key(case: Case, _tell: Callable[[str], None]) -> Finding:
    """There, and usable. None is made."""
    if not await asyncio.to_thread(case.data.is_dir):
        return skipped("data")
    file = case.data / key_store.FILE
    try:
        open_to_others = bool((await asyncio.to_thread(file.stat)).st_mode & private_file.OTHERS)
        case.key = await asyncio.to_thread(key_store.load, case.data)
    except OSError:
        case.key = None
    except ConfigurationError as error:
        what, _, remedy = error.problems[0].removeprefix(f"{file}: ").partition(". ")
        return broken(what, f"{remedy}.", reason=error.reason)
    if case.key is None:
        return broken(
            "there is no key in the data folder yet",
            "`driveway pair` makes one and shows it to the car. Is --data the folder that the bridge uses?",
        )
    if open_to_others:
        return warning(
            "other users of this computer could read the key; that has been changed just now",
            "If you do not trust them all: delete the key in the car, make a new one and pair again.",
        )
    return ok("there, and readable for its owner only")


def _whose(data: Path) -> str:
    return (
        "Run this as the user that runs the bridge (`sudo -u driveway driveway doctor ...`), or give that user the "
        f"folder: `chown -R driveway {data}`."
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count // 1_000_000} MB"
