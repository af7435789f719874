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

from driveway_bridge import contract, contract_topics, private_file
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
        private_file.put(file, f"{code}\n".encode("ascii"), replace=True)
    return code


def load_or_create_bridge_id(data: Path) -> str:
    """The bridge's public id, `bridge-` and 8 hex digits, made where there is none."""
    file = data / BRIDGE_ID_FILE
    bridge = _load_or_create(file, lambda: f"bridge-{secrets.token_hex(4)}")
    if not contract_topics.valid_name(bridge):
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
        private_file.put(file, f"{make()}\n".encode("ascii"))
        return _read(file)


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_mode & private_file.OTHERS:
            os.fchmod(opened.fileno(), 0o600)  # a copy or a restored backup may have lost it
        return opened.read(_MAX_BYTES).decode("ascii", "replace").strip()


@contextlib.contextmanager
def _explained(file: Path) -> Iterator[None]:
    """Turn the system's errors into one sentence with a remedy."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        problem = f"{file}: cannot be read or written ({why}); choose another folder with --data, or mend its rights"
        raise ConfigurationError([problem]) from error
