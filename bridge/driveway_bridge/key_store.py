"""The bridge's private key on disk: `key.pem` in the data folder, readable by its owner only, never lost.

Who has this file can open the car; who loses it has to pair anew.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from driveway_bridge import private_file
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.protocol.keys import PrivateKey

_LOG = logging.getLogger(__name__)
FILE = "key.pem"


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
        private_file.put(data / FILE, PrivateKey.generate().to_pem())
    except OSError as error:
        raise ConfigurationError(
            [f"{data}: no key can be written here: {error.strerror}. Choose another folder with --data"]
        ) from error
    key = load(data)
    if key is None:
        raise ConfigurationError([f"{data / FILE}: the key vanished while it was being made. Try again"])
    return key


def put(data: Path, key: PrivateKey, *, replace: bool = False) -> Path | None:
    """Make this the key. Another one that is there is put aside with `replace`: where; else ConfigurationError.

    OSError as it is.
    """
    path = data / FILE
    before = path.read_bytes() if path.exists() else None
    aside = None if before is None else data / f"key-{_name_of(before)}.pem"
    if aside is not None and before is not None:
        if not replace:
            raise ConfigurationError(
                [f"{path}: there is another key already ({_name_of(before)}). With --replace it is put aside"]
            )
        private_file.put(aside, before)
    private_file.put(path, key.to_pem(), replace=replace)
    if path.read_bytes() != key.to_pem():
        raise ConfigurationError([f"{path}: another program has just made a key here. Try again"])
    return aside


def _name_of(content: bytes) -> str:
    """The id of a key file's key; of one that cannot be read, a name for its content."""
    try:
        return PrivateKey.from_pem(content).id.hex()
    except ValueError:
        return f"unreadable-{hashlib.sha256(content).hexdigest()[:8]}"


def _make_private(path: Path) -> None:
    if path.stat().st_mode & private_file.OTHERS:
        path.chmod(0o600)
        _LOG.warning("%s could be read by other users of this machine; that has been changed", path)
