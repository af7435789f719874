"""Where keys, sessions and the code live unless told otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def default(environment: Mapping[str, str] = os.environ) -> Path:
    """The service manager's folder, else the user's: `$STATE_DIRECTORY`, `$XDG_DATA_HOME/driveway`, `~/.local/share`.

    Nothing is made. Relative XDG paths are ignored, as their specification asks.
    """
    if state := environment.get("STATE_DIRECTORY"):
        return Path(state.split(":", 1)[0])  # systemd joins several with colons; the first is ours
    data = Path(environment.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path.home() / ".local" / "share"
    return data / "driveway"
