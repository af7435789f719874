"""Both languages are whole, and say what the rest of Driveway says."""

from __future__ import annotations

import json
import re
import string

import pytest

from driveway_bridge.reasons import REASONS
from driveway_bridge.web import texts
from driveway_bridge.web.texts import language_of, reason
from tests.bridge.web import german_reasons

FOLDER = german_reasons.PAGE.parents[1]
ENGLISH, GERMAN = texts.texts("en"), texts.texts("de")


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    assert ENGLISH.keys() == GERMAN.keys()
    for section, english in ENGLISH.items():
        assert english.keys() == GERMAN[section].keys()
        for name, text in english.items():
            assert text.strip() == text != ""
            assert placeholders(text) == placeholders(GERMAN[section][name]), name


def test_every_text_of_the_page_is_used_and_every_used_one_is_there() -> None:
    html = (FOLDER / "static/page.html").read_text("utf-8")
    script = "".join(file.read_text("utf-8") for file in (FOLDER / "static").glob("*.js"))
    named = set(re.findall(r"\{\{(\w+)\}\}", html)) - {"texts", "language_code"}
    spoken = set(re.findall(r"\btexts\.(\w+)", script)) | {"locking", "unlocking"}
    assert named | spoken == ENGLISH["page"].keys()


def test_every_reason_has_its_german_sentence() -> None:
    for code in REASONS:
        german = reason("de", code)
        assert german, code
        assert german != reason("en", code), f"{code}: run python -m tests.bridge.web.german_reasons"


def test_the_german_reasons_are_the_components() -> None:
    copy = json.loads(german_reasons.PAGE.read_text("utf-8"))
    assert copy == german_reasons.sentences(), "run python -m tests.bridge.web.german_reasons"


def test_english_reasons_have_meaning_and_remedy() -> None:
    assert reason("en", "places_full") == " ".join(REASONS["places_full"])


def test_a_reason_that_is_new_to_us_is_still_a_sentence() -> None:
    assert reason("de", "never_heard_of").endswith(".")


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "de-DE,de;q=0.9,en;q=0.8", "de"),
        (None, "en-GB,en;q=0.9,de;q=0.1", "en"),
        (None, "fr, de;q=0.5, en;q=0.4", "de"),
        (None, "fr", "en"),
        (None, None, "en"),
        (None, "de;q=0", "en"),
        (None, "de;q=nonsense,en;q=0.2", "de"),
        (None, "," * 5000, "en"),
        ("de", "en", "de"),
        ("en", "de", "en"),
        ("../../etc", "de", "de"),
    ],
)
def test_the_reader_gets_his_language(chosen: str | None, accepted: str | None, language: str) -> None:
    assert language_of(chosen, accepted) == language
