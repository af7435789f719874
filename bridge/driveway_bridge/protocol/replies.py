"""What an answer to a command means: where it leaves the request, and what the car said.

The body controller gives up to three replies, of which only some are the end; of infotainment's the first is, but to a
question only the one with data.
Source: the vehicle-command protocol, "reply sequence for a signed VCSEC command", "responses", "managing keys".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from driveway_bridge import errors
from driveway_bridge.commands import reply
from driveway_bridge.commands.base import Command
from driveway_bridge.proto import (
    CommandStatus,
    FromVCSECMessage,
    UnsignedMessage,
    VcsecOperationStatus_E,
    WhitelistOperation_status,
)
from driveway_bridge.protocol import faults
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.messages import parse_vcsec
from driveway_bridge.state.body import Body
from driveway_bridge.state.reading import State


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
    state: State | Body | None = None


_WAIT = Verdict(Meaning.WAIT)
_DONE = Verdict(Meaning.DONE)
_UNCLEAR = Verdict(Meaning.UNCLEAR, "not_understood")
_KEYS_ALREADY_SO = ("already_enrolled", "key_not_listed")
_BUSY = Verdict(Meaning.BUSY, "car_busy", "WAIT")


def judge(payload: bytes, command: Command) -> Verdict:
    """Judge an application message (decrypted) that answers a command."""
    if command.domain is Domain.VEHICLE_SECURITY:
        return _body_controller(payload, command)
    if command.reads:
        return _data(payload, command)
    said = reply.judge(payload, command)
    if said.unclear:
        return _UNCLEAR
    if said.done:
        return Verdict(Meaning.ALREADY_SO, detail=said.detail) if said.reason == "already_so" else _DONE
    return Verdict(Meaning.REFUSED, said.reason, said.detail)


def card_word(message: FromVCSECMessage) -> Verdict:
    """Judge what the body controller says, without envelope or to everybody, after a key was presented to it."""
    status = message.commandStatus
    if status.operationStatus == VcsecOperationStatus_E.OPERATIONSTATUS_WAIT:
        return _BUSY  # here: a key card is waited for
    if status.HasField("whitelistOperationStatus"):
        return _whitelist(status.whitelistOperationStatus)
    return _WAIT


def _body_controller(payload: bytes, command: Command) -> Verdict:
    message = parse_vcsec(payload)
    if message is None:
        return _UNCLEAR
    kind = message.WhichOneof("sub_message")
    if kind == "nominalError":
        return _nominal(message)
    if kind == "commandStatus":
        return _command_status(message.commandStatus)
    if command.reads:
        return _data(payload, command)
    if kind == "authenticationRequest" or (kind is None and _changes_keys(command)):
        return _WAIT  # a poll that is meant for phones; the word on a key is never empty
    body = Body.from_message(message.vehicleStatus) if kind == "vehicleStatus" else None
    return _DONE if body is None else Verdict(Meaning.DONE, body=body)


def _data(payload: bytes, command: Command) -> Verdict:
    """Read the answer to a question. An acknowledgement is not the end, nor is what answers something else."""
    if not payload:
        return _WAIT
    if command.state is None:
        return _DONE
    try:
        state = command.state(payload)
    except errors.Refused as error:
        return Verdict(Meaning.REFUSED, error.reason, error.detail)
    except errors.Unanswered as error:
        return Verdict(Meaning.UNCLEAR, error.reason, error.detail)
    return Verdict(Meaning.DONE, body=state if isinstance(state, Body) else None, state=state)


def _nominal(message: FromVCSECMessage) -> Verdict:
    number = message.nominalError.genericError
    if number == faults.ALREADY_ON:
        return Verdict(Meaning.ALREADY_SO)
    fault = faults.nominal_error(number)
    return Verdict(Meaning.REFUSED, fault.reason, fault.name)


def _command_status(status: CommandStatus) -> Verdict:
    if status.operationStatus == VcsecOperationStatus_E.OPERATIONSTATUS_WAIT:
        return _BUSY
    if status.HasField("whitelistOperationStatus"):
        verdict = _whitelist(status.whitelistOperationStatus, status.operationStatus)
        # To add a key that is there and to remove one that is not is done.
        return Verdict(Meaning.ALREADY_SO, detail=verdict.detail) if verdict.reason in _KEYS_ALREADY_SO else verdict
    if status.operationStatus == VcsecOperationStatus_E.OPERATIONSTATUS_ERROR:
        # With a signedMessageStatus it is a duplicate of what another message says better; without anything, the
        # maker's advice is to wait as well. The body's state settles it when nothing follows.
        return _WAIT if status.HasField("signedMessageStatus") else _UNCLEAR
    return _WAIT  # authentic so far; whether it is done follows


def _whitelist(status: WhitelistOperation_status, operation: int = 0) -> Verdict:
    """Judge the last word on a change to the car's keys."""
    worst = max(operation, status.operationStatus)
    if status.whitelistOperationInformation:
        fault = faults.whitelist_error(status.whitelistOperationInformation)
        return Verdict(Meaning.REFUSED, fault.reason, fault.name)
    if worst == VcsecOperationStatus_E.OPERATIONSTATUS_WAIT:
        return _BUSY
    return _DONE if worst == VcsecOperationStatus_E.OPERATIONSTATUS_OK else _UNCLEAR


def _changes_keys(command: Command) -> bool:
    return UnsignedMessage.FromString(command.payload).HasField("WhitelistOperation")
