"""A small sqlite file in the data folder: private, whole after a power cut at any instant, and never in anybody's way.

A damaged file is moved aside. A disk that is full or takes no writes, or a file of a newer version, is said once; then
everything goes on in memory as long as the program runs. This is the only door to sqlite3.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from driveway_bridge import private_file
from driveway_bridge.errors import ConfigurationError

__all__ = ["Connection", "Database", "DatabaseError", "Layout"]

_LOG = logging.getLogger(__name__)
Connection = sqlite3.Connection
DatabaseError = sqlite3.DatabaseError
_BUSY_S: Final = 2.0
_AGAIN_S: Final = 0.02
_NO_WRITES: Final = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})
_NO_WRITES_SQLITE: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_PRIMARY: Final = 0xFF
"""The part of an error code that says what failed; the rest says at what."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The tables of a file."""

    steps: tuple[str, ...]
    """Statements, with semicolons between, that make each version of them from the one before. Steps are only added."""
    probe: tuple[str, ...]
    """Questions that fail on tables that are not ours."""
    pragmas: tuple[str, ...] = ()


class _Newer(Exception):
    """The file has a later version than this program knows."""


class Database:
    """One file, one connection; safe to use from any thread. All methods but `close` may raise DatabaseError."""

    def __init__(self, path: Path, layout: Layout, *, what: str) -> None:
        """Open or make the file. `what` it holds, in the plural, for people; ConfigurationError for an unfit folder."""
        self._path = path
        self._layout = layout
        self._what = what
        self._lock = threading.Lock()
        self._failing = False
        self._connection = self._open()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing. Takes the write lock before reading, so that no other program writes in between."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            if self._failing:
                self._failing = False
                _LOG.info("%s works again: %s are remembered", self._path, self._what)

    def rows(self, question: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Ask for rows."""
        with self._lock:
            return self._connection.execute(question, parameters).fetchall()

    def scrub(self) -> None:
        """Leave no trace of what was deleted in the side file either."""
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def complain(self, error: DatabaseError) -> None:
        """Say once that the file fails, until it works again; one that we closed is our own mistake and is raised."""
        if isinstance(error, sqlite3.ProgrammingError):
            raise error
        if not self._failing:
            _LOG.error(
                "%s fails (%s): %s are not remembered. Is the disk full or broken?", self._path, error, self._what
            )
        self._failing = True

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        with self._lock:
            self._connection.close()

    # Opening ----------------------------------------------------------------------------------------------------------

    def _open(self) -> Connection:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                return self._connect_patiently()
            except DatabaseError as error:
                if not _damaged(error):
                    raise
                return self._begin_anew()
        except _Newer:
            _LOG.error(
                "%s was written by a newer version of Driveway. It is left as it is, and until that version is back "
                "%s are not remembered. To begin anew, move the file away",
                self._path,
                self._what,
            )
        except (OSError, DatabaseError) as error:
            if not _takes_no_writes(error):
                remedy = "End the program that holds it" if _busy(error) else "Choose another folder with --data"
                problem = f"{self._path}: {self._what} cannot be kept here: {error}. {remedy}"
                raise ConfigurationError([problem]) from error
            _LOG.error(
                "%s cannot be written (%s): until the next start %s are kept in memory only. Is the disk full?",
                self._path,
                error,
                self._what,
            )
        return self._prepared(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))

    def _connect_patiently(self) -> Connection:
        """Wait for another program that is about to open or make the same file: sqlite itself does not always wait."""
        give_up = time.monotonic() + _BUSY_S
        while True:
            try:
                return self._connect()
            except DatabaseError as error:
                if not _busy(error) or time.monotonic() > give_up:
                    raise
            time.sleep(_AGAIN_S)

    def _connect(self) -> Connection:
        # Private from its first byte; sqlite gives its side files the same mode and owner. A file that is there is left
        # to sqlite alone: to close it here would end the locks of this program's other connections to it.
        with contextlib.suppress(FileExistsError):
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                private_file.give(handle, self._path.parent)
            finally:
                os.close(handle)
        return self._prepared(
            sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        )

    def _prepared(self, database: Connection) -> Connection:
        try:
            self._check_version(database)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", *self._layout.pragmas):
                database.execute(f"PRAGMA {pragma}")
            _check(database)
            self._bring_up(database)
            for question in self._layout.probe:
                database.execute(question)
        except BaseException:
            database.close()
            raise
        return database

    def _check_version(self, database: Connection) -> None:
        if _version(database) > len(self._layout.steps):
            raise _Newer

    def _bring_up(self, database: Connection) -> None:
        """Make the tables those of this version, at once or not at all."""
        if _version(database) == len(self._layout.steps):
            return
        database.execute("BEGIN IMMEDIATE")
        for step in self._layout.steps[_version(database) :]:
            for statement in step.split(";"):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(self._layout.steps)}")
        database.execute("COMMIT")

    def _begin_anew(self) -> Connection:
        """Move a damaged file aside; of several programs that find it so the first one, and all use what it makes."""
        with _alone_in(self._path.parent):
            try:
                return self._connect_patiently()
            except DatabaseError as error:
                if not _damaged(error):
                    raise
                self._move_aside(error)
            return self._connect_patiently()

    def _move_aside(self, error: DatabaseError) -> None:
        aside = self._path.with_name(f"{self._path.name}.damaged")
        _LOG.error(
            "%s cannot be used (%s); it is moved to %s and %s begin anew. The key is not affected",
            self._path,
            error,
            aside.name,
            self._what,
        )
        for side_file in ("-wal", "-shm"):  # first: once the file is gone another program makes new ones
            self._path.with_name(self._path.name + side_file).unlink(missing_ok=True)
        self._path.replace(aside)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _version(database: Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _check(database: Connection) -> None:
    if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise DatabaseError("it is damaged")


def _damaged(error: DatabaseError) -> bool:
    """Whether the file itself is at fault, and not the folder, the disk or somebody who holds it."""
    return not isinstance(error, sqlite3.OperationalError) or error.sqlite_errorcode == sqlite3.SQLITE_ERROR


def _busy(error: OSError | DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_BUSY


def _takes_no_writes(error: OSError | DatabaseError) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NO_WRITES
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _NO_WRITES_SQLITE
