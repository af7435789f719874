"""The files of the audit: full disks, power cuts, and somebody who takes things away."""

from __future__ import annotations

import errno
import os
import random
import stat
from pathlib import Path

import pytest

from driveway_bridge.audit import history, trail
from driveway_bridge.audit.trail import FILE, Mark, Trail, files
from driveway_bridge.audit.verify import Verdict, verify


def event(number: int) -> dict[str, object]:
    return {"kind": "command", "said": f"this is what happened as number {number}"}


def write(data: Path, count: int, mark: Mark | None = None, **limits: int) -> Mark:
    """Start, add lines one by one, end; what is to be remembered."""
    made = Trail(data, mark, **limits)
    for number in range(count):
        made.append([event(number)])
    return made.mark


def kinds(verdict: Verdict) -> list[tuple[str, int, int | None]]:
    return [(one.kind, one.number, one.until) for one in verdict.breaks]


def test_lines_are_private_and_in_order(tmp_path: Path) -> None:
    mark = write(tmp_path, 5)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    verdict = verify(tmp_path, mark)
    assert (verdict.breaks, verdict.lines, verdict.at, verdict.first) == ([], 5, mark.at, 1)


def test_the_chain_goes_on_over_starts(tmp_path: Path) -> None:
    mark = None
    for _ in range(5):
        mark = write(tmp_path, 3, mark)
    verdict = verify(tmp_path, mark)
    assert (verdict.breaks, verdict.lines) == ([], 15)


def test_what_was_written_after_it_was_last_remembered_is_found_again(tmp_path: Path) -> None:
    """Killed before the memory was told: the files know more, and that is right."""
    early = write(tmp_path, 3)
    write(tmp_path, 4, early)
    mark = write(tmp_path, 1, early)
    verdict = verify(tmp_path, mark)
    assert (verdict.breaks, verdict.lines) == ([], 8)


def test_a_memory_that_is_new_begins_where_the_files_end(tmp_path: Path) -> None:
    write(tmp_path, 3)
    mark = write(tmp_path, 3, None)
    assert (verify(tmp_path, mark).breaks, mark.at.number) == ([], 6)


# Rotation -------------------------------------------------------------------------------------------------------------


def test_a_full_file_takes_another_name_and_the_chain_goes_on(tmp_path: Path) -> None:
    mark = write(tmp_path, 40, max_bytes=1000, kept=100)
    assert len(files(tmp_path)) > 5
    assert files(tmp_path)[0].name == "audit-0000000001.log"
    assert files(tmp_path)[-1].name == FILE
    assert all(file.stat().st_size < 1500 for file in files(tmp_path))
    verdict = verify(tmp_path, mark)
    assert (verdict.breaks, verdict.lines) == ([], 40)


def test_the_oldest_go_and_are_not_missed(tmp_path: Path) -> None:
    mark = None
    for _ in range(30):
        mark = write(tmp_path, 4, mark, max_bytes=1000, kept=3)
        assert verify(tmp_path, mark).breaks == []
        assert len(files(tmp_path)) <= 5
    assert mark is not None
    assert mark.oldest > 80
    assert mark.at.number == 120


def test_a_kill_at_any_moment_of_a_change_of_files_is_no_break(tmp_path: Path) -> None:
    """What is remembered may be some lines late, also over a change of files, but not over two."""
    chance = random.Random(7)
    made, remembered = Trail(tmp_path, None, max_bytes=1000, kept=3), None
    for number in range(200):
        made.append([event(number)])
        if number % 3 == 0:
            remembered = made.mark
        if chance.random() < 0.1:
            made = Trail(tmp_path, remembered, max_bytes=1000, kept=3)
        assert verify(tmp_path, remembered).breaks == []
    assert made.mark.at.number == 200


def test_an_old_file_that_was_taken_away_is_missed(tmp_path: Path) -> None:
    mark = write(tmp_path, 40, max_bytes=1000, kept=100)
    first, second, third, *_ = files(tmp_path)
    second.unlink()
    [(kind, number, until)] = kinds(verify(tmp_path, mark))
    assert (kind, number) == ("missing", int(second.stem.partition("-")[2]))
    assert until == int(third.stem.partition("-")[2]) - 1
    first.unlink()
    [(kind, number, until)] = kinds(verify(tmp_path, mark))
    assert (kind, number, until) == ("missing", 1, int(third.stem.partition("-")[2]) - 1)


# Torn lines -----------------------------------------------------------------------------------------------------------


def test_a_torn_last_line_is_kept_and_told_of(tmp_path: Path) -> None:
    mark = write(tmp_path, 3)
    whole = (tmp_path / FILE).read_bytes()
    write(tmp_path, 1, mark)
    longer = (tmp_path / FILE).read_bytes()
    for cut in range(len(whole) + 1, len(longer)):
        (tmp_path / FILE).write_bytes(longer[:cut])
        after = write(tmp_path, 2, mark)
        verdict = verify(tmp_path, after)
        assert verdict.breaks == []
        torn = cut < len(longer) - 1
        assert (verdict.torn, verdict.lines) == ((1, 6) if torn else (0, 6)), cut
        assert (tmp_path / FILE).read_bytes().startswith(longer[:cut] + b"\n")


def test_zeros_that_a_power_cut_left_are_kept_and_told_of(tmp_path: Path) -> None:
    mark = write(tmp_path, 3)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b"\0" * 4096)
    mark = write(tmp_path, 1, mark)
    verdict = verify(tmp_path, mark)
    assert (verdict.breaks, verdict.torn, verdict.lines) == ([], 1, 5)


def test_a_second_power_cut_before_it_could_be_told(tmp_path: Path) -> None:
    mark = write(tmp_path, 3)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"number":4,"ki')
    Trail(tmp_path, mark)
    mark = write(tmp_path, 1, mark)
    verdict = verify(tmp_path, mark)
    assert (verdict.breaks, verdict.torn) == ([], 1)


# Somebody who takes things away ---------------------------------------------------------------------------------------


def cut(data: Path, count: int) -> None:
    """Take the last lines away."""
    lines = (data / FILE).read_bytes().splitlines(keepends=True)
    (data / FILE).write_bytes(b"".join(lines[:-count]))


def test_a_tail_that_was_cut_off_is_missed(tmp_path: Path) -> None:
    mark = write(tmp_path, 10)
    cut(tmp_path, 3)
    assert kinds(verify(tmp_path, mark)) == [("cut", 8, 10)]
    (tmp_path / FILE).unlink()
    assert kinds(verify(tmp_path, mark)) == [("cut", 1, 10)]


@pytest.mark.parametrize("count", [1, 3, 10])
def test_a_bridge_that_goes_on_does_not_cover_up_what_was_cut_off(tmp_path: Path, count: int) -> None:
    mark = write(tmp_path, 10)
    cut(tmp_path, count)
    made = Trail(tmp_path, mark)
    assert made.broken
    made.append([event(99)])
    later = write(tmp_path, 5, made.mark)
    breaks = kinds(verify(tmp_path, later))
    assert breaks[0][0] in ("removed", "missing")
    assert breaks[0][1:] == (11 - count, 10)
    assert b'"kind":"gap"' in (tmp_path / FILE).read_bytes()


def test_a_file_that_is_taken_away_while_the_bridge_runs_is_missed(tmp_path: Path) -> None:
    made = Trail(tmp_path, None)
    made.append([event(1), event(2)])
    (tmp_path / FILE).unlink()
    made.append([event(3)])
    assert kinds(verify(tmp_path, made.mark)) == [("missing", 1, 2)]


def test_a_history_that_was_written_anew_does_not_become_the_true_one(tmp_path: Path) -> None:
    mark = write(tmp_path, 10)
    (tmp_path / FILE).unlink()
    forged = Trail(tmp_path, None)
    forged.append([{"kind": "command", "said": "nothing at all"}] * 12)
    assert verify(tmp_path, forged.mark).breaks == [], "it is whole in itself"
    assert kinds(verify(tmp_path, mark)) == [("changed", 10, None)]
    later = write(tmp_path, 3, mark)
    found = kinds(verify(tmp_path, later))
    assert found == [("changed", 12, None)], "nor does it become so when the bridge goes on"


def test_a_witness_knows_what_the_memory_may_have_been_made_to_forget(tmp_path: Path) -> None:
    witness = write(tmp_path, 10).at
    cut(tmp_path, 5)
    mark = write(tmp_path, 0)
    assert verify(tmp_path, mark).breaks == []
    assert kinds(verify(tmp_path, mark, witness)) == [("cut", 6, 10)]
    mark = write(tmp_path, 10, mark)
    assert verify(tmp_path, mark).breaks == []
    forged_at_10 = ("changed", 10, None)
    assert kinds(verify(tmp_path, mark, witness._replace(hash="e" * 64))) == [forged_at_10]


# The bridge that goes on ----------------------------------------------------------------------------------------------


def test_files_that_change_their_names_while_they_are_read_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge has given the file that it writes to another name, and has not yet made the next one."""
    made = Trail(tmp_path, None, max_bytes=200, kept=1)
    for number in range(3):
        made.append([event(number)])
    listed = trail.files

    def late(data: Path) -> list[Path]:
        found = listed(data)
        if (tmp_path / FILE).exists():
            made._rotate()
        return found

    monkeypatch.setattr(trail, "files", late)
    assert [line["said"] for line, _ in history.dated(tmp_path)]
    made.append([event(3)])
    verdict = verify(tmp_path, None)
    assert verdict.breaks == []


def test_a_file_that_changes_its_name_while_files_are_looked_for_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Trail(tmp_path, None, max_bytes=200)
    made.append([event(0)])
    look = Path.glob

    def late(folder: Path, pattern: str) -> list[Path]:
        monkeypatch.setattr(Path, "glob", look)
        found = list(look(folder, pattern))
        made._rotate()
        return found

    monkeypatch.setattr(Path, "glob", late)
    assert [line["said"] for line, _ in history.dated(tmp_path)] == [event(0)["said"]]


# Full disks -----------------------------------------------------------------------------------------------------------


def test_a_full_disk_adds_nothing_and_the_next_try_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Trail(tmp_path, None)
    made.append([event(1)])
    before, write_some = (tmp_path / FILE).read_bytes(), os.write
    room = [40]

    def full(handle: int, content: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0], count = 0, min(len(content), room[0])
        return write_some(handle, content[:count])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        made.append([event(2), event(3)])
    assert (tmp_path / FILE).read_bytes() == before
    monkeypatch.undo()
    made.append([event(2), event(3)])
    verdict = verify(tmp_path, made.mark)
    assert (verdict.breaks, verdict.lines, verdict.torn) == ([], 3, 0)
