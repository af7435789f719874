"""Remembered sessions: no counter twice, whatever happens to the process, the file or the machine."""

from __future__ import annotations

import errno
import itertools
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from driveway_bridge import database
from driveway_bridge.database import Database
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.session import MAX_COUNTER, SavedSession
from driveway_bridge.session_store import BLOCK, ForgetfulStore, SessionStore

VIN = "5YJ30123456789ABC"
VCSEC = Domain.VEHICLE_SECURITY
SESSION = SavedSession(
    public_key=b"\x04" + bytes(64), epoch=bytes(16), counter=6, granted=6, clock_time=100, heard_at=50.0
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    store = SessionStore(tmp_path, boot="boot-1")
    yield store
    store.close()


def reopen(tmp_path: Path, boot: str = "boot-1") -> SavedSession | None:
    """What another start of the program finds."""
    other = SessionStore(tmp_path, boot=boot)
    try:
        return other.load(VIN, VCSEC)
    finally:
        other.close()


def test_a_clean_end_gives_the_exact_counter_back(store: SessionStore, tmp_path: Path) -> None:
    block = store.reserve(VIN, VCSEC, SESSION)
    assert (block.counter, block.granted) == (6, 6 + BLOCK)
    store.release(VIN, VCSEC, replace(block, counter=8))
    assert reopen(tmp_path) == replace(SESSION, counter=8, granted=8)


def test_after_a_crash_counters_are_skipped_not_repeated(store: SessionStore, tmp_path: Path) -> None:
    store.reserve(VIN, VCSEC, SESSION)
    assert reopen(tmp_path) == replace(SESSION, counter=6 + BLOCK, granted=6 + BLOCK)


def test_blocks_follow_each_other(store: SessionStore) -> None:
    first = store.reserve(VIN, VCSEC, SESSION)
    second = store.reserve(VIN, VCSEC, SESSION)
    assert second.counter == first.granted
    assert store.reserve(VIN, VCSEC, replace(SESSION, counter=500)).counter == 500


def test_giving_back_does_not_take_from_others(store: SessionStore) -> None:
    mine = store.reserve(VIN, VCSEC, SESSION)
    theirs = store.reserve(VIN, VCSEC, SESSION)
    store.release(VIN, VCSEC, mine)
    found = store.load(VIN, VCSEC)
    assert found is not None
    assert found.counter == theirs.granted


def test_a_program_with_an_old_epoch_does_not_lead_to_a_repetition(store: SessionStore) -> None:
    """It writes its old session over the new one, then hears of the new epoch itself."""
    new_epoch = replace(SESSION, epoch=b"\x01" * 16, counter=0, granted=0)
    in_use = store.reserve(VIN, VCSEC, new_epoch)
    store.reserve(VIN, VCSEC, SESSION)
    assert store.reserve(VIN, VCSEC, replace(new_epoch, counter=3)).counter == in_use.granted


def test_the_last_counters(store: SessionStore) -> None:
    block = store.reserve(VIN, VCSEC, replace(SESSION, counter=MAX_COUNTER - 3))
    assert block.granted == MAX_COUNTER
    empty = store.reserve(VIN, VCSEC, SESSION)
    assert (empty.counter, empty.granted) == (MAX_COUNTER, MAX_COUNTER)


def test_another_start_of_the_machine_has_another_clock(store: SessionStore, tmp_path: Path) -> None:
    store.release(VIN, VCSEC, SESSION)
    found = reopen(tmp_path, boot="boot-2")
    assert found == replace(SESSION, heard_at=None)
    again = SessionStore(tmp_path, boot="boot-2")
    again.reserve(VIN, VCSEC, found)  # a clock that is unknown stays so
    again.close()
    back = reopen(tmp_path, boot="boot-2")
    assert back is not None
    assert back.heard_at is None


def test_cars_and_domains_are_kept_apart(store: SessionStore) -> None:
    store.release(VIN, VCSEC, SESSION)
    assert store.load(VIN, Domain.INFOTAINMENT) is None
    assert store.load("5YJ3E1EA1KF000000", VCSEC) is None


def test_nothing_private_is_in_the_file(store: SessionStore, tmp_path: Path) -> None:
    store.reserve(VIN, VCSEC, SESSION)
    store.close()
    for path in tmp_path.iterdir():
        assert VIN.encode() not in path.read_bytes()
        assert VIN[-6:].encode() not in path.read_bytes()


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "data")
    store.reserve(VIN, VCSEC, SESSION)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    store.close()
    assert modes["sessions.db"] == 0o600
    assert set(modes.values()) == {0o600}


def test_old_epochs_do_not_pile_up(store: SessionStore, tmp_path: Path) -> None:
    for number in range(2000):
        store.release(VIN, VCSEC, replace(SESSION, epoch=number.to_bytes(16, "big")))
    store.close()
    assert (tmp_path / "sessions.db").stat().st_size < 64_000
    found = reopen(tmp_path)
    assert found is not None
    assert found.epoch == (1999).to_bytes(16, "big")


def _not_a_database(path: Path) -> None:
    path.write_bytes(b"this is not a database" * 100)


def _broken_page(path: Path) -> None:
    store = SessionStore(path.parent, boot="boot-1")
    store.reserve(VIN, VCSEC, SESSION)
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)


def _other_columns(path: Path) -> None:
    import sqlite3

    database = sqlite3.connect(path)
    database.execute("CREATE TABLE sessions (something TEXT)")
    database.commit()
    database.close()


@pytest.mark.parametrize("damage", [_not_a_database, _broken_page, _other_columns])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object) -> None:
    (tmp_path / "key.pem").write_text("the key")
    assert callable(damage)
    damage(tmp_path / "sessions.db")
    store = SessionStore(tmp_path, boot="boot-1")
    assert store.load(VIN, VCSEC) is None
    assert store.reserve(VIN, VCSEC, SESSION).granted == 6 + BLOCK
    store.close()
    assert "sessions begin anew" in caplog.text
    assert (tmp_path / "sessions.db.damaged").exists()
    assert (tmp_path / "key.pem").read_text() == "the key"
    assert reopen(tmp_path) is not None


def test_of_two_programs_that_find_a_damaged_file_one_moves_it_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one uses what the first has made: two files would give the same counters twice."""
    (tmp_path / "sessions.db").write_bytes(b"this is not a database" * 100)
    connect, quicker = Database._connect_patiently, []

    def late(self: Database) -> sqlite3.Connection:
        try:
            return connect(self)
        except sqlite3.DatabaseError:
            monkeypatch.setattr(Database, "_connect_patiently", connect)
            quicker.append(SessionStore(tmp_path, boot="boot-1"))
            raise

    monkeypatch.setattr(Database, "_connect_patiently", late)
    store = SessionStore(tmp_path, boot="boot-1")
    first, second = (one.reserve(VIN, VCSEC, SESSION) for one in (*quicker, store))
    assert second.counter == first.granted
    for one in (*quicker, store):
        one.close()
    assert (tmp_path / "sessions.db.damaged").read_bytes().startswith(b"this is not a database")


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="--data"):
        SessionStore(tmp_path / "file" / "data")


def test_a_disk_that_takes_no_writes_does_not_keep_the_car_shut(
    store: SessionStore, caplog: pytest.LogCaptureFixture
) -> None:
    store._database._connection.execute("PRAGMA query_only = ON")
    block = store.reserve(VIN, VCSEC, SESSION)
    assert (block.counter, block.granted) == (6, 6 + BLOCK)
    store.release(VIN, VCSEC, block)
    assert "sessions are not remembered" in caplog.text
    store._database._connection.execute("PRAGMA query_only = OFF")
    assert store.reserve(VIN, VCSEC, SESSION).counter == 6  # nothing is left half done


def test_a_card_that_takes_no_writes_does_not_keep_the_car_shut_from_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("driveway_bridge.database.os.open", refuse)
    store = SessionStore(tmp_path, boot="boot-1")
    first = store.reserve(VIN, VCSEC, SESSION)
    assert store.reserve(VIN, VCSEC, SESSION).counter == first.granted
    store.close()
    assert "sessions are kept in memory only" in caplog.text


def test_a_file_of_a_newer_version_is_left_as_it_is(
    store: SessionStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.reserve(VIN, VCSEC, SESSION)
    store._database._connection.execute("PRAGMA user_version = 99")
    store.close()
    before = (tmp_path / "sessions.db").read_bytes()
    assert reopen(tmp_path) is None
    assert "newer version of Driveway" in caplog.text
    assert (tmp_path / "sessions.db").read_bytes() == before


def test_a_file_of_the_first_version_is_taken_over(store: SessionStore, tmp_path: Path) -> None:
    """It has no number of its version."""
    store.release(VIN, VCSEC, SESSION)
    store._database._connection.execute("PRAGMA user_version = 0")
    store.close()
    assert reopen(tmp_path) == SESSION


def test_a_reservation_waits_for_another_one_that_has_begun(
    store: SessionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 20.0)
    other = SessionStore(tmp_path, boot="boot-1")
    blocks: list[SavedSession] = []
    thread = threading.Thread(target=lambda: blocks.append(other.reserve(VIN, VCSEC, SESSION)))
    with store._database.transaction() as file:
        start = max(SESSION.counter, store._reserved(file, VIN, VCSEC, SESSION))
        thread.start()
        thread.join(0.3)
        assert blocks == []
        store._put(file, VIN, VCSEC, SESSION, start + BLOCK)
    thread.join(10)
    other.close()
    assert [block.counter for block in blocks] == [start + BLOCK]


def test_a_file_that_another_program_is_about_to_make_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sqlite itself says at once that a file is locked which another connection begins to use."""
    monkeypatch.setattr(database, "_BUSY_S", 20.0)
    other = sqlite3.connect(tmp_path / "sessions.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    soon = threading.Timer(0.3, other.execute, ["COMMIT"])
    soon.start()
    store = SessionStore(tmp_path, boot="boot-1")
    assert store.reserve(VIN, VCSEC, SESSION).granted
    store.close()
    soon.join()
    other.close()


def test_a_file_that_another_program_keeps_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.2)
    other = sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConfigurationError, match=r"locked\. End the program that holds it"):
        SessionStore(tmp_path, boot="boot-1")
    other.close()


_RESERVE = """
import sys
from pathlib import Path
from driveway_bridge import database
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.session import SavedSession
from driveway_bridge.session_store import SessionStore
database._BUSY_S = 20.0  # on a slow disk one of two that reserve without end may keep the other one waiting for long
sys.stdin.readline()
store = SessionStore(Path(sys.argv[1]), boot="boot-1")
session = SavedSession(public_key=bytes(65), epoch=bytes(16), counter=0, granted=0, clock_time=1, heard_at=1.0)
for _ in range(40):
    block = store.reserve("5YJ30123456789ABC", Domain.VEHICLE_SECURITY, session)
    print(block.counter, block.granted, flush=True)
"""


def test_two_programs_and_a_kill_never_get_one_counter_twice(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _RESERVE, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = []
    assert started[0].stdout is not None
    lines += [started[0].stdout.readline() for _ in range(5)]
    started[0].kill()
    for process in started:
        lines += process.communicate(timeout=30)[0].splitlines()
    blocks = sorted(tuple(int(number) for number in line.split()) for line in lines)
    assert len(blocks) >= 45
    assert all(last <= first for (_, last), (first, _) in itertools.pairwise(blocks))


def test_the_forgetful_store_keeps_the_same_rules() -> None:
    store = ForgetfulStore()
    assert store.load(VIN, VCSEC) is None
    block = store.reserve(VIN, VCSEC, SESSION)
    assert (block.counter, block.granted) == (6, 6 + BLOCK)
    found = store.load(VIN, VCSEC)
    assert found is not None
    assert found.counter == found.granted == 6 + BLOCK
    store.release(VIN, VCSEC, replace(block, counter=7))
    assert store.load(VIN, VCSEC) == replace(SESSION, counter=7, granted=7)
    store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_the_bridges_own_user_can_open(tmp_path: Path) -> None:
    """`sudo driveway keys` before the bridge's first start: it would not start any more."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    os.chown(data, 12345, 12345)
    store = SessionStore(data)
    store.reserve(VIN, VCSEC, SESSION)
    assert {file.stat().st_uid for file in data.iterdir()} == {12345}
    store.close()
    os.chown(data / "sessions.db", 23456, 23456)
    SessionStore(data).close()  # what is there already stays whose it is
    assert (data / "sessions.db").stat().st_uid == 23456
