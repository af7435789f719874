"""The configuration: a YAML file in, frozen settings out, and every problem at once with its line and remedy.

Problems read `FILE:LINE:COLUMN key: what is wrong; what to do`. They never hold a value.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import voluptuous as vol

from driveway_bridge import config_options, config_schema, config_secrets, config_tls, yaml_file
from driveway_bridge.addressing import LinkSettings, TcpAddress
from driveway_bridge.config_schema import UnknownKey, Wrong
from driveway_bridge.config_secrets import Secret, WrongSecret
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.settings import (
    BluetoothSettings,
    CarSettings,
    MqttSettings,
    ProxySettings,
    Settings,
    TlsSettings,
    WebSettings,
)
from driveway_bridge.yaml_file import Document, Path_

__all__ = [
    "BluetoothSettings",
    "CarSettings",
    "LinkSettings",
    "MqttSettings",
    "ProxySettings",
    "Settings",
    "TcpAddress",
    "Understood",
    "WebSettings",
    "load",
    "understand",
]


@dataclass(frozen=True, slots=True)
class Understood:
    """What a file says."""

    settings: Settings
    secrets: Mapping[str, Secret]
    """By section: passwords and where they came from."""


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file; ConfigurationError holds every problem. Nothing is written."""
    return understand(path, environment).settings


def understand(path: Path, environment: Mapping[str, str] = os.environ) -> Understood:
    """Read the file as `load` does, and tell where the secrets came from."""
    document = yaml_file.read(path)
    report = _Report(path, document)
    fields = _fields(document, report)
    report.end_if_faulty()
    secrets = _secrets(fields, path, environment, report)
    tls = config_tls.find(fields.get("mqtt", {}), path)
    report.add_all(config_tls.faults(tls))
    report.end_if_faulty()
    return Understood(_settings(fields, secrets, tls), secrets)


def _fields(document: Document, report: _Report) -> dict[str, Any]:
    """The values by key, as far as nothing is wrong with them."""
    if document.tree is None:
        return {}
    try:
        fields: dict[str, Any] = config_schema.FILE(document.tree)
    except vol.MultipleInvalid as several:
        report.add_invalid(several.errors)
    except vol.Invalid as error:
        report.add_invalid([error])
    else:
        report.add_all(_contradictions(fields, document))
        return fields
    return {}


def _secrets(fields: dict[str, Any], path: Path, environment: Mapping[str, str], report: _Report) -> dict[str, Secret]:
    secrets: dict[str, Secret] = {}
    for section in config_secrets.SECTIONS:
        if section == "web" and section not in fields:
            continue
        try:
            secret = config_secrets.find(section, fields.get(section, {}), path, environment)
        except WrongSecret as error:
            report.add(error.path, error.text)
        else:
            if secret is not None:
                secrets[section] = secret
    for number, proxy in enumerate(fields.get("bluetooth", {}).get("proxies", ())):
        try:
            secret = config_secrets.find_key(number, proxy, path)
        except WrongSecret as error:
            report.add(error.path, error.text)
        else:
            if secret is not None:
                secrets[config_secrets.proxy_section(number)] = secret
    return secrets


def _settings(fields: dict[str, Any], secrets: Mapping[str, Secret], tls: TlsSettings | None) -> Settings:
    sections = {name: _values(name, fields.get(name, {})) for name in ("mqtt", "bluetooth", "web")}
    if tls is not None:
        sections["mqtt"] = {"port": config_tls.PORT, **sections["mqtt"], "tls": tls}
    for section in config_secrets.SECTIONS:
        if section in secrets:
            sections[section]["password"] = secrets[section].text
    sections["bluetooth"]["proxies"] = tuple(
        ProxySettings(**_values("bluetooth.proxies", proxy) | _key(secrets.get(config_secrets.proxy_section(number))))
        for number, proxy in enumerate(fields.get("bluetooth", {}).get("proxies", ()))
    )
    return Settings(
        mqtt=MqttSettings(**sections["mqtt"]),
        cars=tuple(CarSettings(**_values("cars", car)) for car in fields["cars"]),
        bluetooth=BluetoothSettings(**sections["bluetooth"]),
        web=WebSettings(**sections["web"]) if "web" in fields else None,
        **_values("", fields),
    )


def _key(secret: Secret | None) -> dict[str, str]:
    return {} if secret is None else {"key": secret.text}


def _values(section: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a section says, by the fields of its settings."""
    options = config_options.of(section)
    return {options[key].field_name: given[key] for key in given if key in options and options[key].field_name}


class _Report:
    """Collects problems and puts them into the order of the file."""

    def __init__(self, path: Path, document: Document) -> None:
        self._path = path
        self._document = document
        self._problems: set[tuple[int, int, str]] = set()
        self._settled = {fault.path for fault in document.faults if fault.path}
        for fault in document.faults:
            place = fault.place
            where = f":{place.line}:{place.column}" if place else ""
            self._problems.add((place.line if place else 0, place.column if place else 0, f"{where}: {fault.text}"))

    def end_if_faulty(self) -> None:
        if self._problems:
            raise ConfigurationError([f"{self._path}{rest}" for _, _, rest in sorted(self._problems)])

    def add_all(self, problems: Iterable[tuple[Path_, str]]) -> None:
        for path, text in problems:
            self.add(path, text)

    def add(self, path: Path_, text: str, key: str | None = None) -> None:
        """Add a problem of the value at `path`; `key` names another key than the last of the path (a missing one)."""
        if any(path[:length] in self._settled for length in range(1, len(path) + 1)):
            return  # what is wrong with the value's writing was said already
        nearest = path
        while nearest not in self._document.places:
            nearest = nearest[:-1]
        place = self._document.places[nearest]
        names = [str(part) for part in path if isinstance(part, str)] + ([key] if key else [])
        what = f" {'.'.join(names)}: {text}" if names else f": {text}"
        self._problems.add((place.line, place.column, f":{place.line}:{place.column}{what}"))

    def add_invalid(self, errors: Iterable[vol.Invalid]) -> None:
        for error in errors:
            path: Path_ = tuple(part if isinstance(part, int) else str(part) for part in error.path)
            if isinstance(error, UnknownKey):
                self._add_unknown(path, error)
            elif isinstance(error, vol.RequiredFieldInvalid):
                self.add(path[:-1], "is missing; add it", key=str(path[-1]))
            elif isinstance(error, Wrong):
                self.add(path, error.error_message)
            else:  # a message of the library could quote the value
                self.add(path, "is wrong; see driveway.example.yaml")

    def _add_unknown(self, path: Path_, error: UnknownKey) -> None:
        key = str(path[-1])
        if error.empty or not re.fullmatch("[A-Za-z_][A-Za-z0-9_-]{0,39}", key):
            # Such a "key" is mostly the torn end of a text, and that may be a password: it is not repeated.
            text = "something here is not a key with a value; write `key: value`, texts with `,` or `:` in quotes"
            self._add_nameless(path, text)
            return
        import difflib  # only for whoever has mistyped something

        near = difflib.get_close_matches(key.lower(), error.known, n=1)
        remedy = f"is `{near[0]}` meant?" if near else f"known are {', '.join(error.known)}"
        self.add(path, f"unknown key; {remedy}")

    def _add_nameless(self, path: Path_, text: str) -> None:
        place = self._document.places[path]
        parent = ".".join(str(part) for part in path[:-1] if isinstance(part, str))
        what = f" {parent}: {text}" if parent else f": {text}"
        self._problems.add((place.line, place.column, f":{place.line}:{place.column}{what}"))


def _contradictions(fields: dict[str, Any], document: Document) -> Iterable[tuple[Path_, str]]:
    """What is wrong between values that are right each by itself."""
    mqtt, bluetooth = fields.get("mqtt", {}), fields.get("bluetooth", {})
    for section in ("mqtt", "web"):
        if fields.get(section, {}).keys() >= {"password", "password_file"}:
            yield (section, "password_file"), "`password` is given too; keep one of them"
    if ("password" in mqtt or "password_file" in mqtt) and "username" not in mqtt:
        yield ("mqtt",), "there is a password but no `username`; add it"
    yield from config_tls.contradictions(mqtt)
    yield from _of_radios(bluetooth, document)
    yield from _twins(fields["cars"], document)


def _of_radios(bluetooth: dict[str, Any], document: Document) -> Iterable[tuple[Path_, str]]:
    for one, other in (("adapter", "hci"), ("adapter", "adapters"), ("adapters", "hci")):
        if bluetooth.keys() >= {one, other}:
            yield ("bluetooth", other), f"`{one}` is given too; keep one of them"
    proxies = bluetooth.get("proxies", [])
    if bluetooth.get("adapters") == "none" and not proxies:
        yield ("bluetooth", "adapters"), "there are no `proxies` either; add some, or remove this"
    port = config_options.of("bluetooth.proxies")["port"].default
    first: dict[tuple[str, int], int] = {}
    for number, proxy in enumerate(proxies):
        here: Path_ = ("bluetooth", "proxies", number)
        if proxy.keys() >= {"key", "key_file"}:
            yield (*here, "key_file"), "`key` is given too; keep one of them"
        where = proxy["host"].lower(), proxy.get("port", port)
        if where in first:
            line = document.places["bluetooth", "proxies", first[where]].line
            yield here, f"the proxy in line {line} is the same one; keep one of them"
        first.setdefault(where, number)
    if proxies and not installed():
        yield ("bluetooth", "proxies"), "what they need is not installed; `pip install driveway-bridge[proxies]`"


def installed() -> bool:
    """Whether the libraries for proxies are there; they are not loaded for that."""
    return all(importlib.util.find_spec(name) is not None for name in ("habluetooth", "bleak_esphome"))


def _twins(cars: list[dict[str, Any]], document: Document) -> Iterable[tuple[Path_, str]]:
    for key, remedy in (("vin", "keep one of them"), ("name", "give each car a name of its own")):
        first: dict[str, int] = {}
        for number, car in enumerate(cars):
            value = car.get(key, config_options.of("cars")["name"].default)
            if value in first:
                earlier = ("cars", first[value], key)
                line = document.places.get(earlier, document.places["cars", first[value]]).line
                yield (
                    ("cars", number, key),
                    f"the car in line {line} has the same {key.replace('vin', 'VIN')}; {remedy}",
                )
            first.setdefault(value, number)
