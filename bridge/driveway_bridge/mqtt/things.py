"""The plain topics: the things that may be set without a signature, and the words and numbers that each takes.

One table, pure. From it follow what a plain topic does, what the documentation says, and what Home Assistant is told by
its own discovery. Numbers' limits stand here once more, beside the table of commands, which is large and loaded late;
a test keeps the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from driveway_bridge.permissions import allow

MAX_BYTES: Final = 64
"""Of a payload; what is longer is not even read."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,6}(\.[0-9]{1,20})?")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_JSON_WORDS: Final = {"TRUE": "ON", "FALSE": "OFF"}
"""JSON's booleans, for things that are switched on and off."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A command with its arguments."""

    command: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Numbers that a thing takes, as one argument of a command."""

    command: str
    argument: str
    low: float
    high: float
    step: float
    unit: str = ""

    @property
    def words(self) -> str:
        """What it may be."""
        return f"a number from {self.low:g} to {self.high:g}{self.unit and ' '}{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What stands before `/set` in a topic."""

    name: str
    words: Mapping[str, Deed] = field(default_factory=dict)
    """In capitals, those that are offered first."""
    scale: Scale | None = None
    shows: tuple[str, str] | None = None
    """Subject and field of the state in which the car tells how it is."""
    bounces: bool = False
    """The same word a second time may do the opposite: a powered lid that is open closes."""

    def deed(self, payload: bytes) -> Deed | None:
        """What a payload asks for: a word in any case, a plain number, or one of both as a scalar of JSON."""
        text = _text(payload)
        if text is None:
            return None
        if _NUMBER.fullmatch(text):
            return self._by_number(float(text))
        word = text.upper()
        return self.words.get(word) or self.words.get(_JSON_WORDS.get(word, ""))

    def _by_number(self, number: float) -> Deed | None:
        if self.scale is None:
            return self.words.get(f"{number:g}")
        if not self.scale.low <= number <= self.scale.high:
            return None
        value = int(number) if number.is_integer() else number
        return Deed(self.scale.command, {self.scale.argument: value})

    @property
    def deeds(self) -> Iterator[tuple[str, Deed]]:
        """What is offered, each command with its arguments once: a word, or the words for the numbers."""
        seen: list[Deed] = []
        for word, deed in self.words.items():
            if deed not in seen:
                seen.append(deed)
                yield word, deed
        if self.scale is not None:
            yield self.scale.words, Deed(self.scale.command)

    @property
    def demand(self) -> str:
        """What it takes, for whoever sent something else."""
        words = list(self.words)
        return f"must be {' or '.join(words or [self.scale.words if self.scale else 'nothing'])}"


def _text(payload: bytes) -> str | None:
    """A word or a number, without white space around it and JSON's quotation marks; None for anything else."""
    try:
        text = payload.decode("ascii").strip(" \t\r\n")
    except UnicodeDecodeError:
        return None
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip(" ")
    return text if _NUMBER.fullmatch(text) or _WORD.fullmatch(text) else None


def _words(**deeds: Deed | str) -> Mapping[str, Deed]:
    return MappingProxyType({word: Deed(deed) if isinstance(deed, str) else deed for word, deed in deeds.items()})


def _switch(command: str) -> Mapping[str, Deed]:
    return _words(ON=Deed(command, {"on": True}), OFF=Deed(command, {"on": False}))


def _choice(command: str, argument: str, *words: str, **more: str) -> Mapping[str, Deed]:
    return _words(**{word.upper(): Deed(command, {argument: word, **more}) for word in words})


_LEVELS: Final = ("off", "low", "medium", "high")


def _seat(kind: str, seat: str) -> Thing:
    by_word = _choice(f"seat_{kind}", "level", *_LEVELS, seat=seat)
    by_number = {str(number): by_word[level.upper()] for number, level in enumerate(_LEVELS)}
    name = "heat" if kind == "heat" else "cooling"
    return Thing(
        name=f"seat_{kind}_{seat}",
        words=MappingProxyType({**by_word, **by_number}),
        shows=("climate", f"{seat}_seat_{name}"),
    )


_ALL: Final = (
    Thing(name="lock", words=_words(LOCK="lock", UNLOCK="unlock"), shows=("body", "lock")),
    Thing(
        name="trunk", words=_words(OPEN="trunk_open", CLOSE="trunk_close"), shows=("body", "rear_trunk"), bounces=True
    ),
    Thing(name="frunk", words=_words(OPEN="frunk_open"), shows=("body", "front_trunk"), bounces=True),
    Thing(
        name="tonneau",
        words=_words(OPEN="tonneau_open", CLOSE="tonneau_close", STOP="tonneau_stop"),
        shows=("body", "tonneau"),
    ),
    Thing(
        name="charge_port",
        words=_words(OPEN="charge_port_open", CLOSE="charge_port_close"),
        shows=("body", "charge_port"),
    ),
    Thing(
        name="windows",
        words=_words(OPEN="windows_vent", CLOSE="windows_close", VENT="windows_vent"),
        shows=("closures", "front_driver_window_open"),
    ),
    Thing(
        name="sunroof",
        words=_words(OPEN="sunroof_open", CLOSE="sunroof_close", VENT="sunroof_vent"),
        shows=("closures", "sun_roof"),
    ),
    Thing(
        name="climate",
        words=_words(ON="climate_on", OFF="climate_off", HEAT_COOL="climate_on", AUTO="climate_on"),
        shows=("climate", "on"),
    ),
    Thing(
        name="temperature",
        scale=Scale(command="climate_temperature", argument="driver_celsius", low=15, high=28, step=0.5, unit="°C"),
        shows=("climate", "driver_celsius"),
    ),
    Thing(
        name="climate_keeper",
        words=_choice("climate_keeper", "mode", "off", "on", "dog", "camp"),
        shows=("climate", "keeper"),
    ),
    Thing(name="defrost", words=_switch("defrost_max"), shows=("climate", "defrost")),
    Thing(
        name="overheat_protection",
        words=_choice("overheat_protection", "mode", "off", "on", "fan_only"),
        shows=("climate", "overheat_protection"),
    ),
    Thing(name="bioweapon", words=_switch("bioweapon"), shows=("climate", "bioweapon")),
    Thing(name="wheel_heat", words=_switch("wheel_heat"), shows=("climate", "wheel_heat")),
    *(_seat("heat", seat) for seat in ("front_left", "front_right", "rear_left", "rear_center", "rear_right")),
    *(_seat("cooling", seat) for seat in ("front_left", "front_right")),
    Thing(name="charging", words=_words(ON="charge_start", OFF="charge_stop"), shows=("charge", "charging")),
    Thing(
        name="charge_limit",
        scale=Scale(command="charge_limit", argument="percent", low=50, high=100, step=1, unit="%"),
        shows=("charge", "limit_percent"),
    ),
    Thing(
        name="charge_amps",
        scale=Scale(command="charge_amps", argument="amps", low=1, high=80, step=1, unit="A"),
        shows=("charge", "set_amps"),
    ),
    Thing(name="sentry", words=_switch("sentry_mode"), shows=("closures", "sentry")),
    Thing(
        name="volume",
        scale=Scale(command="media_volume", argument="volume", low=0, high=11, step=0.5),
        shows=("media", "volume"),
    ),
    Thing(name="media", words=_words(NEXT="media_next_track", PREVIOUS="media_previous_track")),
    Thing(name="lights", words=_words(PRESS="flash_lights")),
    Thing(name="horn", words=_words(PRESS="honk_horn")),
    Thing(name="wake", words=_words(PRESS="wake")),
)
THINGS: Final[Mapping[str, Thing]] = MappingProxyType({thing.name: thing for thing in _ALL})
"""By name. What toggles is not among them; of what may do the opposite the second time, `bounces` says so."""


def offered(allowed: Iterable[str]) -> list[tuple[Thing, str, Deed]]:
    """All that may be asked for, with the word for it, where these groups and commands are allowed."""
    words = tuple(allowed)
    return [
        (thing, word, deed) for thing in THINGS.values() for word, deed in thing.deeds if allow(words, deed.command)
    ]
