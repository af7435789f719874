"""The words for somebody who pairs a car: what is being done, what it has come to, and what to do now."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

import click

from driveway_bridge.card_spots import WORDS, CardSpot
from driveway_bridge.pairing import Step, StepName, StepState
from driveway_bridge.reasons import REASONS

WIDTH: Final = 100
"""Longer lines are hard to read."""
ASLEEP: Final = "The car sleeps and cannot ask you. Sit in it: open a door or touch the screen, until it lights up."
TITLES: Final[Mapping[StepName, str]] = {
    StepName.HEARD: "Find the car",
    StepName.REACHED: "Talk to the car",
    StepName.KEYS: "See which keys it knows",
    StepName.ASLEEP: "See that it is awake",
    StepName.PRESENTED: "Show it this bridge's key",
    StepName.CARD: "You tap a key card",
    StepName.CONFIRM: "You confirm on the car's screen",
    StepName.KNOWN: "The locks prove that they know the key",
    StepName.SYNCHRONISED: "So does the rest of the car",
    StepName.ROLE: "Read back what the key may do",
}
"""What an owner is told of; that there was a place for us is part of talking to the car."""
_SKIPPED: Final[Mapping[StepName, str]] = {
    StepName.KEYS: "It does not tell which keys it knows",
    StepName.ROLE: "The car does not tell what the key may do",
}


def tap(spot: CardSpot) -> tuple[str, ...]:
    """Say where and how to tap, in paragraphs."""
    there = f"Now tap a key card that the car knows on the reader: {WORDS[spot.first]}."
    if spot.then:
        there += f" If nothing happens there, try it {WORDS[spot.then]}."
    then = (
        "Then confirm on the car's screen. Nothing shows there before the tap, and the question may hide behind the "
        "picture of the car. A card that already lies on the reader does not count: take it away and tap again."
    )
    return there, then


def for_reading(text: str, stream: TextIO) -> str:
    """Break lines between words where somebody reads it; what a program reads keeps its lines."""
    if not stream.isatty():
        return text
    return click.wrap_text(text, min(shutil.get_terminal_size().columns, WIDTH))


def clock(seconds: float) -> str:
    """Write a time that is left, as 1:05."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def outcome(step: Step) -> str:
    """Say what a step has come to, in a few words."""
    if step.state is StepState.FAILED:
        return REASONS[step.reason].meaning.rstrip(".")
    if step.name is StepName.SYNCHRONISED and step.state is StepState.SKIPPED:
        asleep = step.reason == "car_asleep"
        return "Whether the rest of the car does: it sleeps" if asleep else "The rest of the car does not know it yet"
    if step.state is StepState.SKIPPED:
        return _SKIPPED.get(step.name, TITLES[step.name])
    return _DONE[step.name](step.facts)


def _heard(facts: Mapping[str, Any]) -> str:
    signal = facts.get("signal_dbm")
    return "The car is here" if signal is None else f"The car is here, its signal {signal} dBm"


def _keys(facts: Mapping[str, Any]) -> str:
    if facts.get("known"):
        return "It has this bridge's key in its list already"
    count = facts.get("keys")
    return f"It knows {count or 'no'} key{'' if count == 1 else 's'}, and not yet this bridge's"


def _awake(facts: Mapping[str, Any]) -> str:
    return "It is awake, but notices nobody inside" if facts.get("user_present") is False else "It is awake"


def _role(facts: Mapping[str, Any]) -> str:
    return f"Its role is {str(facts.get('role')).replace('_', ' ')}"


_DONE: Final[Mapping[StepName, Callable[[Mapping[str, Any]], str]]] = {
    StepName.HEARD: _heard,
    StepName.PLACES: lambda _facts: "It has a Bluetooth place free",
    StepName.REACHED: lambda _facts: "The car answers",
    StepName.KEYS: _keys,
    StepName.ASLEEP: _awake,
    StepName.PRESENTED: lambda _facts: "The key was shown to the car",
    StepName.CARD: lambda _facts: "A key card was tapped",
    StepName.CONFIRM: lambda _facts: "It was confirmed on the screen",
    StepName.KNOWN: lambda _facts: "The locks have proved that they know the key",
    StepName.SYNCHRONISED: lambda _facts: "So has the rest of the car",
    StepName.ROLE: _role,
}
