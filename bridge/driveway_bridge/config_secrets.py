"""The passwords and keys of the configuration: from the environment, the file, one of their own or systemd."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from driveway_bridge.config_options import SHORTEST_PAGE_PASSWORD
from driveway_bridge.config_values import check_noise_key
from driveway_bridge.yaml_file import Path_

_MAX_FILE: Final = 4096


class Place(NamedTuple):
    """Where else than in the configuration file a section's password may be."""

    variable: str
    """Of the environment."""
    credential: str
    """The file below `$CREDENTIALS_DIRECTORY`, as systemd's `LoadCredential=NAME:PATH` makes it."""
    shortest: int = 1


SECTIONS: Final[Mapping[str, Place]] = {
    "mqtt": Place("DRIVEWAY_MQTT_PASSWORD", "mqtt.password"),
    "web": Place("DRIVEWAY_WEB_PASSWORD", "web.password", SHORTEST_PAGE_PASSWORD),
}


@dataclass(frozen=True, slots=True)
class Secret:
    """A password and where it came from."""

    text: str = field(repr=False)
    source: str
    """In words; it names no path that the owner wrote, since that may be the password put under the wrong key."""
    exposed: str | None = None
    """The file that holds it and that everybody on this computer may read, as `configuration` or `password_file`."""


class WrongSecret(Exception):
    """A password is missing or cannot be used; `path` is the key concerned, `text` what is wrong and what to do."""

    def __init__(self, path: Path_, text: str) -> None:
        """Take both as they are said."""
        super().__init__(text)
        self.path = path
        self.text = text


def find(section: str, given: Mapping[str, Any], file: Path, environment: Mapping[str, str]) -> Secret | None:
    """A section's password; None when there is none and none is needed. `file` is the configuration."""
    place = SECTIONS[section]
    secret = _find(section, given, file, environment)
    if secret is None and section == "web":
        raise WrongSecret(
            ("web",),
            "the page needs a password; add `password` or `password_file`, set "
            f"{place.variable}, or remove `web` to have no page",
        )
    if secret is not None and len(secret.text) < place.shortest:
        key = "password" if "password" in given else "password_file"
        path: Path_ = (section, key) if secret.source == key else (section,)
        what = "" if secret.source == key else f"the password from {secret.source} "
        raise WrongSecret(path, f"{what}has fewer than {place.shortest} characters; choose a longer one")
    return secret


def _find(section: str, given: Mapping[str, Any], file: Path, environment: Mapping[str, str]) -> Secret | None:
    place = SECTIONS[section]
    if from_environment := environment.get(place.variable):
        return Secret(from_environment, f"the variable {place.variable}")
    if "password" in given:
        return Secret(str(given["password"]), "password", exposed="configuration" if open_to_all(file) else None)
    if "password_file" in given:
        named = file.parent / given["password_file"]
        text = _read(named, (section, "password_file"))
        return Secret(text, "password_file", exposed="password_file" if open_to_all(named) else None)
    if credentials := environment.get("CREDENTIALS_DIRECTORY"):
        credential = Path(credentials) / place.credential
        if credential.exists():
            return Secret(
                _read(credential, (section, "password_file")), f"the service manager's credential {place.credential}"
            )
    return None


def proxy_section(number: int) -> str:
    """What a proxy's key is found under among the secrets."""
    return f"bluetooth.proxies[{number}]"


def find_key(number: int, given: Mapping[str, Any], file: Path) -> Secret | None:
    """The key of the proxy that stands there in the list; None when it is to be spoken to in the clear."""
    if "key" in given:
        return Secret(str(given["key"]), "key", exposed="configuration" if open_to_all(file) else None)
    if "key_file" not in given:
        return None
    path: Path_ = ("bluetooth", "proxies", number, "key_file")
    named = file.parent / given["key_file"]
    try:
        text = check_noise_key(_read(named, path))
    except ValueError as error:
        raise WrongSecret(path, f"what the file holds {error}") from error
    return Secret(text, "key_file", exposed="key_file" if open_to_all(named) else None)


def _read(file: Path, key: Path_) -> str:
    """Read a file that holds one secret; its line ending does not belong to it. `key` is what names the file.

    Its path is not repeated: who mixes the two keys up has written the secret there.
    """
    what = "key" if key[-1] == "key_file" else "password"
    remedy = f"write the {what} into it as one line, and nothing else"
    try:
        with file.open("rb") as opened:
            raw = opened.read(_MAX_FILE + 1)
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise WrongSecret(
            key, f"the file cannot be read ({why}); its path counts from the folder of this configuration"
        ) from error
    except ValueError as error:
        raise WrongSecret(key, f"the file is not a text in UTF-8; {remedy}") from error
    if text.strip() and len(raw) <= _MAX_FILE and text.isprintable():
        return text
    raise WrongSecret(key, f"the file {'holds more than one line' if text.strip() else 'is empty'}; {remedy}")


def open_to_all(file: Path) -> bool:
    """Whether every user of this computer may read it."""
    return bool(file.stat().st_mode & stat.S_IROTH)
