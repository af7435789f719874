"""The cars of a running bridge, each with its parts: added and removed while it runs, and never waiting for each other.

A car is there, and known to MQTT, before it can be talked to: what talks to it takes a second to load on a small
computer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Identity, Observer, Telling
from driveway_bridge.health import Health
from driveway_bridge.judgement.budget import Budget
from driveway_bridge.memory_keeper import Keeper
from driveway_bridge.mqtt.happenings import Happenings, Standing
from driveway_bridge.poller import Poller
from driveway_bridge.roles import RoleReader
from driveway_bridge.settings import CarSettings
from driveway_bridge.signal_history import SignalHistory
from driveway_bridge.vin import car_id

if TYPE_CHECKING:
    from driveway_bridge.machinery import Machinery
    from driveway_bridge.mqtt.lease import Leases

_LOGGER = logging.getLogger(__name__)
HANG_UP_S: Final = 1.5
BUDGET: Final = "budget"
"""The keeper's note on what a car's budget has been used for."""
AWAY: Final = "away"
"""The keeper's note on whether a car has driven off."""


@dataclass(frozen=True, slots=True)
class Member:
    """One car of the bridge with what looks after it."""

    settings: CarSettings
    car: Car
    budget: Budget
    poller: Poller
    roles: RoleReader
    signal: SignalHistory


class Fleet:
    """The cars by id. `run` looks after them; `change` makes them other ones."""

    def __init__(
        self,
        boot: Boot,
        telling: Telling,
        keeper: Keeper,
        health: Health,
        leases: Leases | None = None,
        happenings: Happenings | None = None,
    ) -> None:
        """Without `leases` this bridge looks after its cars whatever others do."""
        self.members: dict[str, Member] = {}
        self.cars: dict[str, Car] = {}
        """The same cars, for those who need no more; it changes with the fleet."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when a car has come or gone."""
        self._boot = boot
        self._telling = telling
        self._keeper = keeper
        self._health = health
        self._leases = leases
        self._happenings = happenings
        self._machinery: asyncio.Future[Machinery] = asyncio.get_running_loop().create_future()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def may_wake(self, car: str) -> bool:
        """Whether the car's budget allows one more wake-up."""
        return self.members[car].budget.may_wake()

    def equip(self, machinery: Machinery) -> None:
        """From now on the cars can be talked to."""
        self._machinery.set_result(machinery)

    async def run(self) -> None:
        """Look after all cars, for ever; whatever is cancelled here gives the links back."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for member in self.members.values():
                    self._start(member)
                await asyncio.Event().wait()
            finally:
                self._group = None  # before it ends: what is read again meanwhile may still bring a car

    def add(self, cars: Iterable[CarSettings]) -> None:
        """Take cars in, and tell what is known of them."""
        for settings in cars:
            member = self._make(settings)
            self.members[member.car.id] = member
            self.cars[member.car.id] = member.car
            member.car.tell()
            if self._group is not None:
                self._start(member)
        self.on_change()

    async def change(self, cars: Iterable[CarSettings]) -> None:
        """Look after these cars from now on: unchanged ones are not touched, changed ones begin anew."""
        wished = {car_id(settings.vin): settings for settings in cars}
        gone = [one for one, member in self.members.items() if wished.get(one) != member.settings]
        for one in gone:
            await self._remove(one)
            if one not in wished:
                self._keeper.forget(one)
                self._telling.forget(one)
        for one in gone:
            _LOGGER.info("%s: %s", one, "changed" if one in wished else "removed")
        self.add(settings for one, settings in wished.items() if one not in self.members)

    def _make(self, settings: CarSettings) -> Member:
        car = Car(car_id(settings.vin), settings.name, self._boot, self._telling)
        self._keeper.attach(car)
        pupil = _Pupil(self)
        remembered, age_s = self._keeper.noted(car.id, BUDGET) or (None, None)
        budget = Budget(
            settings,
            remembered=remembered,
            remembered_age_s=age_s,
            save=lambda document: self._keeper.note(car.id, BUDGET, document),
        )
        member = Member(settings, car, budget, Poller(car, settings, budget=budget), RoleReader(car), SignalHistory())
        car.observers += [budget, member.poller, member.roles, member.signal, pupil]
        self._health.watch(car)
        self._health.car_sources[car.id] = {"poller": member.poller.report, "budget": budget.report}
        leases = self._leases
        if leases is not None:
            member.poller.leads = leases.join(car)
            self._health.car_sources[car.id]["lease"] = lambda: leases.report(car.id)
        if self._happenings is not None:
            noted = self._keeper.noted(car.id, AWAY)
            standing = Standing(
                leads=member.poller.leads,
                company=lambda: leases is not None and leases.company(car.id),
                away=noted is not None and bool(noted[0].get(AWAY)),
                note_away=lambda away: self._keeper.note(car.id, AWAY, {AWAY: away}),
            )
            car.observers.append(self._happenings.join(car, settings.status_every_s, standing))
        return member

    def _start(self, member: Member) -> None:
        assert self._group is not None  # noqa: S101 - only called while it runs
        self._tasks[member.car.id] = self._group.create_task(self._look_after(member))

    async def _look_after(self, member: Member) -> None:
        machinery = await asyncio.shield(self._machinery)
        member.car.equip(machinery.equip(member.settings, member.car))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(member.poller.run())
                tasks.create_task(member.roles.run())
        finally:
            await _hang_up(member.car)

    async def _remove(self, one: str) -> None:
        del self.members[one]
        del self.cars[one]
        self.on_change()  # from here on nothing more is taken for it
        task = self._tasks.pop(one, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._health.forget(one)
        if self._leases is not None:
            self._leases.part(one)
        if self._happenings is not None:
            self._happenings.part(one)


class _Pupil(Observer):
    """Passes on that something lasting was learnt: what the bridge says of its cars may have changed."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def identified(self, identity: Identity) -> None:  # noqa: ARG002 - the car has it already
        """Tell."""
        self._fleet.on_change()


async def _hang_up(car: Car) -> None:
    try:
        async with asyncio.timeout(HANG_UP_S):
            await car.close()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other cars' links have to be given back too
        _LOGGER.warning("A link could not be given back in order: %r", error)
