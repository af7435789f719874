"""The words that are said to the virtual car, one or a few on a line: read and checked here, obeyed elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from driveway_bridge.simulator.faults import parse as parse_fault
from driveway_bridge.simulator.parts.lids import CLOSURES

MAX_LINE = 200
WINDOWS = "windows"


class NotUnderstoodError(Exception):
    """The line is none of the known ones; the text says what would be."""


@dataclass(frozen=True, slots=True)
class Words:
    """A line that was understood: its first word, and what comes behind."""

    verb: str
    rest: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.verb, *self.rest))


def _nothing(rest: tuple[str, ...]) -> bool:
    return not rest


def _who(rest: tuple[str, ...]) -> bool:
    return not rest or (rest[0] == "by" and len(rest) > 1)


def _closure(rest: tuple[str, ...]) -> bool:
    if len(rest) != 1:
        return False
    if rest[0] not in (*CLOSURES, WINDOWS):
        raise NotUnderstoodError(f"what opens and closes: {', '.join(CLOSURES)}, {WINDOWS}")
    return True


def _fault(rest: tuple[str, ...]) -> bool:
    if len(rest) != 2 or rest[1] not in ("on", "off", "once"):
        return False
    try:
        parse_fault(rest[0])
    except ValueError as error:
        raise NotUnderstoodError(str(error)) from error
    return True


def _number(low: float, high: float, *, optional: bool = False) -> Callable[[tuple[str, ...]], bool]:
    def fits(rest: tuple[str, ...]) -> bool:
        if optional and not rest:
            return True
        try:
            (number,) = map(float, rest)
        except ValueError:
            return False
        if not low <= number <= high:
            raise NotUnderstoodError(f"the number is from {low:g} to {high:g}")
        return True

    return fits


def _word(rest: tuple[str, ...]) -> bool:
    return len(rest) == 1


_SHAPES: Mapping[str, tuple[str, Callable[[tuple[str, ...]], bool]]] = {
    "lock": ("[by WHO]", _who),
    "unlock": ("[by WHO]", _who),
    "open": ("CLOSURE", _closure),
    "close": ("CLOSURE", _closure),
    "sleep": ("", _nothing),
    "wake": ("", _nothing),
    "enter": ("", _nothing),
    "leave": ("", _nothing),
    "plug_in": ("[AMPS]", _number(0, 32, optional=True)),
    "unplug": ("", _nothing),
    "drive_off": ("", _nothing),
    "drive_home": ("", _nothing),
    "battery": ("PERCENT", _number(0, 100)),
    "inside": ("DEGREES", _number(-60, 80)),
    "outside": ("DEGREES", _number(-60, 60)),
    "update": ("VERSION", _word),
    "pace": ("FACTOR", _number(0.01, 100_000)),
    "tap": ("", _nothing),
    "confirm": ("", _nothing),
    "deny": ("", _nothing),
    "cancel": ("", _nothing),
    "drop": ("", _nothing),
    "vanish": ("", _nothing),
    "return": ("", _nothing),
    "reboot": ("", _nothing),
    "fault": ("NAME on|off|once", _fault),
    "state": ("", _nothing),
    "quit": ("", _nothing),
}
"""By the first word: what comes behind it, for people, and whether that is right."""

SUMMARY = ", ".join(f"{verb} {shape}".strip() for verb, (shape, _) in _SHAPES.items())


def understand(line: str) -> Words:
    """Read a line. Raises NotUnderstoodError."""
    verb, *rest = line[: MAX_LINE + 1].split() or [""]
    if len(line) > MAX_LINE or not verb:
        raise NotUnderstoodError(f"a command is a line of at most {MAX_LINE} characters")
    if verb not in _SHAPES:
        raise NotUnderstoodError(f"the commands are: {SUMMARY}")
    shape, fits = _SHAPES[verb]
    if not fits(tuple(rest)):
        raise NotUnderstoodError(f"it is: {verb} {shape}".rstrip())
    return Words(verb, tuple(rest))
