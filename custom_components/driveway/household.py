"""What the bridges under one base topic have told: plain facts, without Home Assistant.

A household has bridges by id; each bridge has its own view of every car that it serves. Whoever asks for a car gets
the view of the bridge that is chosen for it, so that more bridges per car change nothing for the entities.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .contract import CONTRACT, CarInfo, Info, LinkState, Signer
from .contract_json import ContractError, parse_object

_CLOCK_DRIFT = timedelta(seconds=2)
"""Wall times of the bridge's readings are left alone while its clock and ours differ by less."""

_CENTURY_S = 3.2e9
"""What is longer ago, or still to come for longer, is a mistake."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value that the car told, when, and how the bridge comes to it: `push`, `read`, or `memory`.

    `at` is in seconds on the clock of the bridge's boot: negative for what was heard before it, as what it remembers
    was, and None when nobody knows.
    """

    value: str | bool | None
    at: float | None
    source: str | None

    @property
    def remembered(self) -> bool:
        """Whether it is from before the bridge's start, so that it says nothing of what happened since."""
        return self.source == "memory"


@dataclass(frozen=True, slots=True)
class BodyState:
    """The last `state/body` of a car: readings by name, on the clock of `boot`."""

    boot: str
    readings: Mapping[str, Reading]

    @classmethod
    def parse(cls, payload: str) -> BodyState:
        """Read a payload; ContractError when it is none. Values of a kind that we do not know count as not told."""
        fields = parse_object(payload)
        boot = fields.get("boot")
        if not isinstance(boot, str):
            raise ContractError("malformed", "not a state")
        readings = {name: _reading(item) for name, item in fields.items() if isinstance(item, dict)}
        return cls(boot, readings)


def _reading(item: Mapping[str, Any]) -> Reading:
    value, source = item.get("value"), item.get("source")
    return Reading(
        value if isinstance(value, str | bool) else None,
        _number(item.get("at")),
        source if isinstance(source, str) else None,
    )


def _number(value: object) -> float | None:
    """Give a finite number, None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


@dataclass(frozen=True, slots=True)
class Clock:
    """What a bridge's clock showed when we heard it; `heard_at` in seconds on our own monotonic clock."""

    boot: str
    now: float
    heard_at: float

    @classmethod
    def parse(cls, payload: str, heard_at: float) -> Clock:
        """Read a payload; ContractError when it is none."""
        fields = parse_object(payload)
        boot, now = fields.get("boot"), _number(fields.get("now"))
        if not isinstance(boot, str) or now is None or abs(now) > _CENTURY_S:
            raise ContractError("malformed", "not a clock")
        return cls(boot, now, heard_at)

    def age(self, monotonic: float) -> float:
        """Seconds since it was heard."""
        return monotonic - self.heard_at

    def shows(self, monotonic: float) -> float:
        """What the bridge's clock shows now, or a little less: the message took its time to get here."""
        return self.now + self.age(monotonic)


@dataclass(slots=True)
class CarView:
    """What one bridge told of one car; None until it did."""

    link: LinkState | None = None
    body: BodyState | None = None

    def text(self, name: str) -> str | None:
        """Give the value of a reading of the body that is a text; None while it is not known."""
        value = self._value(name)
        return value if isinstance(value, str) else None

    def flag(self, name: str) -> bool | None:
        """Give the value of a reading of the body that is yes or no; None while it is not known."""
        value = self._value(name)
        return value if isinstance(value, bool) else None

    def reading(self, name: str) -> Reading | None:
        """Give a reading of the body with its time and source; None while there is none."""
        return self.body.readings.get(name) if self.body else None

    def _value(self, name: str) -> str | bool | None:
        reading = self.reading(name)
        return reading.value if reading else None


@dataclass(slots=True)
class Bridge:
    """One bridge that we hold the code of."""

    id: str
    signer: Signer
    info: Info | None = None
    online: bool = False
    clock: Clock | None = None
    cars: dict[str, CarView] = field(default_factory=dict)
    _started: datetime | None = None
    """When the bridge's clock showed zero, in wall time."""

    def view(self, car: str) -> CarView:
        """Give what this bridge told of the car, made when there is nothing yet."""
        return self.cars.setdefault(car, CarView())

    def serves(self, car: str) -> CarInfo | None:
        """Give what the bridge says of the car, None when the car is not one of its own or it speaks otherwise."""
        if self.info is None or self.info.contract != CONTRACT:
            return None
        return next((known for known in self.info.cars if known.id == car), None)

    def hear_clock(self, clock: Clock, wall: datetime) -> bool:
        """Take over a live clock; whether the wall times of readings changed by it."""
        started = wall - timedelta(seconds=clock.now)
        restarted = self.clock is None or self.clock.boot != clock.boot
        self.clock = clock
        if self._started is not None and not restarted and abs(started - self._started) < _CLOCK_DRIFT:
            return False
        self._started = started
        return True

    def wall_time(self, boot: str, at: float | None) -> datetime | None:
        """When that was; None when it is on the clock of another boot, or the bridge's clock is not known."""
        if at is None or self.clock is None or self._started is None or self.clock.boot != boot:
            return None
        if abs(at) > _CENTURY_S:
            return None
        return self._started + timedelta(seconds=at)

    def heard_at(self, car: str, name: str) -> datetime | None:
        """When the car told a reading of its body; None when that is not known."""
        view = self.view(car)
        reading = view.reading(name)
        return self.wall_time(view.body.boot, reading.at) if view.body and reading else None

    def last_contact(self, car: str) -> datetime | None:
        """When the car answered or told something the last time, which may have been before the bridge's start."""
        view = self.view(car)
        times = [self.heard_at(car, name) for name in (view.body.readings if view.body else ())]
        if view.link:
            times.append(self.wall_time(view.link.boot, view.link.contact_at))
        return max((time for time in times if time is not None), default=None)

    def forget_presence(self) -> None:
        """Take back what only holds while the broker is there; what the car told stays."""
        self.online = False
        self.clock = None


class Household:
    """The bridges under one base topic, by id."""

    def __init__(self, signers: Mapping[str, Signer]) -> None:
        self.bridges = {bridge: Bridge(bridge, signer) for bridge, signer in signers.items()}

    def __iter__(self) -> Iterator[Bridge]:
        return iter(self.bridges.values())

    def bridge_for(self, car: str) -> Bridge | None:
        """Choose the bridge for a car: one that is there, best one that reaches it; None when nobody serves it."""
        serving = [bridge for bridge in self if bridge.serves(car)]
        return max(serving, key=lambda bridge: (bridge.online, _reaches(bridge, car)), default=None)

    def available(self, car: str) -> bool:
        """Whether a bridge is there that serves the car."""
        bridge = self.bridge_for(car)
        return bridge is not None and bridge.online


def _reaches(bridge: Bridge, car: str) -> bool:
    link = bridge.view(car).link
    return link is not None and link.reachable is True
