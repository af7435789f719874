"""The published client of another maker, unmodified, through bleak and the virtual radio, against the virtual car."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeAlias

import bleak
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.profiles import Profile
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.virtual_radio.air import Air
from driveway_bridge.virtual_radio.bleak_backend import Backend, adapter
from tests.bridge.simulator.raw_client import VIN, Watch

CONNECT_S = 2.0
"""Instead of the 20 s of the partner's connector: in memory nobody is far away."""

if TYPE_CHECKING:  # else absent before Python 3.13, where the tests themselves are skipped
    from tesla_fleet_api.tesla.vehicle.bluetooth import VehicleBluetooth

Partner: TypeAlias = "VehicleBluetooth[Any]"


@pytest.fixture
def profile() -> Profile:
    return Profile()


@pytest.fixture
def events() -> Watch:
    return Watch()


@pytest.fixture
def virtual(events: Watch, profile: Profile) -> VirtualCar:
    return VirtualCar(VIN, seed=1, report=events.append, profile=profile)


@pytest.fixture
async def live(virtual: VirtualCar) -> AsyncIterator[LiveCar]:
    live = LiveCar(virtual)
    yield live
    live.close()


@pytest.fixture
async def air() -> AsyncIterator[Air]:
    async with Air.serve("127.0.0.1", 0, supervision_s=0.1) as air:
        yield air


@pytest.fixture
async def car(air: Air, live: LiveCar) -> AsyncIterator[BluetoothCar]:
    async with BluetoothCar(air, VIN, live, interval_ms=20) as car:
        live.on_places.append(lambda free: car.accept_links(on=free > 0))
        yield car


@pytest.fixture
async def radio(air: Air, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Backend]:
    """bleak on the virtual radio, for whoever asks for `bleak.BleakClient` as Home Assistant's own wrapper is found."""
    async with adapter(f"tcp-client:127.0.0.1:{air.port}") as radio:

        class Client(bleak.BleakClient):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, backend=radio.client, **options)

            async def connect(self, **options: Any) -> None:
                await super().connect(**{**options, "timeout": CONNECT_S})

        class Scanner(bleak.BleakScanner):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, backend=radio.scanner, **options)

        monkeypatch.setattr(bleak, "BleakClient", Client)
        monkeypatch.setattr(bleak, "BleakScanner", Scanner)
        yield radio


@pytest.fixture
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture
async def stranger(car: BluetoothCar, radio: Backend, key: PrivateKey, events: Watch) -> AsyncIterator[Partner]:
    """The partner with a key that the car does not know, near the car."""
    from tesla_fleet_api.tesla.bluetooth import TeslaBluetooth
    from tesla_fleet_api.tesla.vehicle.bluetooth import VehicleBluetooth

    private = load_pem_private_key(key.to_pem(), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    partner: Partner = VehicleBluetooth(TeslaBluetooth(), VIN, private, keepalive_interval=None)
    await partner.find_vehicle()
    yield partner
    await partner.disconnect()
    await events.until("disconnected", sum(event["event"] == "connected" for event in events))


@pytest.fixture
def partner(stranger: Partner, virtual: VirtualCar, key: PrivateKey) -> Partner:
    """The partner as a driver."""
    virtual.enrol(key.public)
    return stranger
