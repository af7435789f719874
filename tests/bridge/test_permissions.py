"""What words mean that an owner writes, and whether it is the hour."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from driveway_bridge.mqtt.catalogue import CATALOGUE
from driveway_bridge.permissions import GROUPS, Hours, allow, unknown_word

BERLIN = ZoneInfo("Europe/Berlin")


def test_groups_are_made_of_commands_that_there_are() -> None:
    for name, group in GROUPS.items():
        assert group, name
        assert group <= CATALOGUE.keys(), name
    assert not GROUPS.keys() & CATALOGUE.keys()


@pytest.mark.parametrize("group", sorted(GROUPS.keys() - {"everything", "opening"}))
def test_no_other_group_opens_anything(group: str) -> None:
    assert not [name for name in GROUPS[group] if CATALOGUE[name].opens]


def test_everything_but_opening_is_all_the_rest() -> None:
    rest = GROUPS["everything"] - GROUPS["everything-but-opening"]
    assert rest == {name for name, entry in CATALOGUE.items() if entry.opens}
    assert {"unlock", "pair", "key_add", "pin_to_drive"} <= rest


def test_reading_does_not_tell_where_the_car_is() -> None:
    assert {"status", "read_charge", "keys"} <= GROUPS["reading"]
    assert not GROUPS["reading"] & GROUPS["location"]
    assert all(name.startswith(("read_", "key")) or name in ("status", "drill", "ping") for name in GROUPS["reading"])


def test_charging_does_not_open_the_port() -> None:
    assert {"charge_start", "charge_limit", "scheduled_departure", "wake"} <= GROUPS["charging"]
    assert not [name for name in GROUPS["charging"] if "port" in name]


def test_words_add_up_and_unknown_ones_are_nothing() -> None:
    assert [name for name in CATALOGUE if allow(["locking", "unlock"], name)] == ["lock", "unlock", "auto_secure"]
    assert not [name for name in CATALOGUE if allow(["teleport"], name) or allow([], name)]


def test_a_word_that_is_none_is_answered_with_what_may_be_meant() -> None:
    assert unknown_word("unlock") is None
    assert unknown_word("everything") is None
    assert "`unlock`" in (unknown_word("unlok") or "")
    assert "`locking`" in (unknown_word("Lockin") or "")
    assert "Groups are: everything," in (unknown_word("zzz") or "")


# Hours ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put the computer into a time zone."""
    yield lambda name: monkeypatch.setenv("TZ", name)
    monkeypatch.undo()
    time.tzset()


def at(text: str, *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def test_a_day_begins_and_ends_on_the_minute(zone: Callable[[str], None]) -> None:
    zone("Europe/Berlin")
    day = Hours.parse("06:00-22:00")
    assert str(day) == "06:00-22:00"
    assert [day.hold(at(f"2026-11-22T{clock}")) for clock in ("05:59:59", "06:00", "21:59:59", "22:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_night_goes_over_midnight(zone: Callable[[str], None]) -> None:
    zone("Europe/Berlin")
    night = Hours.parse("22:00-6:30")
    assert str(night) == "22:00-06:30"
    wanted = {"21:59": False, "22:00": True, "23:59:59": True, "00:00": True, "06:29": True, "06:30": False}
    assert {clock: night.hold(at(f"2026-11-22T{clock}")) for clock in wanted} == wanted


def test_until_midnight_and_from_midnight(zone: Callable[[str], None]) -> None:
    zone("Europe/Berlin")
    for text in ("20:00-24:00", "20:00-00:00"):
        evening = Hours.parse(text)
        assert evening.hold(at("2026-11-22T23:59:59"))
        assert not evening.hold(at("2026-11-23T00:00"))
    assert Hours.parse("00:00-06:00").hold(at("2026-11-23T00:00"))


def test_hours_go_by_the_clock_on_the_wall_when_that_is_put_forward(zone: Callable[[str], None]) -> None:
    """On 29 March 2026 two o'clock is followed by three."""
    zone("Europe/Berlin")
    before = at("2026-03-29T01:59:59")
    assert not Hours.parse("02:00-03:00").hold(before)
    assert not Hours.parse("02:00-03:00").hold(before + 1), "that hour does not come on this day"
    assert Hours.parse("03:00-04:00").hold(before + 1)
    assert Hours.parse("22:00-02:30").hold(before)
    assert not Hours.parse("22:00-02:30").hold(before + 1)


def test_hours_go_by_the_clock_on_the_wall_when_that_is_put_back(zone: Callable[[str], None]) -> None:
    """On 25 October 2026 the hour from two to three comes twice."""
    zone("Europe/Berlin")
    hour = Hours.parse("02:00-03:00")
    first, second = at("2026-10-25T02:30"), at("2026-10-25T02:30", fold=1)
    assert second - first == 3600
    assert [hour.hold(first), hour.hold(second), hour.hold(second + 1800)] == [True, True, False]


def test_a_time_zone_that_is_changed_counts_at_once(zone: Callable[[str], None]) -> None:
    noon = at("2026-06-01T12:00")
    hours = Hours.parse("12:00-13:00")
    zone("Europe/Berlin")
    assert hours.hold(noon)
    zone("America/New_York")
    assert not hours.hold(noon)


@pytest.mark.parametrize(
    "text",
    ["", "6-22", "06:00", "06:00-06:00", "00:00-24:00", "24:00-06:00", "06:60-07:00", "25:00-26:00", "6:00-24:01"],
)
def test_what_is_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match=r"Give hours as|A day begins|whole day"):
        Hours.parse(text)


def test_the_contracts_page_names_every_group() -> None:
    page = (Path(__file__).parents[2] / "docs/mqtt.md").read_text()
    cells = re.findall(r"^\| (`[^|]*`) \|", page, re.MULTILINE)
    named = {word for cell in cells for word in re.findall("`([^`]*)`", cell)}
    assert GROUPS.keys() <= named
