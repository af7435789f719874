"""What a car is fitted with. A part that is not there is left out of its messages, and commands for it are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """Of one car."""

    car_type: str = "model3"
    power_doors: bool = False
    power_trunk: bool = True
    tonneau: bool = False
    sunroof: bool = False
    bioweapon: bool = False
    seat_coolers: bool = False
    third_row: bool = False
    wheel_heater: bool = True
    sentry: bool = True
    homelink: bool = True
    air_suspension: bool = False


EQUIPMENT: Mapping[str, Equipment] = {
    # No such car is sold; it takes every command that there is.
    "everything": Equipment(
        tonneau=True, sunroof=True, bioweapon=True, seat_coolers=True, third_row=True, air_suspension=True
    ),
    "3": Equipment(),
    "y": Equipment(car_type="modely", bioweapon=True, third_row=True),
    "s": Equipment(car_type="lychee", sunroof=True, bioweapon=True, seat_coolers=True, air_suspension=True),
    "x": Equipment(
        car_type="tamarind", power_doors=True, bioweapon=True, seat_coolers=True, third_row=True, air_suspension=True
    ),
    "cybertruck": Equipment(
        car_type="cybertruck", tonneau=True, bioweapon=True, seat_coolers=True, homelink=False, air_suspension=True
    ),
}
"""By the name on the command line."""
