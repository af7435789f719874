"""What to do after what was heard: pure decisions, with the request and its session as all there is to look at.

Source: the vehicle-command protocol, "retry semantics" and "rules for accepting session info".
"""

from __future__ import annotations

from enum import Enum, auto

from driveway_bridge.proto import OperationStatus_E
from driveway_bridge.protocol.events import Refused, Unanswered
from driveway_bridge.protocol.faults import Fault, Remedy
from driveway_bridge.protocol.replies import Meaning, Verdict
from driveway_bridge.protocol.requests import Attempt, Greeting, Request, Stage
from driveway_bridge.protocol.session import Lesson, Session

_WAIT, _ERROR = int(OperationStatus_E.OPERATIONSTATUS_WAIT), int(OperationStatus_E.OPERATIONSTATUS_ERROR)
RETRY_S = 1.0
BUSY_S = 0.4
"""How long a car that asks to wait is left in peace at first; twice as long each time, up to RETRY_S."""
"""Pause before a busy car is asked again, and between handshake requests."""
MAX_RESENDS = 3
"""How often one command is signed anew because epoch, counter or clock did not agree."""
MAX_WRONG_TAGS = 3
"""So many of our questions answered by somebody who cannot prove to be the car: it is another one. A single forger who
is quicker than the car spoils no command."""


class Next(Enum):
    """Where a request goes from here."""

    WAIT = auto()
    SEND = auto()
    """What it needs next: a handshake, or the command signed anew."""
    PAUSE = auto()
    DONE = auto()
    REFUSED = auto()
    REFUSED_FOR_NOW = auto()
    UNANSWERED = auto()


def after_handshake_fault(request: Request, fault: Fault) -> Next:
    """Anything but a plain no passes: handshake requests are repeated anyway."""
    request.trouble = (fault.reason, fault.name)
    return Next.REFUSED if fault.remedy is Remedy.NONE else Next.WAIT


def after_handshake_status(request: Request, status: int) -> Next:
    """Judge an answer to a handshake that brings neither session info nor fault; None when it says nothing at all."""
    if status == _WAIT:
        request.trouble = ("car_busy", "WAIT")
        return Next.WAIT
    request.trouble = ("refused_by_car", "ERROR")
    return Next.REFUSED


def after_handshake(attempt: Attempt, lesson: Lesson, session: Session) -> Next:
    """Go on after the session info that answers a handshake."""
    request = attempt.request
    if lesson is Lesson.ACCEPTED:
        if isinstance(request.command, Greeting):
            return Next.DONE
        if session.ready:
            return Next.SEND
        request.trouble = ("refused_by_car", "the counter is used up")
        return Next.REFUSED
    if lesson is Lesson.KEY_UNKNOWN:
        request.trouble = ("key_not_enrolled", lesson.name)
        return Next.REFUSED
    if lesson is Lesson.WRONG_TAG:
        request.wrong_tags += not attempt.wrong_tag
        attempt.wrong_tag = True
        if request.wrong_tags >= MAX_WRONG_TAGS:
            request.trouble = ("wrong_car", lesson.name)
            return Next.REFUSED
    elif lesson is Lesson.STALE:
        request.stale_infos += 1
    return Next.WAIT


def after_fault(request: Request, fault: Fault, lesson: Lesson | None, session: Session, now: float) -> Next:
    """Answer a refusal of the protocol's own kind; `lesson` is what its session info was worth, if it had one."""
    request.trouble = (fault.reason, fault.name)
    if fault.remedy is Remedy.UNKNOWN_FATE:
        return Next.UNANSWERED
    request.may_have_happened = False
    if lesson is Lesson.KEY_UNKNOWN:
        request.trouble = ("key_not_enrolled", lesson.name)
        return Next.REFUSED
    if fault.remedy is Remedy.NONE:
        return Next.REFUSED
    if fault.remedy is Remedy.RETRY:
        return _pause(request, now)
    if not request.command.idempotent or request.resends >= MAX_RESENDS:
        if request.key_changed:
            request.trouble = ("car_key_changed", fault.name)
        return Next.REFUSED_FOR_NOW
    if lesson is Lesson.KEY_CHANGED:
        request.key_changed = True
        session.forget()
    elif lesson is not Lesson.ACCEPTED or (fault.name == "INVALID_SIGNATURE" and request.resends):
        # Nothing to learn from it, or learning did not help: ask the car from the beginning.
        session.distrust()
        request.trouble = None
        request.wrong_tags += lesson is Lesson.WRONG_TAG
    request.resends += 1
    return Next.SEND


def after_reply(request: Request, status: int, verdict: Verdict, now: float) -> Next:
    """Go on after an answer without a fault. Only success counts at any time; the rest must be about the last try."""
    meaning, trouble = verdict.meaning, (verdict.reason, verdict.detail)
    if status == _WAIT:
        meaning, trouble = Meaning.BUSY, ("car_busy", "WAIT")
    elif status == _ERROR and meaning is not Meaning.REFUSED:
        meaning, trouble = Meaning.REFUSED, ("refused_by_car", "ERROR")
    if meaning in (Meaning.DONE, Meaning.ALREADY_SO):
        return Next.DONE
    if meaning is Meaning.WAIT or request.stage not in (Stage.ANSWER, Stage.PAUSE):
        return Next.WAIT
    request.trouble = trouble
    if meaning is Meaning.REFUSED:
        return Next.REFUSED
    return _pause(request, now) if meaning is Meaning.BUSY else Next.WAIT


def after_silence(request: Request, session: Session) -> Next:
    """Say what is known when the time is up."""
    if request.stage is Stage.HANDSHAKE and request.stale_infos:
        session.forget()  # what we remember contradicts the car: the next command begins from nothing
    if request.stage is Stage.HANDSHAKE and request.wrong_tags and request.trouble is None:
        request.trouble = ("wrong_car", Lesson.WRONG_TAG.name)
        return Next.REFUSED
    if request.stage in (Stage.HANDSHAKE, Stage.PAUSE) and request.trouble is not None:
        return Next.REFUSED_FOR_NOW
    return Next.UNANSWERED


def refused(request: Request, *, temporary: bool) -> Refused:
    """Tell why a request was refused."""
    reason, detail = request.trouble or ("refused_by_car", "")
    return Refused(id=request.id, reason=reason, detail=detail, temporary=temporary)


def unanswered(request: Request) -> Unanswered:
    """Tell what is known of a request whose answer did not come, or was not understood."""
    reason, detail = request.trouble or ("", "")
    reason = "not_understood" if reason == "not_understood" else "no_answer"
    return Unanswered(id=request.id, reason=reason, detail=detail, may_have_happened=request.may_have_happened)


def _pause(request: Request, now: float) -> Next:
    """Ask a busy car again in a moment, if that is allowed and there is time."""
    if not request.command.idempotent or now + pause_s(request) >= request.deadline:
        return Next.REFUSED_FOR_NOW
    return Next.PAUSE


def pause_s(request: Request) -> float:
    """How long to wait before a busy car is asked again."""
    return min(BUSY_S * 2.0**request.pauses, RETRY_S)
