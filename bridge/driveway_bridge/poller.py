"""Keeps what is known of one car true without disturbing its sleep: asks what the plan says, when it says so."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge.car import NOT_REACHED, Car, Observer
from driveway_bridge.contract import Outcome
from driveway_bridge.judgement import pace
from driveway_bridge.judgement.budget import Budget
from driveway_bridge.judgement.phase import Phase
from driveway_bridge.judgement.plan import STATUS, Plan, Question
from driveway_bridge.protocol.domain import Domain

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.commands.base import Command
    from driveway_bridge.config import CarSettings
    from driveway_bridge.errand import Execution
    from driveway_bridge.link.base import Sighting
    from driveway_bridge.state.body import Body
    from driveway_bridge.state.reading import State

_LOGGER = logging.getLogger(__name__)

LOOK_S: Final = 10.0
"""How often it is looked whether the car is still heard."""
HUNG_S: Final = 120.0
"""A question that has not ended by then, its turn in the lane included, hangs in something below us; it is dropped."""
AFTER_DEFECT_S: Final = 10.0
"""Before going on after a mistake of ours."""
GIVEN_BACK_S: Final = 10.0
"""A link that is to be kept is given back after so long without a command, while another bridge looks after the car."""


class Poller(Observer):
    """Asks one car. It has to be among the car's observers, behind its budget."""

    def __init__(self, car: Car, settings: CarSettings, *, budget: Budget) -> None:
        self.leads: Callable[[], bool] = lambda: True
        """Says whether this bridge looks after the car, or another one does."""
        self._car = car
        self._kept = math.isinf(settings.hold_s)
        self._used_at = -math.inf
        self._budget = budget
        self._plan = Plan(
            every_s=settings.status_every_s,
            kept=self._kept,
            details=settings.details,
            location=settings.location,
        )
        self._changed = asyncio.Event()
        self._asking: str | None = None
        self._asked_at: float | None = None
        self._defects = 0
        self._phase = Phase.UNKNOWN
        self._may_prolong = True
        car.on_doubt = self.soon

    def soon(self, after_s: float) -> None:
        """Read the body's status within so many seconds."""
        self._plan.soon(after_s, _now())
        self._changed.set()

    # Asking -----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask for ever; nothing but being cancelled ends it."""
        await self._car.equipment()
        while True:
            try:
                await self._wait_and_ask()
            except Exception:  # a mistake of ours with one car must neither end its polling nor disturb the others
                self._defects += 1
                _LOGGER.exception("Looking after %s failed inside the bridge; it goes on", self._car.name)
                await asyncio.sleep(AFTER_DEFECT_S)

    async def _wait_and_ask(self) -> None:
        """Ask the next question when it is due, unless something happens before."""
        self._car.look_around()
        now = _now()
        self._plan.judged(self._car.link.in_range, now)
        self._note_lease(now)
        self._note_phase(now)
        question = self._plan.next(now, may_prolong=self._look_at_the_budget())
        if question.due <= now:
            await self._ask(question)
            return
        self._changed.clear()
        try:
            async with asyncio.timeout(min(question.due - now, LOOK_S)):
                await self._changed.wait()
        except TimeoutError:
            pass  # it is due, or time to look around

    async def _ask(self, question: Question) -> None:
        name = self._asking = question.name
        self._asked_at = _now()
        self._plan.asking(name, self._asked_at)
        try:
            async with asyncio.timeout(HUNG_S):
                execution = await self._car.poll(name)
        except TimeoutError:
            _LOGGER.warning("%s: %s did not end within %d s and was dropped", self._car.name, name, HUNG_S)
            self._note_failure(name, "no_answer")
        except Exception:
            self._note_failure(name, "internal")
            raise
        else:
            self._learn(name, execution)
        finally:
            self._asking = None

    def _learn(self, name: str, execution: Execution | None) -> None:
        now = _now()
        if execution is None:
            self._plan.gave_way(now)
        elif execution.outcome is Outcome.CONFIRMED:
            self._plan.answered(name, now)
        elif execution.reason in NOT_REACHED and (name == STATUS or execution.reason != "no_answer"):
            self._plan.not_reached(execution.reason, now)
        else:
            # Infotainment may be silent by itself; whether the car is still there the body tells.
            if execution.reason == "no_answer":
                self._plan.soon(0.0, now)
            self._plan.refused(name, execution.reason, now, temporary=execution.temporary)

    def _note_failure(self, name: str, reason: str) -> None:
        if name == STATUS:
            self._plan.not_reached(reason, _now())
        else:
            self._plan.refused(name, reason, _now(), temporary=True)

    def _look_at_the_budget(self) -> bool:
        """Whether a question may cost awake time; told in the log when that changes."""
        may_prolong = self._budget.may_prolong()
        if may_prolong is not self._may_prolong:
            self._may_prolong = may_prolong
            if may_prolong:
                _LOGGER.info("%s: its details are read after commands again", self._car.name)
            else:
                _LOGGER.warning(
                    "%s: our questions have kept it awake as long as they may in a day. Commands go on, but what they"
                    " did is not read any more",
                    self._car.name,
                )
        return may_prolong

    def _note_lease(self, now: float) -> None:
        """While another bridge looks after the car, ask rarely, and leave the place at the car to it."""
        if self.leads():
            self._plan.following_since = None
            return
        if self._plan.following_since is None:
            self._plan.following_since = now
        if self._kept and now - self._used_at >= GIVEN_BACK_S:
            self._car.make_room()

    def _note_phase(self, now: float) -> None:
        phase, _ = self._plan.phase(now)
        if phase is not self._phase:
            _LOGGER.debug("%s: %s, before it was %s", self._car.name, phase.value, self._phase.value)
            self._phase = phase

    # What is heard ----------------------------------------------------------------------------------------------------

    def heard_body(self, body: Body, source: str, old_s: float) -> None:  # noqa: ARG002 - the observer's shape
        """Plan by what the body told."""
        self._plan.heard_body(body, _now())
        self._changed.set()

    def heard_state(self, subject: str, state: State) -> None:
        """Plan by what infotainment told, us or somebody."""
        self._plan.heard_state(subject, state, _now())
        self._changed.set()

    def heard_link(self, linked: bool, reason: str | None) -> None:  # noqa: ARG002, FBT001 - the observer's shape
        """An open link tells by itself."""
        self._plan.heard_link(linked=linked)
        self._changed.set()

    def sighted(self, sighting: Sighting) -> None:
        """A car that is back is asked at once."""
        if self._plan.sighted(_now(), connectable=sighting.connectable):
            self._changed.set()

    def executed(self, command: Command, execution: Execution, *, asked: bool) -> None:
        """After a command of somebody, look what it did."""
        if asked:
            self._used_at = _now()
        if not asked or command.reads or execution.reason in NOT_REACHED - {"no_answer"} or not execution.exchanges:
            return
        infotainment = command.domain is Domain.INFOTAINMENT and execution.outcome is not Outcome.FAILED
        subject = pace.SUBJECT_OF.get(command.read_back.name) if command.read_back is not None else None
        woke = command.name == "wake" and execution.outcome is Outcome.CONFIRMED
        self._plan.commanded(subject, _now(), infotainment=infotainment or woke)
        self._changed.set()

    # What is told -----------------------------------------------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """Say what is known and what comes next: seconds everywhere, None for never."""
        now = _now()
        phase, since = self._plan.phase(now)
        question = self._plan.next(now, may_prolong=self._may_prolong)
        signs, details = self._plan.signs, self._plan.details
        return {
            "phase": phase.value,
            "since_s": _rounded(now - since),
            "held_by": sorted(hold.value for hold in signs.holds(now)),
            "left_alone_s": _rounded(now - details.asked_at),
            "asking": self._asking,
            "asked_s_ago": None if self._asked_at is None else _rounded(now - self._asked_at),
            "next": {"question": question.name, "in_s": _rounded(max(0.0, question.due - now))},
            "unreached": {"count": self._plan.unreached.count, "reason": self._plan.unreached.reason},
            "failures": {
                subject: {"count": failed.count, "reason": failed.reason}
                for subject, failed in details.failures.items()
            },
            "within_budget": self._may_prolong,
            "defects": self._defects,
        }


def _now() -> float:
    return asyncio.get_running_loop().time()


def _rounded(seconds: float) -> float | None:
    return round(seconds, 1) if math.isfinite(seconds) else None
