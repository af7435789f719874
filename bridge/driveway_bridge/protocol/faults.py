"""What the car's refusals mean for the conversation, and which reason code the owner gets.

Source: the vehicle-command protocol, `MessageFault_E`, `GenericError_E` and `WhitelistOperation_information_E`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from driveway_bridge.proto import GenericError_E, MessageFault_E, vcsec


class Remedy(Enum):
    """What the conversation can do about a fault."""

    RESYNC = auto()
    """Epoch, counter or clock do not agree: learn them from the car and sign anew."""
    RETRY = auto()
    """The car is busy: the same again in a moment."""
    NONE = auto()
    """The answer is no."""
    UNKNOWN_FATE = auto()
    """It was received and perhaps done."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One refusal: its name in the protocol, the reason code, and what can be done."""

    name: str
    reason: str
    remedy: Remedy


_RESYNC = (5, 6, 15, 17, 20)
_RETRY = (1, 2, 11)
_REASONS: Mapping[int, str] = {
    1: "car_busy",
    2: "car_busy",
    3: "key_not_enrolled",
    4: "key_not_enrolled",
    7: "not_permitted",
    11: "car_busy",
    12: "wrong_car",
    14: "key_list_full",
    21: "remote_access_off",
    22: "not_permitted",
    25: "not_understood",
}
_GENERIC_REASONS: Mapping[int, str] = {
    2: "closures_open",
    4: "not_permitted",
    6: "not_permitted",
    7: "not_permitted",
    8: "key_not_enrolled",
}
_WHITELIST_REASONS: Mapping[int, str] = {
    2: "own_key",
    3: "key_list_full",
    4: "key_list_full",
    5: "owner_key_needed",
    6: "key_refused",
    7: "owner_key_needed",
    8: "owner_key_needed",
    9: "owner_key_needed",
    10: "owner_key_needed",
    11: "own_key",
    12: "key_not_listed",
    13: "already_enrolled",
    14: "card_not_on_reader",
    15: "not_permitted",
    16: "not_permitted",
    17: "not_permitted",
    18: "key_list_full",
    19: "role_refused",
    20: "role_refused",
    21: "role_refused",
    22: "role_refused",
    23: "confirmation_impossible",
    24: "denied_on_screen",
    25: "card_not_tapped",
    26: "not_confirmed_on_screen",
    27: "valet_mode",
    28: "cancelled_at_car",
}
ALREADY_ON = int(GenericError_E.GENERICERROR_ALREADY_ON)
"""The one error that is good news."""


def message_fault(number: int) -> Fault:
    """Look up a `signed_message_fault`; a number that is not known is a plain no."""
    name = MessageFault_E.Name(number) if number in MessageFault_E.values() else f"FAULT_{number}"
    if number in _RESYNC:
        remedy = Remedy.RESYNC
    elif number in _RETRY:
        remedy = Remedy.RETRY
    elif number == MessageFault_E.MESSAGEFAULT_ERROR_RESPONSE_MTU_EXCEEDED:
        remedy = Remedy.UNKNOWN_FATE
    else:
        remedy = Remedy.NONE
    return Fault(name.removeprefix("MESSAGEFAULT_ERROR_"), _REASONS.get(number, "refused_by_car"), remedy)


def nominal_error(number: int) -> Fault:
    """Look up the `genericError` of a command that was authentic and could not be done; always final."""
    name = GenericError_E.Name(number) if number in GenericError_E.values() else f"ERROR_{number}"
    return Fault(name.removeprefix("GENERICERROR_"), _GENERIC_REASONS.get(number, "refused_by_car"), Remedy.NONE)


def whitelist_error(number: int) -> Fault:
    """Look up the `whitelistOperationInformation` of a change to the car's keys that was not made; always final."""
    known = vcsec.WhitelistOperation_information_E
    name = known.Name(number) if number in known.values() else f"WHITELIST_{number}"
    name = name.removeprefix("WHITELISTOPERATION_INFORMATION_")
    return Fault(name, _WHITELIST_REASONS.get(number, "key_refused"), Remedy.NONE)
