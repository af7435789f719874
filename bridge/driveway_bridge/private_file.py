"""Small secrets on disk: private from the first byte, and whole or not there at all, also after a power cut."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

OTHERS = 0o077
"""Mode bits by which others than the owner reach a file."""


def put(path: Path, content: bytes, *, replace: bool = False) -> None:
    """Put a file into its folder, which is made if need be; one that is there stays unless `replace`. OSError as it is.

    Of several programs that do so at once, the first one's file is the one that is there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            give(handle, path.parent)
            file.write(content)
            file.flush()
            os.fsync(handle)
        if replace:
            draft.replace(path)
        else:
            try:
                path.hardlink_to(draft)  # unlike a rename it never replaces what another program has just made
            except FileExistsError:
                return
        sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def give(handle: int, folder: Path) -> None:
    """Let a new file belong to whom its folder belongs, where root makes it: that user has to be able to open it."""
    if os.geteuid() == 0:
        facts = folder.stat()
        os.fchown(handle, facts.st_uid, facts.st_gid)


def sync(folder: Path) -> None:
    """Make the new name itself outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
