"""What Home Assistant's own checker would look at: texts complete in every language, manifest in order."""

import ast
import json
import re
import string
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

from custom_components.driveway import binary_sensor, entity, event
from custom_components.driveway.const import PLATFORMS
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


def test_every_step_error_and_abort_of_the_flow_has_its_text() -> None:
    tree = ast.parse((FOLDER / "config_flow.py").read_text("utf-8"))
    used: dict[str, set[str]] = {"step_id": set(), "reason": set()}
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in used and isinstance(node.value, ast.Constant):
            used[node.arg].add(str(node.value.value))
    assert used["step_id"] == set(ENGLISH["config"]["step"])
    supplied = {"already_configured", "already_in_progress", "reconfigure_successful"}
    assert used["reason"] | supplied == set(ENGLISH["config"]["abort"])
    for step in ENGLISH["config"]["step"].values():
        assert step["data"].keys() == step["data_description"].keys()


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
