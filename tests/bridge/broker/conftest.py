from __future__ import annotations

from pathlib import Path

import pytest

from tests.bridge.broker.authority import Authority
from tests.bridge.daemon.conftest import broker, mosquitto_path, no_task_is_left

__all__ = ["broker", "mosquitto_path", "no_task_is_left"]  # fixtures


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority of the house, with a certificate for a broker at 127.0.0.1 and localhost."""
    return Authority(tmp_path / "certificates")
