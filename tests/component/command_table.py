"""The commands that a bridge knows, as docs/commands.md lists them: what is asked of it has to stand there."""

import re
from collections.abc import Mapping
from pathlib import Path

from custom_components.driveway.contract import Command

_PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
_ROW = re.compile(r"^\| `(\w+)`[^|]*\|[^|]*\|([^|]*)\|")
_ARGUMENT = re.compile(r"`(\w+)`: (.*)")
_RANGE = re.compile(r"a (whole )?number from (-?[\d.]+) to (-?[\d.]+)")


def _table() -> Mapping[str, Mapping[str, str]]:
    """By command what its arguments may be, in the page's words."""
    rows = (row for line in _PAGE.read_text("utf-8").splitlines() if (row := _ROW.match(line)))
    return {
        row[1]: {found[1]: found[2] for item in row[2].split("<br>") if (found := _ARGUMENT.match(item.strip()))}
        for row in rows
    }


TABLE = _table()


def check(command: Command) -> tuple[str, dict[str, object]]:
    """Give a command's name and arguments; AssertionError where a bridge would not take them."""
    described = TABLE[command.command]
    arguments = dict(command.arguments)
    needed = {name for name, words in described.items() if "left out" not in words}
    assert needed <= arguments.keys() <= described.keys(), command
    for name, value in arguments.items():
        words = described[name]
        if limits := _RANGE.match(words):
            assert isinstance(value, int) or not limits[1], command
            assert isinstance(value, int | float), command
            assert float(limits[2]) <= value <= float(limits[3]), command
        elif words.startswith("one of"):
            assert f"`{value}`" in words, command
        else:
            assert words.startswith("`true` or `false`"), f"{name} of {command.command}: no way to check {words}"
            assert isinstance(value, bool), command
    return command.command, arguments
