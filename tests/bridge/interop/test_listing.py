"""The list of cases that owners read is the list of tests that run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
LIST = (HERE.parents[2] / "docs/interop.md").read_text(encoding="utf-8")


def test_every_case_is_listed_and_every_listed_case_is_run() -> None:
    files = [path for path in HERE.glob("test_*.py") if path != Path(__file__)]
    run = {
        node.name
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert len(run) > 30
    assert set(re.findall(r"`(test_\w+)(?:\[\w+\])?`", LIST)) == run
