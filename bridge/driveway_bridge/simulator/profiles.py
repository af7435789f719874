"""How fast the car is: `instant` for tests, `field` as measured by owners."""

from __future__ import annotations

import random as pseudo
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Draw = Callable[[int], bytes]
"""Gives that many random bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Times in seconds."""

    connect_s: float = 0.0
    """From a link's beginning to its first answer.

    A real link takes this long to come about; TCP and the virtual radio make one at once, so its first answer pays.
    Clients repeat a handshake after 1 s: it has to stay below that.
    """
    exchange_s: float = 0.0
    """From the last byte of a request to the first of its reply."""
    boot_s: float = 0.0
    """From a wake-up until the infotainment computer answers, at the least."""
    boot_spread_s: float = 0.0
    """By how much longer it may take."""
    broadcast_every_s: float | None = 1.0
    """Between calls for phone keys on a link; None: none."""
    idle_drop_s: tuple[float, float] | None = None
    """Shortest and longest life of a link on which nothing is said; None: it lives on."""
    idle_sleep_s: float | None = None
    """After which the car falls asleep by itself when nothing holds it awake; None: it stays awake."""
    lid_s: float = 0.0
    """How long a motor needs for a lid."""
    key_sync_s: float = 0.0
    """From a key's enrolment until infotainment knows it too."""
    card_s: float = 60.0
    """How long the car waits for the card when a key is enrolled. Nobody has published the real time."""
    confirm_s: float = 60.0
    """How long it waits then for a touch on the screen."""
    reply_limit: int = 512
    """Bytes of the longest message that infotainment sends; the longest seen had 453."""


PROFILES: Mapping[str, Profile] = {
    "instant": Profile(),
    # A reconnect of about 1 s, a signed exchange of 270-310 ms, infotainment 7-10 s after a wake, an idle link that is
    # dropped after 42 s on average, asleep after some 11 minutes: figures that owners and maintainers reported.
    "field": Profile(
        connect_s=0.9,
        exchange_s=0.3,
        boot_s=7.0,
        boot_spread_s=3.0,
        idle_drop_s=(30.0, 54.0),
        idle_sleep_s=660.0,
        lid_s=5.0,
        key_sync_s=2.0,
    ),
}


def randomness(seed: int | None, purpose: str) -> Draw:
    """Bytes for one purpose: the system's, or with a seed the same ones in every run, whatever other purposes draw."""
    if seed is None:
        return secrets.token_bytes
    return pseudo.Random(f"{seed}:{purpose}").randbytes  # noqa: S311 - asked for: a car that repeats itself


def between(draw: Draw, low: float, high: float) -> float:
    """A number drawn evenly from low to high."""
    return low + (high - low) * int.from_bytes(draw(4), "big") / 0xFFFFFFFF
