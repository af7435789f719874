"""How a message of the car becomes a frozen value: one reader, and a description of each field beside the field.

The car's states have real presence: what it does not send it does not say, and that is None here; what it sends as 0
is 0. Values that we do not know (new enum members, new kinds), numbers that are none and text that cannot be shown do
not break anything: they become None, or are cleaned.
Source: the vehicle-command protocol, "vehicle: state messages".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final, Self, TypeVar

from driveway_bridge.proto import Message

E = TypeVar("E", bound=StrEnum)
S = TypeVar("S", bound="State")
T = TypeVar("T")
MAX_TEXT = 200
"""Characters of a text of the car that are kept."""


@dataclass(frozen=True, slots=True)
class State:
    """One subject as the car told it; every subclass is a frozen value whose fields say where they come from."""

    @classmethod
    def from_message(cls, message: Any) -> Self:
        """Read the subject's own message."""
        return read(cls, message)


@dataclass(frozen=True, slots=True)
class Wire:
    """Where a field comes from."""

    name: str
    """The field's name in the message definitions."""
    convert: Callable[[Any], Any]
    kind: str
    """What the definitions must hold there: checked by a test."""
    presence: bool = True
    """The message tells absence; without it the wire's zero is a value like any other."""


_WIRES: Final[dict[type[State], tuple[tuple[str, Wire], ...]]] = {}
"""Found once for each class: looking costs more than reading."""


def read(cls: type[S], message: Message) -> S:
    """Fill a state from its message."""
    values = {}
    for attribute, wire in wires(cls):
        if not wire.presence or message.HasField(wire.name):
            values[attribute] = wire.convert(getattr(message, wire.name))
    return cls(**values)


def wires(cls: type[State]) -> tuple[tuple[str, Wire], ...]:
    """Give the fields of a state that are read from the wire."""
    found = _WIRES.get(cls)
    if found is None:
        found = tuple((item.name, item.metadata["wire"]) for item in fields(cls) if "wire" in item.metadata)
        _WIRES[cls] = found
    return found


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Make a text of the car fit to be shown in one line."""
    shown = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return shown.strip()[:limit]


def snake(name: str) -> str:
    """Turn `NoPower` into `no_power`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


# Kinds of fields ------------------------------------------------------------------------------------------------------


def integer(wire: str) -> int | None:
    """A whole number."""
    return _field(wire, int, "integer")


def number(wire: str, times: float = 1.0) -> float | None:
    """A number; None where the car sends infinity or no number at all. `times` converts units that are certain."""
    return _field(wire, _finite if times == 1.0 else partial(_scaled, times), "number")


def flag(wire: str) -> bool | None:
    """Yes or no."""
    return _field(wire, bool, "flag")


def text(wire: str) -> str | None:
    """Words, cleaned."""
    return _field(wire, clean, "text")


def moment(wire: str) -> float | None:
    """A point in time, in seconds since 1970."""
    return _field(wire, _seconds, "moment")


def choice(wire: str, meanings: type[E], **other: E | None) -> E | None:
    """One of several empty messages, by its name (`NoPower` is `no_power`); `other` holds names that are not ours."""
    return _field(wire, partial(_chosen, meanings, other), "choice")


def numbered(wire: str, meanings: Mapping[int, E]) -> E | None:
    """A member of an enumeration, by its number."""
    return _field(wire, partial(_known, meanings), "numbered")


def nested(wire: str, cls: type[S]) -> S | None:
    """A message within the message."""
    return _field(wire, cls.from_message, "nested")


def each(wire: str, cls: type[S]) -> tuple[S, ...]:
    """Several messages within the message; none is an empty tuple."""
    return always(_field(wire, partial(_each, cls), "each"), default=())


def always(described: T | None, default: object = None) -> T:
    """Say that a field has a value in any case, be it the wire's zero: repeated ones, and messages without presence."""
    wire: Wire = described.metadata["wire"]  # type: ignore[union-attr]  # a dataclass field until the class is made
    metadata = {"wire": replace(wire, presence=False)}
    return field(default=default, metadata=metadata)  # type: ignore[return-value]


def _field(wire: str, convert: Callable[[Any], T | None], kind: str) -> T | None:
    """Describe a field: where it comes from is kept beside it."""
    return field(default=None, metadata={"wire": Wire(wire, convert, kind)})


def _finite(value: float) -> float | None:
    # The car sends four-byte floats: 192.2 arrives as 192.1999969482422, and only seven digits of that mean anything.
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _scaled(times: float, value: float) -> float | None:
    return round(value * times, 6) if math.isfinite(value) else None


def _seconds(timestamp: Any) -> float:
    return float(timestamp.seconds + timestamp.nanos / 1e9)


def _chosen(meanings: type[E], other: Mapping[str, E | None], message: Message) -> E | None:
    name = message.WhichOneof(message.DESCRIPTOR.oneofs[0].name)
    if name is None:
        return None
    if name in other:
        return other[name]
    word = snake(name)
    return meanings(word) if word in meanings.__members__.values() else None


def _known(meanings: Mapping[int, E], value: int) -> E | None:
    return meanings.get(value)


def _each(cls: type[S], messages: Iterable[Message]) -> tuple[S, ...]:
    return tuple(cls.from_message(message) for message in messages)
