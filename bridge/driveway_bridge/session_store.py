"""Remembered sessions: with them a command needs no handshake, and no counter is ever used twice.

Counters are reserved in blocks that are on disk before the first of them is used, so after a power cut some are skipped
and none is repeated. Two programs that share the folder get different blocks. Nothing in here is secret, and nothing is
lost that the car would not tell again: a damaged file is moved aside.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from driveway_bridge.errors import ConfigurationError
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.session import MAX_COUNTER, SavedSession
from driveway_bridge.vin import car_id

_LOG = logging.getLogger(__name__)
FILE = "sessions.db"
BLOCK = 16
"""Counters that are reserved at once: one write to disk for so many commands."""
_EPOCHS_KEPT = 4
_BUSY_S = 2.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    car TEXT NOT NULL,
    domain INTEGER NOT NULL,
    epoch BLOB NOT NULL,
    public_key BLOB NOT NULL,
    reserved INTEGER NOT NULL,
    clock_time INTEGER NOT NULL,
    heard_at REAL,
    boot TEXT,
    age INTEGER NOT NULL,
    PRIMARY KEY (car, domain, epoch, public_key)
) STRICT
"""


class Sessions(Protocol):
    """What the vehicle needs of a store. `blocking`: its methods wait for a disk and belong into a thread."""

    blocking: bool

    def load(self, vin: str, domain: Domain) -> SavedSession | None:
        """What is remembered, with no counter granted."""
        ...

    def reserve(self, vin: str, domain: Domain, session: SavedSession) -> SavedSession:
        """Remember the session and give it a block of counters that nobody else gets."""
        ...

    def release(self, vin: str, domain: Domain, session: SavedSession) -> None:
        """Remember the session and give back the counters that it did not use."""
        ...


class ForgetfulStore:
    """Remembers as long as it lives."""

    blocking = False

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, Domain], SavedSession] = {}

    def load(self, vin: str, domain: Domain) -> SavedSession | None:
        """What is remembered."""
        return self._sessions.get((vin, domain))

    def reserve(self, vin: str, domain: Domain, session: SavedSession) -> SavedSession:
        """Give the next block."""
        session = replace(session, granted=min(session.counter + BLOCK, MAX_COUNTER))
        self._sessions[vin, domain] = replace(session, counter=session.granted)
        return session

    def release(self, vin: str, domain: Domain, session: SavedSession) -> None:
        """Remember the session as it is."""
        self._sessions[vin, domain] = replace(session, granted=session.counter)

    def close(self) -> None:
        """Hold nothing."""


class SessionStore:
    """Remembers in `sessions.db` of a data folder; every method may wait for the disk. Safe to use from any thread."""

    blocking = True

    def __init__(self, data: Path, *, boot: str | None = None) -> None:
        """Open or make the file; ConfigurationError when that cannot be. `boot` names this start of the machine."""
        self._path = data / FILE
        self._boot = boot if boot is not None else _read_boot()
        self._lock = threading.Lock()
        self._spare = ForgetfulStore()
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._database = self._open()
            except sqlite3.DatabaseError as error:
                if not _damaged(error):
                    raise
                self._move_aside(error)
                self._database = self._open()
        except (OSError, sqlite3.DatabaseError) as error:
            problem = f"{self._path}: sessions cannot be kept here: {error}. Choose another folder with --data"
            raise ConfigurationError([problem]) from error

    def load(self, vin: str, domain: Domain) -> SavedSession | None:
        """The newest session with this domain; its clock only if it was heard since this machine started."""
        try:
            with self._lock:
                row = self._database.execute(
                    "SELECT public_key, epoch, reserved, clock_time, heard_at, boot FROM sessions"
                    " WHERE car = ? AND domain = ? ORDER BY age DESC LIMIT 1",
                    (car_id(vin), int(domain)),
                ).fetchone()
        except sqlite3.DatabaseError as error:
            self._complain(error)
            return None
        if row is None:
            return None
        public_key, epoch, reserved, clock_time, heard_at, boot = row
        return SavedSession(
            public_key=public_key,
            epoch=epoch,
            counter=reserved,
            granted=reserved,
            clock_time=clock_time,
            heard_at=heard_at if boot is not None and boot == self._boot else None,
        )

    def reserve(self, vin: str, domain: Domain, session: SavedSession) -> SavedSession:
        """Give the next block after the session's counter that nobody has; on disk when this returns.

        A disk that takes no writes does not keep the car shut: the block then comes from memory, and after a restart
        the car corrects us.
        """
        try:
            with self._transaction() as database:
                start = max(session.counter, self._reserved(database, vin, domain, session))
                granted = min(start + BLOCK, MAX_COUNTER)
                self._put(database, vin, domain, session, granted)
        except sqlite3.DatabaseError as error:
            self._complain(error)
            return self._spare.reserve(vin, domain, session)
        return replace(session, counter=start, granted=granted)

    def release(self, vin: str, domain: Domain, session: SavedSession) -> None:
        """Remember clock and key, and give back the counters above `session.counter` if nobody reserved since."""
        try:
            with self._transaction() as database:
                reserved = self._reserved(database, vin, domain, session)
                mine = reserved in (0, session.granted)
                self._put(database, vin, domain, session, session.counter if mine else max(reserved, session.counter))
        except sqlite3.DatabaseError as error:
            self._complain(error)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Take the write lock before reading, so that no other program reserves in between."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    @staticmethod
    def _reserved(database: sqlite3.Connection, vin: str, domain: Domain, session: SavedSession) -> int:
        row = database.execute(
            "SELECT reserved FROM sessions WHERE car = ? AND domain = ? AND epoch = ? AND public_key = ?",
            (car_id(vin), domain, session.epoch, session.public_key),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _put(
        self, database: sqlite3.Connection, vin: str, domain: Domain, session: SavedSession, reserved: int
    ) -> None:
        """Write a session as the newest one; older epochs are kept a little, another program may still use one."""
        boot = None if session.heard_at is None else self._boot
        where = (car_id(vin), int(domain))
        database.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?,"
            " (SELECT coalesce(max(age), 0) + 1 FROM sessions))",
            (*where, session.epoch, session.public_key, reserved, session.clock_time, session.heard_at, boot),
        )
        database.execute(
            "DELETE FROM sessions WHERE car = ? AND domain = ? AND age NOT IN"
            " (SELECT age FROM sessions WHERE car = ? AND domain = ? ORDER BY age DESC LIMIT ?)",
            (*where, *where, _EPOCHS_KEPT),
        )

    def _open(self) -> sqlite3.Connection:
        # Private from its first byte; sqlite gives its side files the same mode.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            _check(database)
            database.execute(_SCHEMA)
            database.execute(
                "SELECT car, domain, epoch, public_key, reserved, clock_time, heard_at, boot, age FROM sessions LIMIT 1"
            )
        except BaseException:
            database.close()
            raise
        return database

    def _complain(self, error: sqlite3.DatabaseError) -> None:
        """A file that fails us does not keep the car shut; a store that was closed is our own mistake."""
        if isinstance(error, sqlite3.ProgrammingError):
            raise error
        _LOG.error("%s fails (%s): sessions are not remembered. Is the disk full or broken?", self._path, error)

    def _move_aside(self, error: sqlite3.DatabaseError) -> None:
        aside = self._path.with_name(f"{FILE}.damaged")
        _LOG.error(
            "%s cannot be used (%s); it is moved to %s and sessions begin anew. The key is not affected",
            self._path,
            error,
            aside.name,
        )
        self._path.replace(aside)
        for side_file in ("-wal", "-shm"):
            self._path.with_name(FILE + side_file).unlink(missing_ok=True)


def _check(database: sqlite3.Connection) -> None:
    if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("it is damaged")


def _damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether the file itself is at fault, and not the folder, the disk or somebody who holds it."""
    return not isinstance(error, sqlite3.OperationalError) or error.sqlite_errorcode == sqlite3.SQLITE_ERROR


def _read_boot() -> str | None:
    """The id of this start of the machine, where the system has one: monotonic times mean something only within it."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None
