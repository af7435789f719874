"""Whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.lane import MAX_WAITING, Full, GaveWay, Lane, Priority, Superseded, TooLate, Turn


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
    turn = lane.enter(priority, name, "lock" if name in ("lock", "unlock") else None)
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


async def test_a_poll_gives_way_to_an_order_and_an_order_not_to_an_order() -> None:
    lane, work = Lane(), Work()
    poll = start(lane, work, Priority.POLL, "poll")
    await settle()
    orders = [start(lane, work, Priority.ORDER, "wake"), start(lane, work, Priority.ORDER, "climate_on")]
    await settle()
    work.may_end.set()
    assert await asyncio.gather(*orders) == ["wake", "climate_on"]
    with pytest.raises(GaveWay):
        await poll
    assert work.notes[:3] == ["poll begins", "poll is dropped", "wake begins"]
    assert work.notes.count("wake begins") == 1


async def test_an_order_that_may_not_begin_again_ends_when_it_gives_way() -> None:
    lane, work = Lane(), Work()
    turn = lane.enter(Priority.ORDER, "toggle")
    toggle = asyncio.create_task(lane.run(turn, work.job("toggle"), again=lambda: False))
    await settle()
    lock = start(lane, work, Priority.LOCK, "lock")
    with pytest.raises(GaveWay):
        await toggle
    work.may_end.set()
    assert await lock == "lock"
    assert not lane.busy


async def test_only_what_is_about_the_same_thing_is_superseded() -> None:
    lane, work = Lane(), Work()
    running = start(lane, work, Priority.LOCK, "lock")
    await settle()
    trunk = start(lane, work, Priority.LOCK, "trunk_open")
    unlock = start(lane, work, Priority.LOCK, "unlock")
    doors = [start(lane, work, Priority.LOCK, name) for name in ("door_open", "door_close")]
    work.may_end.set()
    assert await asyncio.gather(running, trunk, unlock, *doors) == [
        "lock",
        "trunk_open",
        "unlock",
        "door_open",
        "door_close",
    ]


@dataclass
class Guest:
    """One turn in a random story, and what came of it."""

    priority: Priority
    name: str
    may_begin_again: bool
    begun: int = 0
    ended: int = 0
    outcome: str = ""
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Everybody came to an end that fits."""
        assert self.outcome
        if self.outcome != "cancelled":
            assert self.ended == (self.outcome == "done")
        if self.outcome == "Superseded":
            assert (self.priority, self.begun) == (Priority.LOCK, 0)
        if self.outcome == "GaveWay":
            assert self.priority is Priority.POLL or not self.may_begin_again
        if self.begun > 1:
            assert self.priority is Priority.ORDER
            assert self.may_begin_again


PLACES = st.sampled_from(list(Priority))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), PLACES, st.sampled_from(["lock", "unlock", "other"]), st.booleans()),
        st.tuples(st.just("finish"), st.integers(0, 30)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("wait"), st.integers(0, 3)),
    ),
    max_size=40,
)


@given(steps=STEPS)
def test_whatever_happens_one_is_served_at_a_time_and_everybody_comes_to_an_end(steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(play(steps))


async def play(steps: list[tuple[Any, ...]]) -> None:
    story = Story()
    for step in steps:
        await story.take(step)
    for guest in story.guests:
        guest.may_end.set()
    await asyncio.gather(*(guest.task for guest in story.guests if guest.task is not None))
    await settle()
    assert not story.lane.busy
    for guest in story.guests:
        guest.check()


class Story:
    """A lane and its guests."""

    def __init__(self) -> None:
        self.lane = Lane()
        self.guests: list[Guest] = []
        self.served: list[Guest] = []

    async def take(self, step: tuple[Any, ...]) -> None:
        if step[0] == "enter":
            self.enter(Guest(*step[1:]))
            await settle()
            if step[1] is Priority.LOCK:
                assert [guest.priority for guest in self.served] == [Priority.LOCK], "nothing holds up a lock command"
        elif step[0] == "wait":
            for _ in range(step[1]):
                await asyncio.sleep(0)
        elif step[1] < len(self.guests):
            guest = self.guests[step[1]]
            assert guest.task is not None
            guest.may_end.set() if step[0] == "finish" else guest.task.cancel()

    def enter(self, guest: Guest) -> None:
        subject = "lock" if guest.priority is Priority.LOCK and guest.name != "other" else None
        try:
            turn = self.lane.enter(guest.priority, guest.name, subject)
        except Full:
            return
        self.guests.append(guest)
        guest.task = asyncio.create_task(self.visit(guest, turn))

    async def visit(self, guest: Guest, turn: Turn) -> None:
        try:
            await self.lane.run(turn, lambda: self.serve(guest), again=lambda: guest.may_begin_again)
            guest.outcome = "done"
        except (Superseded, GaveWay) as end:
            guest.outcome = type(end).__name__
        except asyncio.CancelledError:
            guest.outcome = "cancelled"

    async def serve(self, guest: Guest) -> None:
        self.served.append(guest)
        guest.begun += 1
        assert len(self.served) == 1, "one at a time"
        try:
            await guest.may_end.wait()
            guest.ended += 1
        finally:
            self.served.remove(guest)
