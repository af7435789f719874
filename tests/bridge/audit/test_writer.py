"""The audit of a running bridge: what is written, in which order, and what happens when the disk does not want."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from driveway_bridge.audit import chain, writer
from driveway_bridge.audit.record import Record
from driveway_bridge.audit.trail import FILE, Mark, Trail
from driveway_bridge.audit.verify import verify
from driveway_bridge.audit.writer import Audit
from driveway_bridge.boot import Boot
from driveway_bridge.wall_clock import WallClock

UNIX_S = 1_800_000_000.0
RECORD = Record(
    boot_s=1.0,
    who="home",
    client="0" * 16,
    path="mqtt",
    car="car-a",
    command="unlock",
    outcome="confirmed",
    reason="done",
    sent=True,
    route="bluetooth",
    ms=300.0,
)
REFUSED = replace(RECORD, outcome="refused", reason="client_may_not", sent=False, ms=None)
STRANGER = replace(REFUSED, who="unsigned", client=None, command=None, reason="bad_signature")


class Place:
    """A data folder and a computer; `bridge` is one life of a bridge on it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.now = 1000.0
        self.clock_right = True
        self.mark: dict[str, Any] | None = None

    @contextlib.asynccontextmanager
    async def bridge(self, *, killed: bool = False) -> AsyncIterator[Audit]:
        clock = WallClock(
            start="s", up=lambda: self.now, unix=lambda: UNIX_S + self.now, right=lambda: self.clock_right
        )
        mark = None if self.mark is None else Mark.of(self.mark)
        audit = Audit(self.data, Boot(lambda: self.now), clock, mark, self._remember)
        running = asyncio.create_task(audit.run())
        yield audit
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        if not killed:
            await audit.close()

    def _remember(self, document: dict[str, Any]) -> None:
        self.mark = document

    def lines(self) -> list[dict[str, Any]]:
        file = self.data / FILE
        links = map(chain.read, file.read_bytes().splitlines()) if file.exists() else ()
        return [dict(link.fields) for link in links if link is not None]

    def kinds(self) -> list[str]:
        return [line["kind"] for line in self.lines()]

    def whole(self) -> bool:
        return not verify(self.data, None if self.mark is None else Mark.of(self.mark)).breaks


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.005)


async def test_a_command_has_a_line_with_all_that_matters(place: Place) -> None:
    async with place.bridge() as audit:
        place.now += 1
        audit.record(replace(RECORD, boot_s=1.0, arguments={"percent": 80}, detail="because"))
        await until(lambda: "command" in place.kinds() and audit.report()["number"] == place.lines()[-1]["number"])
        number, digest = audit.report()["number"], audit.report()["hash"]
    line = place.lines()[-1]
    assert (line["number"], line["hash"]) == (number, digest)
    assert list(line) == [
        *("number", "time", "boot", "boot_s", "kind", "who", "client", "path", "car", "command", "arguments"),
        *("outcome", "reason", "detail", "sent", "route", "ms", "previous", "hash"),
    ]
    assert line["time"] == "2027-01-15T08:16:41Z"
    assert (line["boot_s"], line["who"], line["arguments"], line["detail"]) == (1.0, "home", {"percent": 80}, "because")
    assert place.kinds() == ["start", "clock", "command"]
    assert place.whole()


async def test_lines_are_written_in_the_order_in_which_things_happened(place: Place) -> None:
    async with place.bridge() as audit:
        for number in range(500):
            audit.record(replace(RECORD, boot_s=float(number)))
            if number % 50 == 0:
                await asyncio.sleep(0.002)
    commands = [line["boot_s"] for line in place.lines() if line["kind"] == "command"]
    assert commands == [float(number) for number in range(500)]
    assert place.whole()


async def test_the_loop_never_waits_for_the_disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card can take seconds for one write; lock commands go on meanwhile."""
    gate = threading.Event()
    append = Trail.append

    def slow(self: Trail, records: Any) -> None:
        assert gate.wait(10)
        append(self, records)

    monkeypatch.setattr(Trail, "append", slow)
    loop = asyncio.get_running_loop()
    async with place.bridge() as audit:
        longest = 0.0
        for number in range(20):
            before = loop.time()
            audit.record(replace(RECORD, boot_s=float(number)))
            longest = max(longest, loop.time() - before)
            await asyncio.sleep(0.005)
        assert place.lines() == []
        assert [one.record.boot_s for one in audit.shown(3)] == [19.0, 18.0, 17.0], "the page has them already"
        gate.set()
    assert longest < 1.0
    assert place.kinds().count("command") == 20


async def test_a_bridge_that_is_killed_loses_nothing_that_was_written(place: Place) -> None:
    for life in range(5):
        async with place.bridge(killed=True) as audit:
            for number in range(3):
                audit.record(replace(RECORD, boot_s=float(number)))
            await until(lambda: place.kinds().count("command") == 3 * (life + 1))  # noqa: B023 - awaited in this turn
        with (place.data / FILE).open("ab") as file:
            file.write(b'{"number":')
        if life % 2:
            place.mark = None if life == 3 else place.mark
    async with place.bridge():
        pass
    verdict = verify(place.data, Mark.of(place.mark or {}))
    assert (verdict.breaks, verdict.torn) == ([], 5)


async def test_a_full_disk_is_said_once_and_stops_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    caplog.set_level("INFO")
    append = Trail.append

    def full(_self: Trail, _records: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Trail, "append", full)
    changes: list[bool] = []
    async with place.bridge() as audit:
        audit.on_change = lambda: changes.append(audit.failing)
        for number in range(5):
            audit.record(replace(RECORD, boot_s=float(number)))
            await asyncio.sleep(0.03)
        await until(lambda: audit.report()["works"] is False)
        assert caplog.text.count("The audit cannot be written (No space left on device)") == 1
        monkeypatch.setattr(Trail, "append", append)
        await until(lambda: place.kinds().count("command") == 5)
        await until(lambda: not audit.failing)
    assert changes == [True, False]
    assert "can be written again" in caplog.text
    assert [line["boot_s"] for line in place.lines() if line["kind"] == "command"] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert place.whole()


async def test_what_does_not_fit_into_memory_either_is_counted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    monkeypatch.setattr(writer, "WAITING", 10)
    append = Trail.append

    def full(_self: Trail, _records: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Trail, "append", full)
    async with place.bridge() as audit:
        for number in range(30):
            audit.record(replace(RECORD, boot_s=float(number)))
        await until(lambda: audit.failing)
        monkeypatch.setattr(Trail, "append", append)
    [lost] = [line for line in place.lines() if line["kind"] == "lost"]
    assert lost["lines"] == 22, "thirty commands, start and clock, without the ten that were kept"
    assert [line["boot_s"] for line in place.lines() if line["kind"] == "command"] == [float(n) for n in range(20, 30)]


async def test_a_mistake_of_its_own_is_told_and_stops_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    async with place.bridge() as audit:
        await until(lambda: "start" in place.kinds())
        audit.record(replace(RECORD, arguments={"impossible": object()}))
        await until(lambda: audit.failing)
        audit.record(RECORD)
        await until(lambda: "command" in place.kinds())
        await until(lambda: not audit.failing)
    assert "The audit has failed" in caplog.text
    assert sum(line["lines"] for line in place.lines() if line["kind"] == "lost") == 1
    assert place.whole()


# Floods ---------------------------------------------------------------------------------------------------------------


async def test_a_flood_of_strangers_is_counted(place: Place) -> None:
    async with place.bridge() as audit:
        for _ in range(1000):
            audit.record(STRANGER)
        audit.record(replace(STRANGER, reason="malformed"))
        audit.record(RECORD)
        await until(lambda: "command" in place.kinds())
        assert len(place.lines()) == 2 + writer.UNSIGNED_PER_MINUTE + 1
    [counted] = [line for line in place.lines() if line["kind"] == "counted"]
    assert (counted["who"], counted["count"]) == ("unsigned", 991)
    assert counted["reasons"] == {"bad_signature": 990, "malformed": 1}


async def test_a_client_that_hammers_does_not_wash_away_the_others(place: Place) -> None:
    async with place.bridge() as audit:
        for _ in range(1000):
            audit.record(replace(REFUSED, who="nanny"))
        audit.record(REFUSED)
    commands = [line["who"] for line in place.lines() if line["kind"] == "command"]
    assert commands == ["nanny"] * writer.UNSENT_PER_MINUTE + ["home"]


async def test_what_went_to_the_car_always_has_its_line(place: Place) -> None:
    async with place.bridge() as audit:
        for _ in range(100):
            audit.record(replace(RECORD, outcome="refused", reason="closures_open"))
    assert place.kinds().count("command") == 100


async def test_the_count_is_told_when_the_minute_is_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MINUTE_S", 0.1)
    async with place.bridge() as audit:
        for _ in range(20):
            audit.record(STRANGER)
        await until(lambda: "counted" in place.kinds())
        audit.record(STRANGER)
        await until(lambda: place.kinds()[-1] == "command")


# Time -----------------------------------------------------------------------------------------------------------------


async def test_without_a_clock_lines_have_no_time_until_there_is_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CLOCK_S", 0.02)
    place.clock_right = False
    async with place.bridge() as audit:
        audit.record(RECORD)
        assert audit.shown()[0].unix_s is not None, "for the page the clock is good enough as it is"
        await until(lambda: "command" in place.kinds())
        place.now += 60
        place.clock_right = True
        await until(lambda: "clock" in place.kinds())
    start, command, clock = place.lines()
    assert (start["time"], command["time"]) == (None, None)
    assert (clock["time"], clock["boot_s"]) == ("2027-01-15T08:17:40Z", 60.0)
    async with place.bridge() as audit:
        await until(audit.shown)
        [shown] = audit.shown()
    assert shown.unix_s == UNIX_S + 1000 + RECORD.boot_s
    assert shown.record == RECORD


async def test_of_earlier_starts_without_a_clock_no_time_is_made_up(place: Place) -> None:
    place.clock_right = False
    async with place.bridge() as audit:
        audit.record(RECORD)
    async with place.bridge() as audit:
        await until(audit.shown)
        assert [one.unix_s for one in audit.shown()] == [None]


async def test_the_page_sees_earlier_starts_behind_this_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SHOWN", 6)
    for life in range(3):
        async with place.bridge() as audit:
            for number in range(4):
                audit.record(replace(RECORD, boot_s=life * 10.0 + number))
                audit.record(STRANGER)
    async with place.bridge() as audit:
        audit.record(replace(RECORD, boot_s=99.0))
        await until(lambda: len(audit.shown()) == 6)
        assert [one.record.boot_s for one in audit.shown(10)] == [99.0, 23.0, 22.0, 21.0, 20.0, 13.0]


async def test_a_gap_that_is_found_at_the_start_is_logged(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async with place.bridge() as audit:
        audit.record(RECORD)
    (place.data / FILE).unlink()
    async with place.bridge():
        pass
    assert "Lines of the audit are missing or were changed: `driveway audit verify` says which" in caplog.text
    assert not place.whole()
