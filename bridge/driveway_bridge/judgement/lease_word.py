"""What the bridges of a household say to each other of a car, as it stands in `<base>/<bridge>/<car>/lease`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from driveway_bridge.contract_json import (
    FLAG_OR_NONE,
    NUMBER,
    NUMBER_OR_NONE,
    TEXT,
    ContractError,
    made,
    parse_object,
    typed,
)

LASTS_S: Final = 16.0
"""How long a word counts: two of those that follow it may be lost."""
LONGEST_S: Final = 60.0
"""The most that a word of another may last."""


class Reach(IntEnum):
    """Whether a bridge reaches the car, as far as it knows."""

    NO = 0
    UNKNOWN = 1
    YES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one bridge says of one car."""

    boot: str
    beat: int
    """Counts up within the boot."""
    holds: bool
    reach: Reach = Reach.UNKNOWN
    signal_dbm: float | None = None
    lasts_s: float = LASTS_S
    """0: it has nothing to do with the car any more."""

    def payload(self) -> str:
        """The payload to publish."""
        reach = {Reach.NO: False, Reach.UNKNOWN: None, Reach.YES: True}[self.reach]
        return json.dumps(
            {
                "boot": self.boot,
                "beat": self.beat,
                "holds": self.holds,
                "reaches": reach,
                "signal_dbm": self.signal_dbm,
                "lasts_s": self.lasts_s,
            }
        )

    @classmethod
    def parse(cls, payload: bytes) -> Word:
        """Read a payload; ContractError when it is none."""
        fields = parse_object(payload)
        known = typed(
            fields,
            boot=TEXT,
            beat=(int,),
            holds=(bool,),
            lasts_s=NUMBER,
            reaches=FLAG_OR_NONE,
            signal_dbm=NUMBER_OR_NONE,
        )
        reaches, signal_dbm = known.pop("reaches", None), known.pop("signal_dbm", None)
        reach = Reach.UNKNOWN if reaches is None else Reach.YES if reaches else Reach.NO
        known["lasts_s"] = min(known.get("lasts_s", LASTS_S), LONGEST_S)
        word = made(cls, known | {"reach": reach, "signal_dbm": signal_dbm})
        if word.beat < 0 or word.lasts_s < 0:
            raise ContractError("malformed", "a number is below zero")
        return word
