"""Published examples of the vehicle-command protocol, with the maker's test keys; bytes are hex in the file.

Each half of the conversation is held against them on its own. The keys must never be enrolled on a car.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text())


def raw(*path: str) -> bytes:
    """The bytes of one entry, as `raw("handshake", "reply")`."""
    value: Any = VECTORS
    for name in path:
        value = value[name]
    return bytes.fromhex(value)
