"""A day of one car on a clock that jumps: the virtual car, what happens to it, and a bridge's half that looks after it.

The car's side keeps its own account: when it was awake, who spoke to which of its computers, what was true and when.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any, Self

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Equipment
from driveway_bridge.commands import table
from driveway_bridge.config import CarSettings
from driveway_bridge.contract import Event, LinkState
from driveway_bridge.contract_topics import Topics
from driveway_bridge.errand import Execution
from driveway_bridge.errors import NotReached
from driveway_bridge.judgement.budget import Budget
from driveway_bridge.link.base import Link, Sighting
from driveway_bridge.link.memory import MemoryDialer
from driveway_bridge.mqtt.happenings import Happenings, Standing
from driveway_bridge.poller import Poller
from driveway_bridge.session_store import ForgetfulStore
from driveway_bridge.simulator.car import CLOSED, OPEN
from driveway_bridge.simulator.car import Car as CarThere
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.profiles import PROFILES
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vehicle import Vehicle
from tests.bridge.asked import give
from tests.bridge.joined.pair import KEY, VIN

HOUR = 3600.0
READ_S = 0.5
"""The longest from the car's look at itself until its answer is heard here: one exchange, and less of it."""
SIGHTING_S = 5.0


def clock(text: str) -> float:
    """Seconds from the beginning of the day's play, 16:30, to an hour of the clock as `07:31` or `07:31:20`."""
    hours, minutes, seconds = (*(int(part) for part in text.split(":")), 0)[:3]
    passed = hours * 3600.0 + minutes * 60 + seconds - 16.5 * HOUR
    return passed if passed >= 0 else passed + 24 * HOUR


class Street:
    """The virtual car, and the account of it. Use it within the loop."""

    def __init__(self, *, seed: int = 7) -> None:
        self.facts: list[tuple[float, dict[str, Any]]] = []
        self.commands: list[tuple[float, str, str]] = []
        """When, to which computer, and what: only what was signed."""
        self.infotainment: list[float] = []
        """When it was spoken to, handshakes included."""
        there = CarThere(locked=False)
        there.user_present = True
        there.drive.leave()
        self.virtual = VirtualCar(VIN, profile=PROFILES["field"], seed=seed, car=there, report=self._report)
        self.virtual.enrol(KEY.public)
        self.live = LiveCar(self.virtual)
        self.live.in_range = False
        self.born = now()
        self._note_facts()

    def _report(self, event: dict[str, Any]) -> None:
        if event["event"] == "state":
            self._note_facts()
        if event["event"] == "command":
            self.commands.append((now(), event["domain"], event["name"]))
        if event["event"] in ("command", "handshake") and event["domain"] == "infotainment":
            self.infotainment.append(now())

    def _note_facts(self) -> None:
        self.facts.append((now(), self.virtual.car.facts()))

    @property
    def car(self) -> CarThere:
        """The car itself."""
        return self.virtual.car

    def wakes(self) -> int:
        """How many wake-up commands it was given."""
        return sum(name == "wake" for _, _, name in self.commands)

    def awake_s(self) -> float:
        """How long it has been awake."""
        ends = [at for at, _ in self.facts[1:]] + [now()]
        return sum(end - at for (at, facts), end in zip(self.facts, ends, strict=True) if not facts["asleep"])

    def was(self, begin: float, end: float) -> list[dict[str, Any]]:
        """All that was true at any moment between two times."""
        times = [at for at, _ in self.facts]
        first = max(0, bisect_right(times, begin) - 1)
        return [facts for _, facts in self.facts[first : bisect_right(times, end)]]

    # What happens to it -----------------------------------------------------------------------------------------------

    def do(self, verb: Callable[[CarThere], None]) -> None:
        """Let somebody do something to it."""
        self.live.do(lambda: verb(self.car))

    def vanish(self) -> None:
        """It is out of reach, and so are its links."""
        self.live.in_range = False
        self.live.drop()

    def come(self) -> None:
        """It is within reach again, with somebody inside."""
        self.live.in_range = True
        self.do(lambda car: car.drive_home("driver"))


def ordinary_day(street: Street) -> list[tuple[float, Callable[[], None]]]:
    """What happens to a car between one afternoon and the next, nothing of it by the bridge."""
    phone, person = "phone key", "somebody"

    def door(car: CarThere, state: Any) -> None:
        car.move("front_driver_door", state, person)

    return [
        (clock("17:00"), street.come),
        (clock("17:02:10"), lambda: street.do(lambda car: door(car, OPEN))),
        (clock("17:02:13"), lambda: street.do(lambda car: car.leave(person))),
        (clock("17:02:18"), lambda: street.do(lambda car: door(car, CLOSED))),
        (clock("17:02:31"), lambda: street.do(lambda car: car.lock(phone))),
        # It sleeps from 17:13 on, until somebody puts the cable in.
        (clock("21:40:07"), lambda: street.do(lambda car: car.unlock(phone))),
        (clock("21:40:22"), lambda: street.do(lambda car: car.plug_in(person))),
        (clock("21:41:05"), lambda: street.do(lambda car: car.lock(phone))),
        # It charges to its limit for an hour and 13 minutes, and sleeps again.
        (clock("23:30:00"), lambda: street.do(lambda car: car.unlock(phone))),
        (clock("23:31:00"), lambda: street.do(lambda car: car.lock(phone))),
        (clock("07:30:02"), lambda: street.do(lambda car: car.unlock(phone))),
        (clock("07:30:11"), lambda: street.do(lambda car: car.unplug(person))),
        (clock("07:30:40"), lambda: street.do(lambda car: door(car, OPEN))),
        (clock("07:30:44"), lambda: street.do(lambda car: car.enter(person))),
        (clock("07:30:49"), lambda: street.do(lambda car: door(car, CLOSED))),
        (clock("07:33:00"), lambda: street.do(lambda car: car.drive_off(person))),
        (clock("07:33:40"), street.vanish),
        (clock("15:55:00"), street.come),
        (clock("15:55:50"), lambda: street.do(lambda car: car.leave(person))),
        (clock("15:56:00"), lambda: street.do(lambda car: car.lock(phone))),
        (clock("16:29:59"), lambda: None),
    ]


async def play(steps: Iterable[tuple[float, Callable[[], None]]]) -> None:
    """Let things happen, each at its time from now."""
    begun = now()
    for at, act in sorted(steps, key=lambda step: step[0]):
        await asyncio.sleep(begun + at - now())
        act()


class StreetDialer:
    """A radio in memory: it hears the car while that is in range, and then only reaches it."""

    name = "memory"
    last_heard: Sighting | None = None
    listening = True

    def __init__(self, street: Street) -> None:
        self._street = street
        self._inner = MemoryDialer(street.live.attach)
        self._tell: Callable[[Sighting], None] = lambda _sighting: None
        self.links = 0

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        self._tell = tell

    async def scan(self) -> None:
        while True:
            if self._street.live.in_range:
                self._tell(Sighting(at=now(), rssi_dbm=-70, connectable=True))
            await asyncio.sleep(SIGHTING_S)

    async def connect(self, deadline_s: float) -> Link:
        if not self._street.live.in_range:
            raise NotReached("not_in_range")
        self.links += 1
        return await self._inner.connect(deadline_s)

    async def close(self) -> None:
        """Hold nothing."""


class Bridge:
    """What looks after the car, as the daemon joins it; and what it tells is checked at once against the car."""

    def __init__(self, street: Street, **settings: Any) -> None:
        self.street = street
        self.told: dict[str, dict[str, Any]] = {}
        self.checked = 0
        self.link_states: list[LinkState] = []
        loop = asyncio.get_running_loop()
        self.boot = Boot(loop.time)
        self.settings = CarSettings(vin=VIN, location=True, **settings)
        self.car = Car("car-00000001", "Anna", self.boot, self)
        self.budget = Budget(self.settings, clock=loop.time)
        self.poller = Poller(self.car, self.settings, budget=self.budget)
        self.events: list[tuple[float, Event]] = []
        happenings = Happenings(
            Topics("driveway", "bridge-1"), self.boot, lambda _car, event: self.events.append((now(), event))
        )
        watch = happenings.join(self.car, self.settings.status_every_s, Standing(away=True))
        self.car.observers += [self.budget, self.poller, watch]
        self.dialer = StreetDialer(street)
        self.vehicle = Vehicle(
            VIN,
            KEY,
            self.dialer,
            ForgetfulStore(),
            on_body=self.car.heard_body,
            on_link=self.car.heard_link,
            clock=loop.time,
        )
        self.car.equip(Equipment(self.vehicle, self.dialer, table.build))
        self._zero = now()
        self.heard: list[float] = []
        """When the body's state was told."""
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self.poller.run()), asyncio.create_task(self.dialer.scan())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.car.close()

    async def give(self, name: str, **arguments: object) -> Execution:
        """Give a command as the router does."""
        return await give(self.car, name, arguments=arguments)

    # What is told -----------------------------------------------------------------------------------------------------

    def link(self, car: str, state: LinkState) -> None:
        self.link_states.append(state)

    def forget(self, car: str) -> None:
        raise AssertionError("nobody takes the car away")

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        """Hold every value against what the car was at the value's own time."""
        before = self.told.get(subject, {})
        if subject == "body":
            self.heard.append(now())
        for name, known in document.items():
            if name in ("boot", "time") or known["at"] is None:
                continue
            if before.get(name) != known:
                assert abs(self._zero + known["at"] - now()) < 0.01, "it is told when it is heard, with the right age"
            self._check(subject, name, known["value"], self._zero + known["at"])
        self.told[subject] = document

    def _check(self, subject: str, name: str, value: object, at: float) -> None:
        told = _FACTS.get((subject, name))
        if told is None:
            return
        self.checked += 1
        true = [told(facts) for facts in self.street.was(at - READ_S, at)]
        assert value in true, f"{subject}.{name} is {value} as of {at:.2f}, and the car was {true}"


def _gear(facts: dict[str, Any]) -> str:
    return {"P": "park", "R": "reverse", "N": "neutral", "D": "drive"}[facts["gear"]]


def _closure(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda facts: facts["closures"][name]


_FACTS: dict[tuple[str, str], Callable[[dict[str, Any]], object]] = {
    ("body", "lock"): lambda facts: "locked" if facts["locked"] else "unlocked",
    ("body", "asleep"): lambda facts: facts["asleep"],
    ("body", "user_present"): lambda facts: facts["user_present"],
    ("charge", "charging"): lambda facts: facts["charging"].lower(),
    ("charge", "limit_percent"): lambda facts: facts["charge_limit"],
    ("climate", "on"): lambda facts: facts["climate_on"],
    ("climate", "driver_celsius"): lambda facts: facts["target_c"],
    ("climate", "keeper"): lambda facts: facts["keeper"].lower(),
    ("closures", "locked"): lambda facts: facts["locked"],
    ("closures", "user_present"): lambda facts: facts["user_present"],
    ("closures", "valet_mode"): lambda facts: facts["valet"],
    ("closures", "front_driver_door_open"): lambda facts: facts["closures"]["front_driver_door"] != "closed",
    ("drive", "gear"): _gear,
}
_FACTS |= {("body", name): _closure(name) for name in ("front_driver_door", "rear_trunk", "front_trunk", "charge_port")}


def now() -> float:
    """The loop's time, which jumps."""
    return asyncio.get_running_loop().time()
