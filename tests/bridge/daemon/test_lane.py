"""Whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from driveway_bridge.lane import MAX_WAITING, Full, GaveWay, Lane, Priority, Superseded, TooLate


class Work:
    """A job that notes when it begins and ends, and lasts until told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.may_end = asyncio.Event()

    def job(self, name: str) -> Callable[[], Awaitable[str]]:
        async def run() -> str:
            self.notes.append(f"{name} begins")
            try:
                await self.may_end.wait()
            except asyncio.CancelledError:
                self.notes.append(f"{name} is dropped")
                raise
            self.notes.append(f"{name} ends")
            return name

        return run


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def start(lane: Lane, work: Work, priority: Priority, name: str, within_s: float | None = None) -> asyncio.Task[str]:
    turn = lane.enter(priority, name)
    return asyncio.create_task(lane.run(turn, work.job(name), within_s))


async def test_a_lock_command_overtakes_all_that_waits() -> None:
    lane, work = Lane(), Work()
    first = start(lane, work, Priority.LOCK, "lock")
    await settle()
    others = [
        start(lane, work, Priority.POLL, "poll"),
        start(lane, work, Priority.ORDER, "wake"),
        start(lane, work, Priority.LOCK, "unlock"),
    ]
    work.may_end.set()
    await asyncio.gather(first, *others)
    assert [note for note in work.notes if note.endswith("begins")] == [
        "lock begins",
        "unlock begins",
        "wake begins",
        "poll begins",
    ]
    assert not lane.busy


async def test_a_poll_under_way_is_dropped_for_a_lock_command() -> None:
    lane, work = Lane(), Work()
    poll = start(lane, work, Priority.POLL, "poll")
    await settle()
    lock = start(lane, work, Priority.LOCK, "lock")
    await settle()
    assert work.notes == ["poll begins", "poll is dropped", "lock begins"]
    with pytest.raises(GaveWay):
        await poll
    work.may_end.set()
    assert await lock == "lock"


async def test_a_poll_whose_turn_has_just_come_is_dropped_as_well() -> None:
    lane, work = Lane(), Work()
    poll = start(lane, work, Priority.POLL, "poll")
    lock = start(lane, work, Priority.LOCK, "lock")
    work.may_end.set()
    with pytest.raises(GaveWay):
        await poll
    assert await lock == "lock"
    assert work.notes == ["lock begins", "lock ends"]


async def test_another_order_starts_again_after_the_lock_command() -> None:
    lane, work = Lane(), Work()
    wake = start(lane, work, Priority.ORDER, "wake")
    await settle()
    lock = start(lane, work, Priority.LOCK, "lock")
    await settle()
    work.may_end.set()
    assert [await wake, await lock] == ["wake", "lock"]
    assert work.notes == ["wake begins", "wake is dropped", "lock begins", "lock ends", "wake begins", "wake ends"]


async def test_a_lock_command_under_way_is_not_disturbed() -> None:
    lane, work = Lane(), Work()
    lock = start(lane, work, Priority.LOCK, "lock")
    await settle()
    unlock = start(lane, work, Priority.LOCK, "unlock")
    await settle()
    assert work.notes == ["lock begins"]
    work.may_end.set()
    assert [await lock, await unlock] == ["lock", "unlock"]


async def test_the_opposite_takes_the_place_of_what_waits() -> None:
    lane, work = Lane(), Work()
    lock = start(lane, work, Priority.LOCK, "lock")
    await settle()
    unlock = start(lane, work, Priority.LOCK, "unlock")
    last = start(lane, work, Priority.LOCK, "lock")
    with pytest.raises(Superseded):
        await unlock
    work.may_end.set()
    assert [await lock, await last] == ["lock", "lock"]
    assert "unlock begins" not in work.notes


async def test_waiting_has_an_end() -> None:
    lane, work = Lane(), Work()
    lock = start(lane, work, Priority.LOCK, "lock")
    late = start(lane, work, Priority.ORDER, "wake", within_s=0.05)
    with pytest.raises(TooLate):
        await late
    work.may_end.set()
    await lock
    assert work.notes == ["lock begins", "lock ends"]


async def test_only_so_many_wait_and_a_lock_command_is_never_behind_them() -> None:
    lane, work = Lane(), Work()
    running = start(lane, work, Priority.LOCK, "lock")
    await settle()
    waiting = [start(lane, work, Priority.ORDER, "wake") for _ in range(MAX_WAITING)]
    with pytest.raises(Full):
        lane.enter(Priority.ORDER, "wake")
    unlock = start(lane, work, Priority.LOCK, "unlock")
    work.may_end.set()
    await asyncio.gather(running, unlock, *waiting)
    assert work.notes.index("unlock begins") < work.notes.index("wake begins")


async def test_who_is_cancelled_gives_the_turn_back() -> None:
    lane, work = Lane(), Work()
    running = start(lane, work, Priority.LOCK, "lock")
    waiting = start(lane, work, Priority.LOCK, "lock")
    await settle()
    waiting.cancel()
    running.cancel()
    last = start(lane, work, Priority.POLL, "poll")
    work.may_end.set()
    assert await last == "poll"
    for task in (running, waiting):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not lane.busy


async def test_an_error_of_the_job_gives_the_turn_back() -> None:
    lane = Lane()

    async def fail() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await lane.run(lane.enter(Priority.ORDER, "wake"), fail)
    assert not lane.busy
