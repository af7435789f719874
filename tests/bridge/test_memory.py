"""The file of what the bridge remembers: whole whatever happens, private, and never in the way."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from driveway_bridge.memory import FILE, Batch, Memory, Note, Remembered, Value
from driveway_bridge.wall_clock import Moment

CAR, OTHER = "car-00000001", "car-00000002"
MOMENT = Moment("start-1", 100.0)
LOCK = (CAR, "body", "lock")
LOCKED = Value("locked", "push", MOMENT)
SUFFIXES = ("", "-wal")
"""Of the files that outlive a power cut; `-shm` is made anew."""


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    memory = Memory(tmp_path)
    yield memory
    memory.close()


def reopened(folder: Path) -> Remembered:
    """What another start of the bridge finds."""
    memory = Memory(folder)
    try:
        return memory.recall()
    finally:
        memory.close()


def test_what_was_kept_is_there_again(memory: Memory, tmp_path: Path) -> None:
    """Pains 69, 75, 80."""
    battery = Value(71.5, "read", Moment("start-0", 7.25))
    media = Value({"title": None, "speeds": [1, 2]}, "read", MOMENT)
    values = {LOCK: LOCKED, (CAR, "charge", "battery"): battery, (OTHER, "media", "playing"): media}
    notes = {(CAR, "budget"): Note('{"wakes": 3}', MOMENT)}
    assert memory.keep(Batch(values=values, notes=notes, began=("start-1", 1.8e9)))
    memory.close()
    assert reopened(tmp_path) == Remembered(values=values, notes=notes, began={"start-1": 1.8e9})


def test_the_last_word_stands(memory: Memory) -> None:
    memory.keep(Batch(values={LOCK: LOCKED}))
    unlocked = Value("unlocked", "read", Moment("start-1", 101.0))
    memory.keep(Batch(values={LOCK: unlocked}))
    assert memory.recall().values == {LOCK: unlocked}


def test_a_forgotten_car_leaves_no_trace(memory: Memory, tmp_path: Path) -> None:
    """Pain 103."""
    place = {(CAR, "location", name): Value(f"51.50{number}", "read", MOMENT) for number, name in enumerate("abcdef")}
    notes = {(CAR, "identity"): Note('{"address": "AA:BB:CC:DD:EE:FF"}', MOMENT)}
    memory.keep(Batch(values=place, notes=notes))
    memory.keep(Batch(values={(OTHER, "body", "lock"): LOCKED}))
    assert memory.keep(Batch(forgotten=frozenset({CAR})))
    assert memory.recall().values == {(OTHER, "body", "lock"): LOCKED}
    assert memory.recall().notes == {}
    memory.close()
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert CAR.encode() not in content
        assert b"51.50" not in content
        assert b"AA:BB" not in content


def test_forgetting_comes_before_what_is_new(memory: Memory) -> None:
    """A car that was removed and added again within one batch."""
    memory.keep(Batch(values={LOCK: LOCKED, (CAR, "body", "asleep"): Value(True, "push", MOMENT)}))
    memory.keep(Batch(forgotten=frozenset({CAR}), values={LOCK: LOCKED}))
    assert memory.recall().values == {LOCK: LOCKED}


def test_starts_of_the_machine_that_nothing_refers_to_are_dropped(memory: Memory) -> None:
    memory.keep(Batch(values={LOCK: LOCKED}, began=("start-1", 1.0)))
    for number in range(2, 50):
        memory.keep(Batch(began=(f"start-{number}", float(number))))
    assert memory.recall().began == {"start-1": 1.0, "start-49": 49.0}


def test_only_the_owner_can_read(tmp_path: Path) -> None:
    """Pain 103."""
    memory = Memory(tmp_path / "data")
    memory.keep(Batch(values={LOCK: LOCKED}))
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    memory.close()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert modes[FILE] == 0o600
    assert set(modes.values()) == {0o600}


def test_several_threads_at_once(memory: Memory) -> None:
    def write(car: str) -> None:
        for number in range(50):
            memory.keep(Batch(values={(car, "body", "lock"): Value(number, "read", MOMENT)}))
            memory.recall()

    threads = [threading.Thread(target=write, args=(f"car-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {value.value for value in memory.recall().values.values()} == {49}


def test_one_bit_that_fell_over_costs_one_value(
    memory: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory.keep(Batch(values={LOCK: LOCKED, (CAR, "body", "asleep"): Value(True, "push", MOMENT)}))
    memory.close()
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("UPDATE state SET value = '\"locke' WHERE name = 'lock'")
    database.commit()
    database.close()
    assert list(reopened(tmp_path).values) == [(CAR, "body", "asleep")]
    assert "can no longer be read" in caplog.text


# The file and the disk ------------------------------------------------------------------------------------------------


def _not_a_database(path: Path) -> None:
    path.write_bytes(b"this is not a database" * 100)


def _broken_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:12288] = b"\xff" * 8192
    path.write_bytes(data)


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _other_columns(path: Path) -> None:
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE state (something TEXT)")
    database.commit()
    database.close()


@pytest.mark.parametrize("damage", [_not_a_database, _broken_page, _half, _other_columns])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object) -> None:
    memory = Memory(tmp_path)
    memory.keep(Batch(values={(CAR, "body", str(number)): LOCKED for number in range(500)}))
    memory.close()
    assert callable(damage)
    damage(tmp_path / FILE)
    memory = Memory(tmp_path)
    assert memory.recall() == Remembered()
    assert memory.keep(Batch(values={LOCK: LOCKED}))
    memory.close()
    assert caplog.text.count("begin anew. The key is not affected") == 1
    assert (tmp_path / f"{FILE}.damaged").exists()
    assert reopened(tmp_path).values == {LOCK: LOCKED}


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    memory = Memory(tmp_path)
    memory.keep(Batch(values={LOCK: LOCKED}))
    memory.close()
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = (tmp_path / FILE).read_bytes()
    memory = Memory(tmp_path)
    assert memory.recall() == Remembered()
    assert memory.keep(Batch(values={LOCK: LOCKED}))  # the bridge goes on, and remembers while it runs
    assert memory.recall().values == {LOCK: LOCKED}
    memory.close()
    assert "newer version of Driveway" in caplog.text
    assert (tmp_path / FILE).read_bytes() == before
    assert not (tmp_path / f"{FILE}.damaged").exists()


def test_a_full_disk_is_said_once_and_so_is_its_end(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    memory.keep(Batch(values={LOCK: LOCKED}))
    connection = memory._database._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    much = Batch(values={(CAR, "body", str(number)): LOCKED for number in range(2000)})
    assert not memory.keep(much)
    assert not memory.keep(much)
    assert memory.recall().values == {LOCK: LOCKED}  # nothing is half done
    assert caplog.text.count("are not remembered") == 1
    assert "full" in caplog.text
    connection.execute("PRAGMA max_page_count = 100000")
    assert memory.keep(much)
    assert caplog.text.count("works again") == 1


@pytest.mark.parametrize("why", [errno.ENOSPC, errno.EROFS])
def test_a_card_that_takes_no_writes_does_not_stop_the_bridge(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, why: int
) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(why, os.strerror(why))

    monkeypatch.setattr("driveway_bridge.database.os.open", refuse)
    memory = Memory(tmp_path)
    assert memory.keep(Batch(values={LOCK: LOCKED}))
    assert memory.recall().values == {LOCK: LOCKED}
    memory.close()
    assert caplog.text.count("kept in memory only") == 1
    assert not list(tmp_path.iterdir())


# Power cuts -----------------------------------------------------------------------------------------------------------


def numbered(number: int) -> Batch:
    """Everything that it writes says the same number."""
    moment = Moment("start-1", float(number))
    return Batch(
        values={(CAR, "body", f"value-{one}"): Value(number, "read", moment) for one in range(40)},
        notes={(CAR, "note"): Note(str(number), moment)},
        began=("start-1", float(number)),
    )


def number_in(folder: Path) -> int:
    """The number of the last batch that the file in a folder knows; it knows that one and all before it wholly."""
    memory = Memory(folder)
    remembered = memory.recall()
    memory.close()
    assert not (folder / f"{FILE}.damaged").exists()
    if not remembered.values:
        assert remembered == Remembered()
        return 0
    numbers = {value.value for value in remembered.values.values()}
    assert len(remembered.values) == 40
    assert len(numbers) == 1
    number = int(numbers.pop())
    assert remembered.notes[CAR, "note"].document == str(number)
    assert remembered.began == {"start-1": float(number)}
    return number


def test_a_power_cut_leaves_what_was_written_before_some_moment(tmp_path: Path) -> None:
    """Pains 69, 80.

    Of what the disk was not yet made to keep, any sector may have arrived and any not.
    """
    folder = tmp_path / "data"
    memory = Memory(folder)
    disks = [_disk(folder)]
    for number in range(1, 181):
        assert memory.keep(numbered(number))
        disks.append(_disk(folder))
    memory.close()
    settled = [0, *(number for number in range(1, 181) if disks[number][0] != disks[number - 1][0])]
    assert len(settled) > 3, "the side file was never brought home"
    chance = random.Random(69)
    found = set()
    for case in range(200):
        number = chance.randrange(1, 181)
        floor = max(one for one in settled if one <= number)
        if floor == number:  # the cut fell into bringing it home, for which the side file was made sure of first
            torn = (_torn(chance, disks[number - 1][0], disks[number][0]), disks[number][1])
        else:
            torn = (disks[number][0], _torn(chance, disks[floor][1], disks[number][1]))
        left = _folder(tmp_path / f"cut-{case}", torn)
        assert floor <= number_in(left) <= number
        found.add(number_in(left))
        shutil.rmtree(left)
    assert len(found) > 10


def _disk(folder: Path) -> tuple[bytes, ...]:
    paths = [folder / f"{FILE}{suffix}" for suffix in SUFFIXES]
    return tuple(path.read_bytes() if path.exists() else b"" for path in paths)


def _folder(folder: Path, disk: tuple[bytes, ...]) -> Path:
    folder.mkdir()
    for suffix, content in zip(SUFFIXES, disk, strict=True):
        (folder / f"{FILE}{suffix}").write_bytes(content)
    return folder


def _torn(chance: random.Random, before: bytes, after: bytes) -> bytes:
    """A file of which some sectors were written and others not, and whose end was or was not."""
    wholly = chance.random()  # most often nearly everything or nearly nothing has arrived
    size = len(after) if chance.random() < 0.5 else chance.randint(min(len(before), len(after)), len(after))
    before = before.ljust(size, b"\0")
    sectors = [
        (after if chance.random() < wholly**0.1 else before)[start : start + 512] for start in range(0, size, 512)
    ]
    return b"".join(sectors)[:size]


_WRITE = """
import sys
from pathlib import Path
from driveway_bridge.memory import Memory
from tests.bridge.test_memory import numbered
memory = Memory(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    memory.keep(numbered(number))
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """Pains 69, 80."""
    folder = tmp_path / "data"
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    chance = random.Random(80)
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITE, str(folder)], stdout=subprocess.PIPE, env=environment, bufsize=0
    )
    assert process.stdout is not None
    try:
        process.stdout.read(1)
        os.set_blocking(process.stdout.fileno(), False)
        told = b"1"
        found = set()
        for case in range(200):
            threading.Event().wait(chance.uniform(0, 0.02))
            process.send_signal(signal.SIGSTOP)  # its files are now what a kill would leave
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            told += process.stdout.read() or b""
            said = int(told.rpartition(b"\n")[0].rpartition(b"\n")[2] or b"0")
            left = _folder(tmp_path / f"kill-{case}", _disk(folder))
            process.send_signal(signal.SIGCONT)
            assert said <= number_in(left) <= said + 1
            found.add(said)
            shutil.rmtree(left)
        assert len(found) > 20
    finally:
        process.kill()
        process.communicate()
    assert number_in(folder) >= max(found)
