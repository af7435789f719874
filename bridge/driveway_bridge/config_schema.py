"""What the configuration file may hold: voluptuous schemas over the texts of `yaml_file`.

Validators say what is wrong and what to do, and never quote the value: it may be a password or a VIN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import voluptuous as vol

from driveway_bridge import contract
from driveway_bridge.addressing import check_vin, parse_link
from driveway_bridge.yaml_file import Scalar

MAX_TEXT: Final = 256


class Wrong(vol.Invalid):
    """A value is wrong; the message is ours and may be shown."""


class UnknownKey(vol.Invalid):
    """A key that the section does not have; `known` are those that it has."""

    def __init__(self, known: tuple[str, ...], *, empty: bool) -> None:
        """Take the section's keys, and whether nothing stands behind the unknown one."""
        super().__init__("unknown key")
        self.known = known
        self.empty = empty


def _text(value: object) -> str:
    if not isinstance(value, Scalar):
        raise Wrong("must be one text; remove brackets and indented lines")
    if value.empty or not value.text.strip():
        raise Wrong("has no value; give one or remove the key")
    if len(value.text) > MAX_TEXT:
        raise Wrong(f"is longer than {MAX_TEXT} characters; shorten it")
    if not value.text.isprintable():
        raise Wrong("holds a line break or a control character; write it in one line")
    return value.text


def _secret(value: object) -> str:
    text = _text(value)
    if isinstance(value, Scalar) and not value.quoted and re.fullmatch(r"[-+]?[0-9][0-9_]*", text):
        raise Wrong('consists of digits; put it in quotes, as "1234", or leading zeros may get lost')
    return text


def _name(value: object) -> str:
    text = _text(value).strip()
    if len(text) > 64:
        raise Wrong("is longer than 64 characters; shorten it")
    return text


def _shaped(pattern: str, demand: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = _text(value)
        if not re.fullmatch(pattern, text):
            raise Wrong(demand)
        return text

    return check


def _whole_number(low: int, high: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        text = _text(value)
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise Wrong(f"must be a whole number from {low} to {high}")
        return int(text)

    return check


def _seconds(low: float, high: float, **words: float) -> Callable[[object], float]:
    demand = f"must be a number of seconds from {low:g} to {high:g}" + "".join(f", or `{word}`" for word in words)

    def check(value: object) -> float:
        text = _text(value)
        if text in words:
            return words[text]
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not low <= float(text) <= high:
            raise Wrong(demand)
        return float(text)

    return check


def _base_topic(value: object) -> str:
    text = _text(value)
    if not contract.valid_base(text):
        raise Wrong("may hold letters, digits, `_` and `-`, joined by `/`; as `driveway` or `home/driveway`")
    return text


def _as_wrong(read: Callable[[str], Any]) -> Callable[[object], Any]:
    def check(value: object) -> Any:
        try:
            return read(_text(value))
        except ValueError as error:
            raise Wrong(str(error)) from error

    return check


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


def _each(check: Callable[[object], Any]) -> Callable[[object], list[Any]]:
    """Make the validator of a list; unlike voluptuous' own it goes on after the first item that is wrong."""

    def check_all(value: object) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise Wrong("must be a list with one car at least; begin each with `- vin:`")
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


MQTT: Final = _section(
    {
        vol.Optional("host"): _shaped(r"[A-Za-z0-9_.:%-]+", "must be a name or an address, without `mqtt://` and port"),
        vol.Optional("port"): _whole_number(1, 65535),
        vol.Optional("username"): _text,
        vol.Optional("password"): _secret,
        vol.Optional("password_file"): _text,
    }
)
BLUETOOTH: Final = _section(
    {
        vol.Optional("adapter"): _shaped(
            r"hci[0-9]{1,2}|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", "must be as `hci0`, or the adapter's address"
        ),
        vol.Optional("hci"): _shaped(r"[a-z]+-?[a-z]*:\S+", "must be as `tcp-client:127.0.0.1:6402`"),
    }
)
CAR: Final = _section(
    {
        vol.Required("vin"): _as_wrong(check_vin),
        vol.Optional("name"): _name,
        vol.Optional("link"): _as_wrong(parse_link),
        vol.Optional("status_every"): _seconds(1, 3600),
        vol.Optional("hold"): _seconds(0, 3600, keep=math.inf),
    }
)
FILE: Final = _section(
    {
        vol.Optional("mqtt"): MQTT,
        vol.Required("cars"): _each(CAR),
        vol.Optional("base_topic"): _base_topic,
        vol.Optional("name"): _name,
        vol.Optional("bluetooth"): BLUETOOTH,
    }
)
"""The whole file."""
