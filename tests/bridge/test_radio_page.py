"""docs/radio.md: each test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/radio.md").read_text("utf-8")
NAMED = re.findall(r"`(?:tests/([a-z_/]+)/)?(test_[a-z_0-9]+\.py)::(test_[a-z_0-9]+)`", PAGE)


def test_every_test_that_the_page_names_exists() -> None:
    assert len(NAMED) > 50
    for folder, file, name in NAMED:
        places = [ROOT / "tests" / folder / file] if folder else list((ROOT / "tests").rglob(file))
        assert any(f"def {name}(" in place.read_text("utf-8") for place in places if place.exists()), f"{file}::{name}"
    assert "tests/radio/..." not in PAGE
