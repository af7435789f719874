"""What Home Assistant's own checker would look at: texts complete in every language, manifest in order."""

import ast
import json
import re
import string
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pytest
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

import driveway_bridge
from custom_components.driveway import (
    binary_sensor,
    config_flow,
    const,
    entity,
    event,
    household_flow,
    issues,
    options_flow,
    pairing_flow,
    repairs,
    vehicle_flow,
)
from custom_components.driveway.const import PLATFORMS
from custom_components.driveway.contract import Signer, new_code
from custom_components.driveway.household import Bridge
from custom_components.driveway.lock import CHANGED_BY
from custom_components.driveway.reasons import REASONS
from custom_components.driveway.sensor_way import OBSTACLES

FOLDER = Path(binary_sensor.__file__).parent
LANGUAGES = {path.stem: json.loads(path.read_text("utf-8")) for path in (FOLDER / "translations").glob("*.json")}
ENGLISH = LANGUAGES["en"]
ICONS = json.loads((FOLDER / "icons.json").read_text("utf-8"))
NOT_ERRORS = {"done", "already_so"}
WORDS_OF_HOME_ASSISTANT = {"switch": ("on", "off")}
"""States whose texts are Home Assistant's own."""
BY_THE_COMPONENT = {"mqtt_not_available", "unknown_reason", "unloaded"}


def texts(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from texts(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_english_and_german() -> None:
    assert set(LANGUAGES) == {"en", "de"}


@pytest.mark.parametrize("language", sorted(LANGUAGES.keys() - {"en"}))
def test_every_language_has_every_text_with_the_same_placeholders(language: str) -> None:
    english, other = dict(texts(ENGLISH)), dict(texts(LANGUAGES[language]))
    assert set(other) == set(english)
    for path, text in english.items():
        assert placeholders(other[path]) == placeholders(text), path


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_texts_are_as_home_assistant_wants_them(language: str) -> None:
    for path, text in texts(LANGUAGES[language]):
        assert text
        assert text == text.strip(), path
        assert not re.search(r"<[a-z/]|https?://|www\.|'{\w+}'|\[%", text), path
        assert all(name.isidentifier() for name in placeholders(text)), path


def test_every_reason_has_its_text() -> None:
    exceptions = ENGLISH["exceptions"]
    assert set(exceptions) == (REASONS.keys() - NOT_ERRORS) | BY_THE_COMPONENT
    for code in REASONS.keys() - NOT_ERRORS:
        meaning, remedy = REASONS[code]
        assert exceptions[code]["message"] == f"{{car}}: {meaning} {remedy}".strip()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_entity_has_its_name_its_states_and_its_attributes(platform: str) -> None:
    descriptions = import_module(f"custom_components.driveway.{platform}").DESCRIPTIONS
    told = ENGLISH["entity"][platform]
    assert set(told) == {item.translation_key for item in descriptions}
    for item in descriptions:
        of_one = told[item.translation_key]
        assert ("name" in of_one) is (platform != "lock")
        if options := getattr(item, "options", None):
            assert set(of_one["state"]) == set(options), item.key
        if types := getattr(item, "event_types", None):
            assert set(of_one["state_attributes"]["event_type"]["state"]) == set(types), item.key
        if getattr(item, "shows", None):
            assert of_one["state_attributes"].keys() >= {entity.ATTR_HEARD_AT, entity.ATTR_SOURCE}, item.key


def test_words_that_are_shown_are_words_that_are_said() -> None:
    assert REASONS.keys() >= set(OBSTACLES)
    by = ENGLISH["entity"]["event"]["lock"]["state_attributes"][event.ATTR_BY]["state"]
    assert by.keys() == set(event.BY) == CHANGED_BY.keys()


def test_icons_are_for_entities_that_exist() -> None:
    for platform, icons in ICONS["entity"].items():
        assert icons.keys() <= ENGLISH["entity"][platform].keys()
        for key, icon in icons.items():
            states = ENGLISH["entity"][platform][key].get("state", WORDS_OF_HOME_ASSISTANT.get(platform, ()))
            assert set(icon.get("state", ())) <= set(states)


def said(*modules: ModuleType) -> dict[str, set[str]]:
    """The steps, errors and ends that stand in the code of dialogs; a menu's options are steps."""
    used: dict[str, set[str]] = {"step": set(), "reason": set(), "menu": set(), "error": set()}
    for module in modules:
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text("utf-8"))):
            if isinstance(node, ast.keyword):
                kind = {"step_id": "step", "reason": "reason", "menu_options": "menu"}.get(node.arg or "")
                if kind:
                    used[kind] |= constants(node.value)
            elif isinstance(node, ast.Assign) and any("errors" in ast.unparse(target) for target in node.targets):
                used["error"] |= constants(node.value)
    return used


def constants(tree: ast.expr) -> set[str]:
    return {item.value for item in ast.walk(tree) if isinstance(item, ast.Constant) and isinstance(item.value, str)}


PAIRED = set(pairing_flow.ENDS) | {"not_loaded"}
FAILED = pairing_flow.FAILURES | {"unloaded", "unknown_reason"}


@pytest.mark.parametrize(
    ("tree", "modules", "of_home_assistant"),
    [
        (
            ENGLISH["config"],
            (config_flow, household_flow, pairing_flow),
            {"already_configured", "already_in_progress"},
        ),
        (ENGLISH["config_subentries"]["vehicle"], (vehicle_flow, pairing_flow), {"reconfigure_successful"}),
    ],
)
def test_every_step_error_and_end_of_a_dialog_has_its_text(
    tree: dict[str, Any], modules: tuple[ModuleType, ...], of_home_assistant: set[str]
) -> None:
    used = said(*modules)
    assert used["step"] == set(tree["step"])
    assert used["reason"] | PAIRED | of_home_assistant == set(tree["abort"])
    assert used["error"] | FAILED == set(tree["error"])
    assert set(tree["progress"]) == pairing_flow.ACTIONS
    menus = [step["menu_options"] for step in tree["step"].values() if "menu_options" in step]
    assert used["menu"] == {option for menu in menus for option in menu}
    for step in tree["step"].values():
        assert step.get("data", {}).keys() == step.get("data_description", {}).keys()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_dialog_says_of_a_failure_what_the_table_of_reasons_says(language: str) -> None:
    texts = LANGUAGES[language]
    for errors in (texts["config"]["error"], texts["config_subentries"]["vehicle"]["error"]):
        for code in FAILED:
            assert f"{{car}}: {errors[code]}" == texts["exceptions"][code]["message"]


def test_whatever_a_pairing_can_end_with_is_a_failure_with_a_text() -> None:
    """The codes that stand in what the bridge does for it, and in what the car says of its keys."""
    bridge = Path(driveway_bridge.__file__).parent
    named = {
        item
        for name in ("pairing.py", "enrolment.py", "operations.py", "protocol/faults.py")
        for item in re.findall(r'"([a-z_]+)"', (bridge / name).read_text("utf-8"))
    }
    of_commands = {"low_power_mode", "parental_controls", "not_in_park", "not_plugged_in", "no_charging_power"}
    of_commands |= {"comfort_remote_off", "wrong_pin", "not_supported_by_car"}
    ends = {"done", "already_so", "already_enrolled", "not_synchronised"}
    assert (named & REASONS.keys()) - ends - of_commands <= pairing_flow.FAILURES


def test_options_and_choices_have_their_texts() -> None:
    init = ENGLISH["options"]["step"]["init"]["sections"]
    for part in init.values():
        assert part["data"].keys() == part["data_description"].keys()
    fields = {str(field) for part in options_flow.FORM.schema.values() for field in part.schema.schema}
    assert fields == {field for part in init.values() for field in part["data"]}
    selectors = ENGLISH["selector"]
    assert set(selectors["role"]["options"]) == set(pairing_flow.ROLES)
    assert set(selectors["drill_day"]["options"]) == set(const.DRILL_DAYS)
    assert said(options_flow)["error"] == set(ENGLISH["options"]["error"])


def test_every_repair_has_its_text() -> None:
    bridge = Bridge("bridge-1", Signer.from_code(new_code()))
    car = ConfigSubentry(data=MappingProxyType({"car": "car-1"}), subentry_type="vehicle", title="Anna", unique_id="")
    troubles = [*issues.troubles_of(bridge), *issues.troubles_with(bridge, car, None, asked=False)]
    assert {trouble.key for trouble in troubles} == set(ENGLISH["issues"])
    for trouble in troubles:
        text = ENGLISH["issues"][trouble.key]
        names = {"bridge", "car"} if trouble.car else {"bridge"}
        assert {name for _, line in texts(text) for name in placeholders(line)} <= names
        assert trouble.fixable == ("fix_flow" in text)
    flow = ENGLISH["issues"][issues.KEY_LOST]["fix_flow"]
    assert said(repairs)["step"] == set(flow["step"])
    assert said(repairs)["reason"] - {"reason"} | {"not_loaded", "no_bridge_for_car"} == set(flow["abort"])


async def test_manifest(hass: HomeAssistant) -> None:
    integration = await async_get_integration(hass, "driveway")
    assert integration.dependencies == ["mqtt"]
    assert integration.requirements == []
    assert integration.mqtt == ["driveway/+/info"]
    assert integration.version is not None
    keys = list(json.loads((FOLDER / "manifest.json").read_text("utf-8")))
    assert keys == ["domain", "name", *sorted(set(keys) - {"domain", "name"})]


def test_only_home_assistant_and_the_standard_library_are_imported() -> None:
    """Pain 82."""
    import sys

    allowed = sys.stdlib_module_names | {"homeassistant", "probatio"}  # Home Assistant is made of probatio's schemas
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            assert all(name.split(".")[0] in allowed for name in names), (path.name, names)


@pytest.mark.parametrize(("name", "side"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_brand_images(name: str, side: int) -> None:
    header = (FOLDER / "brand" / name).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(header[16:20]), int.from_bytes(header[20:24])) == (side, side)
