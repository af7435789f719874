"""The arguments of commands: their kind, unit and range, and the one check that all ways in share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.errors import NotAdmitted


class Kind(StrEnum):
    """What an argument is; the values are JSON's, so that a command can come from anywhere."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    """Minimum and maximum are bytes of UTF-8."""
    PIN = "pin"
    """Four digits, as text."""
    HEX = "hex"
    """Bytes as hexadecimal digits; minimum and maximum are bytes."""
    CHOICE = "choice"
    CHOICES = "choices"
    """A list of one or more different choices."""


PIN_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument. What is not required may be left out or be None."""

    name: str
    kind: Kind
    unit: str = ""
    """As `%`, `A`, `°C`, `min after midnight`."""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = True
    default: object = None

    def check(self, value: object) -> None:
        """Raise NotAdmitted("bad_arguments") unless the value is allowed; its detail names what is, not what came."""
        if value is None and not self.required:
            return
        if not self._allows(value):
            raise NotAdmitted("bad_arguments", f"{self.name} must be {self.allowed}")

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        if self.kind in (Kind.CHOICE, Kind.CHOICES):
            listed = ", ".join(self.choices)
            return f"one of {listed}" if self.kind is Kind.CHOICE else f"a list of {listed}, each at most once"
        if self.kind is Kind.BOOLEAN:
            return "true or false"
        if self.kind is Kind.PIN:
            return f"a text of {PIN_DIGITS} digits"
        size = f"{self.minimum:g}" if self.minimum == self.maximum else f"{self.minimum:g} to {self.maximum:g}"
        if self.kind is Kind.TEXT:
            return f"a text of {size} bytes without control characters"
        if self.kind is Kind.HEX:
            return f"{size} bytes as hexadecimal digits"
        noun = "a whole number" if self.kind is Kind.INTEGER else "a number"
        span = f"from {_plain(self.minimum)} to {_plain(self.maximum)}"
        return f"{noun} {span} {self.unit}".strip()

    def _allows(self, value: object) -> bool:
        if self.kind is Kind.BOOLEAN:
            return isinstance(value, bool)
        if self.kind in (Kind.INTEGER, Kind.NUMBER):
            return self._allows_number(value)
        if self.kind is Kind.CHOICES:
            return _is_selection(value, self.choices)
        return isinstance(value, str) and self._allows_text(value)

    def _allows_number(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.kind is Kind.INTEGER else (int, float)):
            return False
        # A whole number too large for a float compares well; only floats can be infinite or none.
        return not (isinstance(value, float) and not math.isfinite(value)) and self._within(value)

    def _allows_text(self, value: str) -> bool:
        if self.kind is Kind.CHOICE:
            return value in self.choices
        if self.kind is Kind.PIN:
            return len(value) == PIN_DIGITS and value.isascii() and value.isdigit()
        if self.kind is Kind.HEX:
            digits = value.isascii() and value.isalnum() and len(value) % 2 == 0
            return digits and not value.strip("0123456789abcdefABCDEF") and self._within(len(value) // 2)
        # What cannot be shown cannot be meant; lone surrogates, which no encoding takes, are among it.
        return value.isprintable() and self._within(len(value.encode()))

    def _within(self, value: float) -> bool:
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)


def check_arguments(name: str, parameters: Iterable[Parameter], arguments: Mapping[str, object]) -> None:
    """Check all arguments of what is called `name`; NotAdmitted("bad_arguments"), the detail naming the argument."""
    known = {parameter.name: parameter for parameter in parameters}
    if arguments.keys() - known.keys():
        offered = ", ".join(known) or "none"
        raise NotAdmitted("bad_arguments", f"{name} takes these arguments: {offered}")
    for parameter in known.values():
        if parameter.required and arguments.get(parameter.name) is None:
            raise NotAdmitted("bad_arguments", f"{parameter.name} is missing: {parameter.allowed}")
        if parameter.name in arguments:
            parameter.check(arguments[parameter.name])


def _is_selection(value: object, choices: Sequence[str]) -> bool:
    if not isinstance(value, (list, tuple)) or not value:
        return False
    return all(isinstance(item, str) and item in choices for item in value) and len(set(value)) == len(value)


def _plain(value: float | None) -> str:
    return f"{value:.16g}"


def boolean(name: str, *, default: bool | None = None) -> Parameter:
    """Describe a yes or no."""
    return Parameter(name, Kind.BOOLEAN, required=default is None, default=default)


def integer(name: str, unit: str, minimum: int, maximum: int, **optional: object) -> Parameter:
    """Describe a whole number; with a `default` it may be left out."""
    return Parameter(name, Kind.INTEGER, unit, minimum, maximum, required=not optional, default=optional.get("default"))


def number(name: str, unit: str, minimum: float, maximum: float, **optional: object) -> Parameter:
    """Describe a number; with a `default` it may be left out."""
    return Parameter(name, Kind.NUMBER, unit, minimum, maximum, required=not optional, default=optional.get("default"))


def text(name: str, minimum: int, maximum: int, **optional: object) -> Parameter:
    """Describe a text by its length in bytes of UTF-8; with a `default` it may be left out."""
    return Parameter(name, Kind.TEXT, "", minimum, maximum, required=not optional, default=optional.get("default"))


def pin(name: str = "pin") -> Parameter:
    """Describe a PIN."""
    return Parameter(name, Kind.PIN)


def hexadecimal(name: str, size: int) -> Parameter:
    """Describe bytes of a fixed number."""
    return Parameter(name, Kind.HEX, "", size, size)


def choice(name: str, choices: type[StrEnum] | tuple[str, ...], **optional: object) -> Parameter:
    """Describe a choice; with a `default` it may be left out."""
    words = tuple(str(item) for item in choices)
    return Parameter(name, Kind.CHOICE, choices=words, required=not optional, default=optional.get("default"))
