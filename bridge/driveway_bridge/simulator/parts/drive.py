"""Where the car is and whether it drives: gear, speed, odometer, the way to a destination."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

HOME = (52.5200, 13.4050)
WORK = (52.4700, 13.4050)
NEAR_DEG = 0.002  # about 200 m: near enough to be at a place
_MILES_PER_DEG = 69.0
CITY_MPH = 30.0


class Gear(Enum):
    """Named as the messages do."""

    PARK = "P"
    REVERSE = "R"
    NEUTRAL = "N"
    DRIVE = "D"


@dataclass(frozen=True, slots=True)
class Route:
    """Where it is guided to."""

    destination: str
    latitude: float
    longitude: float


@dataclass(slots=True, kw_only=True)
class Drive:
    """Miles, and degrees of the compass."""

    gear: Gear = Gear.PARK
    mph: float = 0.0
    odometer_mi: float = 12_345.67
    latitude: float = HOME[0]
    longitude: float = HOME[1]
    heading: int = 270
    route: Route | None = None
    driven_mi: float = field(default=0.0)
    """Since it left."""

    @property
    def power_kw(self) -> float:
        """What the motor takes."""
        return round(self.mph * 0.27, 1)

    @property
    def miles_to_go(self) -> float:
        """To the destination, as the crow flies."""
        if self.route is None:
            return 0.0
        return _MILES_PER_DEG * math.dist((self.latitude, self.longitude), (self.route.latitude, self.route.longitude))

    def near(self, place: tuple[float, float]) -> bool:
        """Whether it stands there."""
        return math.dist((self.latitude, self.longitude), place) < NEAR_DEG

    def leave(self, mph: float = CITY_MPH) -> None:
        """Drive off, to the west."""
        self.gear, self.mph, self.driven_mi = Gear.DRIVE, mph, 0.0

    def arrive(self) -> None:
        """Stand at home."""
        self.gear, self.mph, self.route = Gear.PARK, 0.0, None
        self.latitude, self.longitude = HOME

    def advance(self, elapsed_s: float) -> float:
        """Drive on; gives the miles."""
        miles = self.mph * elapsed_s / 3600
        self.odometer_mi += miles
        self.driven_mi += miles
        self.longitude -= miles / (_MILES_PER_DEG * math.cos(math.radians(self.latitude)))
        return miles
