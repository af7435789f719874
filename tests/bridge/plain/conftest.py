from __future__ import annotations

from tests.bridge.daemon.conftest import broker, mosquitto_path, no_task_is_left
from tests.bridge.daemon.test_bridge import home

__all__ = ["broker", "home", "mosquitto_path", "no_task_is_left"]
