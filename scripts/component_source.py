"""The component as it stands in its files: its code, its texts, what its platforms offer, and pages about it."""

import ast
import importlib
import json
import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.util.yaml import load_yaml_dict

from custom_components.driveway import const

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(const.__file__).parent
LANGUAGES: dict[str, Any] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in (FOLDER / "translations").glob("*.json")
}
ENGLISH: dict[str, Any] = LANGUAGES["en"]
ICONS: dict[str, Any] = json.loads((FOLDER / "icons.json").read_text("utf-8"))
SOURCES = {path.stem: ast.parse(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.py"))}
_ACTIONS = FOLDER / "services.yaml"
ACTIONS: dict[str, Any] = {
    name: action
    for name, action in (load_yaml_dict(_ACTIONS) if _ACTIONS.exists() else {}).items()
    if not name.startswith(".")  # what several of them share
}


class Offered(NamedTuple):
    """An entity that a platform offers."""

    platform: str
    key: str
    description: EntityDescription | None
    """None where a class says everything itself."""


@cache
def offered() -> tuple[Offered, ...]:
    """Every entity that the modules describe, by the platform and the key of its texts."""
    found: dict[tuple[str, str], Offered] = {}
    for name in SOURCES:
        module = importlib.import_module(f"custom_components.driveway.{name}".removesuffix(".__init__"))
        for value in vars(module).values():
            for description in _descriptions(value):
                platform = _platform(type(description))
                key = description.translation_key or description.key
                if platform is not None:
                    found.setdefault((platform, key), Offered(platform, key, description))
            if isinstance(value, type) and issubclass(value, Entity) and value.__module__ == module.__name__:
                own, platform = vars(value).get("_attr_translation_key"), _platform(value)
                if isinstance(own, str) and platform is not None:
                    found.setdefault((platform, own), Offered(platform, own, None))
    return tuple(found.values())


def _descriptions(value: object) -> Iterable[EntityDescription]:
    # Home Assistant gives an object of another class where its own class of a platform is used as it is.
    if is_dataclass(value) and not isinstance(value, type) and hasattr(value, "entity_registry_enabled_default"):
        return [cast("EntityDescription", value)]
    if isinstance(value, tuple | list):
        return [one for item in value for one in _descriptions(item)]
    return []


def _platform(kind: type) -> str | None:
    """Give the platform that a class of entities or descriptions is made for."""
    for base in kind.__mro__:
        if base.__module__.startswith("homeassistant.components."):
            return base.__module__.split(".")[2]
        name = re.fullmatch("(.+)EntityDescription", base.__name__)
        if name and base.__module__.startswith("homeassistant."):
            platform = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[1]).lower()
            return "device_tracker" if platform.endswith(("tracker", "scanner")) else platform
    return None


def has_no_name_of_its_own(platform: str) -> bool:
    """Whether an entity of the platform is called like its device."""
    return any(
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and node.value.value is None
        and any(isinstance(target, ast.Name) and target.id == "_attr_name" for target in node.targets)
        for node in ast.walk(SOURCES[platform])
    )


def nodes() -> Iterator[ast.AST]:
    """Every node of the component's code."""
    for tree in SOURCES.values():
        yield from ast.walk(tree)


@cache
def literals() -> frozenset[str]:
    """Every text in the code, with the names of the steps that methods are called after."""
    texts = {node.value for node in nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    steps = {node.name.removeprefix("async_step_") for node in nodes() if isinstance(node, ast.AsyncFunctionDef)}
    return frozenset(texts | steps)


def said(keyword: str) -> Iterator[tuple[str, str]]:
    """Give each literal that is handed over under this name, with the name of what is called."""
    for node in nodes():
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for argument in node.keywords:
                if argument.arg == keyword:
                    yield from ((called, text) for text in outcomes(argument.value))


def outcomes(expression: ast.expr) -> Iterator[str]:
    """Give the texts that an expression can become, where they stand in it."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, ast.IfExp):
        yield from outcomes(expression.body)
        yield from outcomes(expression.orelse)
    elif isinstance(expression, ast.List | ast.Tuple):
        for item in expression.elts:
            yield from outcomes(item)


def texts(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Give all texts below with the names that lead to them."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from texts(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


def placeholders(text: str) -> set[str]:
    """Give the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def action_fields(action: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the fields of an action, also those in sections."""
    for name, field in (action or {}).get("fields", {}).items():
        if "fields" in field:
            yield from action_fields(field)
        else:
            yield name, field or {}


def anchors(page: Path) -> set[str]:
    """What can be linked to in a page: its headings, as GitHub names them."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
