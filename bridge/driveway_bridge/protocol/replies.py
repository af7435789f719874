"""What an answer of the body controller to a command means.

Source: the vehicle-command protocol, "reply sequence for a signed VCSEC command": up to three replies come, and only
some of them are the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from driveway_bridge.proto import CommandStatus, FromVCSECMessage, VcsecOperationStatus_E
from driveway_bridge.protocol import faults
from driveway_bridge.protocol.messages import parse_vcsec
from driveway_bridge.state.body import Body


class Meaning(Enum):
    """Where a reply leaves the request."""

    DONE = auto()
    ALREADY_SO = auto()
    WAIT = auto()
    """Not the end: another message follows."""
    BUSY = auto()
    """The same again in a moment."""
    REFUSED = auto()
    UNCLEAR = auto()
    """Not the end either, but if nothing follows the car said something that we did not understand."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning, and what goes with it."""

    meaning: Meaning
    reason: str = ""
    detail: str = ""
    body: Body | None = None


_WAIT = Verdict(Meaning.WAIT)
_UNCLEAR = Verdict(Meaning.UNCLEAR)


def judge(payload: bytes, *, reads: bool) -> Verdict:
    """Judge an application message (decrypted) of the body controller, for a command that reads or acts."""
    message = parse_vcsec(payload)
    if message is None:
        return _UNCLEAR
    kind = message.WhichOneof("sub_message")
    if kind == "nominalError":
        return _nominal(message)
    if kind == "commandStatus":
        return _command_status(message.commandStatus)
    if kind == "authenticationRequest":
        return _WAIT  # a poll that is meant for phones
    if kind is None:
        return _WAIT if reads else Verdict(Meaning.DONE)
    body = Body.from_message(message.vehicleStatus) if kind == "vehicleStatus" else None
    return Verdict(Meaning.DONE, body=body)


def _nominal(message: FromVCSECMessage) -> Verdict:
    number = message.nominalError.genericError
    if number == faults.ALREADY_ON:
        return Verdict(Meaning.ALREADY_SO)
    fault = faults.nominal_error(number)
    return Verdict(Meaning.REFUSED, fault.reason, fault.name)


def _command_status(status: CommandStatus) -> Verdict:
    if status.operationStatus == VcsecOperationStatus_E.OPERATIONSTATUS_WAIT:
        return Verdict(Meaning.BUSY, "car_busy", "WAIT")
    if status.operationStatus == VcsecOperationStatus_E.OPERATIONSTATUS_ERROR:
        if status.HasField("whitelistOperationStatus"):
            code = status.whitelistOperationStatus.whitelistOperationInformation
            if code:
                return Verdict(Meaning.REFUSED, "refused_by_car", f"WHITELIST_{code}")
        # With a signedMessageStatus it is a duplicate of what another message says better; without anything, the
        # maker's advice is to wait as well. The body's state settles it when nothing follows.
        return _WAIT if status.HasField("signedMessageStatus") else _UNCLEAR
    return _WAIT  # authentic so far; whether it is done follows
