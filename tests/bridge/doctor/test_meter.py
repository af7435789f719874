"""The meter of the car's signal."""

from __future__ import annotations

import pytest

from driveway_bridge.doctor import strength
from driveway_bridge.doctor.meter import Meter, Reading


def test_nothing_heard_is_nothing_shown() -> None:
    meter = Meter()
    meter.begin(100.0)
    assert meter.read(101.0) == Reading(current=None, mean=None, best=None, best_at=None, per_s=0.0)


def test_current_mean_best_and_rate() -> None:
    """Pain 95."""
    meter = Meter()
    meter.begin(100.0)
    for second, rssi in enumerate((-80, -60, -70, -75, -85)):
        meter.hear(101.0 + second, rssi)
    reading = meter.read(105.0)
    assert (reading.current, reading.mean, reading.best, reading.best_at) == (-85, -74, -60, 102.0)
    assert reading.per_s == pytest.approx(1.0)


def test_the_mean_is_of_the_last_five_seconds_and_the_best_of_all() -> None:
    meter = Meter()
    meter.begin(0.0)
    meter.hear(1.0, -50)
    meter.hear(7.0, -80)
    reading = meter.read(10.0)
    assert (reading.mean, reading.best, reading.best_at) == (-80, -50, 1.0)
    assert meter.read(11.5).current is None, "what was heard 4 s ago is not how it is now"
    assert meter.read(20.0) == Reading(current=None, mean=None, best=-50, best_at=1.0, per_s=0.0)


def test_the_rate_of_the_first_second_is_not_that_of_five() -> None:
    meter = Meter()
    meter.begin(0.0)
    for tenth in range(10):
        meter.hear(tenth / 10, -70)
    assert meter.read(1.0).per_s == pytest.approx(10.0)


def test_a_call_without_a_figure_counts_as_a_call() -> None:
    meter = Meter()
    meter.begin(0.0)
    meter.hear(1.0, None)
    reading = meter.read(1.0)
    assert (reading.current, reading.mean, reading.per_s) == (None, None, 1.0)


@pytest.mark.parametrize(("dbm", "word"), [(-40, "good"), (-70, "good"), (-70.5, "fair"), (-85, "fair"), (-86, "weak")])
def test_words(dbm: float, word: str) -> None:
    assert strength.word(dbm) == word
