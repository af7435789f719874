from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bridge.daemon.mosquitto import Mosquitto, find_mosquitto
from tests.bridge.doctor.street import Street


@pytest_asyncio.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    yield
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left


@pytest.fixture(scope="session")
def mosquitto_path() -> str:
    return find_mosquitto()


@pytest.fixture
def broker(mosquitto_path: str, tmp_path: Path) -> Iterator[Mosquitto]:
    """A real broker on a port of its own, without a password."""
    with Mosquitto(mosquitto_path, tmp_path / "broker") as mosquitto:
        mosquitto.start()
        yield mosquitto


@pytest_asyncio.fixture
async def street(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Street]:
    """A car at an address, a broker, a bridge that tells of itself, and Home Assistant: all is well."""
    async with Street(tmp_path, broker) as made:
        yield made
