"""What the bridge cost the car's rest: estimated, remembered, and an end to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from driveway_bridge.commands import charging, read, security
from driveway_bridge.commands.base import Command
from driveway_bridge.config import CarSettings
from driveway_bridge.contract import Outcome
from driveway_bridge.errand import Execution
from driveway_bridge.judgement.budget import Budget
from driveway_bridge.judgement.day import HOUR_S
from driveway_bridge.state.body import Body
from driveway_bridge.state.charge import Charge, ChargingState
from tests.bridge.judgement.bodies import body

LIMIT = charging.charge_limit(70)
SLEEPS = body(asleep=True)


class Account:
    """A budget with its clock, and what it wanted remembered."""

    def __init__(
        self,
        *,
        wakes: int = 3,
        minutes: int = 30,
        remembered: Mapping[str, Any] | None = None,
        age_s: float | None = None,
    ) -> None:
        self.now = 100_000.0
        self.saved: list[dict[str, Any]] = []
        settings = CarSettings(vin="5YJ30123456789ABC", wakes=wakes, awake_minutes=minutes)
        self.budget = Budget(
            settings, remembered=remembered, remembered_age_s=age_s, save=self.saved.append, clock=lambda: self.now
        )

    def look(self, seen: Body, seconds: float, every_s: float = 30.0) -> None:
        """Pass time while the car looks like that each time that it is looked at."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + every_s)
            self.budget.heard_body(seen, "read", 0.0)

    def do(self, command: Command, *, asked: bool = True, total_s: float = 0.5, **fields: Any) -> None:
        self.now += total_s
        ended: dict[str, Any] = {"outcome": Outcome.CONFIRMED, "reason": "done", "exchanges": 1} | fields
        self.budget.executed(command, Execution(phases_ms={"total": total_s * 1000}, **ended), asked=asked)

    @property
    def minutes(self) -> float:
        return float(self.budget.report()["awake_minutes_today"])

    @property
    def wakes(self) -> int:
        return int(self.budget.report()["wakes_today"])


def test_a_day_without_commands_costs_nothing() -> None:
    """Pains 57, 65."""
    account = Account()
    for _ in range(5):
        account.look(SLEEPS, HOUR_S)
        account.do(security.status(), asked=False)
        account.do(security.lock())
    assert account.budget.report() == {
        "wakes_today": 0,
        "wakes_allowed": 3,
        "awake_minutes_today": 0.0,
        "awake_minutes_allowed": 30,
    }


def test_a_command_that_woke_the_car_costs_one_wake_and_eleven_minutes() -> None:
    """Pains 58, 65."""
    account = Account()
    account.look(SLEEPS, 600)
    account.do(LIMIT, total_s=9.0, wakes=2)
    account.look(body(), 660)
    assert account.wakes == 1, "it was knocked twice and woke up once"
    account.look(SLEEPS, HOUR_S)
    assert account.minutes == pytest.approx(11.0, abs=0.2)


def test_a_wake_that_is_seen_on_the_way_is_not_taken_for_somebody_elses() -> None:
    account = Account()
    account.look(SLEEPS, 600)
    account.now += 3
    account.budget.heard_body(body(), "read", 0.0)
    account.do(LIMIT, total_s=9.0, wakes=1)
    account.look(body(), 660)
    account.look(SLEEPS, HOUR_S)
    assert account.minutes == pytest.approx(11.15, abs=0.2)


def test_the_wake_command_counts_when_it_wakes() -> None:
    account = Account()
    account.look(SLEEPS, 600)
    account.do(security.wake())
    assert account.wakes == 1
    account.look(body(), 60)
    account.do(security.wake())
    assert account.wakes == 1
    account.look(body(), 600)
    account.do(security.wake(), outcome=Outcome.FAILED, reason="not_in_range")
    assert account.wakes == 1


def test_what_is_asked_while_somebody_is_inside_costs_nothing() -> None:
    account = Account()
    account.look(SLEEPS, 600)
    account.look(body(inside=True), 300)
    for _ in range(10):
        account.do(read.drive(), asked=False)
        account.look(body(inside=True), 30)
    account.look(body(), 660)
    account.look(SLEEPS, HOUR_S)
    assert account.minutes < 0.2


def test_one_question_after_the_end_of_charging_costs_as_much_as_it_is_late() -> None:
    account = Account()
    account.look(body(inside=True), 60)
    account.look(body(), 30)
    for _ in range(20):
        account.budget.heard_state("charge", Charge(charging=ChargingState.CHARGING))
        account.do(read.charge(), asked=False)
        account.look(body(), 60)
    account.budget.heard_state("charge", Charge(charging=ChargingState.COMPLETE))
    account.do(read.charge(), asked=False)
    account.look(body(), 720)
    account.look(SLEEPS, HOUR_S)
    assert account.minutes == pytest.approx(1.0, abs=0.1)


def test_what_somebody_else_does_at_the_car_is_not_ours() -> None:
    account = Account()
    account.look(SLEEPS, 600)
    account.do(LIMIT, total_s=9.0, wakes=1)
    account.look(body(), 300)
    account.look(body(locked=False), 900)
    account.look(SLEEPS, HOUR_S)
    assert account.minutes < 11.2
    before = account.minutes
    account.look(body(), 700)
    assert account.minutes == before


def test_a_car_that_is_awake_for_hours_is_not_kept_so_by_us() -> None:
    account = Account()
    account.look(SLEEPS, 600)
    account.do(LIMIT, total_s=9.0, wakes=1)
    account.look(body(), 4 * HOUR_S)
    assert account.minutes == pytest.approx(11.0, abs=0.2)
    account.do(read.closures(), asked=False)
    account.look(body(), HOUR_S)
    assert account.minutes < 12


def test_when_the_wakes_are_spent_there_are_no_more_until_the_day_is_over() -> None:
    """Pain 58."""
    account = Account(wakes=2)
    for _ in range(2):
        assert account.budget.may_wake()
        account.look(SLEEPS, 600)
        account.do(LIMIT, total_s=9.0, wakes=1)
    assert not account.budget.may_wake()
    account.now += 23 * HOUR_S
    assert not account.budget.may_wake()
    account.now += 2 * HOUR_S
    assert account.budget.may_wake()


def test_with_no_wakes_allowed_none_is() -> None:
    assert not Account(wakes=0).budget.may_wake()


def test_when_the_minutes_are_spent_no_question_may_prolong() -> None:
    """Pain 58."""
    account = Account(minutes=20)
    account.look(SLEEPS, 600)
    account.do(LIMIT, total_s=9.0, wakes=1)
    assert account.budget.may_prolong()
    account.look(body(), 660)
    account.look(SLEEPS, 600)
    account.do(LIMIT, total_s=9.0, wakes=1)
    assert not account.budget.may_prolong(), "what it is bound to cost counts already"
    account.now += 26 * HOUR_S
    assert account.budget.may_prolong()


def test_it_is_remembered_over_a_restart() -> None:
    """A restart does not give the budget anew; no clock of the wall is needed.

    Pain 60.
    """
    first = Account(wakes=1)
    first.look(SLEEPS, 600)
    first.do(LIMIT, total_s=9.0, wakes=1)
    first.look(body(), 660)
    first.look(SLEEPS, 600)
    remembered = json.loads(json.dumps(first.saved[-1]))
    second = Account(wakes=1, remembered=remembered, age_s=2 * HOUR_S)
    assert not second.budget.may_wake()
    assert second.minutes == pytest.approx(first.minutes, abs=0.6)
    second.now += 21 * HOUR_S
    assert not second.budget.may_wake()
    second.now += 2 * HOUR_S
    assert second.budget.may_wake()


def test_of_unknown_age_it_counts_as_used_just_now() -> None:
    first = Account(wakes=1)
    first.do(LIMIT, wakes=1)
    second = Account(wakes=1, remembered=first.saved[-1], age_s=None)
    second.now += 23 * HOUR_S
    assert not second.budget.may_wake()


@pytest.mark.parametrize(
    "remembered", [{}, {"hours": 1}, {"hours": [1, None]}, {"hours": [{"age_s": "x", "wakes": 1, "awake_s": 1}]}]
)
def test_a_memory_without_sense_does_no_harm(remembered: dict[str, Any]) -> None:
    assert Account(remembered=remembered, age_s=0.0).budget.may_wake()


def test_it_is_saved_at_each_wake_and_not_at_each_look() -> None:
    account = Account()
    account.look(SLEEPS, 600)
    assert account.saved == []
    account.do(LIMIT, total_s=9.0, wakes=1)
    assert len(account.saved) == 1
    account.look(body(), 660, every_s=1.0)
    assert 10 <= len(account.saved) <= 30
