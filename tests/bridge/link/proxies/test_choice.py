"""Which of several radios connects, as a judgement: signal, failures, and what silence proves."""

from __future__ import annotations

import pytest

from driveway_bridge.link.choice import FORGIVE_S, STALE_S, WITNESS_S, Path, ranking, witnesses


def heard(*figures: int | None, at: float = 0.0) -> Path:
    path = Path()
    for number, rssi in enumerate(figures):
        path.heard(at + 0.2 * number, rssi)
    return path


def test_the_strongest_comes_first() -> None:
    near, far, unknown = heard(-50), heard(-80), heard(None)
    assert ranking([far, unknown, near], 1) == [near, far, unknown]


def test_one_strong_figure_among_weak_ones_changes_nothing() -> None:
    steady, jumpy = heard(-70, -70, -70, -70), heard(-80, -80, -80, -58)
    assert ranking([jumpy, steady], 1) == [steady, jumpy]
    assert jumpy.rssi_dbm == pytest.approx(-73.4)


def test_a_car_that_comes_nearer_is_followed() -> None:
    path = heard(-90, *[-50] * 10)
    assert path.rssi_dbm > -53


def test_figures_from_long_ago_do_not_count() -> None:
    path = heard(-40)
    path.heard(STALE_S + 1, -90)
    assert path.rssi_dbm == -90


def test_who_did_not_hear_it_of_late_does_not_connect() -> None:
    fresh, stale, never = heard(-90, at=20), heard(-40), Path()
    assert ranking([stale, never, fresh], 21) == [fresh]


def test_after_one_failure_the_next_attempt_takes_another() -> None:
    near, far = heard(-50), heard(-80)
    near.failed(1)
    assert ranking([near, far], 1) == [far, near]
    far.failed(2)
    assert ranking([near, far], 2) == [near, far]


def test_what_has_worked_is_trusted_again() -> None:
    near, far = heard(-50), heard(-80)
    near.failed(1)
    near.worked()
    assert ranking([near, far], 2) == [near, far]


def test_failures_are_forgiven_after_a_while() -> None:
    near, far = heard(-50), heard(-80)
    near.failed(1)
    late = 1 + FORGIVE_S
    for path, rssi in ((near, -50), (far, -80)):
        path.heard(late, rssi)
    assert ranking([near, far], late) == [near, far]
    near.failed(late)
    assert near.failures(late) == 1


def test_only_silence_of_those_that_heard_it_proves_something() -> None:
    beside, cellar, old = heard(-50, at=WITNESS_S + 5), Path(), heard(-90)
    assert witnesses([beside, cellar, old]) == [beside]
    assert witnesses([cellar, Path()])[0] is cellar
    assert len(witnesses([cellar, Path()])) == 2
