"""What no page shows, logged in or not: VINs, keys, passwords, addresses. The last sieve before a document leaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_HIDDEN: Final = re.compile(r"(?i)(^|_)(address|addresses|vin|host|hostname|user|username|password|key|secret|code)$")
"""Fields that are left out, whatever they hold."""
_PRIVATE: Final = re.compile(
    r"\b(?:[0-9A-Fa-f]{2}[:_-]){5}[0-9A-Fa-f]{2}\b"  # the address of a radio
    r"|\b[A-HJ-NPR-Z0-9]{17}\b"  # a VIN
    r"|\b[0-9A-Fa-f]{32,}\b"  # a key
    r"|\bS[0-9a-f]{16}C\b"  # the name that a car advertises, which follows from its VIN
)


def discreet(value: Any) -> Any:
    """Copy a document for JSON without what is private."""
    if isinstance(value, Mapping):
        return {discreet(str(key)): discreet(item) for key, item in value.items() if not _HIDDEN.search(str(key))}
    if isinstance(value, (list, tuple)):
        return [discreet(item) for item in value]
    return _PRIVATE.sub("…", value) if isinstance(value, str) else value
