"""Who may sign commands beside Home Assistant: further clients, each with a code of its own and with limits.

They stand in one small file of the data folder. Of a code only what follows from it is kept. The file is private from
its first byte and replaced as a whole. The running bridge looks at it whenever a command arrives (`Register`), so that
what the owner decides is in force at once; a file that cannot be understood lets nobody in.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from driveway_bridge import contract, private_file
from driveway_bridge.contract import Signer
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.permissions import EVERYTHING, Hours, allow

_LOGGER = logging.getLogger(__name__)
FILE: Final = "clients"
HOME: Final = "home"
"""The client that has the bridge's own code, as Home Assistant does: it is in no file and has no limits."""
PAGE: Final = "page"
"""Who gives commands on the bridge's own page; no client."""
PLAIN: Final = "plain"
"""Whoever writes a word to a plain topic: anybody whom the broker lets; no client."""
UNSIGNED: Final = "unsigned"
"""Who could not prove to be anybody."""
RESERVED: Final = frozenset({HOME, PAGE, PLAIN, UNSIGNED, "driveway"})
MOST: Final = 64
"""Clients in one file."""
MOST_PER_MINUTE: Final = 600
MAX_BYTES: Final = 256 * 1024
_VERSION: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One who may sign."""

    name: str
    signer: Signer
    words: tuple[str, ...] = (EVERYTHING,)
    """Commands and groups of them, as the owner wrote them."""
    per_minute: int | None = None
    hours: Hours | None = None
    added_unix_s: float | None = None
    """By the clock of the computer on which it was added."""

    @property
    def id(self) -> str:
        """Its public id."""
        return self.signer.client

    def may(self, command: str) -> bool:
        """Whether a command of ours is one of its own."""
        return allow(self.words, command)


def valid_name(name: str) -> bool:
    """Whether a client may be called so: 1 to 32 letters, digits, `_`, `-`; none of ours."""
    return _NAME.fullmatch(name) is not None and name.lower() not in RESERVED


# The file -------------------------------------------------------------------------------------------------------------


def load(data: Path) -> tuple[Client, ...]:
    """All clients of the file, none where there is no file; ConfigurationError when it cannot be used."""
    file = data / FILE
    try:
        content = _read(file)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError([f"{file}: cannot be read ({error.strerror or type(error).__name__})"]) from error
    return _understood(file, content)


@contextlib.contextmanager
def changing(data: Path) -> Iterator[list[Client]]:
    """Change the clients of the file: what the list holds afterwards is written. One program at a time.

    ConfigurationError when the file cannot be used; whatever is raised in between, the file stays as it was.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        before = load(data)
        clients = list(before)
        yield clients
        if tuple(clients) != before:
            document = {"version": _VERSION, "clients": [_document(client) for client in clients]}
            content = json.dumps(document, indent=1).encode()
            private_file.put(data / FILE, content + b"\n", replace=True)
    finally:
        os.close(folder)


def new(
    name: str, words: Sequence[str], *, per_minute: int | None = None, hours: Hours | None = None
) -> tuple[Client, str]:
    """Make a client, and the code that nobody can show again."""
    code = contract.new_code()
    client = Client(
        name=name,
        signer=Signer.from_code(code),
        words=tuple(words),
        per_minute=per_minute,
        hours=hours,
        added_unix_s=round(time.time()),
    )
    return client, code


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_mode & private_file.OTHERS:
            os.fchmod(opened.fileno(), 0o600)  # a copy or a restored backup may have lost it
        return opened.read(MAX_BYTES + 1)


def _document(client: Client) -> dict[str, Any]:
    return {
        "name": client.name,
        "id": client.id,
        "key": client.signer.key.hex(),
        "commands": list(client.words),
        "per_minute": client.per_minute,
        "hours": None if client.hours is None else str(client.hours),
        "added": client.added_unix_s,
    }


def _understood(file: Path, content: bytes) -> tuple[Client, ...]:
    """Read all of it or nothing: whoever is left out of half a file may be the one who was meant to stay out."""
    clients: tuple[Client, ...] | None
    try:
        document = json.loads(content)
        known = len(content) <= MAX_BYTES and document["version"] == _VERSION
        clients = tuple(_client(told) for told in document["clients"]) if known else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        clients = None
    if clients is None or _are_shared(one.name.lower() for one in clients) or _are_shared(one.id for one in clients):
        problem = f"{file}: this is not a list of clients; put it right, or delete it and add the clients anew"
        raise ConfigurationError([problem])
    return clients


def _are_shared(names: Iterable[str]) -> bool:
    return max(Counter(names).values(), default=0) > 1


def _client(told: dict[str, Any]) -> Client:
    name, words, per_minute, added = told["name"], told["commands"], told["per_minute"], told["added"]
    key = bytes.fromhex(told["key"])
    right = (
        valid_name(name)
        and re.fullmatch("[0-9a-f]{16}", told["id"]) is not None
        and len(key) == 32
        and isinstance(words, list)
        and all(isinstance(word, str) for word in words)
        and (per_minute is None or (type(per_minute) is int and per_minute > 0))
        and (added is None or isinstance(added, int | float))
    )
    if not right:
        raise ValueError("a client is not as it was written")
    return Client(
        name=name,
        signer=Signer(told["id"], key),
        words=tuple(words),
        per_minute=per_minute,
        hours=None if told["hours"] is None else Hours.parse(told["hours"]),
        added_unix_s=added,
    )


# The running bridge's view of it --------------------------------------------------------------------------------------

_Identity = tuple[int, ...] | str | None


class Register:
    """The clients of the file as it is this moment; while it cannot be understood there are none."""

    def __init__(self, data: Path) -> None:
        self.on_change: Callable[[Sequence[str], Sequence[str]], None] = lambda _added, _removed: None
        """Hears the names of clients that have come (or got other limits) and gone, after it was seen."""
        self._data = data
        self._identity: _Identity = "never seen"
        self._clients: Mapping[str, Client] = MappingProxyType({})
        self.broken = False
        """Whether there is a file that cannot be understood."""
        self.look()

    def look(self) -> Mapping[str, Client]:
        """Who may sign now, by id. Costs one look at the file's identity as long as it has not changed."""
        identity = self._identify()
        if identity != self._identity:
            before = self._clients
            # The identity is older than what is read: a change in between is seen at the next look.
            self._identity, self._clients = identity, self._load()
            self._tell(before, self._clients)
        return self._clients

    def report(self) -> dict[str, Any]:
        """For the health document."""
        return {"readable": not self.broken, "count": len(self._clients)}

    def _identify(self) -> _Identity:
        try:
            facts = (self._data / FILE).stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{type(error).__name__} {error.errno}"
        # A file that is put in place of another is a new one, and the change time cannot be set back.
        return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns

    def _load(self) -> Mapping[str, Client]:
        was_broken, self.broken = self.broken, False
        try:
            clients = load(self._data)
        except ConfigurationError as error:
            self.broken = True
            _LOGGER.error("No client but Home Assistant may give commands now: %s", error)  # noqa: TRY400 - a sentence
            return MappingProxyType({})
        if was_broken:
            _LOGGER.info("The list of clients can be read again")
        return MappingProxyType({client.id: client for client in clients})

    def _tell(self, before: Mapping[str, Client], now: Mapping[str, Client]) -> None:
        added = [client.name for one, client in now.items() if before.get(one) != client]
        removed = [client.name for one, client in before.items() if one not in now]
        self.on_change(added, removed)
