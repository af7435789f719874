"""How old something is that was heard before a restart: told exactly, or not at all."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from driveway_bridge import wall_clock
from driveway_bridge.wall_clock import Moment, WallClock

NOON = 1_800_000_000.0


@dataclass
class Machine:
    """A small computer without a battery: its clock stands still while it is off."""

    off_s: float = 0.0
    """How much its time of day lags behind."""
    began: float = NOON
    now: float = NOON
    starts: int = 1
    synchronised: bool = True
    known: dict[str, float] = field(default_factory=dict)
    """What the bridge has kept of its starts."""

    def clock(self) -> WallClock:
        clock = WallClock(
            start=f"start-{self.starts}",
            up=lambda: self.now - self.began,
            unix=lambda: self.now - (0.0 if self.synchronised else self.off_s),
            right=lambda: self.synchronised,
        )
        clock.learn(self.known)
        return clock

    def power_cut(self, seconds: float, *, synchronised: bool) -> None:
        self.now += seconds
        self.off_s += seconds
        self.began = self.now
        self.starts += 1
        self.synchronised = synchronised

    def keep(self, clock: WallClock) -> None:
        began = clock.look()
        if began is not None:
            self.known[clock.now().start] = began


def test_a_restart_of_the_bridge_keeps_the_exact_age_whatever_the_time_of_day() -> None:
    machine = Machine(synchronised=False)
    machine.now += 10
    heard = machine.clock().now()
    machine.now += 1234.5
    machine.off_s = -1e6  # and somebody set the time of day meanwhile
    assert machine.clock().age_s(heard) == 1234.5


def test_over_a_power_cut_the_time_of_day_tells_when_it_was_right_both_times() -> None:
    machine = Machine()
    machine.now += 100
    before = machine.clock()
    heard = before.now()
    machine.keep(before)
    machine.power_cut(3600, synchronised=True)
    machine.now += 20
    after = machine.clock()
    after.look()
    assert after.age_s(heard) == 3620


def test_a_clock_that_stood_still_makes_nothing_younger() -> None:
    """Pains 69, 80."""
    machine = Machine()
    machine.now += 100
    before = machine.clock()
    heard = before.now()
    machine.keep(before)
    machine.power_cut(86_400, synchronised=False)  # it comes back with the time of the cut
    machine.now += 20
    after = machine.clock()
    assert after.look() is None
    assert after.age_s(heard) is None
    assert after.may_tell_later(heard)
    machine.synchronised = True
    assert after.look() is not None
    assert after.age_s(heard) == 86_420
    assert not after.may_tell_later(heard)


def test_what_was_heard_before_the_clock_was_right_is_placed_by_it_too() -> None:
    machine = Machine(synchronised=False, off_s=5000)
    machine.now += 30
    before = machine.clock()
    heard = before.now()
    machine.now += 30
    machine.synchronised = True
    machine.keep(before)
    machine.power_cut(600, synchronised=True)
    after = machine.clock()
    after.look()
    assert after.age_s(heard) == 630


def test_a_clock_that_was_right_once_in_this_start_is_enough() -> None:
    """The house loses its line to the time servers; the machine counts on by itself."""
    machine = Machine()
    clock = machine.clock()
    heard = clock.now()
    machine.keep(clock)
    machine.power_cut(60, synchronised=True)
    clock = machine.clock()
    clock.look()
    machine.synchronised = False
    machine.now += 1000
    assert clock.look() is not None
    assert clock.age_s(heard) == 1060


def test_never_right_before_means_never_known() -> None:
    machine = Machine(synchronised=False)
    heard = machine.clock().now()
    machine.power_cut(60, synchronised=True)
    clock = machine.clock()
    clock.look()
    assert clock.age_s(heard) is None
    assert not clock.may_tell_later(heard)


@pytest.mark.parametrize("wrong_by", [-5000.0, -70.0])
def test_an_age_shorter_than_the_machine_is_up_is_not_believed(wrong_by: float) -> None:
    """Somebody said that the clock is right and it was not."""
    machine = Machine()
    before = machine.clock()
    heard = before.now()
    machine.keep(before)
    machine.power_cut(60, synchronised=True)
    machine.now += 100
    clock = WallClock(
        start="start-2",
        up=lambda: machine.now - machine.began,
        unix=lambda: machine.now + wrong_by,
        right=lambda: True,
    )
    clock.learn(machine.known)
    clock.look()
    assert clock.age_s(heard) is None


def test_a_machine_without_an_id_of_its_start_knows_only_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall_clock, "machine_start", lambda: None)
    first, second = WallClock(right=lambda: False), WallClock(right=lambda: False)
    assert first.age_s(first.now()) is not None
    assert second.age_s(first.now()) is None


def test_the_real_clock_counts() -> None:
    clock = WallClock()
    heard = clock.now()
    assert heard.up_s > 0
    time.sleep(0.02)
    age = clock.age_s(heard)
    assert age is not None
    assert 0.02 <= age < 5
    assert clock.age_s(Moment(heard.start, heard.up_s + 100)) == 0.0


STA_UNSYNC = 0x40
"""timex.h"""


@pytest.mark.parametrize(
    ("status", "file", "right"),
    [
        (STA_UNSYNC, True, False),  # the kernel's word is the newer one
        (0x2001, False, True),
        (None, True, True),
        (None, False, False),
    ],
)
def test_who_says_that_the_clock_is_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int | None, file: bool, right: bool
) -> None:
    monkeypatch.setattr(wall_clock, "_kernel_status", lambda: status)
    monkeypatch.setattr(wall_clock, "_TIMESYNC", tmp_path / "synchronized")
    if file:
        (tmp_path / "synchronized").touch()
    assert wall_clock.synchronised() is right


def test_the_kernel_is_asked_and_nothing_is_set() -> None:
    """In a sandbox that forbids the question the answer is None; else the bits are those of a plain clock."""
    status = wall_clock._kernel_status()
    assert status is None or 0 <= status <= 0xFFFF


def test_a_system_without_this_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wall_clock, "_adjtimex", lambda: None)
    assert wall_clock._kernel_status() is None
    monkeypatch.setattr(wall_clock, "_adjtimex", lambda: lambda _asked: -1)  # not permitted
    assert wall_clock._kernel_status() is None
