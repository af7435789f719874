"""What the bridge remembers of its cars: last values with when and from where, and notes.

`memory.db` in the data folder. What the last seconds before a power cut brought may be missing, all before it is whole:
writes reach the disk in their order, and the disk is not made to wait for each of them, which spares small cards.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from driveway_bridge.database import Connection, Database, DatabaseError, Layout
from driveway_bridge.wall_clock import Moment

_LOGGER = logging.getLogger(__name__)
FILE: Final = "memory.db"
OWN: Final = ""
"""In place of a car's id: what the bridge notes of itself."""
_SCHEMA: Final = """
CREATE TABLE state (
    car TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,
    start TEXT NOT NULL,
    up_s REAL NOT NULL,
    PRIMARY KEY (car, subject, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE notes (
    car TEXT NOT NULL,
    key TEXT NOT NULL,
    document TEXT NOT NULL,
    start TEXT NOT NULL,
    up_s REAL NOT NULL,
    PRIMARY KEY (car, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    car TEXT NOT NULL,
    command TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    unix_s REAL NOT NULL,
    boot_s REAL NOT NULL,
    ms REAL,
    start TEXT NOT NULL,
    up_s REAL NOT NULL
) STRICT;
CREATE INDEX log_of_car ON log (car, number);
CREATE TABLE starts (
    start TEXT PRIMARY KEY,
    began_unix_s REAL NOT NULL
) STRICT, WITHOUT ROWID
"""
_NO_LOG: Final = "DROP INDEX log_of_car; DROP TABLE log"
"""What somebody gave is in the audit."""
_LAYOUT: Final = Layout(
    steps=(_SCHEMA, _NO_LOG),
    probe=(
        "SELECT car, subject, name, value, source, start, up_s FROM state LIMIT 1",
        "SELECT car, key, document, start, up_s FROM notes LIMIT 1",
        "SELECT start, began_unix_s FROM starts LIMIT 1",
    ),
    # What is forgotten is overwritten: it may have been a place where the car stood.
    pragmas=("synchronous = NORMAL", "secure_delete = ON", "wal_autocheckpoint = 128", "cache_size = -256"),
)

ValueKey = tuple[str, str, str]
"""Car, subject, name."""
NoteKey = tuple[str, str]
"""Car, key."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a car said: what JSON can hold, `read` or `push`, and when it was heard."""

    value: Any
    source: str
    moment: Moment


@dataclass(frozen=True, slots=True)
class Note:
    """A document of one of the bridge's parts, as JSON."""

    document: str
    moment: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is written at once; what is forgotten goes before what is new."""

    forgotten: frozenset[str] = frozenset()
    values: Mapping[ValueKey, Value] = field(default_factory=dict)
    notes: Mapping[NoteKey, Note] = field(default_factory=dict)
    began: tuple[str, float] | None = None
    """A start of the machine and its Unix time."""

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.forgotten or self.values or self.notes or self.began)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What an earlier start of the bridge left."""

    values: Mapping[ValueKey, Value] = field(default_factory=dict)
    notes: Mapping[NoteKey, Note] = field(default_factory=dict)
    began: Mapping[str, float] = field(default_factory=dict)


class Memory:
    """The file. Every method may wait for the disk; safe to use from any thread. A disk that fails is said once."""

    def __init__(self, data: Path) -> None:
        """Open or make the file; ConfigurationError when the folder cannot be used."""
        self._database = Database(data / FILE, _LAYOUT, what="last values")

    def recall(self) -> Remembered:
        """Everything."""
        try:
            states = self._database.rows("SELECT car, subject, name, value, source, start, up_s FROM state")
            notes = self._database.rows("SELECT car, key, document, start, up_s FROM notes")
            starts = self._database.rows("SELECT start, began_unix_s FROM starts")
        except DatabaseError as error:
            self._database.complain(error)
            return Remembered()
        return Remembered(
            values={
                (car, subject, name): Value(json.loads(value), source, Moment(start, up))
                for car, subject, name, value, source, start, up in states
                if _readable(value)
            },
            notes={
                (car, key): Note(document, Moment(start, up))
                for car, key, document, start, up in notes
                if _readable(document)
            },
            began=dict(starts),
        )

    def keep(self, batch: Batch) -> bool:
        """Write all of it, or nothing; whether it could be written."""
        try:
            with self._database.transaction() as database:
                _write(database, batch)
            if batch.forgotten:
                self._database.scrub()
        except DatabaseError as error:
            self._database.complain(error)
            return False
        return True

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._database.close()


def _readable(text: str) -> bool:
    """Whether it is JSON; a card that goes bad may have changed it."""
    try:
        json.loads(text)
    except ValueError:
        _LOGGER.warning("Something that was remembered can no longer be read; it is left out")
        return False
    return True


def _write(database: Connection, batch: Batch) -> None:
    for car in batch.forgotten:
        for table in ("state", "notes"):
            database.execute(f"DELETE FROM {table} WHERE car = ?", (car,))  # noqa: S608 - our own names
    database.executemany(
        "INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (*key, json.dumps(one.value), one.source, one.moment.start, one.moment.up_s)
            for key, one in batch.values.items()
        ],
    )
    database.executemany(
        "INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?)",
        [(*key, note.document, note.moment.start, note.moment.up_s) for key, note in batch.notes.items()],
    )
    if batch.began is not None:
        database.execute("INSERT OR REPLACE INTO starts VALUES (?, ?)", batch.began)
        database.execute(
            "DELETE FROM starts WHERE start <> ? AND start NOT IN"
            " (SELECT start FROM state UNION SELECT start FROM notes)",
            batch.began[:1],
        )
