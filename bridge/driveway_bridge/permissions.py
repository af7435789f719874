"""What a client may do, and when: words for groups of commands, and hours of the day. Pure, but for the time zone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from driveway_bridge.mqtt.catalogue import CATALOGUE

_SAFE: Final = frozenset(name for name, entry in CATALOGUE.items() if not entry.opens)
_CLIMATE: Final = "climate_ defrost_ overheat_ bioweapon recirculation seat_ wheel_ precondition_"
_READING: Final = frozenset({"status", "drill", "ping", "keys", "keys_list", "key_entry"})
_CLOSING: Final = """
    trunk_close tonneau_close tonneau_stop door_close charge_port_close charge_port_close_direct windows_close
    sunroof_close
    """
_OPENING: Final = """
    unlock trunk_open frunk_open tonneau_open door_open charge_port_open charge_port_open_direct windows_vent
    sunroof_vent sunroof_open homelink
    """


def _beginning(*beginnings: str) -> frozenset[str]:
    return frozenset(name for name in _SAFE if name.startswith(beginnings))


EVERYTHING: Final = "everything"
BUT_OPENING: Final = "everything-but-opening"
GROUPS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        EVERYTHING: frozenset(CATALOGUE),
        BUT_OPENING: _SAFE,
        "reading": _beginning("read_") - {"read_location"} | _READING,
        "location": frozenset({"read_location", "nearby_sites"}),
        "locking": frozenset({"lock", "auto_secure"}),
        "closing": frozenset(_CLOSING.split()),
        "opening": frozenset(_OPENING.split()),
        "charging": _beginning("charge_", "scheduled_") - _beginning("charge_port_") | {"wake"},
        "climate": _beginning(*_CLIMATE.split()) | {"wake"},
        "media": _beginning("media_"),
        "signals": frozenset({"flash_lights", "honk_horn", "boombox"}),
    }
)
"""Words for owners; a word that is none of these is the name of a command."""


def unknown_word(word: str) -> str | None:
    """Say what is wrong with a word that is no group and no command, with what may be meant; None if it is one."""
    known = (*GROUPS, *CATALOGUE)
    if word in known:
        return None
    import difflib  # only for whoever has mistyped something

    near = difflib.get_close_matches(word.lower(), known, n=3)
    meant = f"Is {' or '.join(f'`{one}`' for one in near)} meant?" if near else f"Groups are: {', '.join(GROUPS)}."
    return f"There is no command or group of the name {word!r}. {meant}"


def allow(words: Iterable[str], command: str) -> bool:
    """Whether a command is one of those that the words stand for; a word that is none of ours stands for nothing."""
    return any(command in GROUPS[word] if word in GROUPS else command == word for word in words)


_HOURS: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)")
_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of each day by the clock on the wall, in minutes after midnight; over midnight where it ends earlier."""

    begin: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read `06:00-22:00`; the end is outside. ValueError, with a sentence, when it is none."""
        found = _HOURS.fullmatch(text.strip())
        if found is None:
            raise ValueError("Give hours as 06:00-22:00, from and until; 22:00-06:00 is the night.")
        begin, end = (int(found[one]) * 60 + int(found[one + 1]) for one in (1, 3))
        if begin >= _DAY or end > _DAY:
            raise ValueError("A day begins at 00:00 and ends at 24:00.")
        if begin == end % _DAY:
            raise ValueError("That is the whole day, or nothing of it: leave the hours out for the whole day.")
        return cls(begin, end)

    def __str__(self) -> str:
        """As it is written."""
        return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (self.begin, self.end))

    def hold(self, unix_s: float) -> bool:
        """Whether it is that time of day, in the time zone of this computer as it is set now."""
        time.tzset()  # a bridge runs for months, and whoever sets the zone meanwhile means it
        now = time.localtime(unix_s)
        minute = now.tm_hour * 60 + now.tm_min
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end
