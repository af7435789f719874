"""What a car told, as it stands in the topics `state/<subject>`: readings with their time and source. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .contract import LinkState
from .contract_json import ContractError, parse_object

BODY: Final = "body"
"""Locks, sleep, presence, doors and lids: the subject that is always told."""
WINDOWS: Final = ("front_driver", "front_passenger", "rear_driver", "rear_passenger")


@dataclass(frozen=True, slots=True)
class Reading:
    """One value that the car told, when, and how the bridge comes to it: `push`, `read`, or `memory`.

    `value` is what JSON can hold; None is what the car left open. `at` is in seconds on the clock of the bridge's boot:
    negative for what was heard before it, as what it remembers was, and None when nobody knows.
    """

    value: Any
    at: float | None
    source: str | None

    @property
    def remembered(self) -> bool:
        """Whether it is from before the bridge's start, so that it says nothing of what happened since."""
        return self.source == "memory"


@dataclass(frozen=True, slots=True)
class SubjectState:
    """The last word of a car on one subject: readings by name, on the clock of `boot`."""

    boot: str
    readings: Mapping[str, Reading]

    @classmethod
    def parse(cls, payload: str) -> SubjectState:
        """Read a payload; ContractError when it is none."""
        fields = parse_object(payload)
        boot = fields.get("boot")
        if not isinstance(boot, str):
            raise ContractError("malformed", "not a state")
        readings = {name: _reading(item) for name, item in fields.items() if isinstance(item, dict)}
        return cls(boot, readings)


def _reading(item: Mapping[str, Any]) -> Reading:
    source = item.get("source")
    return Reading(item.get("value"), finite(item.get("at")), source if isinstance(source, str) else None)


def finite(value: object) -> float | None:
    """Give a finite number, None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON has integers of any length
        return None
    return number if math.isfinite(number) else None


@dataclass(slots=True)
class CarView:
    """What is known of a car, from one bridge or from all together; None until it was told.

    The getters give None also for a value of another kind than they promise.
    """

    link: LinkState | None = None
    subjects: dict[str, SubjectState] = field(default_factory=dict)

    def reading(self, subject: str, name: str) -> Reading | None:
        """Give a reading with its time and source; None while there is none."""
        state = self.subjects.get(subject)
        return state.readings.get(name) if state else None

    def value(self, subject: str, name: str) -> Any:
        """Give what the car told: whatever JSON can hold."""
        reading = self.reading(subject, name)
        return reading.value if reading else None

    def text(self, subject: str, name: str) -> str | None:
        """Give a value that is a text."""
        value = self.value(subject, name)
        return value if isinstance(value, str) else None

    def flag(self, subject: str, name: str) -> bool | None:
        """Give a value that is yes or no."""
        value = self.value(subject, name)
        return value if isinstance(value, bool) else None

    def number(self, subject: str, name: str) -> float | None:
        """Give a value that is a number."""
        return finite(self.value(subject, name))
