"""The page's words, in English and German.

The reasons are the bridge's own in English. In German they are those of the Home Assistant component
(`reasons_de.json` is a copy of them, and a test compares): an owner reads the same sentence everywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from driveway_bridge.reasons import REASONS

LANGUAGES: Final = ("en", "de")
"""The first is for those who want none of them."""
_FOLDER: Final = Path(__file__).parent / "texts"
_MOST_CHOICES: Final = 20
Section = Mapping[str, str]


@cache
def texts(language: str) -> Mapping[str, Section]:
    """All texts of one of LANGUAGES, by section and name."""
    sections: dict[str, Section] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return sections


@cache
def _german_reasons() -> Section:
    reasons: Section = json.loads((_FOLDER / "reasons_de.json").read_text("utf-8"))
    return reasons


def text(language: str, section: str, name: str, **values: object) -> str:
    """One text with its values put in; KeyError when there is none such."""
    found = texts(language)[section][name]
    return found.format(**values) if values else found


def word(language: str, section: str, name: object) -> str:
    """Say a word of the car; one that is new to us is shown as it is."""
    return texts(language)[section].get(str(name), str(name))


def reason(language: str, code: str) -> str:
    """What a reason means and what the owner can do."""
    if language == "de" and code in _german_reasons():
        return _german_reasons()[code]
    entry = REASONS.get(code, REASONS["internal"])
    return f"{entry.meaning} {entry.remedy}".strip()


def language_of(chosen: str | None, accepted: str | None) -> str:
    """Which language a reader gets: the chosen one, else the first of an Accept-Language header that there is."""
    if chosen in LANGUAGES:
        return chosen
    best, best_weight = LANGUAGES[0], 0.0
    for choice in (accepted or "").split(",")[:_MOST_CHOICES]:
        tag, _, rest = choice.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        weight = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", rest)
        rank = float(weight[1]) if weight else 1.0
        if name in LANGUAGES and rank > best_weight:
            best, best_weight = name, rank
    return best
