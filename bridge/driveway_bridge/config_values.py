"""The kinds of values that the configuration file may hold: how each is read from its text, and how it is described.

What is wrong is said with a remedy and never with the value: it may be a password or a VIN.
"""

from __future__ import annotations

import base64
import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import voluptuous as vol

from driveway_bridge import contract_topics
from driveway_bridge.addressing import TcpAddress, check_vin, parse_link
from driveway_bridge.permissions import GROUPS, unknown_word
from driveway_bridge.yaml_file import Scalar

MAX_TEXT: Final = 256
SYSTEM: Final = "system"
"""Instead of a file with an authority: all those that the computer trusts."""
_KEY_BYTES: Final = 32
_YES: Final = frozenset({"yes", "on", "true"})
_NO: Final = frozenset({"no", "off", "false"})


class Wrong(vol.Invalid):
    """A value is wrong; the message is ours and may be shown."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value."""

    words: str
    """What it may be, for a table."""
    read: Callable[[object], Any]
    """A `Scalar` in, the value out; raises Wrong."""

    def show(self, value: object) -> str:
        """Write a value as it stands in the file; nothing for None."""
        match value:
            case bool():
                return "yes" if value else "no"
            case math.inf:
                return "keep"
            case tuple():
                return f"[{', '.join(str(one) for one in value)}]"
            case float():
                return f"{value:g}"
            case TcpAddress(host, port):
                return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
            case _:
                return "" if value is None else str(value)


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


def _yes_or_no(value: object) -> bool:
    text = _text(value).lower()
    if text not in _YES | _NO:
        raise Wrong("must be `yes` or `no`")
    return text in _YES


def _base_topic(value: object) -> str:
    text = _text(value)
    if not contract_topics.valid_base(text):
        raise Wrong("may hold letters, digits, `_` and `-`, joined by `/`; as `driveway` or `home/driveway`")
    return text


def _own_address(value: object) -> str:
    text = _text(value)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise Wrong(
            "must be an address of this computer; `127.0.0.1` for itself only, `0.0.0.0` or `::` for all"
        ) from None


def _as_wrong(read: Callable[[str], Any]) -> Callable[[object], Any]:
    def check(value: object) -> Any:
        try:
            return read(_text(value))
        except ValueError as error:
            raise Wrong(str(error)) from error

    return check


def shaped(pattern: str, demand: str, words: str) -> Kind:
    """A text that is as the whole pattern says."""

    def check(value: object) -> str:
        text = _text(value)
        if not re.fullmatch(pattern, text):
            raise Wrong(demand)
        return text

    return Kind(words, check)


def several(one: Kind, *words: str, at_least: str) -> Kind:
    """A list of values of one kind, each once, or one of the words."""
    others = "".join(f", or `{word}`" for word in words)
    demand = f"must be {at_least}{others}"

    def check(value: object) -> tuple[Any, ...] | str:
        if isinstance(value, Scalar) and value.text in words:
            return value.text
        if not isinstance(value, list) or not value:
            raise Wrong(demand)
        items: list[Any] = []
        errors: list[vol.Invalid] = []
        for number, item in enumerate(value):
            try:
                items.append(one.read(item))
            except Wrong as error:
                error.prepend([number])
                errors.append(error)
        if errors:
            raise vol.MultipleInvalid(errors)
        if len({str(item).upper() for item in items}) < len(items):
            raise Wrong("names one twice; keep it once")
        return tuple(items)

    return Kind(f"{at_least}{others}", check)


def _permissions(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Wrong("must be a list of groups and commands, as `[locking, climate]`; `[]` for none")
    words: list[str] = []
    errors: list[vol.Invalid] = []
    for number, item in enumerate(value):
        try:
            word = _text(item).strip()
            if unknown_word(word) is not None:
                raise Wrong(f"is no group and no command; groups are {', '.join(GROUPS)}")  # noqa: TRY301 - one of two
        except Wrong as error:
            error.prepend([number])
            errors.append(error)
        else:
            words.append(word)
    if errors:
        raise vol.MultipleInvalid(errors)
    return tuple(dict.fromkeys(words))


def whole_number(low: int, high: int) -> Kind:
    """A number without a fraction."""

    def check(value: object) -> int:
        text = _text(value)
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise Wrong(f"must be a whole number from {low} to {high}")
        return int(text)

    return Kind(f"{low} to {high}", check)


def seconds(low: float, high: float, **words: float) -> Kind:
    """A number of seconds, or one of the words."""
    others = "".join(f", or `{word}`" for word in words)
    demand = f"must be a number of seconds from {low:g} to {high:g}{others}"

    def check(value: object) -> float:
        text = _text(value)
        if text in words:
            return words[text]
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not low <= float(text) <= high:
            raise Wrong(demand)
        return float(text)

    return Kind(f"{low:g} to {high:g} seconds{others}", check)


def check_noise_key(text: str) -> str:
    """Give the key back; ValueError when it is not 32 bytes in base64. The text is never repeated."""
    try:
        if len(base64.b64decode(text.strip(), validate=True)) == _KEY_BYTES:
            return text.strip()
    except ValueError:
        pass
    raise ValueError("must be the key under `api:`, `encryption:` of the proxy's ESPHome configuration, 44 characters")


TEXT: Final = Kind("a text", _text)
SECRET: Final = Kind("a text; in quotes if it consists of digits", _secret)
FILE_NAME: Final = Kind("a path; it counts from the folder of the configuration", _text)
CA_FILE: Final = Kind(f"a path, as below, or `{SYSTEM}`", _text)
NAME: Final = Kind("a text of up to 64 characters", _name)
YES_OR_NO: Final = Kind("`yes` or `no`", _yes_or_no)
BASE_TOPIC: Final = Kind("letters, digits, `_` and `-`, joined by `/`", _base_topic)
OWN_ADDRESS: Final = Kind("an address of this computer; `0.0.0.0` or `::` for all", _own_address)
VIN: Final = Kind("17 letters and digits", _as_wrong(check_vin))
LINK: Final = Kind("`bluetooth` or `tcp://HOST:PORT`", _as_wrong(parse_link))
HOST: Final = shaped(
    r"[A-Za-z0-9_.:%-]+", "must be a name or an address, without `mqtt://` and port", "a name or an address"
)
PROXY_HOST: Final = shaped(r"[A-Za-z0-9_.:%-]+", "must be a name or an address, without port", "a name or an address")
ADAPTER: Final = shaped(
    r"hci[0-9]{1,2}|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}",
    "must be as `hci0`, or the adapter's address",
    "the adapter's address (better: it stays the same), or as `hci0`",
)
PERMISSIONS: Final = Kind("a list of [groups](mqtt.md#clients) and [commands](commands.md), or `[]`", _permissions)
NOISE_KEY: Final = Kind("44 characters, which end in `=`", _as_wrong(check_noise_key))
