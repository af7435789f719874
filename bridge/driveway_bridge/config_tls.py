"""The part of the configuration that says how the connection to the broker is encrypted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from driveway_bridge.config_values import SYSTEM
from driveway_bridge.settings import TlsSettings
from driveway_bridge.yaml_file import Path_

PORT: Final = 8883
"""Where brokers listen with TLS."""
_FILES: Final = ("ca_file", "certificate_file", "key_file")


def contradictions(mqtt: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    """What is wrong between the keys of the section `mqtt`."""
    if not mqtt.get("tls"):
        for key in _FILES:
            if key in mqtt:
                yield ("mqtt", key), "it is for encryption, which is off; add `tls: yes`, or remove it"
        return
    if "ca_file" not in mqtt:
        yield (
            ("mqtt", "tls"),
            f"whose word counts is not said; add `ca_file` with a file or `{SYSTEM}`",
        )
    for one, other in (("certificate_file", "key_file"), ("key_file", "certificate_file")):
        if one in mqtt and other not in mqtt:
            yield ("mqtt", one), f"it needs its `{other}`; add it"


def find(mqtt: Mapping[str, Any], file: Path) -> TlsSettings | None:
    """What the section says; None without TLS. `file` is the configuration."""
    if not mqtt.get("tls") or "ca_file" not in mqtt:
        return None
    named = {key: file.parent / mqtt[key] for key in _FILES if key in mqtt}
    if mqtt["ca_file"] == SYSTEM:
        return TlsSettings(**named | {"ca_file": None})
    return TlsSettings(**named)


def faults(tls: TlsSettings | None) -> Iterator[tuple[Path_, str]]:
    """What is wrong with the files."""
    if tls is None:
        return
    from driveway_bridge.mqtt.tls import WrongFile, context  # only for those who use it

    try:
        context(tls)
    except WrongFile as error:
        yield ("mqtt", error.key), str(error)
