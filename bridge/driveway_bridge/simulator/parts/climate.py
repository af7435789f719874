"""The air in the cabin, and everything that is warmed or cooled."""

from __future__ import annotations

import math
from enum import Enum

from driveway_bridge.simulator.parts.equipment import Equipment

MIN_C, MAX_C = 15.0, 28.0
_TO_TARGET_S = 240.0  # in which the difference shrinks to a third
_TO_OUTSIDE_S = 3600.0
_OVERHEAT_C = {1: 30.0, 2: 35.0, 3: 40.0}

HEATED_SEATS = ("left", "right", "rear_left", "rear_right", "rear_center")
THIRD_ROW_SEATS = ("third_row_left", "third_row_right")


class Keeper(Enum):
    """What keeps the climate on in a parked car, named as the state's messages do; `Party` is Camp on the screen."""

    OFF = "Off"
    ON = "On"
    DOG = "Dog"
    CAMP = "Party"


class Overheat(Enum):
    """Protection against a hot cabin, by the numbers of the messages."""

    OFF = 0
    ON = 1
    FAN_ONLY = 2


class Climate:
    """Degrees are Celsius; levels are 0 (off) to 3 (high)."""

    def __init__(self, equipment: Equipment) -> None:
        self.on = False
        self.inside_c = 14.0
        self.outside_c = 12.0
        self.driver_c = 21.0
        self.passenger_c = 21.0
        self.keeper = Keeper.OFF
        self.max_defrost = False
        self.bioweapon = False
        self.recirculation = False
        self.overheat = Overheat.OFF
        self.overheat_level = 2
        """1 low, 2 medium, 3 high."""
        seats = HEATED_SEATS + (THIRD_ROW_SEATS if equipment.third_row else ())
        self.seat_heaters: dict[str, int] = dict.fromkeys(seats, 0)
        self.seat_coolers: dict[str, int] = {"left": 0, "right": 0} if equipment.seat_coolers else {}
        self.auto_seats: dict[str, bool] = {"left": False, "right": False}
        self.wheel_level = 0
        """0 off, 1 low, 3 high: there is no middle."""
        self.auto_wheel = False

    @property
    def fan(self) -> int:
        """How fast it blows."""
        if not self.on:
            return 0
        return 10 if self.max_defrost else 3 + min(4, round(abs(self.target_c - self.inside_c) / 2))

    @property
    def target_c(self) -> float:
        """What the cabin is brought to."""
        return MAX_C if self.max_defrost else (self.driver_c + self.passenger_c) / 2

    @property
    def cooling_a_hot_cabin(self) -> bool:
        """The protection against overheating is at work."""
        return self.overheat is not Overheat.OFF and self.inside_c > _OVERHEAT_C[self.overheat_level]

    def switch(self, *, on: bool) -> None:
        """Climate on or off; off ends everything that needs it."""
        self.on = on
        if not on:
            self.keeper = Keeper.OFF
            self.max_defrost = self.bioweapon = False

    def keep(self, mode: Keeper) -> None:
        """Keep the climate on while nobody drives."""
        self.keeper = mode
        self.on = self.on or mode is not Keeper.OFF

    def defrost(self, *, on: bool) -> None:
        """Blow as hot and as much as possible."""
        self.max_defrost = on
        self.on = self.on or on

    def set_temperatures(self, driver_c: float | None = None, passenger_c: float | None = None) -> None:
        """Wish for temperatures, which are brought into the range that the car allows."""
        if driver_c is not None:
            self.driver_c = min(max(driver_c, MIN_C), MAX_C)
        if passenger_c is not None:
            self.passenger_c = min(max(passenger_c, MIN_C), MAX_C)

    def advance(self, elapsed_s: float) -> None:
        """Let the cabin drift."""
        goal, slowness = (self.target_c, _TO_TARGET_S) if self.on else (self.outside_c, _TO_OUTSIDE_S)
        self.inside_c = goal + (self.inside_c - goal) * math.exp(-elapsed_s / slowness)
