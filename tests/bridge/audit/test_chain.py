"""A chain of lines, and everything that somebody may do to it."""

from __future__ import annotations

import hashlib
import json
import re

from driveway_bridge.audit import chain
from driveway_bridge.audit.chain import FIRST, START, Break, Position, Walk


def sealed(count: int, after: Position = START) -> tuple[list[bytes], Position]:
    """So many lines, without their newlines, and where they end."""
    lines = []
    for number in range(count):
        line, after = chain.seal({"kind": "command", "said": f"number {number}"}, after)
        lines.append(line.removesuffix(b"\n"))
    return lines, after


def walked(*files: list[bytes], known: tuple[Position, ...] = ()) -> list[Break]:
    walk = Walk()
    return [one for number, lines in enumerate(files) for one in walk.file(f"file-{number}", lines, known)]


def kinds(breaks: list[Break]) -> list[tuple[str, int]]:
    return [(one.kind, one.number) for one in breaks]


LINES, END = sealed(10)


def test_the_hash_is_that_of_the_lines_bytes_without_it() -> None:
    """As anybody can check with sed and sha256sum."""
    previous = FIRST
    for number, line in enumerate(LINES, 1):
        body, digest = re.sub(rb',"hash":"[0-9a-f]{64}"}$', b"}", line), json.loads(line)["hash"]
        assert hashlib.sha256(body).hexdigest() == digest
        assert json.loads(line)["number"] == number
        assert json.loads(line)["previous"] == previous
        previous = digest
    assert Position(10, previous) == END


def test_an_untouched_chain_is_whole() -> None:
    assert walked(LINES) == []
    assert walked(LINES[:4], LINES[4:]) == []
    assert walked(LINES[5:]) == [], "what went before may have been deleted in its time"
    assert walked([]) == []


def test_a_changed_line_is_found() -> None:
    touched = list(LINES)
    touched[4] = LINES[4].replace(b"number 4", b"number 5")
    assert walked(touched) == [Break("changed", "file-0", 5, 5)]


def test_a_changed_line_that_was_sealed_anew_is_found() -> None:
    forged, _ = chain.seal({"kind": "command", "said": "nothing"}, Position(4, json.loads(LINES[3])["hash"]))
    touched = [*LINES[:4], forged.strip(), *LINES[5:]]
    assert walked(touched) == [Break("changed", "file-0", 5, 5)]


def test_a_changed_first_line_is_found() -> None:
    forged, _ = chain.seal({"kind": "command"}, Position(0, "1" * 64))
    assert walked([forged.strip(), *LINES[1:]]) == [Break("changed", "file-0", 1, 1), Break("changed", "file-0", 1, 1)]


def test_removed_lines_are_found() -> None:
    assert walked(LINES[:4] + LINES[7:]) == [Break("removed", "file-0", 5, 5, 7)]


def test_a_missing_file_is_found() -> None:
    assert walked(LINES[:4], LINES[7:]) == [Break("missing", "file-1", 1, 5, 7)]


def test_an_inserted_line_is_found_however_well_it_is_made() -> None:
    forged, _ = chain.seal({"kind": "command"}, Position(4, json.loads(LINES[3])["hash"]))
    assert kinds(walked([*LINES[:4], forged.strip(), *LINES[4:]])) == [("inserted", 5)]
    assert kinds(walked([*LINES[:4], LINES[3], *LINES[4:]])) == [("inserted", 4)]
    far, _ = chain.seal({"kind": "command"}, Position(99, END.hash))
    assert kinds(walked([*LINES[:4], far.strip(), *LINES[4:]])) == [("removed", 5), ("inserted", 5)]


def test_lines_in_another_order_are_found() -> None:
    assert walked([*LINES[:4], LINES[5], LINES[4], *LINES[6:]])


def test_bytes_that_are_no_line_are_found() -> None:
    for junk in (
        b"",
        b"{}",
        b"\x00" * 100,
        b"\xff\xfe",
        LINES[4][:50],
        b"[" * 5000,
        b'{"a":1,"hash":"' + b"0" * 64 + b'"}',
    ):
        assert kinds(walked([*LINES[:4], junk, *LINES[4:]])) == [("unreadable", 5)]
        assert kinds(walked([*LINES, junk])) == [("unreadable", 11)]
        assert kinds(walked([*LINES[:4], junk], LINES[4:])) == [("unreadable", 5)]


def test_a_torn_line_that_the_next_one_tells_of_is_no_break() -> None:
    junk = LINES[5][:30] + b"\n\x00\x00"
    news, at = chain.seal(chain.torn(junk), Position(5, json.loads(LINES[4])["hash"]))
    after, _ = sealed(3, at)
    lines = [*LINES[:5], *junk.split(b"\n"), news.strip(), *after]
    walk = Walk()
    assert list(walk.file("file", lines)) == []
    assert (walk.torn, walk.lines) == (1, 9)
    other = [*LINES[:5], b"something else", news.strip(), *after]
    assert kinds(walked(other)) == [("unreadable", 6)]


def test_a_line_that_somebody_remembers_has_to_be_that_one() -> None:
    """Written anew as a whole, a chain is whole; only a witness knows better."""
    anew, end = sealed(9, chain.seal({"kind": "other"}, START)[1])
    anew = [chain.seal({"kind": "other"}, START)[0].strip(), *anew]
    assert walked(anew) == []
    assert end.number == END.number
    assert walked(anew, known=(END,)) == [Break("changed", "file-0", 10, 10)]
    assert walked(LINES, known=(END,)) == []


def test_what_is_no_line() -> None:
    assert chain.read(b"") is None
    assert chain.read(b'{"number":true,"previous":"","hash":"' + b"0" * 64 + b'"}') is None
    assert chain.read(b'{"previous":"","hash":"' + b"0" * 64 + b'"}') is None
