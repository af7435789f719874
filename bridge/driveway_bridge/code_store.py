"""The bridge's code and its public id, each in a small file of the data folder.

The code is what Home Assistant is given once, and signs its commands with. Whoever holds it may unlock the car: the
file is readable by one user only from its first byte, and it is there whole or not at all, also after a power cut.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from driveway_bridge import contract
from driveway_bridge.errors import ConfigurationError

CODE_FILE: Final = "code"
BRIDGE_ID_FILE: Final = "bridge_id"
_MAX_BYTES: Final = 256


def load_or_create_code(data: Path) -> str:
    """The bridge's code, made where there is none; ConfigurationError when the file cannot be used."""
    return _formatted_code(_load_or_create(data / CODE_FILE, contract.new_code), data / CODE_FILE)


def replace_code(data: Path) -> str:
    """Make a new code in place of the old one, which signs nothing from then on (after a restart of the bridge)."""
    code = contract.new_code()
    file = data / CODE_FILE
    with _explained(file):
        temporary = _written_aside(file, code)
        os.replace(temporary, file)  # noqa: PTH105 - beside os.link below, which pathlib names the other way round
        _sync_folder(data)
    return code


def load_or_create_bridge_id(data: Path) -> str:
    """The bridge's public id, `bridge-` and 8 hex digits, made where there is none."""
    file = data / BRIDGE_ID_FILE
    bridge = _load_or_create(file, lambda: f"bridge-{secrets.token_hex(4)}")
    if not contract.valid_name(bridge):
        raise ConfigurationError([f"{file}: this is not the id of a bridge; delete the file, a new one will be made"])
    return bridge


def _formatted_code(text: str, file: Path) -> str:
    try:
        plain = contract.plain_code(text)
    except ValueError as error:
        problem = f"{file}: this is not a code; make a new one with `driveway code --new` and give it to every client"
        raise ConfigurationError([problem]) from error
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def _load_or_create(file: Path, make: Callable[[], str]) -> str:
    with _explained(file):
        with contextlib.suppress(FileNotFoundError):
            return _read(file)
        temporary = _written_aside(file, make())
        try:
            os.link(temporary, file)  # unlike a rename it never replaces what another process has just made
        except FileExistsError:
            return _read(file)
        finally:
            temporary.unlink()
        _sync_folder(file.parent)
        return _read(file)


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_mode & 0o077:
            os.fchmod(opened.fileno(), 0o600)  # a copy or a restored backup may have lost it
        return opened.read(_MAX_BYTES).decode("ascii", "replace").strip()


def _written_aside(file: Path, text: str) -> Path:
    """Write to a new file beside it, on the disk when this returns."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(f"{text}\n")
        opened.flush()
        os.fsync(descriptor)
    return temporary


def _sync_folder(folder: Path) -> None:
    """Make a new or replaced name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Turn the system's errors into one sentence with a remedy."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        problem = f"{file}: cannot be read or written ({why}); choose another folder with --data, or mend its rights"
        raise ConfigurationError([problem]) from error
