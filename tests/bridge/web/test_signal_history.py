"""A day of signals in a fixed memory, and its picture."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import pytest

from driveway_bridge.link.base import Sighting
from driveway_bridge.signal_history import MINUTES, SignalHistory
from driveway_bridge.web import picture

SVG = "{http://www.w3.org/2000/svg}"


class Hours:
    """A clock in minutes."""

    def __init__(self) -> None:
        self.minute = 1000.0

    def __call__(self) -> float:
        return self.minute * 60


def hear(history: SignalHistory, *signals: int | None) -> None:
    for signal in signals:
        history.sighted(Sighting(at=0.0, rssi_dbm=signal, connectable=True))


@pytest.fixture
def clock() -> Hours:
    return Hours()


@pytest.fixture
def history(clock: Hours) -> SignalHistory:
    return SignalHistory(clock)


def test_a_minute_holds_its_weakest_mean_and_strongest(history: SignalHistory) -> None:
    hear(history, -80, -90, -70, -80)
    assert history.points() == [
        {"minutes_ago": 0, "min_dbm": -90, "mean_dbm": -80.0, "max_dbm": -70, "count": 4, "linked": False}
    ]


def test_minutes_without_the_car_are_gaps_and_not_repeated_values(history: SignalHistory, clock: Hours) -> None:
    hear(history, -80)
    clock.minute += 3
    hear(history, -60)
    assert [(point["minutes_ago"], point["mean_dbm"]) for point in history.points()] == [
        (3, -80.0),
        (2, None),
        (1, None),
        (0, -60.0),
    ]


def test_a_link_explains_why_nothing_was_heard(history: SignalHistory, clock: Hours) -> None:
    clock.minute += 1
    history.heard_link(linked=True, reason=None)
    clock.minute += 2
    history.heard_link(linked=False, reason=None)
    clock.minute += 1
    assert [point["linked"] for point in history.points()] == [False, True, True, True, False]


def test_after_a_day_the_oldest_goes(history: SignalHistory, clock: Hours) -> None:
    hear(history, -50)
    clock.minute += MINUTES - 1
    assert history.points()[0]["mean_dbm"] == -50
    clock.minute += 1
    points = history.points()
    assert len(points) == MINUTES
    assert {point["count"] for point in points} == {0}


def test_a_long_pause_leaves_nothing_old(history: SignalHistory, clock: Hours) -> None:
    hear(history, -50)
    clock.minute += 10 * MINUTES
    assert {point["count"] for point in history.points()} == {0}
    hear(history, -55)
    assert history.points()[-1]["mean_dbm"] == -55


def test_what_no_radio_measures_is_not_drawn(history: SignalHistory) -> None:
    hear(history, None, 127, -128)
    assert history.points()[0]["count"] == 0


def test_the_memory_does_not_grow(history: SignalHistory, clock: Hours) -> None:
    def size() -> int:
        return sum(sys.getsizeof(value) for value in vars(history).values())

    hear(history, -80)
    before = size()
    for _ in range(2 * MINUTES):
        clock.minute += 1
        hear(history, -80, -81)
    assert size() == before < 64_000


# The picture ----------------------------------------------------------------------------------------------------------


def drawn(history: SignalHistory, language: str = "en", width: int = 400) -> ET.Element:
    return ET.fromstring(picture.draw(history.points(), language, width))


def test_the_picture_shows_the_gap(history: SignalHistory, clock: Hours) -> None:
    for minute in range(60):
        if not 20 <= minute < 40:
            hear(history, -80)
        clock.minute += 1
    root = drawn(history)
    assert len(root.findall(f"{SVG}polygon")) == 2
    [heard, silent, _, _] = [rect for rect in root.findall(f"{SVG}rect") if rect.get("class") != "weak"]
    assert (heard.get("class"), silent.get("class")) == ("heard", "silent")
    assert float(silent.get("width", "0")) == pytest.approx(float(heard.get("width", "0")), rel=0.2)


def test_a_link_is_told_apart_from_silence(history: SignalHistory, clock: Hours) -> None:
    history.heard_link(linked=True, reason=None)
    clock.minute += 50
    root = drawn(history)
    assert root.findall(f"{SVG}rect[@class='linked']")
    assert not root.findall(f"{SVG}rect[@class='silent']")


def test_who_does_not_see_the_picture_hears_it(history: SignalHistory) -> None:
    hear(history, -95, -61)
    english, german = (drawn(history, language).findtext(f"{SVG}desc") or "" for language in ("en", "de"))
    assert "Between -95 and -61 dBm" in english
    assert "Zwischen -95 und -61 dBm" in german


def test_a_picture_of_nothing_says_so(history: SignalHistory) -> None:
    assert "not heard" in (drawn(history).findtext(f"{SVG}desc") or "")
    assert ET.fromstring(picture.draw([], "de", 0)).findtext(f"{SVG}desc")


def test_the_picture_is_as_wide_as_asked_within_reason(history: SignalHistory) -> None:
    for asked, given in ((0, picture.NARROWEST), (400, 400), (99_999, picture.WIDEST)):
        assert drawn(history, width=asked).get("width") == str(given)


def test_a_stronger_signal_stands_higher(history: SignalHistory, clock: Hours) -> None:
    def height(signal: int) -> float:
        other = SignalHistory(clock)
        hear(other, signal)
        line = drawn(other).find(f"{SVG}polyline")
        assert line is not None
        return float(line.get("points", "").split()[0].split(",")[1])

    assert height(-50) < height(-70) < height(-90)
