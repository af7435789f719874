"""What the bridges under one base topic have told: plain facts, without Home Assistant.

A household has bridges by id; each bridge has its own view of every car that it serves. Whoever asks for a car gets
what the bridge knows that heard it last, and is told how it is reached by the one that would be asked first; so that
more bridges per car change nothing for the entities.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from . import contract
from .contract import CONTRACT, CarInfo, Info, Signer
from .contract_json import ContractError
from .handover import Record, expected_s
from .health import Health
from .state import BODY, CarView

_CLOCK_DRIFT = timedelta(seconds=2)
"""Wall times of the bridge's readings are left alone while its clock and ours differ by less."""

SILENT_AWAY_S: Final = 20.0
"""A bridge tells its clock every few seconds, and its network may hide some. `broker` finds out more about brokers."""

_CENTURY_S = 3.2e9
"""What is longer ago, or still to come for longer, is a mistake."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What a bridge's clock showed when we heard it; `heard_at` in seconds on our own monotonic clock."""

    boot: str
    now: float
    heard_at: float

    @classmethod
    def parse(cls, payload: str, heard_at: float, signer: Signer) -> Clock:
        """Read a payload that the bridge has signed for us; ContractError when it is none."""
        told = contract.Clock.parse(payload, signer)
        if abs(told.now) > _CENTURY_S:
            raise ContractError("malformed", "not a clock")
        return cls(told.boot, float(told.now), heard_at)

    def age(self, monotonic: float) -> float:
        """Seconds since it was heard."""
        return monotonic - self.heard_at

    def shows(self, monotonic: float) -> float:
        """What the bridge's clock shows now, or a little less: the message took its time to get here."""
        return self.now + self.age(monotonic)


@dataclass(slots=True)
class Bridge:
    """One bridge that we hold the code of."""

    id: str
    signer: Signer
    info: Info | None = None
    online: bool = False
    """What its status says."""
    alive_at: float = 0.0
    """When it was last known to be there, on our own monotonic clock."""
    silent: bool = False
    """Whether it has not told its clock for `SILENT_AWAY_S`, though its status says that it is there."""
    clock: Clock | None = None
    health: Health | None = None
    distrust: str | None = None
    """Why the last clock in the bridge's name was not believed, a reason code; None when it was."""
    cars: dict[str, CarView] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    """How it did with each car lately."""
    _started: tuple[str, datetime] | None = None
    """When the clock of a boot showed zero, in wall time; known also while the bridge is away."""

    @property
    def name(self) -> str:
        """What it calls itself; its id until it did."""
        return self.info.name if self.info else self.id

    @property
    def there(self) -> bool:
        """Whether commands have somewhere to go."""
        return self.online and not self.silent

    def hear_life(self, monotonic: float) -> bool:
        """Note a sign of life; whether it had been silent."""
        self.alive_at, was_silent, self.silent = monotonic, self.silent, False
        return was_silent

    def look(self, monotonic: float) -> bool:
        """Find out whether it has fallen silent; True when that is new."""
        if not self.there or monotonic - self.alive_at <= SILENT_AWAY_S:
            return False
        self.silent = True
        return True

    def view(self, car: str) -> CarView:
        """Give what this bridge told of the car, made when there is nothing yet."""
        return self.cars.setdefault(car, CarView())

    def record(self, car: str) -> Record:
        """Give how this bridge did with the car lately."""
        return self.records.setdefault(car, Record())

    def expected_s(self, car: str, monotonic: float) -> float:
        """Give the score of this bridge for a car, as `handover.expected_s`."""
        clock_age_s = None if self.clock is None else self.clock.age(monotonic)
        return expected_s(self.record(car), self.view(car).link, clock_age_s, monotonic)

    @property
    def condition(self) -> Health | None:
        """What it says of itself since its last start; None while it is away, or has not said it yet."""
        if not self.online or self.health is None or self.info is None:
            return None
        return self.health if self.health.text("boot") == self.info.boot else None

    @property
    def fleet(self) -> tuple[CarInfo, ...]:
        """The cars that the bridge has; none while it was not heard, or if it speaks another contract."""
        return self.info.cars if self.info is not None and self.info.contract == CONTRACT else ()

    def serves(self, car: str) -> CarInfo | None:
        """Give what the bridge says of the car, None when the car is not one of its own or it speaks otherwise."""
        return next((known for known in self.fleet if known.id == car), None)

    def lacks(self, car: str) -> bool:
        """Whether it says that the car is none of its own; one that was not heard, or speaks otherwise, does not."""
        return self.info is not None and self.info.contract == CONTRACT and self.serves(car) is None

    def hear_clock(self, clock: Clock, wall: datetime) -> bool:
        """Take over a live clock; whether the wall times of readings changed by it."""
        started = wall - timedelta(seconds=clock.now)
        before, self.clock = self._started, clock
        self.distrust = None
        if before is not None and before[0] == clock.boot and abs(started - before[1]) < _CLOCK_DRIFT:
            return False
        self._started = (clock.boot, started)
        return True

    def wall_time(self, boot: str, at: float | None) -> datetime | None:
        """When that was; None when it is on the clock of another boot, or the bridge's clock was never heard."""
        if at is None or self._started is None or self._started[0] != boot or abs(at) > _CENTURY_S:
            return None
        return self._started[1] + timedelta(seconds=at)

    def heard_at(self, car: str, subject: str, name: str | None = None) -> datetime | None:
        """When the car told a reading, or anything of the subject, the last time; None when that is not known.

        It may have been before the bridge's start.
        """
        state = self.view(car).subjects.get(subject)
        if state is None:
            return None
        readings = state.readings.values() if name is None else filter(None, [state.readings.get(name)])
        times = [self.wall_time(state.boot, reading.at) for reading in readings]
        return max((time for time in times if time is not None), default=None)

    def last_contact(self, car: str) -> datetime | None:
        """When the car answered or told something the last time."""
        link = self.view(car).link
        times = [self.heard_at(car, BODY), self.wall_time(link.boot, link.contact_at) if link else None]
        return max((time for time in times if time is not None), default=None)

    def forget_presence(self) -> None:
        """Take back what only holds while the broker is there; what the car told stays."""
        self.online = self.silent = False
        self.clock = None


class Household:
    """The bridges under one base topic, by id."""

    def __init__(self, signers: Mapping[str, Signer]) -> None:
        self.bridges = {bridge: Bridge(bridge, signer) for bridge, signer in signers.items()}

    def __iter__(self) -> Iterator[Bridge]:
        return iter(self.bridges.values())

    def _serving(self, car: str) -> list[Bridge]:
        return [bridge for bridge in self if bridge.serves(car)]

    def ways(self, car: str, monotonic: float) -> list[Bridge]:
        """Give the bridges through which the car can be commanded now, the one with the best recent record first."""
        there = [bridge for bridge in self._serving(car) if bridge.there]
        return sorted(there, key=lambda bridge: bridge.expected_s(car, monotonic))

    def bridge_for(self, car: str, monotonic: float) -> Bridge | None:
        """Choose the bridge for a car, also one that is away if there is no other; None when nobody serves it."""
        return next(iter(self.ways(car, monotonic) or self._serving(car)), None)

    def knower(self, car: str, subject: str, monotonic: float) -> Bridge | None:
        """Give the bridge that heard of the subject last, whether it is still there or not; None when nobody serves it.

        One that does not look after the car has old values, and says so by their age.
        """
        chosen = self.bridge_for(car, monotonic)
        serving = [bridge for bridge in self._serving(car) if subject in bridge.view(car).subjects]
        heard = [(time, bridge) for bridge in serving if (time := bridge.heard_at(car, subject))]
        newest = max((time for time, _ in heard), default=None)
        best = [bridge for time, bridge in heard if time == newest] or serving
        return chosen if chosen in best or not best else best[0]

    def view(self, car: str, monotonic: float) -> CarView:
        """Give what is known of the car: what it said last, and how the bridge reaches it that would be asked."""
        chosen = self.bridge_for(car, monotonic)
        if chosen is None:
            return CarView()
        told = {subject for bridge in self._serving(car) for subject in bridge.view(car).subjects}
        knowers = {subject: self.knower(car, subject, monotonic) for subject in told}
        return CarView(
            chosen.view(car).link,
            {subject: bridge.view(car).subjects[subject] for subject, bridge in knowers.items() if bridge},
        )

    def last_contact(self, car: str) -> datetime | None:
        """When the car answered any of the bridges the last time."""
        times = (bridge.last_contact(car) for bridge in self._serving(car))
        return max((time for time in times if time is not None), default=None)

    def available(self, car: str) -> bool:
        """Whether a bridge is there that serves the car."""
        return any(bridge.there for bridge in self._serving(car))
