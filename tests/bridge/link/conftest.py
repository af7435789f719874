from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def no_library_that_resets_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Healing is to look for no adapter of the computer that the tests run on, whatever is installed there."""
    monkeypatch.setitem(sys.modules, "bluetooth_auto_recovery", None)
