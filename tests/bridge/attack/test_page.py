"""`docs/security.md` lists the tricks that are played, these and no others."""

from __future__ import annotations

import ast
import re

from tests.bridge.attack import captured, forged, places, shapes
from tests.bridge.attack.trick import TRICKS
from tests.bridge.daemon.mosquitto import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
SECTIONS = {
    captured: "Genuine commands, at another time or place",
    forged: "Commands that are made up or changed",
    shapes: "Odd shapes",
    places: "Topics, and who is who",
}


def section(title: str) -> list[str]:
    """The rows of the table below a heading."""
    text = PAGE[PAGE.index(f"### {title}\n") :].removeprefix(f"### {title}\n")
    return [line for line in text[: text.find("\n#")].splitlines() if line.startswith("| `")]


def test_each_trick_stands_in_the_page_as_it_is_played() -> None:
    for module, title in SECTIONS.items():
        played = [trick.row for trick in TRICKS.values() if trick.act.__module__ == module.__name__]
        assert section(title) == played


def test_the_tricks_on_home_assistant_are_played_too() -> None:
    tests = {
        node.name
        for node in ast.walk(ast.parse((ROOT / "tests/component/test_tricks.py").read_text()))
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    named = {
        found[1]
        for row in section("Speaking to Home Assistant as the bridge")
        if (found := re.match(r"\| `(\w+)`", row))
    }
    assert {f"test_{name}" for name in named} == tests


def test_the_page_counts_right() -> None:
    assert f"{len(TRICKS)} tricks" in PAGE
