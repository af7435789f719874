"""What the doctor says of several adapters and of proxies."""

from __future__ import annotations

from pathlib import Path

import pytest

from driveway_bridge.config import CarSettings, MqttSettings, Settings
from driveway_bridge.doctor import bluetooth
from driveway_bridge.doctor.case import AirLike, Case, Radio
from driveway_bridge.doctor.finding import Finding, State
from driveway_bridge.doctor.plan import chain
from driveway_bridge.errors import NotReached
from driveway_bridge.link.bluez import Adapter
from driveway_bridge.settings import BluetoothSettings, ProxySettings
from tests.bridge.link.proxies.conftest import VIN, settings_of
from tests.bridge.link.proxies.played_proxy import OTHER_KEY, PlayedProxy

FIRST = Adapter(name="hci0", address="00:1A:7D:DA:71:01", powered=True)
SECOND = Adapter(name="hci1", address="00:1A:7D:DA:71:02", powered=False)
ELSEWHERE = ProxySettings(host="192.0.2.1")


def case(settings: BluetoothSettings, *adapters: Adapter, trouble: NotReached | None = None) -> Case:
    async def give() -> tuple[Adapter, ...]:
        if trouble is not None:
            raise trouble
        return adapters

    def nothing(*_: object) -> AirLike:
        raise AssertionError("nobody is listened to here")

    made = Case(Path("driveway.yaml"), Path("data"), radio=Radio(adapters=give, air=nothing, dialer=nothing))  # type: ignore[arg-type]
    made.settings = Settings(mqtt=MqttSettings(), cars=(CarSettings(vin=VIN),), bluetooth=settings)
    made.choose_cars()
    return made


async def look(made: Case) -> list[Finding]:
    links = (bluetooth.examine_bus, bluetooth.examine_service, bluetooth.examine_adapter, bluetooth.examine_power)
    return [await link(made, lambda _words: None) for link in links]


async def test_two_adapters_both_there() -> None:
    made = case(BluetoothSettings(adapters=("hci0", "00:1a:7d:da:71:02")), FIRST, SECOND)
    *_, adapter, power = await look(made)
    assert adapter.found == "hci0 (00:1A:7D:DA:71:01), hci1 (00:1A:7D:DA:71:02)"
    assert (power.state, power.reason, "hci1" in power.found) == (State.BROKEN, "adapter_off", True)


async def test_one_of_two_adapters_is_missing() -> None:
    *_, adapter, _ = await look(case(BluetoothSettings(adapters=("hci0", "hci7")), FIRST))
    assert (adapter.state, adapter.reason) == (State.BROKEN, "no_adapter")
    assert adapter.found.startswith("the configuration names hci7, and this computer has hci0")
    assert "`bluetooth.adapters`" in adapter.remedy


@pytest.mark.parametrize("settings", [BluetoothSettings(proxies=(ELSEWHERE,)),
                                      BluetoothSettings(adapters="none", proxies=(ELSEWHERE,))])  # fmt: skip
async def test_without_bus_or_adapter_the_proxies_will_do(settings: BluetoothSettings) -> None:
    trouble = NotReached("no_bluetooth_service", "no D-Bus system bus: FileNotFoundError")
    for made in (case(settings, trouble=trouble), case(settings)):
        assert [finding.state for finding in await look(made)] == [State.OK] * 4


async def test_an_adapter_that_is_named_has_to_be_there_beside_proxies() -> None:
    *_, adapter, _ = await look(case(BluetoothSettings(adapter="hci0", proxies=(ELSEWHERE,))))
    assert adapter.reason == "no_adapter"


async def test_proxies_are_looked_at(carport: PlayedProxy, hall: PlayedProxy) -> None:
    made = case(settings_of(carport, hall))
    assert "proxies" in [check.name for check in chain(made)]
    finding = await bluetooth.examine_proxies(made, lambda _words: None)
    assert (finding.state, finding.found) == (State.OK, "carport, hall")
    assert carport.claims == 0  # the bridge that runs keeps it
    await hall.switch_off()
    finding = await bluetooth.examine_proxies(made, lambda _words: None)
    assert finding.reason == "proxy_unreachable"
    assert "hall: 127.0.0.1:" in finding.found
    assert "carport" not in finding.found
    finding = await bluetooth.examine_proxies(case(settings_of(carport, key=OTHER_KEY)), lambda _words: None)
    assert finding.reason == "proxy_key_wrong"


async def test_without_proxies_there_is_no_such_link() -> None:
    assert "proxies" not in [check.name for check in chain(case(BluetoothSettings()))]
