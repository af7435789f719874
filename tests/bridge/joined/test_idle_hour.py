"""An hour in which nothing happens: the bridge holds no more at its end than at its beginning.

One car on the virtual radio, looked after by everything that looks after cars; the clock is the loop's and jumps.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Equipment
from driveway_bridge.commands import table
from driveway_bridge.contract import LinkState
from driveway_bridge.contract_topics import Topics
from driveway_bridge.fleet import Fleet
from driveway_bridge.health import Health
from driveway_bridge.link.air import Air as Radio
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.memory import Memory
from driveway_bridge.memory_keeper import Keeper
from driveway_bridge.mqtt.happenings import Happenings
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import SessionStore
from driveway_bridge.settings import CarSettings
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.simulator.car import Car as Asleep
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vehicle import Vehicle
from driveway_bridge.virtual_radio.air import Air

VIN = "5YJ30123456789ABC"
KEY = PrivateKey.from_scalar(bytes.fromhex("2538cdc29a97c19c1e99a637d6cf4f8c970c118b56ede1e6323e6d162c4b30db"))
WARM_UP_S = 900.0
HOUR_S = 3600.0
OURS = (
    tracemalloc.Filter(inclusive=True, filename_pattern="*/driveway_bridge/*"),
    tracemalloc.Filter(inclusive=False, filename_pattern="*/driveway_bridge/virtual_radio/*"),
    tracemalloc.Filter(inclusive=False, filename_pattern="*/driveway_bridge/simulator/*"),
)
"""What the bridge itself has allocated. The library that plays chip and car here forgets no connection it ever had."""


class Told:
    """What the bridge would publish, counted."""

    def __init__(self) -> None:
        self.topics: Counter[str] = Counter()
        self.last_link: LinkState | None = None

    def link(self, car: str, state: LinkState) -> None:
        self.topics["link"] += 1
        self.last_link = state

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        self.topics[subject] += 1

    def forget(self, car: str) -> None:
        self.topics["forget"] += 1


class Way:
    """What a fleet needs to talk to its car: the virtual radio, and the loop's clock."""

    def __init__(self, radio: Radio, sessions: SessionStore) -> None:
        self._radio = radio
        self._sessions = sessions

    def equip(self, settings: CarSettings, car: Car) -> Equipment:
        dialer = BluetoothDialer(settings.vin, self._radio)
        vehicle = Vehicle(
            settings.vin,
            KEY,
            dialer,
            self._sessions,
            on_body=car.heard_body,
            on_link=car.heard_link,
            clock=asyncio.get_running_loop().time,
        )
        return Equipment(vehicle, dialer, table.build)


class Holdings:
    """What the process holds."""

    def __init__(self, data: Path) -> None:
        gc.collect()
        loop: Any = asyncio.get_running_loop()
        self.tasks = sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks())  # type: ignore[union-attr]
        self.timers = sum(not timer.cancelled() for timer in loop._scheduled)
        self.files = sum(1 for _ in Path("/proc/self/fd").iterdir())
        self.on_disk = sum(file.stat().st_size for file in data.iterdir() if not file.name.endswith(("-wal", "-shm")))
        self.memory = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(OURS).traces)


async def between_polls(fleet: Fleet) -> None:
    """Wait until nothing is being done."""
    while any(car.lane.busy or car.link.linked for car in fleet.cars.values()):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(1)  # of the fast clock
    await asyncio.sleep(3)


@pytest.mark.looptime
@pytest.mark.timeout(300)
async def test_nothing_grows_in_an_idle_hour(tmp_path: Path) -> None:
    """Pains 3, 9, 26."""
    loop = asyncio.get_running_loop()
    virtual = VirtualCar(VIN, seed=5, car=Asleep(asleep=True))
    virtual.enrol(KEY.public)
    live = LiveCar(virtual)
    told = Told()
    sessions = SessionStore(tmp_path)
    boot = Boot(loop.time)
    keeper = Keeper(Memory(tmp_path), boot)
    happenings = Happenings(Topics("driveway", "bridge-1"), boot, lambda _car, _event: None)
    fleet = Fleet(boot, told, keeper, Health(boot), happenings=happenings)
    async with Air.serve("127.0.0.1", 0) as air, BluetoothCar(air, VIN, live, interval_ms=1000):
        radio = Radio(hci=f"tcp-client:127.0.0.1:{air.port}")
        fleet.add([CarSettings(vin=VIN, name="Anna")])
        fleet.equip(Way(radio, sessions))  # type: ignore[arg-type]
        tracemalloc.start()
        running = [asyncio.create_task(work) for work in (fleet.run(), radio.run(), keeper.run())]
        try:
            await asyncio.sleep(WARM_UP_S)
            await between_polls(fleet)
            before, polls = Holdings(tmp_path), told.topics["body"]
            await asyncio.sleep(HOUR_S)
            await between_polls(fleet)
            after = Holdings(tmp_path)
        finally:
            tracemalloc.stop()
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            await keeper.close()
            await radio.close()
            sessions.close()
            live.close()
    assert told.topics["body"] - polls >= HOUR_S / 60  # it was looked after all the time
    assert told.last_link is not None
    assert told.last_link.in_range
    assert told.last_link.reachable
    assert after.tasks == before.tasks
    assert after.timers <= before.timers + 3
    assert after.files == before.files
    assert after.on_disk <= before.on_disk + 8192
    assert after.memory - before.memory < 40_000, f"{after.memory - before.memory} bytes more"
