"""How a new key gets into the car with a card that is in it already: request, card, touch on the screen.

Every request raises a prompt of its own; they are dealt with one after the other. Source: the vehicle-command
protocol, "key enrolment".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from driveway_bridge.proto import (
    CommandStatus,
    DecodeError,
    FromVCSECMessage,
    UnsignedMessage,
    VcsecOperationStatus_E,
    vcsec,
)
from driveway_bridge.simulator.car import CannotError
from driveway_bridge.simulator.computer import Onboard
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.key_operations import (
    Information,
    KeyRefusedError,
    NewKey,
    check_new,
    information_name,
    is_public_key,
    outcome,
    wanted_key,
)
from driveway_bridge.simulator.profiles import Profile
from driveway_bridge.simulator.whitelist import key_id

DENIED = Information.WHITELISTOPERATION_INFORMATION_LOCAL_ENTITY_AUTH_FAILED_UI_DENIED
NO_CARD = Information.WHITELISTOPERATION_INFORMATION_LOCAL_ENTITY_AUTH_FAILED_TIMED_OUT_WAITING_FOR_TAP
NO_TOUCH = Information.WHITELISTOPERATION_INFORMATION_LOCAL_ENTITY_AUTH_FAILED_TIMED_OUT_WAITING_FOR_UI_ACK
VALET = Information.WHITELISTOPERATION_INFORMATION_LOCAL_ENTITY_AUTH_FAILED_VALET_MODE
CANCELLED = Information.WHITELISTOPERATION_INFORMATION_LOCAL_ENTITY_AUTH_FAILED_CANCELLED

PROMPTS = 8
"""Requests that wait; more are dropped."""
CARD_ID = key_id(b"the owner's card")
"""The short name of the card that allows it."""

Say = Callable[[FromVCSECMessage, float], None]
"""Answer whoever asked, at `now`; the link may be gone by then."""


class Stage(Enum):
    """What the car waits for."""

    CARD = "waiting_for_card"
    TOUCH = "waiting_for_confirmation"


@dataclass(slots=True)
class _Prompt:
    key: NewKey
    say: Say
    stage: Stage = Stage.CARD
    until: float | None = None


class CardEnrolment:
    """The requests that wait, the first of which is in the works."""

    def __init__(self, onboard: Onboard, profile: Profile) -> None:
        self._onboard = onboard
        self._profile = profile
        self._prompts: deque[_Prompt] = deque()

    @property
    def stage(self) -> Stage | None:
        """What the car waits for now, if for anything."""
        return self._prompts[0].stage if self._prompts else None

    def ask_bare(self, message: vcsec.ToVCSECMessage, now: float, say: Say) -> None:
        """Take a request without an envelope. It has to say that a card will be presented; else it is ignored."""
        if message.signedMessage.signatureType != vcsec.SignatureType.SIGNATURE_TYPE_PRESENT_KEY:
            return
        try:
            payload = UnsignedMessage.FromString(message.signedMessage.protobufMessageAsBytes)
        except DecodeError:
            return
        self.ask(payload.WhitelistOperation, now, say)

    def ask(self, operation: vcsec.WhitelistOperation, now: float, say: Say) -> None:
        """Take a request; one that is malformed is ignored without a word."""
        if self._onboard.faults.strikes(Fault.IGNORED_ENROLMENT):
            return
        key = wanted_key(operation)
        if key is None or not is_public_key(key.public) or len(self._prompts) >= PROMPTS:
            return
        try:
            self._check(key)
        except KeyRefusedError as refusal:
            self._answer(say, outcome(refusal.information), now)
            self._tell(key, "failed", refusal.information)
            return
        if Fault.NO_CARD_WAIT not in self._onboard.faults:
            wait = CommandStatus(operationStatus=VcsecOperationStatus_E.OPERATIONSTATUS_WAIT)
            self._answer(say, FromVCSECMessage(commandStatus=wait), now)
        self._prompts.append(_Prompt(key, say))
        self._begin_next(now)

    def _check(self, key: NewKey) -> None:
        if self._onboard.car.settings.valet.active:
            raise KeyRefusedError(VALET)
        check_new(key, self._onboard.whitelist)

    # What happens at the car.

    def tap(self, now: float) -> None:
        """An enrolled card is held to the reader, which also wakes the car. CannotError when nothing waits for it."""
        prompt = self._waiting_for(Stage.CARD, "no key waits for a card")
        self._onboard.car.wake("card")
        prompt.stage, prompt.until = Stage.TOUCH, now + self._profile.confirm_s
        self._tell(prompt.key, Stage.TOUCH.value)

    def confirm(self, now: float) -> None:
        """Somebody accepts on the screen. CannotError when nothing waits for it."""
        prompt = self._waiting_for(Stage.TOUCH, "no key waits for a confirmation")
        try:
            check_new(prompt.key, self._onboard.whitelist)
        except KeyRefusedError as refusal:  # another prompt was faster
            self._end(refusal.information, now)
            return
        self._onboard.whitelist.add(
            prompt.key.public,
            prompt.key.role,
            form_factor=prompt.key.form_factor,
            impermanent=prompt.key.impermanent,
            known_everywhere_at=now + self._profile.key_sync_s,
        )
        self._end(None, now)

    def deny(self, now: float) -> None:
        """Somebody refuses on the screen. CannotError when nothing waits for it."""
        self._waiting_for(Stage.TOUCH, "no key waits for a confirmation")
        self._end(DENIED, now)

    def cancel(self, now: float) -> None:
        """Somebody closes the prompt. CannotError when there is none."""
        if not self._prompts:
            raise CannotError("no key waits")
        self._end(CANCELLED, now)

    # Time.

    def next_deadline(self) -> float | None:
        """When the car has waited long enough."""
        return self._prompts[0].until if self._prompts else None

    def handle_deadline(self, now: float) -> None:
        """Give up what has waited long enough."""
        while self._prompts and (until := self._prompts[0].until) is not None and until <= now:
            self._end(NO_CARD if self._prompts[0].stage is Stage.CARD else NO_TOUCH, now)

    # Inside.

    def _waiting_for(self, stage: Stage, otherwise: str) -> _Prompt:
        if self.stage is not stage:
            raise CannotError(otherwise)
        return self._prompts[0]

    def _begin_next(self, now: float) -> None:
        if self._prompts and self._prompts[0].until is None:
            self._prompts[0].until = now + self._profile.card_s
            self._tell(self._prompts[0].key, Stage.CARD.value)

    def _end(self, information: vcsec.WhitelistOperation_information_E | None, now: float) -> None:
        prompt = self._prompts.popleft()
        self._answer(prompt.say, outcome(information, CARD_ID if information is None else None), now)
        self._tell(prompt.key, "enrolled" if information is None else "failed", information)
        self._begin_next(now)

    def _answer(self, say: Say, message: FromVCSECMessage, now: float) -> None:
        if Fault.SILENT_ENROLMENT not in self._onboard.faults:
            say(message, now)

    def _tell(self, key: NewKey, stage: str, information: vcsec.WhitelistOperation_information_E | None = None) -> None:
        reason = {} if information is None else {"reason": information_name(information), "code": int(information)}
        self._onboard.report("enrolment", stage=stage, key=key_id(key.public).hex(), role=int(key.role), **reason)
