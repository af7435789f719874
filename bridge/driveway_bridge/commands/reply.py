"""What infotainment's answers mean: to an action yes, "already so" or no; to a question the data.

The car gives its reasons in words of its own, of which only some are known; what is not known is never shown to owners
as if it were.
Source: the vehicle-command protocol, "responses" and "retry semantics"; the words are those seen by owners.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from driveway_bridge.commands.base import Command
from driveway_bridge.errors import Refused, Unanswered
from driveway_bridge.proto import DecodeError, FromVCSECMessage, Response, car_server, vehicle
from driveway_bridge.state.reading import clean

MAX_DETAIL = 60
"""Characters of the car's words that are kept for the log."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an answer to an action means."""

    reason: str
    """`done`, `already_so`, `not_understood` (it may or may not have been done), or why the car refused: each a code of
    `reasons.REASONS`."""
    detail: str = ""
    """The car's words, cleaned and cut: for the log only."""

    @property
    def done(self) -> bool:
        """The wished state is there."""
        return self.reason in ("done", "already_so")

    @property
    def unclear(self) -> bool:
        """The answer could not be read: the fate is unknown."""
        return self.reason == "not_understood"


_ALREADY = re.compile(r"(^|.* )already( .*)?$")
_KNOWN: Final = (
    (re.compile(r"not supported|unsupported|not (installed|equipped)"), "not_supported_by_car"),
    (re.compile(r"cabin comfort remote settings not enabled"), "comfort_remote_off"),
    (re.compile(r"low power mode( .*)?"), "low_power_mode"),
    (re.compile(r"parental controls( .*)?"), "parental_controls"),
    (re.compile(r"(vehicle |car )?(is )?not in park"), "not_in_park"),
    (re.compile(r"disconnected|not (connected|plugged in)"), "not_plugged_in"),
    (re.compile(r"no power"), "no_charging_power"),
    (
        re.compile(r"(invalid|incorrect|wrong) (pin|password)|(pin|password) (is )?(invalid|incorrect|wrong)"),
        "wrong_pin",
    ),
    (re.compile(r"(in )?valet mode( .*)?"), "valet_mode"),
    (re.compile(r"could not wake buses"), "car_busy"),
    (re.compile(r"unauthorized|insufficient privileges"), "not_permitted"),
)


def judge(payload: bytes, command: Command) -> Judgement:
    """Judge the answer (decrypted) to a command that acts. No payload is a success, as for the maker's own client."""
    try:
        response = Response.FromString(payload)
    except DecodeError:
        return Judgement("not_understood")
    if response.actionStatus.result == car_server.OPERATIONSTATUS_OK:
        return Judgement("done")
    return _refusal(response, command.already_so, idempotent=command.idempotent and not command.reads)


def vehicle_data(payload: bytes, part: str) -> vehicle.VehicleData:
    """Read the answer to a question about the car's state; errors.Refused, errors.Unanswered if `part` is not in it."""
    data = _answer(payload).vehicleData
    if not data.HasField(part):
        raise Unanswered("not_understood", f"no {part}", may_have_happened=False)
    return data


def nearby_sites(payload: bytes) -> car_server.NearbyChargingSites:
    """Read the answer to a question about charging places; errors as for `vehicle_data`."""
    response = _answer(payload)
    if not response.HasField("getNearbyChargingSites"):
        raise Unanswered("not_understood", "no charging sites", may_have_happened=False)
    return response.getNearbyChargingSites


def pong(payload: bytes) -> car_server.Ping:
    """Read the answer to a ping; errors as for `vehicle_data`."""
    response = _answer(payload)
    if not response.HasField("ping"):
        raise Unanswered("not_understood", "no ping", may_have_happened=False)
    return response.ping


def body_answer(payload: bytes, part: str) -> FromVCSECMessage:
    """Read the body controller's answer to a question; errors.Unanswered if `part` is not in it."""
    try:
        message = FromVCSECMessage.FromString(payload)
    except DecodeError as error:
        raise Unanswered("not_understood", may_have_happened=False) from error
    if message.WhichOneof("sub_message") != part:
        raise Unanswered("not_understood", f"no {part}", may_have_happened=False)
    return message


def _answer(payload: bytes) -> Response:
    try:
        response = Response.FromString(payload)
    except DecodeError as error:
        raise Unanswered("not_understood", may_have_happened=False) from error
    if response.actionStatus.result != car_server.OPERATIONSTATUS_OK:
        refusal = _refusal(response, frozenset(), idempotent=False)
        raise Refused(refusal.reason, refusal.detail)
    return response


def _refusal(response: Response, already_so: frozenset[str], *, idempotent: bool) -> Judgement:
    """Find the reason code for the car's words: `already_set`, `already set` and `Already set.` are the same."""
    said = clean(response.actionStatus.result_reason.plain_text, MAX_DETAIL)
    words = re.sub(r"[\W_]+", " ", said).strip().lower()
    if words in already_so or (idempotent and _ALREADY.match(words)):
        return Judgement("already_so", said)
    for pattern, reason in _KNOWN:
        if pattern.fullmatch(words):
            return Judgement(reason, said)
    return Judgement("refused_by_car", said)
