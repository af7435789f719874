"""Reading JSON objects that come from strangers: strict, and one error for all that is wrong with them.

Like `contract.py`, this file stands twice, byte for byte, and uses the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any, Final, TypeVar

TEXT: Final = (str,)
TEXT_OR_NONE: Final = (str, NoneType)
FLAG_OR_NONE: Final = (bool, NoneType)
NUMBER: Final = (int, float)
NUMBER_OR_NONE: Final = (int, float, NoneType)
_LARGEST: Final = 2**53
"""Up to here every JSON reader agrees on numbers."""
T = TypeVar("T")


class ContractError(ValueError):
    """A payload is not what the contract says; `reason` is a code of `reasons.REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def parse_object(payload: bytes | str) -> dict[str, Any]:
    """Read a JSON object; ContractError for anything else, also for a key that stands twice and for NaN."""
    try:
        value = json.loads(payload, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ContractError("malformed", "not JSON") from error
    if not isinstance(value, dict):
        raise ContractError("malformed", "not a JSON object")
    return value


def typed(fields: Mapping[str, Any], **kinds: tuple[type, ...]) -> dict[str, Any]:
    """Those of the named fields that are there; ContractError where one has another type (True is no number)."""
    known = {name: fields[name] for name in kinds if name in fields}
    for name, value in known.items():
        if type(value) not in kinds[name] or (type(value) in NUMBER and not abs(value) < _LARGEST):
            raise ContractError("malformed", f"{name} has a wrong type")
    return known


def made(kind: type[T], fields: Mapping[str, Any]) -> T:
    """Make the dataclass; ContractError when a field is missing."""
    try:
        return kind(**fields)
    except TypeError as error:
        raise ContractError("malformed", "a field is missing") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result


def _no_constant(_name: str) -> Any:
    raise ValueError("no such number")
