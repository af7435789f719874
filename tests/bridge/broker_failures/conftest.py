from __future__ import annotations

import pytest

from tests.bridge.daemon.mosquitto import find_mosquitto


@pytest.fixture(scope="session")
def mosquitto_path() -> str:
    return find_mosquitto()
