"""Stories of what the bridge does itself over MQTT: pairing with its stages, calling it off, listing keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Equipment, Identity, Observer
from driveway_bridge.commands.table import build
from driveway_bridge.contract import LinkState, Outcome
from driveway_bridge.errors import NotAdmitted
from driveway_bridge.link.memory import MemoryDialer
from driveway_bridge.mqtt import catalogue
from driveway_bridge.operations import OPERATIONS, OperationResult
from driveway_bridge.proto import Role
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.reasons import REASONS
from driveway_bridge.session_store import ForgetfulStore
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.profiles import PROFILES
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vehicle import Vehicle
from tests.bridge.asked import give

pytestmark = pytest.mark.looptime
VIN = "5YJ3E1EA1KF000000"
KEY = PrivateKey.generate()


class Broker:
    """Hears what is published, and keeps nothing: here it is about what operations give back."""

    def link(self, car: str, state: LinkState) -> None:
        """Heard."""

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        """Heard."""

    def forget(self, car: str) -> None:
        """Heard."""


class Told(Observer):
    """Hears that a pairing has gone well."""

    paired_times = 0

    def paired(self) -> None:
        self.paired_times += 1


class Home:
    """A bridge with one car, as the router sees them."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.events: list[dict[str, Any]] = []
        self.virtual = VirtualCar(VIN, profile=PROFILES["field"], seed=5, report=self.events.append)
        self.live = LiveCar(self.virtual)
        self.stages: list[str] = []
        self._news = asyncio.Event()
        self.car = Car("car-1", "Anna", Boot(), Broker())
        self.dialer = MemoryDialer(self.live.attach)
        self.vehicle = Vehicle(
            VIN,
            KEY,
            self.dialer,
            ForgetfulStore(),
            on_body=self.car.heard_body,
            on_link=self.car.heard_link,
            clock=loop.time,
        )
        self.car.equip(Equipment(self.vehicle, self.dialer, build))

    async def do(self, name: str, **arguments: object) -> OperationResult:
        return await OPERATIONS[name].run(self.car, arguments, self.hear)

    def hear(self, stage: str) -> None:
        self.stages.append(stage)
        self._news.set()

    def begin(self, **arguments: object) -> asyncio.Task[OperationResult]:
        return asyncio.get_running_loop().create_task(self.do("pair", **arguments))

    async def until(self, stage: str) -> None:
        async with asyncio.timeout(60):
            while stage not in self.stages:
                self._news.clear()
                await self._news.wait()

    async def tap_and_confirm(self) -> None:
        await asyncio.sleep(2)  # nobody is quicker than the request
        self.live.do(lambda: self.virtual.enrolment.tap(self.live.now))
        self.live.do(lambda: self.virtual.enrolment.confirm(self.live.now))


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    home = Home()
    yield home
    await home.vehicle.close()
    home.live.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in left if "_asyncgen" not in repr(task) and "pytest" not in repr(task)], left


async def test_pairing_tells_its_stages_and_what_the_key_is(home: Home) -> None:
    """Home Assistant can lead through it. Pains 38, 40, 105."""
    pairing = home.begin(role="charging_manager")
    await home.until("card")
    assert home.car.identity == Identity()
    await home.tap_and_confirm()
    result = await pairing
    assert (result.outcome, result.reason) == (Outcome.CONFIRMED, "done")
    assert result.data == {"role": "charging_manager", "slot": 0}
    assert home.stages == ["heard", "presented", "card", "confirm", "known", "synchronised", "role"]
    assert home.car.identity == Identity(role="charging_manager", slot=0)


async def test_a_car_that_sleeps_is_a_stage_of_its_own(home: Home) -> None:
    home.live.do(lambda: home.virtual.car.sleep("night"))
    pairing = home.begin()
    await home.until("asleep")
    home.live.do(lambda: home.virtual.car.wake("door"))
    await home.until("card")
    await home.tap_and_confirm()
    assert (await pairing).reason == "done"
    assert home.stages[:4] == ["heard", "asleep", "presented", "card"]
    assert set(home.stages) <= set(OPERATIONS["pair"].stages)
    assert sorted(home.stages, key=OPERATIONS["pair"].stages.index) == home.stages


async def test_a_known_key_needs_no_card(home: Home) -> None:
    """The set-up in Home Assistant was broken off, and begun again. Pains 56."""
    home.virtual.enrol(KEY.public, Role.ROLE_DRIVER)
    told = Told()
    home.car.observers.append(told)
    result = await home.do("pair")
    assert told.paired_times == 1
    assert (result.outcome, result.reason) == (Outcome.CONFIRMED, "already_enrolled")
    assert home.stages == ["heard", "known", "synchronised", "role"]
    assert home.car.identity.role == "driver"


async def test_another_role_than_wished_is_learnt_and_refused(home: Home) -> None:
    """The role that counts is the car's. Pains 105."""
    home.virtual.enrol(KEY.public, Role.ROLE_OWNER)
    result = await home.do("pair", role="driver")
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "other_role")
    assert result.data == {"role": "owner", "slot": 0}
    assert home.car.identity.role == "owner"


async def test_one_pairing_at_a_time(home: Home) -> None:
    """Each presented key raises a question in the car."""
    pairing = home.begin()
    await home.until("card")
    second = await home.do("pair")
    assert (second.outcome, second.reason) == (Outcome.REFUSED, "pairing_runs")
    await home.tap_and_confirm()
    assert (await pairing).reason == "done"
    assert (await home.do("pair")).reason == "already_enrolled"


async def test_two_cars_are_paired_at_once(home: Home) -> None:
    other = Home()
    first, second = home.begin(), other.begin()
    await home.until("card")
    await other.until("card")
    await home.tap_and_confirm()
    await other.tap_and_confirm()
    assert [(await task).reason for task in (first, second)] == ["done", "done"]
    await other.vehicle.close()
    other.live.close()


async def test_it_is_called_off(home: Home) -> None:
    pairing = home.begin()
    await home.until("card")
    called_off = await home.do("pair_cancel")
    assert (called_off.outcome, called_off.reason) == (Outcome.CONFIRMED, "done")
    assert pairing.done()
    result = pairing.result()
    assert (result.outcome, result.reason) == (Outcome.UNCONFIRMED, "pairing_cancelled")
    assert "screen" in REASONS["pairing_cancelled"].remedy
    assert home.begin().cancel()  # and another one may begin


async def test_nothing_to_call_off(home: Home) -> None:
    result = await home.do("pair_cancel")
    assert (result.outcome, result.reason) == (Outcome.CONFIRMED, "already_so")


async def test_a_bridge_that_stops_ends_a_pairing(home: Home) -> None:
    pairing = home.begin()
    await home.until("card")
    pairing.cancel()
    await asyncio.wait((pairing,))
    assert pairing.cancelled()
    assert (await home.do("pair_cancel")).reason == "already_so"


async def test_pairing_waits_until_the_radio_is_loaded(home: Home) -> None:
    car = Car("car-2", "Berta", Boot(), Broker())
    pairing = asyncio.ensure_future(OPERATIONS["pair"].run(car, {}, home.hear))
    await asyncio.sleep(1)
    assert not pairing.done()
    car.equip(Equipment(home.vehicle, home.dialer, build))
    await home.until("card")
    await home.tap_and_confirm()
    assert (await pairing).reason == "done"


async def test_a_lock_command_does_not_wait_for_somebody_with_a_card(home: Home) -> None:
    pairing = home.begin()
    await home.until("card")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    execution = await give(home.car, "unlock", timeout_s=8)
    assert execution.reason == "key_not_enrolled"
    assert loop.time() - begun < 5
    assert not pairing.done()
    await home.tap_and_confirm()
    assert (await pairing).reason == "done"


async def test_the_keys_of_a_car(home: Home) -> None:
    """Nobody needs a key to read them; ours is marked, and its role learnt. Pains 45, 102."""
    assert (await home.do("keys")).data == {"keys": []}
    home.virtual.enrol(PrivateKey.generate().public, Role.ROLE_OWNER)
    home.virtual.enrol(KEY.public, Role.ROLE_VEHICLE_MONITOR)
    result = await home.do("keys")
    assert result.outcome is Outcome.CONFIRMED
    assert result.data is not None
    assert [(key["slot"], key["role"], key["own"]) for key in result.data["keys"]] == [
        (0, "owner", False),
        (1, "vehicle_monitor", True),
    ]
    assert home.car.identity.role == "vehicle_monitor"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("pair", {"role": "service"}),
        ("pair", {"timeout_s": 5}),
        ("pair", {"key": "04"}),
        ("pair_cancel", {"role": "driver"}),
        ("keys", {"slot": 1}),
    ],
)
async def test_wrong_arguments(home: Home, name: str, arguments: dict[str, object]) -> None:
    with pytest.raises(NotAdmitted):
        await home.do(name, **arguments)
    assert home.events == []


def test_what_gives_rights_is_marked() -> None:
    """Nobody without a signature brings a new key into the car. Pains 104, 106."""
    assert {name for name, operation in OPERATIONS.items() if operation.opens} == {"pair"}


def test_mqtt_offers_the_same() -> None:
    assert {name: entry.opens for name, entry in catalogue.OPERATIONS.items()} == {
        name: operation.opens for name, operation in OPERATIONS.items()
    }
