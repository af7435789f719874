"""What the configuration file may hold: voluptuous schemas over the texts of `yaml_file`, made from `config_options`.

Nothing here quotes a value: it may be a password or a VIN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import voluptuous as vol

from driveway_bridge import config_options
from driveway_bridge.config_values import Wrong
from driveway_bridge.yaml_file import Scalar

__all__ = ["FILE", "UnknownKey", "Wrong"]


class UnknownKey(vol.Invalid):
    """A key that the section does not have; `known` are those that it has."""

    def __init__(self, known: tuple[str, ...], *, empty: bool) -> None:
        """Take the section's keys, and whether nothing stands behind the unknown one."""
        super().__init__("unknown key")
        self.known = known
        self.empty = empty


def _section(keys: Mapping[Any, Callable[[Any], Any]]) -> Callable[[object], dict[str, Any]]:
    """Make the validator of one mapping: every wrong key of it is reported, known or not."""
    known = tuple(str(key) for key in keys)

    def unknown(value: object) -> None:
        raise UnknownKey(known, empty=isinstance(value, Scalar) and value.empty)

    schema = vol.Schema({**keys, vol.Extra: unknown})

    def check(value: object) -> dict[str, Any]:
        if isinstance(value, Scalar) and value.empty:
            value = {}
        if not isinstance(value, dict):
            raise Wrong(f"must hold keys in lines of their own, indented ({', '.join(known)})")
        result: dict[str, Any] = schema(value)
        return result

    return check


def _each(check: Callable[[object], Any], one: str, begin: str) -> Callable[[object], list[Any]]:
    """Make the validator of a list; unlike voluptuous' own it goes on after the first item that is wrong."""

    def check_all(value: object) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise Wrong(f"must be a list with one {one} at least; begin each with `- {begin}:`")
        results: list[Any] = []
        errors: list[vol.Invalid] = []
        for number, item in enumerate(value):
            try:
                results.append(check(item))
            except vol.MultipleInvalid as several:
                for error in several.errors:
                    error.prepend([number])
                    errors.append(error)
            except vol.Invalid as error:
                error.prepend([number])
                errors.append(error)
        if errors:
            raise vol.MultipleInvalid(errors)
        return results

    return check_all


def _keys(section: str) -> dict[Any, Callable[[Any], Any]]:
    return {
        (vol.Required if option.required else vol.Optional)(key): option.kind.read
        for key, option in config_options.of(section).items()
    }


FILE: Final = _section(
    {
        vol.Optional("mqtt"): _section(_keys("mqtt")),
        vol.Required("cars"): _each(_section(_keys("cars")), "car", "vin"),
        **_keys(""),
        vol.Optional("bluetooth"): _section(
            {
                **_keys("bluetooth"),
                vol.Optional("proxies"): _each(_section(_keys("bluetooth.proxies")), "proxy", "host"),
            }
        ),
        vol.Optional("web"): _section(_keys("web")),
    }
)
"""The whole file."""
