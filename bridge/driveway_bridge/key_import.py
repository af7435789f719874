"""Makes the key of another program this bridge's own, and forgets what belonged to the one before."""

from __future__ import annotations

import contextlib
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from driveway_bridge import data_lock, key_store, memory, session_store
from driveway_bridge.database import DatabaseError
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.memory import Batch, Memory
from driveway_bridge.memory_keeper import IDENTITY
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import SessionStore


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of it."""

    changed: bool
    """False: this was the key already."""
    kept: Path | None = None
    """Where the key is that was there before."""


def take_over(data: Path, key: PrivateKey, *, replace_other: bool = False) -> Taken:
    """Make this the bridge's key. ConfigurationError: a bridge runs on the folder, or another key is there and stays.

    Sessions, role and slot are forgotten before the key is replaced, and the old key has its new name before: a power
    cut in between loses nothing, as the bridge asks the car for what it has forgotten.
    """
    with _no_bridge(data):
        if _is_ours(data, key):
            return Taken(changed=False)
        if replace_other or not (data / key_store.FILE).exists():
            try:
                _forget_what_belongs_to_the_key(data)
            except DatabaseError as error:
                problem = f"{data}: sessions and role of the key before cannot be forgotten: {error}; the key stays"
                raise ConfigurationError([problem]) from error
        return Taken(changed=True, kept=key_store.put(data, key, replace=replace_other))


def _no_bridge(data: Path) -> AbstractContextManager[None]:
    """Keep bridges off the folder. Where none has ever run nothing is made, which another user could not open later."""
    return data_lock.hold(data) if (data / data_lock.LOCK_FILE).exists() else contextlib.nullcontext()


def _is_ours(data: Path, key: PrivateKey) -> bool:
    try:
        return PrivateKey.from_pem((data / key_store.FILE).read_bytes()).public == key.public
    except (FileNotFoundError, ValueError):  # one that cannot be read is another one
        return False


def _forget_what_belongs_to_the_key(data: Path) -> None:
    if (data / session_store.FILE).exists():
        with contextlib.closing(SessionStore(data)) as sessions:
            sessions.forget()
    if (data / memory.FILE).exists():
        with contextlib.closing(Memory(data)) as kept:
            notes = {
                where: replace(note, document=json.dumps(json.loads(note.document) | {"role": None, "slot": None}))
                for where, note in kept.recall().notes.items()
                if where[1] == IDENTITY
            }
            if not kept.keep(Batch(notes=notes)):  # it has said why
                raise DatabaseError(f"{memory.FILE} cannot be written")
