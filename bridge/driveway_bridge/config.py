"""The configuration: a YAML file in, frozen settings out, and every problem at once with its line and remedy.

Problems read `FILE:LINE:COLUMN key: what is wrong; what to do`. They never hold a value.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import voluptuous as vol

from driveway_bridge import config_schema, contract, yaml_file
from driveway_bridge.addressing import LinkSettings, TcpAddress
from driveway_bridge.config_schema import UnknownKey, Wrong
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.yaml_file import Document, Path_

__all__ = ["BluetoothSettings", "CarSettings", "LinkSettings", "MqttSettings", "Settings", "TcpAddress", "load"]

PASSWORD_VARIABLE: Final = "DRIVEWAY_MQTT_PASSWORD"  # noqa: S105 - a name, no password
CREDENTIAL: Final = "mqtt.password"
"""The file below `$CREDENTIALS_DIRECTORY`, as systemd's `LoadCredential=mqtt.password:...` makes it."""
_MAX_PASSWORD_FILE: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """The broker."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarSettings:
    """One car and how it is reached."""

    vin: str = field(repr=False)
    name: str = "Car"
    link: LinkSettings = "bluetooth"
    status_every_s: float = 30.0
    hold_s: float = 10.0
    """Seconds that an idle link is kept; infinite: always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BluetoothSettings:
    """Which radio; both None: the system's first."""

    adapter: str | None = None
    """As `hci0`, or the adapter's address."""
    hci: str | None = None
    """A virtual radio, as `tcp-client:127.0.0.1:6402`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that the file says."""

    mqtt: MqttSettings
    cars: tuple[CarSettings, ...]
    base_topic: str = contract.DEFAULT_BASE
    name: str = "Driveway"
    bluetooth: BluetoothSettings = BluetoothSettings()


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the file; ConfigurationError holds every problem. Nothing is written."""
    document = yaml_file.read(path)
    report = _Report(path, document)
    fields: dict[str, Any] = {}
    if document.tree is not None:
        try:
            fields = config_schema.FILE(document.tree)
        except vol.MultipleInvalid as several:
            report.add_invalid(several.errors)
        except vol.Invalid as error:
            report.add_invalid([error])
        else:
            report.add_all(_contradictions(fields, document))
    if report.faulty:
        raise ConfigurationError(report.lines())
    password = _password(fields.get("mqtt", {}), path.parent, environment, report)
    if report.faulty:
        raise ConfigurationError(report.lines())
    return _settings(fields, password)


def _settings(fields: dict[str, Any], password: str | None) -> Settings:
    mqtt = {key: value for key, value in fields.get("mqtt", {}).items() if not key.startswith("password")}
    renamed = {"status_every": "status_every_s", "hold": "hold_s"}
    cars = ({renamed.get(key, key): value for key, value in car.items()} for car in fields["cars"])
    return Settings(
        mqtt=MqttSettings(**mqtt, password=password),
        cars=tuple(CarSettings(**car) for car in cars),
        bluetooth=BluetoothSettings(**fields.get("bluetooth", {})),
        **{key: fields[key] for key in ("base_topic", "name") if key in fields},
    )


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

    @property
    def faulty(self) -> bool:
        return bool(self._problems)

    def lines(self) -> list[str]:
        return [f"{self._path}{rest}" for _, _, rest in sorted(self._problems)]

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
    mqtt = fields.get("mqtt", {})
    if "password" in mqtt and "password_file" in mqtt:
        yield ("mqtt", "password_file"), "`password` is given too; keep one of them"
    if ("password" in mqtt or "password_file" in mqtt) and "username" not in mqtt:
        yield ("mqtt",), "there is a password but no `username`; add it"
    if fields.get("bluetooth", {}).keys() >= {"adapter", "hci"}:
        yield ("bluetooth", "hci"), "`adapter` is given too; keep one of them"
    cars = fields["cars"]
    for key, remedy in (("vin", "keep one of them"), ("name", "give each car a name of its own")):
        first: dict[str, int] = {}
        for number, car in enumerate(cars):
            value = car.get(key, CarSettings.__dataclass_fields__["name"].default)
            if value in first:
                earlier = ("cars", first[value], key)
                line = document.places.get(earlier, document.places["cars", first[value]]).line
                yield (
                    ("cars", number, key),
                    f"the car in line {line} has the same {key.replace('vin', 'VIN')}; {remedy}",
                )
            first.setdefault(value, number)


def _password(mqtt: Mapping[str, Any], folder: Path, environment: Mapping[str, str], report: _Report) -> str | None:
    """Find the broker's password: the environment, the file, then the service manager's credentials."""
    if from_environment := environment.get(PASSWORD_VARIABLE):
        return from_environment
    if "password" in mqtt:
        return str(mqtt["password"])
    if "password_file" in mqtt:
        return _password_file(folder / mqtt["password_file"], report)
    if credentials := environment.get("CREDENTIALS_DIRECTORY"):
        credential = Path(credentials) / CREDENTIAL
        if credential.exists():
            return _password_file(credential, report)
    return None


def _password_file(file: Path, report: _Report) -> str | None:
    """Read a file that holds one password; its line ending does not belong to it.

    Its path is not repeated: who mixes the two keys up has written the password there.
    """
    key: Path_ = ("mqtt", "password_file")
    remedy = "write the password into it as one line, and nothing else"
    try:
        with file.open("rb") as opened:
            raw = opened.read(_MAX_PASSWORD_FILE + 1)
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        why = error.strerror or type(error).__name__
        report.add(key, f"the file cannot be read ({why}); its path counts from the folder of this configuration")
    except ValueError:
        report.add(key, f"the file is not a text in UTF-8; {remedy}")
    else:
        if text.strip() and len(raw) <= _MAX_PASSWORD_FILE and text.isprintable():
            return text
        report.add(key, f"the file {'holds more than one line' if text.strip() else 'is empty'}; {remedy}")
    return None
