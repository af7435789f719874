from __future__ import annotations

import pytest

from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.virtual_car import VirtualCar
from tests.bridge.simulator.raw_client import VIN, Bench, RawClient, Watch


@pytest.fixture
def events() -> Watch:
    return Watch()


@pytest.fixture
def virtual(events: Watch) -> VirtualCar:
    """A car that is locked and awake."""
    return VirtualCar(VIN, seed=1, report=events.append)


@pytest.fixture
def client(virtual: VirtualCar) -> RawClient:
    """The holder of an enrolled key."""
    key = PrivateKey.generate()
    virtual.enrol(key.public)
    return RawClient(key)


@pytest.fixture
def stranger() -> RawClient:
    return RawClient(PrivateKey.generate(), address=b"stranger's adrss")


@pytest.fixture
def bench(virtual: VirtualCar) -> Bench:
    return Bench(virtual)


@pytest.fixture
def session(bench: Bench, client: RawClient) -> RawClient:
    """The client, once it has shaken hands."""
    bench.start_session(client)
    return client
