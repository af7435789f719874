"""What Home Assistant's own checker would look at: texts complete in every language and all of them used."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

from component_source import (
    ACTIONS,
    ENGLISH,
    FOLDER,
    ICONS,
    LANGUAGES,
    ROOT,
    SOURCES,
    action_fields,
    has_no_name_of_its_own,
    literals,
    nodes,
    offered,
    outcomes,
    placeholders,
    said,
    texts,
)
from custom_components.driveway import const
from custom_components.driveway.reasons import REASONS

NOT_ERRORS = {"done", "already_so"}
SUPPLIED = {"already_configured", "already_in_progress", "reconfigure_successful", "reauth_successful"}
"""Reasons that Home Assistant gives itself."""
WITH_ICONS_OF_THEIR_OWN = {"climate", "cover", "device_tracker", "event", "lock", "media_player", "update"}
"""Platforms whose entities have an icon by their state."""
EXCEPTIONS = ("Error", "NotReady", "AuthFailed")


def flows() -> Iterator[tuple[str, dict[str, Any]]]:
    """The texts of every kind of flow."""
    for kind in ("config", "options"):
        if kind in ENGLISH:
            yield kind, ENGLISH[kind]
    for kind, flow in ENGLISH.get("config_subentries", {}).items():
        yield f"config_subentries.{kind}", flow
    for issue, told in ENGLISH.get("issues", {}).items():
        if "fix_flow" in told:
            yield f"issues.{issue}", told["fix_flow"]


def every(part: str) -> set[str]:
    """All names of this part of any flow."""
    return {name for _, flow in flows() for name in flow.get(part, {})}


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


@pytest.mark.parametrize("file", ["translations/en.json", "translations/de.json", "icons.json"])
def test_files_are_in_order(file: str) -> None:
    """So that two who add something at the same time do not collide."""
    written = (FOLDER / file).read_text("utf-8")
    assert written == json.dumps(json.loads(written), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


# Errors -------------------------------------------------------------------------------------------------------------


def test_every_reason_has_its_text() -> None:
    exceptions = ENGLISH["exceptions"]
    for code in REASONS.keys() - NOT_ERRORS:
        meaning, remedy = REASONS[code]
        assert exceptions[code]["message"] == f"{{car}}: {meaning} {remedy}".strip()


def test_every_error_has_its_text_and_every_text_its_error() -> None:
    raised = {key for called, key in said("translation_key") if called.endswith(EXCEPTIONS)}
    assert raised
    assert raised <= ENGLISH["exceptions"].keys()
    assert ENGLISH["exceptions"].keys() - REASONS.keys() <= literals()
    assert not NOT_ERRORS & ENGLISH["exceptions"].keys()


def test_every_error_says_whose_text_it_is() -> None:
    """A key without the domain is looked for in Home Assistant's own texts, and shown as a key."""
    for node in nodes():
        if isinstance(node, ast.Call):
            names = {argument.arg for argument in node.keywords}
            if "translation_key" in names and getattr(node.func, "id", "").endswith(EXCEPTIONS):
                assert "translation_domain" in names, ast.unparse(node)


def test_every_repair_has_its_text_and_every_text_its_repair() -> None:
    issues = ENGLISH.get("issues", {})
    assert {key for called, key in said("translation_key") if called.endswith("create_issue")} <= issues.keys()
    assert issues.keys() <= literals()
    for key, issue in issues.items():
        assert "title" in issue, key
        assert ("description" in issue) != ("fix_flow" in issue), key


# Entities -----------------------------------------------------------------------------------------------------------


def test_every_platform_describes_its_entities() -> None:
    assert {entity.platform for entity in offered()} == {platform.value for platform in const.PLATFORMS}
    assert list(const.PLATFORMS) == sorted(const.PLATFORMS)


def test_every_entity_has_its_texts_and_every_text_its_entity() -> None:
    told = ENGLISH["entity"]
    assert {(platform, key) for platform, keys in told.items() for key in keys} == {
        (entity.platform, entity.key) for entity in offered()
    }
    for platform, key, _ in offered():
        assert "name" in told[platform][key] or has_no_name_of_its_own(platform), (platform, key)


def test_names_of_a_platform_are_different() -> None:
    for language in LANGUAGES.values():
        for platform, keys in language["entity"].items():
            names = [told["name"] for told in keys.values() if "name" in told]
            assert len(names) == len(set(names)), platform


def test_every_state_that_an_entity_may_have_has_its_text() -> None:
    for platform, key, description in offered():
        told = ENGLISH["entity"][platform][key]
        options = getattr(description, "options", None)
        assert options is None or set(told.get("state", ())) == set(options), (platform, key)
        happens = getattr(description, "event_types", None)
        if happens is not None:
            assert set(told["state_attributes"]["event_type"]["state"]) == set(happens), (platform, key)
        if getattr(description, "shows", None) is not None:
            assert told["state_attributes"].keys() >= {"heard_at", "source"}, (platform, key)
    [obstacle] = [entity.description for entity in offered() if entity.key == "obstacle"]
    assert REASONS.keys() >= set(getattr(obstacle, "options", ())) - {"none", "other"}
    assert ENGLISH["entity"]["lock"]["lock"]["state_attributes"].keys() >= {"heard_at", "source"}


def test_icons_are_for_entities_that_exist() -> None:
    for platform, icons in ICONS["entity"].items():
        assert icons.keys() <= ENGLISH["entity"][platform].keys()
        for key, icon in icons.items():
            states = set(ENGLISH["entity"][platform][key].get("state", ())) | {"on", "off"}
            assert set(icon.get("state", ())) <= states or platform in WITH_ICONS_OF_THEIR_OWN, (platform, key)


def test_every_entity_has_an_icon() -> None:
    """Where no device class gives one."""
    for platform, key, description in offered():
        if platform not in WITH_ICONS_OF_THEIR_OWN and getattr(description, "device_class", None) is None:
            assert key in ICONS["entity"].get(platform, {}), (platform, key)


# Flows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyword", "of", "part"),
    [
        ("step_id", ("async_show_form", "async_show_menu"), "step"),
        ("progress_action", ("async_show_progress",), "progress"),
        ("reason", ("async_abort",), "abort"),
    ],
)
def test_whatever_a_flow_says_has_its_text(keyword: str, of: tuple[str, ...], part: str) -> None:
    assert {text for called, text in said(keyword) if called in of} <= every(part)


def test_every_choice_of_a_menu_has_its_text_and_every_text_its_choice() -> None:
    offered_there = {text for called, text in said("menu_options") if called == "async_show_menu"}
    told = {
        name for _, flow in flows() for step in flow.get("step", {}).values() for name in step.get("menu_options", ())
    }
    assert offered_there <= told
    assert told <= literals()


def test_every_error_of_a_form_has_its_text() -> None:
    shown = {
        text
        for node in nodes()
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id == "errors"
        for text in outcomes(node.value)
    }
    assert shown
    assert shown <= every("error")


@pytest.mark.parametrize("part", ["step", "progress", "abort", "error"])
def test_every_text_of_a_flow_is_used(part: str) -> None:
    assert every(part) <= literals() | REASONS.keys() | SUPPLIED


def test_every_field_of_a_form_is_named_and_explained() -> None:
    for kind, flow in flows():
        for name, step in flow.get("step", {}).items():
            parts = [step, *step.get("sections", {}).values()]
            for part in parts:
                assert part.get("data", {}).keys() == part.get("data_description", {}).keys(), (kind, name)
            assert {field for part in parts for field in part.get("data", ())} <= literals(), (kind, name)


def test_choices_in_forms_have_their_texts() -> None:
    asked = {key for called, key in said("translation_key") if called.endswith("SelectorConfig")}
    for action in ACTIONS.values():
        for _, field in action_fields(action):
            for choice in (field.get("selector") or {}).values():
                asked |= {choice["translation_key"]} if choice and "translation_key" in choice else set()
    told = ENGLISH.get("selector", {})
    assert asked <= told.keys()
    assert told.keys() <= asked | literals()


# Actions ------------------------------------------------------------------------------------------------------------


def test_every_action_has_its_texts_and_its_icon() -> None:
    told = ENGLISH.get("services", {})
    assert told.keys() == ACTIONS.keys() == ICONS.get("services", {}).keys()
    for name, action in ACTIONS.items():
        assert told[name].keys() >= {"name", "description"}, name
        fields = dict(action_fields(action))
        assert told[name].get("fields", {}).keys() == fields.keys(), name
        for field, texts_of_field in told[name].get("fields", {}).items():
            assert texts_of_field.keys() >= {"name", "description"}, (name, field)
        assert set(told[name].get("sections", ())) == {
            section for section, field in (action or {}).get("fields", {}).items() if "fields" in (field or {})
        }, name
        assert name in literals(), name


# The rest -----------------------------------------------------------------------------------------------------------


async def test_manifest(hass: HomeAssistant) -> None:
    integration = await async_get_integration(hass, "driveway")
    assert integration.dependencies == ["mqtt"]
    assert integration.requirements == []
    assert integration.mqtt == ["driveway/+/info"]
    assert integration.version is not None
    assert integration.documentation
    assert integration.issue_tracker
    assert not (FOLDER / "strings.json").exists()
    manifest = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
    assert list(manifest) == ["domain", "name", *sorted(set(manifest) - {"domain", "name"})]
    assert manifest["codeowners"]


def test_what_the_marketplace_reads() -> None:
    offer = json.loads((ROOT / "hacs.json").read_text("utf-8"))
    assert offer == {"name": "Driveway", "homeassistant": "2026.10.0"}
    folders = [path.name for path in (ROOT / "custom_components").iterdir() if (path / "manifest.json").exists()]
    assert folders == ["driveway"]


def test_only_home_assistant_and_the_standard_library_are_imported() -> None:
    """Pain 82."""
    import sys

    # Home Assistant is made of probatio's schemas, and brings the client for web pages.
    allowed = sys.stdlib_module_names | {"homeassistant", "probatio", "aiohttp"}
    for name, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            assert all(module.split(".")[0] in allowed for module in names), (name, names)


@pytest.mark.parametrize("theme", ["", "dark_"])
@pytest.mark.parametrize(("scale", "icon", "logo"), [("", 256, 128), ("@2x", 512, 256)])
def test_brand_images(theme: str, scale: str, icon: int, logo: int) -> None:
    """A square icon, and a logo whose shorter side has this many pixels."""

    def size(name: str) -> tuple[int, int]:
        header = (FOLDER / "brand" / f"{theme}{name}{scale}.png").read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n"
        return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])

    assert size("icon") == (icon, icon)
    width, height = size("logo")
    assert height == logo < width
