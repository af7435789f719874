"""When a command that did not go well through one bridge is given to the next one, and which of them is asked first.

Pure judgement. Each bridge has a key and a code of its own, so a command is signed anew for each; all of them together
live no longer than the one that somebody gave. What may do harm twice is handed on only when it is certain that the
first bridge has not sent it.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from .contract import CLOCK_EVERY_S, LinkState, Outcome
from .reasons import OF_THE_RADIO

LOCKS: Final = frozenset({"lock", "unlock", "auto_secure"})
"""Of these a later one undoes an earlier one; they take less than a second where all is well."""
_ABOUT: Final = {
    command: about
    for about, commands in {
        "lock": LOCKS,
        "trunk": ("trunk_open", "trunk_close"),
        "tonneau": ("tonneau_open", "tonneau_close", "tonneau_stop"),
        "charge_port": (
            "charge_port_open",
            "charge_port_close",
            "charge_port_open_direct",
            "charge_port_close_direct",
        ),
        "windows": ("windows_vent", "windows_close"),
        "sunroof": ("sunroof_vent", "sunroof_open", "sunroof_close"),
        "climate": ("climate_on", "climate_off"),
        "charging": ("charge_start", "charge_stop"),
    }.items()
    for command in commands
}
ONCE: Final = frozenset(
    {
        "trunk_open",
        "frunk_open",
        "media_toggle",
        "media_next_track",
        "media_previous_track",
        "media_next_favorite",
        "media_previous_favorite",
        "media_volume_up",
        "media_volume_down",
        "flash_lights",
        "honk_horn",
        "boombox",
        "homelink",
        "dashcam_save",
        "pair",
    }
)
"""Commands that do something else twice than once."""
ELSEWHERE: Final = OF_THE_RADIO | frozenset(
    {
        "not_in_range",
        "no_connection",
        "places_full",
        "link_lost",
        "nobody_listening",
        "key_not_enrolled",
        "wrong_car",
        "car_key_changed",
        "no_answer",
        "not_permitted",
        "role_forbids",
        "unknown_command",
        "expired",
        "other_boot",
        "other_car",
        "clock_ahead",
        "not_signed",
        "unknown_client",
        "bad_signature",
        "too_many",
        "gave_way",
        "stopping",
        "internal",
        "bridge_away",
        "bridge_silent",
    }
)
"""Reasons that say something of one bridge, its way to the car or its key, and nothing of the next one.

Not among them is what the car itself refuses, and what an owner has limited: a limit is not walked around.
"""
LEAST_S: Final = 0.5
"""With less than this left of its time, a command is given to no further bridge."""
RECENT_S: Final = 600.0
KEPT: Final = 8
USUAL_S: Final = 1.0
FAR_S: Final = 4.0
"""Added for a bridge that does not reach the car at the moment, or was not heard itself for a while."""
WEAK_S: Final = 1.0
WEAK_DBM: Final = -85
SILENT_S: Final = 2 * CLOCK_EVERY_S + 1.0
_NOT_SENT: Final = (Outcome.REFUSED, Outcome.FAILED, Outcome.EXPIRED)


def sent(outcome: Outcome) -> bool | None:
    """Whether a command that ended so may have moved something; None: nobody knows."""
    return False if outcome in _NOT_SENT else None


def may_go_on(command: str, reason: str, *, sent: bool | None) -> bool:
    """Whether a command that ended with this reason may be given to another bridge."""
    return reason in ELSEWHERE and (command not in ONCE or sent is False)


def subject(command: str) -> str:
    """What a command is about: of two commands about the same, the later one counts."""
    return _ABOUT.get(command, command)


@dataclass(slots=True)
class Record:
    """How one bridge did with one car lately: when each command ended, and its seconds, or None where it failed."""

    _ends: deque[tuple[float, float | None]] = field(default_factory=lambda: deque(maxlen=KEPT))

    def note(self, now: float, took_s: float | None) -> None:
        """Note the end of a command; None: for a reason of `ELSEWHERE` it did not go well."""
        self._ends.append((now, took_s))

    def recent(self, now: float) -> Iterable[float | None]:
        """Give what was noted within RECENT_S."""
        return [took_s for at, took_s in self._ends if now - at < RECENT_S]


def expected_s(record: Record, link: LinkState | None, clock_age_s: float | None, now: float) -> float:
    """Give the score of a bridge for a car, smaller is better: seconds that a command is likely to take through it.

    The mean of its recent good ones and one of USUAL_S, divided by the share of those that went well, a good one added
    to both; so a single failure doubles it, and ten minutes later it is forgotten. FAR_S more when the bridge says that
    it does not reach or hear the car, and when its clock was not heard lately; WEAK_S more for a weak signal, or when
    it does not know yet whether it reaches the car; a little less for an open link.
    """
    ends = list(record.recent(now))
    good = [took_s for took_s in ends if took_s is not None]
    likely_s = (sum(good) + USUAL_S) / (len(good) + 1)
    if clock_age_s is None or clock_age_s > SILENT_S:
        likely_s += FAR_S
    if link is None or (link.reachable is None and link.in_range is None):
        likely_s += WEAK_S
    elif link.reachable is False or link.in_range is False:
        likely_s += FAR_S
    elif link.signal_dbm is not None and link.signal_dbm < WEAK_DBM:
        likely_s += WEAK_S
    if link is not None and link.linked:
        likely_s *= 0.8
    return likely_s * (len(ends) + 1) / (len(good) + 1)
