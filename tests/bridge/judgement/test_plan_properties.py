"""Whatever happens to a car: its sleep is left alone, and there is always a next question.

The car here is a few lines that know what a car does to its sleep: held, or awake for eleven minutes more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from driveway_bridge.judgement.pace import SUBJECT_OF
from driveway_bridge.judgement.phase import PUZZLING_S, STALE_S, STAYS_AWAKE_S
from driveway_bridge.judgement.plan import AWAY_S, STATUS, Plan
from driveway_bridge.state.body import Body, ClosureState
from driveway_bridge.state.charge import Charge, ChargingState
from driveway_bridge.state.climate import Climate
from driveway_bridge.state.reading import State
from tests.bridge.judgement.bodies import body

EVENTS: Final = (
    "lock",
    "enter",
    "leave",
    "plug_in",
    "charged",
    "unplug",
    "climate_on",
    "climate_off",
    "wake",
    "vanish",
    "return",
    "unhear",
    "lock_command",
    "comfort_command",
    "push",
)
LATE_S: Final = 75.0
"""The longest that anything the body does not tell is believed after it has ended: charging and climate are asked about
once a minute, and an answer takes its time. What the body tells is believed for a few seconds."""
COMMAND_S: Final = 70.0
"""So long after a command its effect may be read, though nothing holds the car."""
EACH_S: Final = 1.2
EVENT = st.tuples(st.sampled_from(EVENTS), st.floats(0.5, 3000))


@dataclass
class SmallCar:
    """A car, the truth about it, and why it may be asked."""

    now: float = 0.0
    locked: bool = True
    inside: bool = False
    cable: bool = False
    charging: bool = False
    climate: bool = False
    near: bool = True
    deaf: bool = False
    needed_at: float = 0.0
    """By anybody but us."""
    ours_at: float = -math.inf
    shown_at: float = -math.inf
    """When somebody did something to it that the body tells, as climate that is switched on is not."""
    woke_at: float = 0.0
    commanded_at: float = -math.inf
    entered_at: float = -math.inf
    told_at: float = -math.inf
    met_at: float = -math.inf
    """When it told of itself for the first time after a silence in which anything may have begun, as charging."""
    wrong: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return self.inside or self.charging or self.climate

    @property
    def asleep(self) -> bool:
        return not self.held and self.now > max(self.needed_at, self.ours_at) + STAYS_AWAKE_S

    def pass_time(self, until: float) -> None:
        if self.held:
            self.needed_at = max(self.needed_at, until)
        self.now = max(self.now, until)

    def touch(self) -> None:
        if self.asleep:
            self.woke_at = self.now
        self.needed_at = self.now

    def happen(self, event: str) -> None:
        if event == "wake" or (event == "lock" and not self.asleep):
            self.touch()
        if event in ("enter", "plug_in", "unplug", "climate_on"):
            self.touch()
        if event in ("lock", "enter", "plug_in", "unplug"):
            self.shown_at = self.now
        if event == "enter":
            self.entered_at = self.now
        self.locked = self.locked != (event == "lock")
        self.inside = event == "enter" or (self.inside and event != "leave")
        self.cable = event == "plug_in" or (self.cable and event != "unplug")
        self.charging = event == "plug_in" or (self.charging and event not in ("charged", "unplug"))
        self.climate = event == "climate_on" or (self.climate and event != "climate_off")
        self.near = event == "return" or (self.near and event != "vanish")
        self.deaf = event == "unhear" or (self.deaf and event != "return")

    def body(self) -> Body:
        port = ClosureState.OPEN if self.cable else ClosureState.CLOSED
        if self.asleep:
            return body(asleep=True, inside=False, locked=self.locked)
        return body(inside=self.inside, locked=self.locked, charge_port=port)

    def state(self, subject: str) -> State:
        if subject == "charge":
            return Charge(charging=ChargingState.CHARGING if self.charging else ChargingState.COMPLETE)
        return Climate(on=self.climate) if subject == "climate" else Climate()

    def tell(self) -> Body:
        if self.now - self.told_at > STALE_S:
            self.met_at = self.now
        self.told_at = self.now
        return self.body()

    def hear_question(self, subject: str) -> None:
        """Infotainment is asked: was there a reason?"""
        reasons = (
            self.held,
            self.now - self.needed_at <= LATE_S,
            self.now - self.commanded_at <= COMMAND_S,
            self.now - max(self.woke_at, self.shown_at) >= PUZZLING_S,
            self.now - self.met_at <= LATE_S,
        )
        if self.asleep or not any(reasons):
            self.wrong.append(f"{subject} at {self.now:.1f}, needed at {self.needed_at:.1f}, asleep {self.asleep}")
        self.ours_at = self.now


def live(car: SmallCar, plan: Plan, until: float) -> int:
    """Ask what the plan says until then; gives how often."""
    asked = 0
    while True:
        question = plan.next(car.now)
        assert math.isfinite(question.due)
        if question.due > until:
            break
        car.pass_time(question.due)
        question = plan.next(car.now)
        if question.due <= car.now:
            asked += 1
            ask(car, plan, question.name)
        plan.judged(False if not car.near and not car.deaf else None, car.now)
    car.pass_time(until)
    return asked


def ask(car: SmallCar, plan: Plan, name: str) -> None:
    plan.asking(name, car.now)
    car.pass_time(car.now + EACH_S / 2)
    if not car.near:
        plan.not_reached("not_in_range", car.now)
    elif name == STATUS:
        plan.heard_body(car.tell(), car.now)
        plan.answered(name, car.now)
    elif car.asleep:
        plan.heard_body(car.tell(), car.now)  # who asks infotainment looks first
        plan.refused(name, "car_asleep", car.now, temporary=True)
    else:
        car.hear_question(SUBJECT_OF[name])
        plan.heard_state(SUBJECT_OF[name], car.state(SUBJECT_OF[name]), car.now)
        plan.answered(name, car.now)
    car.pass_time(car.now + EACH_S / 2)


@given(st.lists(EVENT, min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_infotainment_is_only_asked_when_something_else_keeps_the_car_awake(events: list[tuple[str, float]]) -> None:
    """Pains 57, 58, 59, 64, 66, 74."""
    car, plan = SmallCar(), Plan(every_s=30.0, kept=False, details=True, location=True)
    for event, after_s in events:
        begun = car.now
        asked = live(car, plan, car.now + after_s)
        assert asked <= 10 + (car.now - begun) / EACH_S, "there is a pause between two questions"
        car.happen(event)
        if event == "lock_command" and car.near:
            car.locked = True
            plan.heard_body(car.tell(), car.now)
            plan.commanded(None, car.now, infotainment=False)
        if event == "comfort_command" and car.near:
            car.touch()
            car.commanded_at = car.now
            plan.heard_body(car.tell(), car.now)
            plan.commanded("charge", car.now, infotainment=True)
        if event == "push" and car.near:
            plan.heard_body(car.tell(), car.now)
    assert not car.wrong


@given(st.lists(EVENT, min_size=1, max_size=8))
@example([("plug_in", 1.0), ("charged", 1.0), ("vanish", 1.0), ("enter", 2971.0)])
@settings(max_examples=50, deadline=None)
def test_whatever_happened_a_car_that_is_left_alone_sleeps_soon(events: list[tuple[str, float]]) -> None:
    """Pains 57, 61."""
    car, plan = SmallCar(), Plan(every_s=30.0, kept=False, details=True, location=True)
    for event, after_s in events:
        live(car, plan, car.now + after_s)
        car.happen(event)
    for event in ("leave", "charged", "climate_off", "return"):
        car.happen(event)
    left_at = car.now
    if left_at + STAYS_AWAKE_S + LATE_S + 30 - car.woke_at < PUZZLING_S:
        live(car, plan, left_at + STAYS_AWAKE_S + LATE_S + 30)
    else:  # it was awake for an hour and nothing showed why, so that it was asked may come at the wrong moment, once
        live(car, plan, left_at + 2 * STAYS_AWAKE_S + LATE_S + 30)
    if car.met_at > left_at:  # nobody heard it for long, and it was asked what it is doing when it was heard again
        live(car, plan, car.met_at + LATE_S + STAYS_AWAKE_S + 30)
    assert car.asleep
    live(car, plan, left_at + 3 * 3600)
    assert car.asleep


@given(st.lists(EVENT, min_size=1, max_size=8), st.floats(0, 1e7))
@settings(max_examples=50, deadline=None)
def test_there_is_always_a_next_question_within_the_hour(events: list[tuple[str, float]], begin: float) -> None:
    """Pains 70, 87."""
    car, plan = SmallCar(now=begin), Plan(every_s=30.0, kept=False, details=True, location=True)
    for event, after_s in events:
        live(car, plan, car.now + after_s)
        car.happen(event)
        question = plan.next(car.now)
        assert question.due <= car.now + AWAY_S
