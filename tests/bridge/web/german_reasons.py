"""The component's German sentences for reasons, as the page holds them. Run as a program, it copies them there."""

from __future__ import annotations

import json
from pathlib import Path

from driveway_bridge.reasons import REASONS

ROOT = Path(__file__).resolve().parents[3]
COMPONENT = ROOT / "custom_components/driveway/translations/de.json"
PAGE = ROOT / "bridge/driveway_bridge/web/texts/reasons_de.json"
NOT_ERRORS = {"already_so": "Es war schon so.", "done": "Erledigt."}
"""The component has no words for these: it raises no error then."""


def sentences() -> dict[str, str]:
    """Every reason's sentence, without the car's name before it."""
    exceptions = json.loads(COMPONENT.read_text("utf-8"))["exceptions"]
    copied = {code: entry["message"].removeprefix("{car}: ") for code, entry in exceptions.items()}
    return {code: text for code, text in sorted((copied | NOT_ERRORS).items()) if code in REASONS}


if __name__ == "__main__":
    PAGE.write_text(json.dumps(sentences(), ensure_ascii=False, indent=2) + "\n", "utf-8")
