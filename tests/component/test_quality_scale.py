"""Home Assistant's Integration Quality Scale: 54 rules, and what `quality_scale.yaml` says of each is true."""

import ast
import json
import re
from typing import Any, Final

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util.yaml import load_yaml_dict
from pytest_homeassistant_custom_component.common import MockConfigEntry

from component_source import ACTIONS, ENGLISH, FOLDER, ROOT, SOURCES, anchors, literals, nodes
from custom_components.driveway import const

BRONZE: Final = [
    "action-setup", "appropriate-polling", "brands", "common-modules", "config-flow", "config-flow-test-coverage",
    "dependency-transparency", "docs-actions", "docs-conditions", "docs-high-level-description",
    "docs-installation-instructions", "docs-removal-instructions", "docs-triggers", "entity-event-setup",
    "entity-unique-id", "has-entity-name", "runtime-data", "test-before-configure", "test-before-setup",
    "unique-config-entry",
]  # fmt: skip
SILVER: Final = [
    "action-exceptions", "config-entry-unloading", "docs-configuration-parameters", "docs-installation-parameters",
    "entity-unavailable", "integration-owner", "log-when-unavailable", "parallel-updates", "reauthentication-flow",
    "test-coverage",
]  # fmt: skip
GOLD: Final = [
    "devices", "diagnostics", "discovery", "discovery-update-info", "docs-data-update", "docs-examples",
    "docs-known-limitations", "docs-supported-devices", "docs-supported-functions", "docs-troubleshooting",
    "docs-use-cases", "dynamic-devices", "entity-category", "entity-device-class", "entity-disabled-by-default",
    "entity-translations", "exception-translations", "icon-translations", "reconfiguration-flow", "repair-issues",
    "stale-devices",
]  # fmt: skip
PLATINUM: Final = [
    "async-dependency", "inject-websession", "strict-typing",
]  # fmt: skip

RULES: dict[str, Any] = dict(load_yaml_dict(FOLDER / "quality_scale.yaml")["rules"])
POINTER: Final = re.compile(
    r"(?:[\w-]+/)*[\w.@-]+\.(?:py|md|json|yaml|toml|png)(?:::\w+|#[\w-]+)?|tests/component|scripts/\w+"
)


def status(rule: str) -> str:
    return str(RULES[rule]["status"])


def is_there(pointer: str) -> bool:
    """Whether a file is there, in the component or from the top, with the test or the heading that is named."""
    file, _, test = pointer.partition("::")
    file, _, heading = file.partition("#")
    found = next((path for path in (ROOT / file, FOLDER / file) if path.exists()), None)
    if found is None:
        return False
    if test:
        return any(getattr(node, "name", "") == test for node in ast.parse(found.read_text("utf-8")).body)
    return not heading or heading in anchors(found)


def test_all_rules_are_there_in_their_order() -> None:
    assert list(RULES) == [*BRONZE, *SILVER, *GOLD, *PLATINUM]
    assert len(RULES) == 54


@pytest.mark.parametrize("rule", RULES)
def test_each_has_a_pointer_or_a_reason(rule: str) -> None:
    told = RULES[rule]
    assert told.keys() == {"status", "comment"}
    assert told["status"] in {"done", "exempt", "todo"}
    pointers = POINTER.findall(told["comment"])
    assert pointers or told["status"] != "done"
    assert [pointer for pointer in pointers if not is_there(pointer)] == []


def test_what_is_claimed_in_the_manifest_is_done() -> None:
    claimed = json.loads((FOLDER / "manifest.json").read_text("utf-8")).get("quality_scale")
    tiers = {None: [], "bronze": BRONZE, "silver": SILVER, "gold": GOLD, "platinum": PLATINUM}
    wanted = [rule for tier in list(tiers)[: list(tiers).index(claimed) + 1] for rule in tiers[tier]]
    assert [rule for rule in wanted if status(rule) == "todo"] == []


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        ("action-setup", bool(ACTIONS)),
        ("docs-actions", bool(ACTIONS)),
        ("repair-issues", bool(ENGLISH.get("issues"))),
        ("reauthentication-flow", "reauth" in literals()),
        ("inject-websession", any(getattr(node, "id", "").endswith("_clientsession") for node in nodes())),
        ("docs-triggers", "trigger" in SOURCES),
        ("docs-conditions", "condition" in SOURCES),
    ],
)
def test_a_rule_is_done_as_soon_as_it_applies(rule: str, applies: bool) -> None:
    assert (status(rule) == "done") is applies


def test_actions_are_there_before_any_entry_is() -> None:
    """Rule action-setup: automations that use them are valid while nothing is set up."""
    if ACTIONS:
        assert "async_setup" in {getattr(node, "name", "") for node in SOURCES["__init__"].body}


def test_nobody_opens_a_session_of_his_own() -> None:
    """Rule inject-websession."""
    called = {node.attr for node in nodes() if isinstance(node, ast.Attribute)} | {
        node.id for node in nodes() if isinstance(node, ast.Name)
    }
    assert not called & {"ClientSession", "urlopen", "create_connection"}


def test_every_platform_says_how_much_it_does_at_once() -> None:
    """Rule parallel-updates: bridges take commands in turn, so nothing has to wait here."""
    for platform in const.PLATFORMS:
        assert "PARALLEL_UPDATES = 0" in {ast.unparse(node) for node in SOURCES[platform.value].body}, platform


async def test_every_entity_is_named_by_its_device_and_has_an_id(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """Rules entity-unique-id, has-entity-name, devices."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), home.entry_id)
    known = {device.id for device in dr.async_entries_for_config_entry(dr.async_get(hass), home.entry_id)}
    assert {entity.domain for entity in entities} <= {platform.value for platform in const.PLATFORMS}
    assert "lock" in {entity.domain for entity in entities}
    for entity in entities:
        assert entity.unique_id
        assert entity.has_entity_name, entity.entity_id
        assert entity.translation_key, entity.entity_id
        assert entity.device_id in known, entity.entity_id
