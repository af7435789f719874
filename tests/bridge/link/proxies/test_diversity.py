"""Several adapters as one radio, run for hours on a fast clock: who connects, what is known, and how each is healed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from bleak.exc import BleakError

from driveway_bridge.errors import NotReached
from driveway_bridge.link.air import Air
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.link.diversity import CENSUS_S, Branch, Diversity
from driveway_bridge.link.healing import RadioGivenUp
from driveway_bridge.link.listening import SharedListening
from driveway_bridge.link.way import Slots
from tests.bridge.link.played_radio import NEIGHBOUR, OTHER_VIN, VIN, PlayedRadio

pytestmark = pytest.mark.looptime


@pytest.fixture(autouse=True)
async def no_leftover_tasks() -> AsyncIterator[None]:
    yield
    assert asyncio.all_tasks() - {asyncio.current_task()} == set()


class Several:
    """Radios that the test plays, behind one surface."""

    def __init__(self, *names: str, optional: bool = False) -> None:
        self.listened = SharedListening()
        self.played = {name: PlayedRadio() for name in names}
        self.found: list[Branch] = []
        self.slots: dict[str, Slots] = {}
        branches = [self.branch(name, optional=optional) for name in names]
        self.radio = Diversity(branches, listened=self.listened, find=self._find)
        self.dialer = BluetoothDialer(VIN, self.radio)

    def branch(self, name: str, *, optional: bool = False) -> Branch:
        played = self.played.setdefault(name, PlayedRadio())
        played.name = name
        air = Air(source=played, listened=self.listened, may_end=self._may_end)
        return Branch(name=name, kind="adapter", air=air, optional=optional, slots=lambda: self.slots.get(name))

    def _may_end(self, air: Air) -> bool:
        return self.radio.may_end(air)

    async def _find(self) -> list[Branch]:
        found, self.found = self.found, []
        return found

    def told(self, name: str) -> dict[str, Any]:
        (found,) = (one for one in self.radio.report()["radios"] if one["name"] == name)
        return dict(found)

    async def silence(self) -> None:
        for played in self.played.values():
            await played.hush()


@asynccontextmanager
async def running(several: Several) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(several.radio.run())
    await asyncio.sleep(0.01)
    try:
        yield task
    finally:
        await several.dialer.close()
        task.cancel()
        with suppress(asyncio.CancelledError, RadioGivenUp):
            await task
        await several.silence()


async def reason(several: Several, within_s: float = 15) -> str:
    with pytest.raises(NotReached) as caught:
        await several.dialer.connect(within_s)
    return caught.value.reason


def connects(played: PlayedRadio) -> int:
    return sum(entry.startswith("connect") for entry in played.log)


async def test_the_adapter_that_hears_the_car_best_connects_and_the_other_listens_on() -> None:
    several = Several("hci0", "hci1")
    near, far = several.played["hci1"], several.played["hci0"]
    async with running(several):
        far.hear(rssi=-80)
        near.hear(rssi=-60)
        await several.dialer.connect(5)
        assert (connects(near), connects(far)) == (1, 0)
        assert far.count("end") == 0
        assert several.told("hci1")["links"] == 1


async def test_after_a_failure_the_other_connects() -> None:
    several = Several("hci0", "hci1")
    near, far = several.played["hci0"], several.played["hci1"]
    async with running(several):
        near.advertise()
        far.advertise()
        near.connects = lambda: BleakError("not today")
        await asyncio.sleep(1)
        assert await reason(several, 5) == "no_connection"
        await several.dialer.connect(5)
        assert connects(far) == 1


@pytest.mark.parametrize("goes", [True, False])
async def test_a_radio_that_was_gone_and_is_back_is_forgiven(goes: bool) -> None:
    several = Several("hci0", "hci1")
    near, far = several.played["hci0"], several.played["hci1"]
    async with running(several):
        near.advertise()
        far.advertise()
        near.connects = lambda: BleakError("gone")
        await asyncio.sleep(1)
        assert await reason(several, 5) == "no_connection"
        if goes:
            near.absent, near.refuses, near.scan_runs = "no_adapter", BleakError("gone"), False
            await asyncio.sleep(60)
            assert several.told("hci0")["state"] == "missing"
            near.absent, near.refuses, near.scan_runs = None, None, True
        near.connects = lambda: None
        await asyncio.sleep(60)
        assert several.told("hci0")["state"] == "ok"
        before = connects(near)
        far.hear(rssi=-80)
        near.hear(rssi=-40)
        await several.dialer.connect(5)
        assert (connects(near) > before) is goes


async def test_the_first_of_several_does_not_use_up_all_the_time() -> None:
    several = Several("hci0", "hci1")
    near, far = several.played["hci0"], several.played["hci1"]
    async with running(several):
        near.advertise()
        far.advertise()
        near.connect_s = 60
        await asyncio.sleep(1)
        begun = asyncio.get_running_loop().time()
        assert await reason(several, 4.5) == "no_connection"
        assert asyncio.get_running_loop().time() - begun < 3
        await several.dialer.connect(1.5)
        assert connects(far) == 1


async def test_full_ones_are_passed_over() -> None:
    several = Several("hci0", "hci1")
    async with running(several):
        for name, rssi in (("hci0", -50), ("hci1", -80)):
            several.played[name].hear(rssi=rssi)
        several.slots["hci0"] = Slots(free=0, limit=3)
        await several.dialer.connect(5)
        assert connects(several.played["hci0"]) == 0
        several.slots["hci1"] = Slots(free=0, limit=3)
        for played in several.played.values():
            played.advertise()
        assert await reason(several) == "proxy_full"


async def test_one_adapter_is_gone_and_the_other_works() -> None:
    several = Several("hci0", "hci1")
    gone, other = several.played["hci0"], several.played["hci1"]
    gone.absent = "no_adapter"
    async with running(several):
        other.advertise()
        await asyncio.sleep(2)
        await several.dialer.connect(5)
        await asyncio.sleep(1)
        report = several.radio.report()
        assert (report["state"], report["reason"], report["scanning"]) == ("ok", None, True)
        assert (several.told("hci0")["state"], several.told("hci0")["reason"]) == ("missing", "no_adapter")
        gone.absent = None
        await asyncio.sleep(10)
        assert several.told("hci0")["state"] in ("starting", "ok")


async def test_all_are_gone() -> None:
    several = Several("hci0", "hci1")
    for played in several.played.values():
        played.absent = "no_adapter"
    async with running(several):
        await asyncio.sleep(1)
        assert await reason(several, 5) == "no_adapter"
        report = several.radio.report()
        assert (report["state"], report["reason"]) == ("missing", "no_adapter")
        assert report["detail"] == "hci0: as played; hci1: as played"
        several.played["hci1"].absent = "adapter_off"
        await asyncio.sleep(20)
        assert await reason(several, 5) == "radio_unavailable"


async def test_a_car_that_no_radio_hears_is_not_in_range_within_3_s() -> None:
    several = Several("hci0", "hci1")
    async with running(several):
        for played in several.played.values():
            played.advertise(NEIGHBOUR, "someone")
        await asyncio.sleep(60)
        assert several.dialer.listening
        begun = asyncio.get_running_loop().time()
        assert await reason(several) == "not_in_range"
        assert 2 <= asyncio.get_running_loop().time() - begun <= 3


async def test_the_silence_of_the_other_adapter_proves_nothing() -> None:
    several = Several("hci0", "hci1")
    beside, cellar = several.played["hci0"], several.played["hci1"]
    async with running(several):
        beside.advertise()
        cellar.advertise(NEIGHBOUR, "someone")
        await asyncio.sleep(5)
        assert several.dialer.listening
        beside.absent, beside.refuses = "no_adapter", BleakError("gone")
        beside.scan_runs = False
        await beside.hush()
        await asyncio.sleep(60)
        assert (several.dialer.listening, several.radio.listening) == (False, True)
        assert await reason(several) == "no_adapter"


async def test_silence_of_a_radio_that_never_heard_the_car_is_not_waited_for() -> None:
    """The cellar's adapter is broken; the one beside the car says that it has left."""
    several = Several("hci0", "hci1")
    beside, cellar = several.played["hci0"], several.played["hci1"]
    cellar.absent = "no_adapter"
    async with running(several):
        beside.hear()
        beside.advertise(NEIGHBOUR, "someone")
        await asyncio.sleep(60)
        assert several.dialer.listening
        assert await reason(several) == "not_in_range"


async def test_each_is_healed_by_itself() -> None:
    several = Several("hci0", "hci1")
    deaf, other = several.played["hci0"], several.played["hci1"]
    deaf.deaf, deaf.healed_by_power = True, True
    async with running(several):
        deaf.advertise(NEIGHBOUR, "someone")
        other.advertise(NEIGHBOUR, "someone")
        await asyncio.sleep(200)
        assert (deaf.count("power"), other.count("power")) == (1, 0)
        assert several.told("hci0")["healed"] == 1
        assert several.radio.report()["steps"][0]["radio"] == "hci0"


async def test_one_hopeless_adapter_does_not_end_the_bridge_while_another_works() -> None:
    several = Several("hci0", "hci1")
    deaf, other = several.played["hci0"], several.played["hci1"]
    async with running(several) as task:
        for played in (deaf, other):
            played.advertise(NEIGHBOUR, "someone", every_s=10)
        await asyncio.sleep(60)
        deaf.deaf = True
        await asyncio.sleep(6 * 3600)
        assert not task.done()
        other.deaf = True
        with pytest.raises(RadioGivenUp):
            async with asyncio.timeout(6 * 3600):
                await task


async def test_adapters_that_appear_are_used_too() -> None:
    several = Several()
    async with running(several):
        assert await reason(several, 5) == "no_adapter"
        several.found.append(several.branch("hci0", optional=True))
        await asyncio.sleep(CENSUS_S + 1)
        several.played["hci0"].advertise()
        await asyncio.sleep(1)
        await several.dialer.connect(5)
        assert several.told("hci0")["links"] == 1


async def test_an_adapter_that_nobody_asked_for_is_no_trouble_when_it_is_missing() -> None:
    several = Several("hci0", "hci1", optional=True)
    several.played["hci0"].absent = "no_adapter"
    async with running(several):
        several.played["hci1"].advertise(NEIGHBOUR, "someone")
        await asyncio.sleep(60)
        assert (several.told("hci0")["state"], several.told("hci0")["reason"]) == ("missing", None)
        assert several.dialer.listening
        assert await reason(several) == "not_in_range"


async def test_without_being_run_they_listen_while_somebody_looks() -> None:
    several = Several("hci0", "hci1")
    for played in several.played.values():
        played.advertise()
    await several.dialer.connect(5)
    assert connects(several.played["hci0"]) + connects(several.played["hci1"]) == 1
    await several.dialer.close()
    assert not several.radio.scanning
    assert all(played.count("scan") == played.count("end") for played in several.played.values())
    await several.silence()


async def test_two_cars_are_looked_for_at_the_same_time() -> None:
    """What one of them gives up does not disturb the other."""
    several = Several("hci0", "hci1")
    several.played["hci1"].absent = "no_adapter"
    other = BluetoothDialer(OTHER_VIN, several.radio)
    async with running(several):
        several.played["hci0"].advertise(NEIGHBOUR, "someone")
        first = asyncio.ensure_future(reason(several, 15))
        await asyncio.sleep(1)
        second = asyncio.ensure_future(other.connect(15))
        await asyncio.sleep(0.5)
        second.cancel()
        await asyncio.wait({second})
        assert await first == "no_adapter"  # of which nobody knows whether it would hear the car
        several.played["hci0"].advertise()
        await asyncio.sleep(1)
        await several.dialer.connect(5)
        await other.close()
