"""The bridge's private key on disk: `key.pem` in the data folder, readable by its owner only, never overwritten.

Who has this file can open the car; who loses it has to pair anew.
"""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from driveway_bridge.errors import ConfigurationError
from driveway_bridge.protocol.keys import PrivateKey

_LOG = logging.getLogger(__name__)
FILE = "key.pem"
_OTHERS = 0o077


def load(data: Path) -> PrivateKey | None:
    """Read the key; None when there is none yet. ConfigurationError when the file cannot be used."""
    path = data / FILE
    try:
        pem = path.read_bytes()
        _make_private(path)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise ConfigurationError([f"{path}: may not be read. Give it to the user who runs this program"]) from error
    except OSError as error:
        problem = f"{path}: the key cannot be read: {error.strerror}. Choose another folder with --data"
        raise ConfigurationError([problem]) from error
    try:
        return PrivateKey.from_pem(pem)
    except ValueError as error:
        raise ConfigurationError(
            [f"{path}: this is no usable key ({error}). Restore it from a backup, or move it away and pair again"]
        ) from error


def load_or_create(data: Path) -> PrivateKey:
    """Read the key, or make one where there is none; of several programs that do so at once, all get the same one."""
    key = load(data)
    if key is not None:
        return key
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(data, PrivateKey.generate().to_pem())
    except OSError as error:
        raise ConfigurationError(
            [f"{data}: no key can be written here: {error.strerror}. Choose another folder with --data"]
        ) from error
    key = load(data)
    if key is None:
        raise ConfigurationError([f"{data / FILE}: the key vanished while it was being made. Try again"])
    return key


def _write(data: Path, pem: bytes) -> None:
    """Put the file there whole or not at all, private from its first byte; an existing one stays."""
    draft = data / f".{FILE}.{secrets.token_hex(8)}"
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            (data / FILE).hardlink_to(draft)
        except FileExistsError:
            return
        _sync_folder(data)
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_private(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        path.chmod(0o600)
        _LOG.warning("%s could be read by other users of this machine; that has been changed", path)
