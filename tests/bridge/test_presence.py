"""Whether the car is near: heard, not heard for long, or nobody knows."""

from __future__ import annotations

from driveway_bridge.presence import GONE_S, Presence


def test_at_first_nobody_knows() -> None:
    presence = Presence()
    assert presence.judge(0.0, listening=True) is None
    assert presence.judge(GONE_S - 1, listening=True) is None


def test_a_car_that_was_never_heard_is_away_after_a_while_of_listening() -> None:
    presence = Presence()
    presence.judge(0.0, listening=True)
    assert presence.judge(GONE_S, listening=True) is False


def test_a_car_that_is_heard_is_near_at_once() -> None:
    presence = Presence()
    presence.judge(0.0, listening=True)
    presence.judge(GONE_S, listening=True)
    presence.heard(GONE_S + 1)
    assert presence.judge(GONE_S + 2, listening=True) is True


def test_a_gap_such_as_an_update_of_the_car_makes_is_no_departure() -> None:
    presence = Presence()
    presence.judge(0.0, listening=True)
    presence.heard(100.0)
    assert presence.judge(120.0, listening=True) is True
    assert presence.judge(100.0 + GONE_S, listening=True) is False


def test_a_deaf_radio_says_nothing_about_the_car() -> None:
    """Pains 22, 23."""
    presence = Presence()
    presence.judge(0.0, listening=True)
    presence.heard(10.0)
    assert presence.judge(20.0, listening=False) is True
    assert presence.judge(10.0 + GONE_S, listening=False) is None
    assert presence.judge(200.0, listening=True) is None
    assert presence.judge(200.0 + GONE_S, listening=True) is False
