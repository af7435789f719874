"""Remembered sessions: with them a command needs no handshake, and no counter is ever used twice.

Counters are reserved in blocks that are on disk before the first of them is used, so after a power cut some are skipped
and none is repeated. Two programs that share the folder get different blocks. Nothing in here is secret, and nothing is
lost that the car would not tell again: a damaged file is moved aside.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from driveway_bridge.database import Connection, Database, DatabaseError, Layout
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.session import MAX_COUNTER, SavedSession
from driveway_bridge.vin import car_id
from driveway_bridge.wall_clock import machine_start

FILE = "sessions.db"
BLOCK = 16
"""Counters that are reserved at once: one write to disk for so many commands."""
_EPOCHS_KEPT = 4
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (  -- files of the first version have it, and no number of their version
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
_LAYOUT = Layout(
    steps=(_SCHEMA,),
    probe=("SELECT car, domain, epoch, public_key, reserved, clock_time, heard_at, boot, age FROM sessions LIMIT 1",),
)


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
        self._boot = boot if boot is not None else machine_start()
        self._spare = ForgetfulStore()
        self._database = Database(data / FILE, _LAYOUT, what="sessions")

    def load(self, vin: str, domain: Domain) -> SavedSession | None:
        """The newest session with this domain; its clock only if it was heard since this machine started."""
        try:
            rows = self._database.rows(
                "SELECT public_key, epoch, reserved, clock_time, heard_at, boot FROM sessions"
                " WHERE car = ? AND domain = ? ORDER BY age DESC LIMIT 1",
                (car_id(vin), int(domain)),
            )
        except DatabaseError as error:
            self._database.complain(error)
            return None
        if not rows:
            return None
        public_key, epoch, reserved, clock_time, heard_at, boot = rows[0]
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
            with self._database.transaction() as database:
                start = max(session.counter, self._reserved(database, vin, domain, session))
                granted = min(start + BLOCK, MAX_COUNTER)
                self._put(database, vin, domain, session, granted)
        except DatabaseError as error:
            self._database.complain(error)
            return self._spare.reserve(vin, domain, session)
        return replace(session, counter=start, granted=granted)

    def release(self, vin: str, domain: Domain, session: SavedSession) -> None:
        """Remember clock and key, and give back the counters above `session.counter` if nobody reserved since."""
        try:
            with self._database.transaction() as database:
                reserved = self._reserved(database, vin, domain, session)
                mine = reserved in (0, session.granted)
                self._put(database, vin, domain, session, session.counter if mine else max(reserved, session.counter))
        except DatabaseError as error:
            self._database.complain(error)

    def forget(self) -> None:
        """Forget all sessions: they belong to a key that is no longer ours."""
        with self._database.transaction() as database:
            database.execute("DELETE FROM sessions")

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._database.close()

    @staticmethod
    def _reserved(database: Connection, vin: str, domain: Domain, session: SavedSession) -> int:
        row = database.execute(
            "SELECT reserved FROM sessions WHERE car = ? AND domain = ? AND epoch = ? AND public_key = ?",
            (car_id(vin), domain, session.epoch, session.public_key),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _put(self, database: Connection, vin: str, domain: Domain, session: SavedSession, reserved: int) -> None:
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
