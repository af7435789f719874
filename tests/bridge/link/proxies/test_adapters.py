"""Several radios as the configuration names them: virtual ones on one air, adapters of a played BlueZ, or one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from driveway_bridge.errors import NotReached
from driveway_bridge.link import air as airs
from driveway_bridge.link import diversity
from driveway_bridge.link.air import Air
from driveway_bridge.link.assembly import assemble
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.link.diversity import Branch, Diversity
from driveway_bridge.link.listening import SharedListening
from driveway_bridge.link.proxy import ProxyRadio
from driveway_bridge.link.radio import VirtualRadio
from driveway_bridge.settings import BluetoothSettings, ProxySettings
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.vin import local_name
from driveway_bridge.virtual_radio.air import Air as VirtualAir
from tests.bridge.link import fake_bluez
from tests.bridge.link.fake_bluez import FakeAdapter, FakeBluez
from tests.bridge.link.proxies.conftest import VIN, bridge, until
from tests.bridge.link.proxies.played_proxy import PlayedProxy
from tests.bridge.link.test_bluetooth import EchoCar, ask, everything

pytestmark = pytest.mark.timeout(40)

FIRST, SECOND = "00:1A:7D:DA:71:01", "00:1A:7D:DA:71:02"
CAR_ADDRESS = "06:00:00:00:00:01"


# Two virtual adapters: connecting, and drops --------------------------------------------------------------------------


async def test_two_virtual_adapters_share_a_car_and_no_answer_comes_twice(
    ether: VirtualAir, car: BluetoothCar, echo: EchoCar
) -> None:
    listened = SharedListening()
    branches = [
        Branch(
            name=name,
            kind="virtual",
            air=Air(source=VirtualRadio(f"tcp-client:127.0.0.1:{ether.port}"), listened=listened),
        )
        for name in ("left", "right")
    ]
    radio = Diversity(branches, listened=listened)
    dialer = BluetoothDialer(VIN, radio)
    run = asyncio.ensure_future(radio.run())
    try:
        await until(lambda: all(one["heard_per_minute"] for one in radio.report()["radios"]))
        used = []
        for _ in range(4):
            link = await dialer.connect(6)
            used += [one["name"] for one in radio.report()["radios"] if one["links"]]
            assert await ask(link, b"once") == b"echo once"
            await car.drop()
            assert await everything(link) == []
            radio.way(dialer._ear).failed(asyncio.get_running_loop().time())  # as if, so that the other is next
        assert echo.heard == [b"once"] * 4
        assert set(used) == {"left", "right"}
    finally:
        await dialer.close()
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run


async def test_an_adapter_and_a_proxy_together(ether: VirtualAir, car: BluetoothCar, carport: PlayedProxy) -> None:
    """Each works without the other."""
    one = ProxySettings(host="127.0.0.1", port=carport.port, name="carport", key=carport.key)
    settings = BluetoothSettings(hci=f"tcp-client:127.0.0.1:{ether.port}", proxies=(one,))
    async with bridge(settings) as made:
        await until(lambda: all(told["heard_per_minute"] for told in made.radio.report()["radios"]))
        levels: list[int | None] = []
        made.dialer.on_sighting(lambda sighting: levels.append(sighting.rssi_dbm))
        car.heard_at(-40)  # beside the adapter; the proxy says -50
        await until(lambda: -40 in levels)
        await asyncio.sleep(0.5)
        assert await ask(await made.dialer.connect(6)) == b"echo " + bytes(range(178))
        assert (made.told("virtual")["links"], carport.connects) == (1, 0)
        await carport.switch_off()
        await until(lambda: made.told("carport")["state"] == "missing")
        assert await ask(await made.dialer.connect(6)) == b"echo " + bytes(range(178))


async def test_no_adapter_and_no_bus_but_a_proxy(
    carport: PlayedProxy, car: BluetoothCar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who names only a proxy uses the computer's own adapter too, where there is one; without, nothing is amiss."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nothing")
    one = ProxySettings(host="127.0.0.1", port=carport.port, name="carport", key=carport.key)
    async with bridge(BluetoothSettings(proxies=(one,))) as made:
        await until(lambda: made.sightings)
        link = await made.dialer.connect(6)
        assert await ask(link) == b"echo " + bytes(range(178))
        report = made.radio.report()
        assert (report["state"], report["reason"]) == ("ok", None)
        assert [(told["name"], told["state"], told["reason"]) for told in report["radios"]] == [
            ("the first adapter", "missing", None),
            ("carport", "ok", None),
        ]
        assert made.dialer.listening


async def test_a_configured_adapter_that_is_missing_is_told_beside_a_proxy_that_works(
    carport: PlayedProxy, car: BluetoothCar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nothing")
    one = ProxySettings(host="127.0.0.1", port=carport.port, name="carport", key=carport.key)
    async with bridge(BluetoothSettings(adapter="hci0", proxies=(one,))) as made:
        await until(lambda: made.sightings)
        await made.dialer.connect(6)
        assert made.told("hci0")["reason"] == "no_bluetooth_service"


# Two adapters of a played BlueZ ---------------------------------------------------------------------------------------


@pytest.fixture
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeBluez]:
    program = fake_bluez.daemon()
    if program is None:
        pytest.skip("there is no dbus-daemon, and none can be had")
    async with fake_bluez.message_bus(program, tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        async with fake_bluez.bluez(address) as service:
            yield service


def best(radio: Diversity, dialer: BluetoothDialer) -> str | None:
    return radio.way(dialer._ear).radio_name


def scan(radio: Diversity, *adapters: FakeAdapter) -> bool:
    """Whether all of these were asked to, and have said yes: from then on they may connect."""
    asked = all(adapter.log == ["scan"] for adapter in adapters)
    return asked and [branch.air.scanning for branch in radio._branches] == [True] * len(adapters)


async def test_two_adapters_hear_each_by_itself(service: FakeBluez, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airs, "LOOK_AFTER_S", 0.5)
    monkeypatch.setattr(airs, "TICK_S", 0.2)
    first, second = service.plug_in("hci0", FIRST), service.plug_in("hci1", SECOND)
    async with bridge(BluetoothSettings(adapters=("hci0", SECOND))) as made:
        await until(lambda: scan(made.radio, first, second))
        service.hear("hci0", CAR_ADDRESS, local_name(VIN), rssi=-80)
        service.hear("hci1", CAR_ADDRESS, local_name(VIN), rssi=-60)
        await until(lambda: all(told["heard_per_minute"] == 1 for told in made.radio.report()["radios"]))
        way = made.radio.way(made.dialer._ear)
        assert (way.radio_name, way.device.details["path"].split("/")[3]) == (SECOND, "hci1")
        for _ in range(12):
            service.hear("hci1", CAR_ADDRESS, local_name(VIN), rssi=-95)
            await asyncio.sleep(0.02)
        await until(lambda: best(made.radio, made.dialer) == "hci0")

        service.unplug("hci0")
        await until(lambda: made.told("hci0")["state"] == "missing")
        assert made.radio.report()["state"] == "ok"


async def test_all_adapters_also_one_that_is_plugged_in_later(
    service: FakeBluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diversity, "CENSUS_S", 0.1)
    first = service.plug_in("hci0", FIRST)
    async with bridge(BluetoothSettings(adapters="all")) as made:
        await until(lambda: first.log == ["scan"])
        second = service.plug_in("hci1", SECOND)
        await until(lambda: scan(made.radio, first, second))
        service.hear("hci1", CAR_ADDRESS, local_name(VIN))
        await until(lambda: made.sightings)
        assert best(made.radio, made.dialer) == f"hci1 ({SECOND})"


async def test_all_adapters_where_there_is_none(service: FakeBluez) -> None:
    async with bridge(BluetoothSettings(adapters="all")) as made:
        with pytest.raises(NotReached) as caught:
            await made.dialer.connect(3)
        assert caught.value.reason == "no_adapter"


async def test_all_adapters_without_a_bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nothing")
    async with bridge(BluetoothSettings(adapters="all")) as made:
        with pytest.raises(NotReached) as caught:
            await made.dialer.connect(3)
        assert caught.value.reason == "no_bluetooth_service"


# What is loaded -------------------------------------------------------------------------------------------------------


def loaded(settings: str) -> set[str]:
    """The modules of a process that has made the radio of these settings."""
    script = (
        "import sys\n"
        "from driveway_bridge.link.assembly import assemble\n"
        "from driveway_bridge.settings import BluetoothSettings, ProxySettings\n"
        f"assemble({settings})\n"
        "print(*sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4] / "bridge")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=50, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("settings", ["BluetoothSettings()", "BluetoothSettings(adapter='hci0')"])
def test_one_radio_loads_nothing_for_several(settings: str) -> None:
    of_ours = {name for name in loaded(settings) if name.startswith("driveway_bridge.link.")}
    assert not {name.rpartition(".")[2] for name in of_ours} & {"diversity", "proxy", "esphome"}


def test_several_adapters_need_no_library_of_proxies() -> None:
    names = loaded("BluetoothSettings(adapters=('hci0', 'hci1'))")
    assert "driveway_bridge.link.diversity" in names
    assert not {name for name in names if name.startswith(("habluetooth", "bleak_esphome", "aioesphomeapi"))}


async def test_proxies_without_their_libraries_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a check of the configuration ever have been passed by."""
    monkeypatch.delitem(sys.modules, "driveway_bridge.link.esphome", raising=False)
    monkeypatch.setitem(sys.modules, "habluetooth", None)
    import driveway_bridge.link

    monkeypatch.delattr(driveway_bridge.link, "esphome", raising=False)
    with pytest.raises(NotReached) as caught:
        await ProxyRadio(ProxySettings(host="127.0.0.1")).open(1)
    assert caught.value.reason == "proxy_unsuitable"
    assert "install driveway-bridge[proxies]" in caught.value.detail


def test_one_adapter_is_one_air() -> None:
    made: Callable[[BluetoothSettings], Air | Diversity] = assemble
    assert isinstance(made(BluetoothSettings(adapter="hci0")), Air)
