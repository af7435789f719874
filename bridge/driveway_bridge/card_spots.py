"""Where a key card is held to when the car wants one: the reader inside, which is not the one at the door pillar.

What the owner's manuals say: Model 3 until 2023, and early Model Y, "behind the cup holders on the center console";
Model S and X since 2021, the newer Model 3, and other Model Y "in the wireless phone charger on the center console".
For one VIN the manuals do not always agree, so there is a second place to try wherever that is not settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Spot(StrEnum):
    """A place on the centre console."""

    CUP_HOLDERS = "cup_holders"
    PHONE_PAD = "phone_pad"


@dataclass(frozen=True, slots=True)
class CardSpot:
    """Where to tap, and where to try if nothing happens there; None: there is no other place."""

    first: Spot
    then: Spot | None = None


WORDS: Final[Mapping[Spot, str]] = {
    Spot.CUP_HOLDERS: "on the centre console right behind the cup holders",
    Spot.PHONE_PAD: "on the pad for charging phones, at the front of the centre console below the screen",
}
_YEARS: Final = "HJKLMNPRSTVWXY"  # 2017 to 2030, as all makers write them
_FIRST_YEAR: Final = 2017
_REFRESHED: Final = 2021
_BEHIND_CUP_HOLDERS_UNTIL: Final = {"3": 2023, "Y": 2024}


def card_spot(vin: str) -> CardSpot:
    """Where the reader is in this car; `vin` has 17 characters, of which the 4th is the model and the 10th the year."""
    model, year = vin[3], _year(vin)
    if model in "SX":
        return CardSpot(Spot.PHONE_PAD)
    until = _BEHIND_CUP_HOLDERS_UNTIL.get(model)
    if until is not None and (year is None or year <= until):
        return CardSpot(Spot.CUP_HOLDERS, Spot.PHONE_PAD)
    return CardSpot(Spot.PHONE_PAD, Spot.CUP_HOLDERS)


def too_old(vin: str) -> bool:
    """Whether it is a Model S or X from before its refresh of 2021, which does not speak this protocol."""
    year = _year(vin)
    earlier = vin[9] in "BCDEFG"  # 2011 to 2016
    return vin[3] in "SX" and (earlier or (year is not None and year < _REFRESHED))


def _year(vin: str) -> int | None:
    position = _YEARS.find(vin[9])
    return None if position < 0 else _FIRST_YEAR + position
