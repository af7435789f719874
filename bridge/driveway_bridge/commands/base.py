"""What a command is, before anybody sends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.reading import State

_S = TypeVar("_S", bound=State)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One request to one domain of the car, complete but for its signature."""

    name: str
    """The word that owners and the contract use, as `lock`."""
    domain: Domain
    payload: bytes
    """The serialized application message: an UnsignedMessage for the body controller, an Action for infotainment."""
    authenticated: bool = True
    """Signed and encrypted; the body controller tells its status and its keys without."""
    idempotent: bool = True
    """Doing it twice is the same as doing it once. Nothing else is ever sent a second time."""
    reads: bool = False
    """The answer is data and nothing is changed; an acknowledgement without data is not the end."""
    done: Callable[[Any], bool | None] | None = None
    """Whether a state shows the wished effect; None: it cannot tell, as no state of another subject can. How an unknown
    fate is settled."""
    read_back: Command | None = None
    """What to read to settle an unknown fate by `done`; None: the body's status."""
    state: Callable[[bytes], State] | None = None
    """For a command that reads: its answer's application message, decrypted, to a state. It raises errors.Unanswered
    for what is not the answer, errors.Refused for a no."""
    already_so: frozenset[str] = frozenset()
    """Refusals of infotainment, in its own words, that mean that nothing was to be done."""


def when(cls: type[_S], shown: Callable[[_S], bool | None]) -> Callable[[object], bool | None]:
    """Make a `done` that judges states of one class and says None for any other."""
    return lambda state: shown(state) if isinstance(state, cls) else None


def unless(value: object) -> bool | None:
    """Tell the opposite of what the car said, and nothing if it said nothing."""
    return None if value is None else not value


def same(value: object, wished: object) -> bool | None:
    """Whether the car says what was wished; None when it says nothing."""
    return None if value is None else value == wished


def near(value: float | None, wished: float, within: float) -> bool | None:
    """Whether the car says about what was wished: it rounds, and sends single precision."""
    return None if value is None else abs(value - wished) <= within
