"""Who may import what: the shape of the bridge, held by walking its imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "bridge/driveway_bridge"
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Full names of everything that a module imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # The contract stands in the component too, under another package's name.
            assert node.level == 0 or path.name == "contract.py", f"{path}: imports are absolute here"
            module = f"driveway_bridge.{node.module}" if node.level else node.module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def importers(library: str) -> set[str]:
    """The modules, as paths below the package, that import a library."""
    return {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if any(name == library or name.startswith(library + ".") for name in imports(path))
    }


def test_the_walk_sees_imports() -> None:
    assert "protocol/keys.py" in importers("cryptography")
    assert len(MODULES) > 30


@pytest.mark.parametrize(
    "library",
    [
        "asyncio",
        "bleak",
        "paho",
        "bumble",
        "threading",
        "socket",
        "time",
        "datetime",
        "secrets",
        "random",
        "os",
        "logging",
    ],
)
@pytest.mark.parametrize("folder", ["protocol", "commands", "state", "judgement"])
def test_the_conversation_is_sans_io(folder: str, library: str) -> None:
    assert not {path for path in importers(library) if path.startswith(f"{folder}/")}


@pytest.mark.parametrize(
    ("library", "doors"),
    [
        ("tesla_protocol", {"proto/__init__.py"}),
        ("google.protobuf", {"proto/__init__.py"}),
        ("paho", {"mqtt/client.py", "mqtt/paho_loop.py"}),
        ("cryptography", {"protocol/keys.py"}),
        ("dbus_fast", {"link/bluez.py"}),
        ("bluetooth_auto_recovery", {"link/recovery.py"}),
        ("aioesphomeapi", {"link/esphome.py"}),
        ("bleak_esphome", {"link/esphome.py"}),
        ("habluetooth", {"link/esphome.py"}),
        ("sqlite3", {"database.py"}),
        ("aiohttp", {"web/server.py", "web/site.py"}),
        ("prometheus_client", {"web/metrics.py"}),
    ],
)
def test_each_library_has_one_door(library: str, doors: set[str]) -> None:
    assert importers(library) <= doors


def test_car_and_client_can_disagree() -> None:
    """The virtual car is not made of the client's half, nor the other way round; only the command line joins them."""
    halves = ("session", "connection", "messages", "events", "window", "requests", "replies", "enrolment")
    for path in (PACKAGE / "simulator").rglob("*.py"):
        for name in imports(path):
            assert not name.startswith("driveway_bridge.vehicle"), path
            assert not name.startswith(tuple(f"driveway_bridge.protocol.{half}" for half in halves)), path
    may_join = {"cli/simulate.py", "cli/demo_story.py"}
    outside = {path for path in importers("driveway_bridge.simulator") if not path.startswith("simulator/")}
    assert outside <= may_join


def test_no_module_is_long() -> None:
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in MODULES}
    assert not {path: length for path, length in lengths.items() if length > 400}
