"""Where things are in this clone, and the programs that the house starts."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from house.processes import HouseError

ROOT = Path(__file__).resolve().parents[2]
HOUSE = Path(__file__).resolve().parent


def driveway() -> tuple[Path, str, str]:
    """The command `driveway` of this clone, in the bridge's own environment; to be run with `PYTHONPATH` at bridge/."""
    python = ROOT / ".environments" / "bridge" / "bin" / "python"
    if not python.exists():
        raise HouseError("The bridge's environment is missing: scripts/environment bridge makes it.")
    return python, "-m", "driveway_bridge"


def home_assistant() -> tuple[Path, str, str]:
    """Home Assistant, in the environment that this program runs in."""
    return Path(sys.executable), "-m", "homeassistant"


def home_assistant_path() -> list[str]:
    """Folders for its PYTHONPATH: stand-ins for libraries that it imports, does not need here, and may be missing."""
    missing = [name for name in ("pymicro_vad", "pyspeex_noise") if importlib.util.find_spec(name) is None]
    return [str(HOUSE / "deaf")] if missing else []


def program(name: str) -> Path:
    """The path that a script of this clone prints, such as `mosquitto` or `chromium`."""
    found = subprocess.run([ROOT / "scripts" / name], capture_output=True, text=True, check=False)
    if found.returncode:
        raise HouseError(f"scripts/{name}: {found.stderr.strip()}")
    return Path(found.stdout.strip())
