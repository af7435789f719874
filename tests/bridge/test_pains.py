"""`docs/pains.md` and the tests that carry its numbers agree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/pains.md").read_text()
ROW = re.compile(r"^\| (\d+) \| .+ \| .+ \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)`: `(\w+)`")
NUMBERS = re.compile(r"\bPains? (\d+(?:, \d+)*)\b")
LEAST = 60


def carried() -> Iterator[tuple[str, str, int]]:
    """Each test that says that it answers a pain: its file below `tests`, its name, and the number."""
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
                for found in NUMBERS.finditer(ast.get_docstring(node) or ""):
                    for number in found[1].split(", "):
                        yield file.relative_to(ROOT / "tests").as_posix(), node.name, int(number)


def test_every_row_names_tests_that_carry_its_number() -> None:
    tests = set(carried())
    rows = ROW.findall(PAGE)
    assert len(rows) >= LEAST
    for number, cell in rows:
        named = NAMED.findall(cell)
        assert named, number
        for file, name in named:
            assert (file, name, int(number)) in tests, f"{number}: {file} {name}"


def test_every_number_that_a_test_carries_has_its_row() -> None:
    assert {number for _, _, number in carried()} == {int(number) for number, _ in ROW.findall(PAGE)}


def test_the_page_counts_right() -> None:
    assert f"the {len(ROW.findall(PAGE))} that" in PAGE
