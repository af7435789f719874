"""The battery, its charger and the cable."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

CAPACITY_KWH = 75.0
MILES_PER_PERCENT = 3.1  # rated; a full battery goes 310 miles
LIMIT_MIN, LIMIT_STANDARD, LIMIT_MAX = 50, 80, 100
CAR_MAX_AMPS = 16
_EPSILON = 1e-6


class Phase(Enum):
    """What the charger does, named as the messages do."""

    DISCONNECTED = "Disconnected"
    NO_POWER = "NoPower"
    STOPPED = "Stopped"
    CHARGING = "Charging"
    COMPLETE = "Complete"


@dataclass(frozen=True, slots=True)
class Cable:
    """What the other end of the cable can give."""

    amps: int = 16
    phases: int = 3
    volts: int = 230


class Charging:
    """Percent of charge, and the verbs of the charger; a verb that changes nothing gives its reason, else None."""

    def __init__(self, level: float = 62.0) -> None:
        self.level = level
        """Percent."""
        self.limit = LIMIT_STANDARD
        """Percent at which charging ends."""
        self.amps = CAR_MAX_AMPS
        """Asked for by the owner, per phase."""
        self.cable: Cable | None = None
        self.phase = Phase.DISCONNECTED
        self.added_kwh = 0.0
        """Since the cable was plugged in."""
        self.latched = False
        """The port holds the cable fast."""
        self.to_max_range = 0
        """How often it was charged beyond what is good for it."""

    # What follows.

    @property
    def max_amps(self) -> int:
        """What car and cable allow."""
        return min(CAR_MAX_AMPS, self.cable.amps) if self.cable else CAR_MAX_AMPS

    @property
    def actual_amps(self) -> int:
        """What flows now, per phase."""
        return min(self.amps, self.max_amps) if self.phase is Phase.CHARGING else 0

    @property
    def power_kw(self) -> float:
        """What flows into the battery now."""
        return self.actual_amps * self.cable.volts * self.cable.phases / 1000 if self.cable else 0.0

    @property
    def percent_per_hour(self) -> float:
        """How fast the battery fills."""
        return self.power_kw / CAPACITY_KWH * 100

    def hours_to(self, percent: float) -> float | None:
        """How long until that much is in the battery; None when it is not charging."""
        if not self.percent_per_hour:
            return None
        return max(0.0, percent - self.level) / self.percent_per_hour

    # Verbs.

    def plug_in(self, cable: Cable, *, wait: bool = False) -> str | None:
        """Put the cable in; it starts at once unless told to `wait`."""
        if self.cable:
            return "already_plugged_in"
        self.cable = cable
        self.latched = True
        self.added_kwh = 0.0
        self.phase = Phase.STOPPED if cable.amps else Phase.NO_POWER
        if cable.amps and not wait:
            self.phase = Phase.CHARGING if self.level < self.limit else Phase.COMPLETE
        return None

    def unplug(self) -> str | None:
        """Take the cable out."""
        if not self.cable:
            return "not_plugged_in"
        self.cable = None
        self.latched = False
        self.phase = Phase.DISCONNECTED
        return None

    def release(self) -> None:
        """Let go of the cable, which ends charging."""
        self.latched = False
        self.stop()

    def start(self) -> str | None:
        """Start charging."""
        reasons = {
            Phase.DISCONNECTED: "disconnected",
            Phase.NO_POWER: "no_power",
            Phase.CHARGING: "is_charging",
        }
        if self.phase in reasons:
            return reasons[self.phase]
        if self.level >= self.limit - _EPSILON:
            self.phase = Phase.COMPLETE
            return "complete"
        self.latched = True
        self.phase = Phase.CHARGING
        return None

    def stop(self) -> str | None:
        """Stop charging."""
        if self.phase is not Phase.CHARGING:
            return "not_charging"
        self.phase = Phase.STOPPED
        return None

    def set_limit(self, percent: int) -> str | None:
        """End at another percentage, which is brought into the range that the car allows."""
        percent = min(max(percent, LIMIT_MIN), LIMIT_MAX)
        if percent == self.limit:
            return "already_set"
        self.limit = percent
        if self.phase is Phase.CHARGING and self.level >= percent:
            self.phase = Phase.COMPLETE
        elif self.phase is Phase.COMPLETE and self.level < percent:
            self.phase = Phase.CHARGING
        return None

    def set_amps(self, amps: int) -> None:
        """Draw that much, as far as car and cable allow."""
        self.amps = min(max(amps, 0), self.max_amps)

    # Time.

    def advance(self, elapsed_s: float) -> None:
        """Let the battery fill, up to the limit."""
        if self.phase is not Phase.CHARGING:
            return
        gained = min(max(0.0, self.limit - self.level), self.percent_per_hour * elapsed_s / 3600)
        self.level += gained
        self.added_kwh += gained / 100 * CAPACITY_KWH
        if self.level >= self.limit - _EPSILON:
            self.level = round(self.level, 4)
            self.phase = Phase.COMPLETE
            self.to_max_range += self.limit == LIMIT_MAX

    def seconds_left(self) -> float | None:
        """Until the limit is reached; None when nothing flows."""
        hours = self.hours_to(self.limit)
        return None if hours is None else hours * 3600
