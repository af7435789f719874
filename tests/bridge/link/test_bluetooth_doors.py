"""bleak and bumble have few doors into the bridge, so that either can be exchanged, and bumble be left out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import driveway_bridge

PACKAGE = Path(driveway_bridge.__file__).parent
DOORS = {
    "bleak": {
        "link/bluetooth_link.py",
        "link/esphome.py",
        "link/radio.py",
        "link/scanner.py",
        "virtual_radio/bleak_backend.py",
        "virtual_radio/bleak_client.py",
        "virtual_radio/bleak_scanner.py",
    },
    "bleak_retry_connector": {"link/bluetooth_link.py"},
    "bluetooth_auto_recovery": {"link/recovery.py"},
    "dbus_fast": {"link/bluez.py"},
    "bumble": {
        "simulator/bluetooth.py",
        "virtual_radio/air.py",
        "virtual_radio/bleak_backend.py",
        "virtual_radio/bleak_client.py",
        "virtual_radio/bleak_scanner.py",
        "virtual_radio/controller.py",
        "virtual_radio/hci_port.py",
        "virtual_radio/host.py",
        "virtual_radio/uuids.py",
    },
}


def imported_by(file: Path) -> set[str]:
    """The top-level names of all packages that a file imports anywhere, also inside functions; not of types alone."""
    names: set[str] = set()
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("library", DOORS)
def test_only_the_doors_import(library: str) -> None:
    importers = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py") if library in imported_by(file)}
    assert importers == DOORS[library]


def test_the_bluetooth_link_needs_no_bumble_until_a_virtual_radio_is_used() -> None:
    program = """
import asyncio, sys
sys.modules["bumble"] = None  # as if it were not installed
from driveway_bridge.errors import NotReached
from driveway_bridge.link.air import Air
from driveway_bridge.link.bluetooth import BluetoothDialer

async def main():
    try:
        await BluetoothDialer("5YJ30123456789ABC", Air(hci="tcp-client:127.0.0.1:1")).connect(5)
    except NotReached as error:
        print(error.reason, error.detail)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    )
    assert done.stdout.strip() == "radio_unavailable bumble is missing: install driveway-bridge[virtual-radio]"
