"""A driveway with a virtual car, proxies that hear it, and a bridge that has only these."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

import driveway_bridge.link.esphome  # noqa: F401 - before a library that it loads is hidden from the tests of links
from driveway_bridge.link.assembly import assemble
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.link.diversity import Diversity
from driveway_bridge.settings import BluetoothSettings, ProxySettings
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.virtual_radio.air import Air as VirtualAir
from tests.bridge.link.proxies.played_proxy import KEY, PlayedProxy, proxy
from tests.bridge.link.test_bluetooth import EchoCar

VIN = "5YJ30123456789ABC"


@pytest.fixture(autouse=True)
async def no_leftover_tasks() -> AsyncIterator[None]:
    yield
    assert asyncio.all_tasks() - {asyncio.current_task()} == set()


@pytest.fixture(autouse=True)
def quiet_libraries(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What the owner should know, the bridge says; the libraries' own warnings would only frighten."""
    yield
    said = [f"{r.name}: {r.getMessage()}" for when in ("setup", "call") for r in caplog.get_records(when)
            if not r.name.startswith(("driveway", "bumble")) and r.levelno >= logging.WARNING]  # fmt: skip
    assert said == []


@pytest.fixture
async def ether() -> AsyncIterator[VirtualAir]:
    async with VirtualAir.serve("127.0.0.1", 0, supervision_s=0.1) as ether:
        yield ether


@pytest.fixture
def echo() -> EchoCar:
    return EchoCar()


@pytest.fixture
async def car(ether: VirtualAir, echo: EchoCar) -> AsyncIterator[BluetoothCar]:
    async with BluetoothCar(ether, VIN, echo, interval_ms=20) as car:
        yield car


@pytest.fixture
async def carport(ether: VirtualAir) -> AsyncIterator[PlayedProxy]:
    """The proxy near the car."""
    async with proxy(ether.port, "carport", rssi_dbm=-50) as played:
        yield played


@pytest.fixture
async def hall(ether: VirtualAir) -> AsyncIterator[PlayedProxy]:
    """The proxy farther off, whose API is not encrypted."""
    async with proxy(ether.port, "hall", rssi_dbm=-75, key=None) as played:
        yield played


def settings_of(*proxies: PlayedProxy, key: str | None = KEY) -> BluetoothSettings:
    """Nothing but these proxies."""
    return BluetoothSettings(
        adapters="none",
        proxies=tuple(
            ProxySettings(host="127.0.0.1", port=one.port, name=one.name, key=one.key and key) for one in proxies
        ),
    )


@dataclass
class Bridge:
    """The radio of a bridge, and the way to the car over it."""

    radio: Diversity
    dialer: BluetoothDialer
    sightings: list[float] = field(default_factory=list)

    def told(self, name: str) -> dict[str, object]:
        """What the health document says of one radio."""
        (found,) = (one for one in self.radio.report()["radios"] if one["name"] == name)
        return dict(found)


@asynccontextmanager
async def bridge(settings: BluetoothSettings, *, run: bool = True) -> AsyncIterator[Bridge]:
    radio = assemble(settings)
    assert isinstance(radio, Diversity)
    made = Bridge(radio, BluetoothDialer(VIN, radio))
    made.dialer.on_sighting(lambda sighting: made.sightings.append(sighting.at))
    task = asyncio.ensure_future(radio.run()) if run else None
    try:
        yield made
    finally:
        await made.dialer.close()
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def house(carport: PlayedProxy, hall: PlayedProxy, car: BluetoothCar) -> AsyncIterator[Bridge]:
    """A bridge with both proxies, which hear the car."""
    async with bridge(settings_of(carport, hall)) as made:
        await until(lambda: all(one["heard_per_minute"] for one in made.radio.report()["radios"]))
        yield made


async def until(condition: Callable[[], object], within_s: float = 15) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - looks at another object's state
            await asyncio.sleep(0.005)
