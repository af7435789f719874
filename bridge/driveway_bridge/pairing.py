"""Pairing as an owner goes through it: a sequence of steps, each of which can fail for a reason of its own.

Everything that can be known before a card is tapped is looked at first, without any key: is the car there, does it
have a place for us, does it answer, is it awake, does its list of keys have room. Then the key is presented, once, and
only the car's proof is believed. Nothing but the car is asked. Nothing has to be remembered either: after a crash
pairing begins again and finds what the car knows by then.
Source: the vehicle-command protocol, "key enrolment and key management".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from driveway_bridge.car import Vehicle
from driveway_bridge.commands import keys, security
from driveway_bridge.contract import Outcome
from driveway_bridge.enrolment import TIMEOUT_S, Enrolment, enrol
from driveway_bridge.link.base import Sighting
from driveway_bridge.state.body import Body
from driveway_bridge.state.keys import SLOTS, FormFactor, KeyList, Role

__all__ = ["TIMEOUT_S", "Pairing", "Step", "StepName", "StepState", "pair"]
REACH_S: Final = 20.0
"""For finding the car and its first answer: a first connection over the air may take that long."""
LOOK_S: Final = 2.0
"""Between two looks at a car that sleeps."""
_READ_S: Final = 4.0
_GONE_S: Final = 10.0


class StepName(StrEnum):
    """The steps, in the order in which an owner meets them."""

    HEARD = "heard"
    PLACES = "places"
    """There was a Bluetooth place for us."""
    REACHED = "reached"
    """It answers questions."""
    KEYS = "keys"
    """Its list of keys: is ours there already, and is there room?"""
    ASLEEP = "asleep"
    """Waiting for the car to wake up; it is skipped, or done at once, when there is no need to."""
    PRESENTED = "presented"
    CARD = "card"
    CONFIRM = "confirm"
    """On the car's screen."""
    KNOWN = "known"
    """The locks have proved that they know the key."""
    SYNCHRONISED = "synchronised"
    """So has the rest of the car."""
    ROLE = "role"
    """What the car has written the key down as."""


class StepState(StrEnum):
    """How far a step is."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step as it stands."""

    name: StepName
    state: StepState = StepState.WAITING
    reason: str = ""
    """A code of `reasons.REASONS`: why it failed or was skipped, or what is in its way right now."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it found: `signal_dbm`, `user_present`, `keys` (how many), `known` (ours is among them), `told_by_car`,
    `role`, `wished`, `slot`. What is not known is None or missing."""
    left_s: float = 0.0
    """Seconds that were left of the whole when it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """What became of it."""

    outcome: Outcome
    """Confirmed: the car has proved that it knows the key, and its role is the wished one. Refused: it said why not.
    Failed: the key was not presented. Unconfirmed: it was; a question on the car's screen may still be open."""
    reason: str
    """A code of `reasons.REASONS`; confirmed it is `done`, `already_enrolled` or `not_synchronised`."""
    detail: str = ""
    role: Role | None = None
    """The role that the car has written down; None: it did not tell."""
    slot: int | None = None
    steps: tuple[Step, ...] = ()


async def pair(
    vehicle: Vehicle,
    *,
    role: Role | None = None,
    form_factor: FormFactor = FormFactor.CLOUD_KEY,
    timeout_s: float = TIMEOUT_S,
    progress: Callable[[Step], None] = lambda _step: None,
    heard: Callable[[], Sighting | None] = lambda: None,
    cancelled: asyncio.Event | None = None,
) -> Pairing:
    """Make our key known to the car within `timeout_s`; what the car or the link says is in the result, never raised.

    Without `role` a new key becomes a driver's, and a key that is known may have any. `progress` hears each step
    whenever it changes; `heard` tells when the car was last heard over the air, where the way can tell. Once
    `cancelled` is set the waiting ends, and the result says what may have happened. Cancelling the task ends it too.
    """
    wizard = _Wizard(vehicle, role, form_factor, timeout_s, progress, heard)
    work = asyncio.ensure_future(wizard.run())
    stop = asyncio.ensure_future((cancelled or asyncio.Event()).wait())
    try:
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else wizard.broken_off()
    finally:
        work.cancel()
        stop.cancel()
        await asyncio.wait((work, stop))


class _Wizard:
    """One pairing."""

    def __init__(
        self,
        vehicle: Vehicle,
        role: Role | None,
        form_factor: FormFactor,
        timeout_s: float,
        progress: Callable[[Step], None],
        heard: Callable[[], Sighting | None],
    ) -> None:
        self._vehicle = vehicle
        self._role = role
        self._form_factor = form_factor
        self._progress = progress
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + timeout_s
        self._steps = {name: Step(name=name) for name in StepName}
        self._body: Body | None = None
        self._own_listed: bool | None = None

    async def run(self) -> Pairing:
        """Go through the steps."""
        for look in (self._reach, self._read_keys, self._wait_until_awake):
            end = await look()
            if end is not None:
                return end
        enrolment = await enrol(
            self._vehicle,
            role=self._role or Role.DRIVER,
            form_factor=self._form_factor,
            timeout_s=self._left(),
            progress=self._follow,
        )
        if enrolment.outcome is Outcome.CONFIRMED:
            return self._conclude(enrolment)
        if enrolment.reason == "not_enrolled_in_time":
            return self._fail(enrolment.outcome, enrolment.reason, await self._compare_lists())
        return self._fail(enrolment.outcome, enrolment.reason, enrolment.detail)

    def broken_off(self) -> Pairing:
        """Say what may have happened by now."""
        if self._state(StepName.KNOWN) is StepState.OK:
            return self._pairing(Outcome.CONFIRMED, "not_synchronised", "cancelled")
        shown = self._state(StepName.PRESENTED) not in (StepState.WAITING, StepState.SKIPPED)
        return self._fail(Outcome.UNCONFIRMED if shown else Outcome.FAILED, "pairing_cancelled")

    # Before the card --------------------------------------------------------------------------------------------------

    async def _reach(self) -> Pairing | None:
        self._tell(StepName.HEARD, StepState.RUNNING)
        execution = await self._vehicle.execute(
            security.status(),
            timeout_s=min(REACH_S, self._left()),
            progress=lambda stage: self._note_link() if stage == "sent" else None,
        )
        if execution.outcome is not Outcome.CONFIRMED:
            return self._fail(execution.outcome, execution.reason, execution.detail)
        self._note_link()
        self._body = execution.body
        self._tell(StepName.REACHED, StepState.OK)
        return None

    def _note_link(self) -> None:
        if self._state(StepName.HEARD) is StepState.RUNNING:
            self._note_heard()
            self._tell(StepName.PLACES, StepState.OK)
            self._tell(StepName.REACHED, StepState.RUNNING)

    def _note_heard(self) -> None:
        sighting = self._heard()
        self._tell(StepName.HEARD, StepState.OK, signal_dbm=sighting.rssi_dbm if sighting else None)

    async def _read_keys(self) -> Pairing | None:
        self._tell(StepName.KEYS, StepState.RUNNING)
        execution = await self._vehicle.execute(keys.keys_list(), timeout_s=min(_READ_S, self._left()))
        listed = execution.state
        if not isinstance(listed, KeyList):  # not every car has to tell; the card decides all the same
            self._tell(StepName.KEYS, StepState.SKIPPED, execution.reason)
            return None
        self._own_listed = listed.holds(keys.key_id(self._vehicle.public_key))
        if len(listed.slots) >= SLOTS and not self._own_listed:
            self._tell(StepName.KEYS, StepState.FAILED, "key_list_full", keys=listed.count)
            return self._pairing(Outcome.FAILED, "key_list_full")
        self._tell(StepName.KEYS, StepState.OK, keys=listed.count, known=self._own_listed)
        return None

    async def _wait_until_awake(self) -> Pairing | None:
        """A car that sleeps cannot ask for consent; only an enrolled key could wake it, and ours is not yet."""
        if self._own_listed:
            self._tell(StepName.ASLEEP, StepState.SKIPPED, "already_enrolled")
            return None
        answered_at = self._loop.time()
        while self._body is not None and self._body.asleep:
            if self._state(StepName.ASLEEP) is StepState.WAITING:
                self._tell(StepName.ASLEEP, StepState.RUNNING, "car_asleep", user_present=self._body.user_present)
            if self._left() <= LOOK_S:
                return self._fail(Outcome.FAILED, "car_asleep")
            await asyncio.sleep(LOOK_S)
            execution = await self._vehicle.execute(security.status(), timeout_s=min(_READ_S, self._left()))
            if execution.outcome is Outcome.CONFIRMED:
                self._body, answered_at = execution.body, self._loop.time()
            elif self._loop.time() - answered_at > _GONE_S:
                return self._fail(Outcome.FAILED, execution.reason, execution.detail)
        present = None if self._body is None else self._body.user_present
        self._tell(StepName.ASLEEP, StepState.OK, user_present=present)
        return None

    # The card, and after it -------------------------------------------------------------------------------------------

    def _follow(self, stage: str) -> None:
        """Hear how the enrolment goes."""
        match stage:
            case "presenting":
                self._tell(StepName.PRESENTED, StepState.RUNNING)
            case "presented" | "card":
                if self._state(StepName.PRESENTED) is StepState.RUNNING:
                    self._tell(StepName.PRESENTED, StepState.OK)
                self._tell(StepName.CARD, StepState.RUNNING, told_by_car=stage == "card")
            case "confirm":
                self._tell(StepName.CARD, StepState.OK)
                self._tell(StepName.CONFIRM, StepState.OK)
            case "known":
                # Who finds the key known has either just gone through these or needs none of them.
                shown = self._state(StepName.PRESENTED) is not StepState.WAITING
                for name in (StepName.PRESENTED, StepName.CARD, StepName.CONFIRM):
                    if self._state(name) is not StepState.OK:
                        self._tell(name, *((StepState.OK,) if shown else (StepState.SKIPPED, "already_enrolled")))
                self._tell(StepName.KNOWN, StepState.OK)
                self._tell(StepName.SYNCHRONISED, StepState.RUNNING)
            case "synchronised":
                self._tell(StepName.SYNCHRONISED, StepState.OK)
                self._tell(StepName.ROLE, StepState.RUNNING)

    def _conclude(self, enrolment: Enrolment) -> Pairing:
        """Judge what is known of a key that the car knows: whether all of it does, and with the wished role."""
        known_before = self._state(StepName.PRESENTED) is StepState.SKIPPED
        reason = enrolment.reason
        if reason == "not_synchronised":
            self._tell(StepName.SYNCHRONISED, StepState.SKIPPED, enrolment.detail or reason)
            if known_before and enrolment.detail == "car_asleep":
                reason = "already_enrolled"  # nothing says that the rest of the car does not know it
        wished = self._role if known_before else self._role or Role.DRIVER
        facts: dict[str, Any] = {"role": enrolment.role, "wished": wished, "slot": enrolment.slot}
        if enrolment.role is None:
            self._tell(StepName.ROLE, StepState.SKIPPED, "not_understood", **facts)
        elif wished not in (None, enrolment.role):
            self._tell(StepName.ROLE, StepState.FAILED, "other_role", **facts)
            detail = f"{enrolment.role} instead of {wished}"
            return self._pairing(Outcome.REFUSED, "other_role", detail, enrolment.role, enrolment.slot)
        else:
            self._tell(StepName.ROLE, StepState.OK, **facts)
        return self._pairing(Outcome.CONFIRMED, reason, enrolment.detail, enrolment.role, enrolment.slot)

    async def _compare_lists(self) -> str:
        """Say what the car's list of keys has after a card was waited for in vain: for who looks for the cause."""
        execution = await self._vehicle.execute(keys.keys_list(), timeout_s=LOOK_S)
        listed, own = execution.state, keys.key_id(self._vehicle.public_key)
        if not isinstance(listed, KeyList):
            return ""
        among = "among them" if listed.holds(own) else "none of them"
        count = f"{listed.count} key{'' if listed.count == 1 else 's'}"
        return f"the car lists {count}, {among} this bridge's {own[:4].hex()}"

    # Telling ----------------------------------------------------------------------------------------------------------

    def _left(self) -> float:
        return max(0.0, self._end - self._loop.time())

    def _state(self, name: StepName) -> StepState:
        return self._steps[name].state

    def _tell(self, name: StepName, state: StepState, reason: str = "", **facts: Any) -> None:
        step = Step(name=name, state=state, reason=reason, facts=facts, left_s=round(self._left(), 1))
        self._steps[name] = step
        self._progress(step)

    def _fail(self, outcome: Outcome, reason: str, detail: str = "") -> Pairing:
        name = self._blame(reason)
        if self._state(StepName.HEARD) is StepState.RUNNING and name is not StepName.HEARD:
            self._note_heard()
        if self._state(StepName.CARD) is StepState.RUNNING and name is StepName.CONFIRM:
            self._tell(StepName.CARD, StepState.OK)
        for step in list(self._steps.values()):
            if step.state is StepState.RUNNING and step.name is not name:
                self._tell(step.name, StepState.WAITING)
        self._tell(name, StepState.FAILED, reason)
        return self._pairing(outcome, reason, detail)

    def _blame(self, reason: str) -> StepName:
        """Find the step that a reason belongs to; most belong to the one that runs."""
        if reason == "places_full" and self._state(StepName.PLACES) is StepState.WAITING:
            return StepName.PLACES
        running = [step.name for step in self._steps.values() if step.state is StepState.RUNNING]
        if running == [StepName.HEARD] and reason in _AFTER_HEARING:
            return StepName.REACHED
        if reason in _AT_THE_SCREEN:
            return StepName.CONFIRM
        if reason in _AT_ONCE:
            return StepName.PRESENTED
        return running[-1] if running else StepName.REACHED

    def _pairing(
        self, outcome: Outcome, reason: str, detail: str = "", role: Role | None = None, slot: int | None = None
    ) -> Pairing:
        steps = tuple(self._steps.values())
        return Pairing(outcome=outcome, reason=reason, detail=detail, role=role, slot=slot, steps=steps)


_AFTER_HEARING: Final = ("no_connection", "link_lost", "no_answer", "wrong_car", "not_understood")
_AT_THE_SCREEN: Final = ("denied_on_screen", "not_confirmed_on_screen")
_AT_ONCE: Final = ("valet_mode", "role_refused", "key_refused", "key_list_full", "owner_key_needed", "not_permitted")
"""What the car says to the key itself, before any card."""
