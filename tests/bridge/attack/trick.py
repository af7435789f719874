"""The list of tricks: what `docs/security.md` says of each, and how it is played."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.bridge.attack.siege import Siege

Act = Callable[[Siege], Awaitable[None]]
"""Plays the trick, and waits until it was reported as promised."""


@dataclass(frozen=True, slots=True)
class Trick:
    """One thing that somebody tries who may publish and hear everything, and has no code."""

    name: str
    what: str
    """What he does, for the owner to read."""
    end: str
    """What comes of it: a reason code in backticks, or a sentence."""
    act: Act

    @property
    def row(self) -> str:
        """Its line in the page."""
        return f"| `{self.name}` | {self.what} | {self.end} |"


TRICKS: Final[dict[str, Trick]] = {}


def trick(what: str, end: str) -> Callable[[Act], Act]:
    """Put it on the list, under the function's name."""

    def put(act: Act) -> Act:
        name = act.__name__
        assert name not in TRICKS
        TRICKS[name] = Trick(name, what, end, act)
        return act

    return put
