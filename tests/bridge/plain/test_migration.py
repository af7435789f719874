"""What docs/migration.md calls ours is there, by that name; and what it has evcc write, the bridge understands."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from driveway_bridge.mqtt.things import THINGS
from driveway_bridge.state.charge import Charge

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/migration.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")]
_SET = re.compile(r"([a-z_]+)/set`? `?([A-Z]+|\d+)?")


def test_the_names_of_our_entities() -> None:
    """They are those of the component."""
    texts = json.loads((ROOT / "custom_components/driveway/translations/en.json").read_text("utf-8"))
    known = {entity.get("name") for entities in texts["entity"].values() for entity in entities.values()}
    named = {name for row in ROWS for name in re.findall(r"\*\*([^*]+)\*\*", row.rsplit("|", 2)[1])}
    assert len(named) > 30
    assert named <= known


def test_the_words_of_our_topics() -> None:
    found = [match for row in ROWS for match in _SET.findall(row.rsplit("|", 2)[1])]
    assert len(found) > 10
    for thing, word in found:
        assert thing in THINGS
        if word:
            assert THINGS[thing].deed(word.encode()) is not None, (thing, word)


@pytest.mark.parametrize(
    ("key", "payloads"),
    [("chargeenable", ("true", "false")), ("maxcurrent", ("6", "16", "32")), ("wakeup", ("PRESS",))],
)
def test_what_evcc_writes(key: str, payloads: tuple[str, ...]) -> None:
    """evcc puts Go's `true`, `false` and whole numbers in the place of its variables."""
    thing = _evcc()[key]["topic"].split("/")[-2]
    for payload in payloads:
        assert THINGS[thing].deed(payload.encode()) is not None


def test_what_evcc_reads() -> None:
    names = {field.name for field in fields(Charge)}
    for key in ("soc", "range", "limitsoc"):
        plugin = _evcc()[key]
        assert plugin["topic"].endswith("/state/charge")
        assert re.match(r"\.(\w+)\.value", plugin["jq"])[1] in names  # type: ignore[index]


def _evcc() -> dict[str, dict[str, str]]:
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [vehicle] = YAML(typ="safe").load(block)["vehicles"]
    return dict(vehicle)
