"""The judgement about a radio that does not work, with a clock that is a number."""

from __future__ import annotations

from itertools import pairwise

import pytest

from driveway_bridge.link.healing import (
    DEAF_S,
    FIRST_PAUSE_S,
    HOUR_S,
    LINK_FAILURES,
    POWERS_AN_HOUR,
    Healing,
    Step,
    Trouble,
)

DAY_S = 24 * HOUR_S


class Years:
    """Lets time pass over a judgement, every 5 s, as the air does."""

    def __init__(self, *, heal: bool = True) -> None:
        self.now = 1000.0
        self.judge = Healing(self.now, heal=heal)
        self.judge.started(self.now)
        self.impossible: set[Step] = {Step.LIBRARY}
        self.linked = False

    def pass_(self, seconds: float, *, stranger_every: float | None = None) -> list[tuple[float, Step]]:
        """What was due meanwhile, and when."""
        begun, steps = self.now, []
        while self.now < begun + seconds:
            self.now += 5.0
            if stranger_every is not None and (self.now - begun) % stranger_every < 5.0:
                self.judge.heard(self.now, ours=False)
            step = self.judge.next(self.now, linked=self.linked)
            if step is not None:
                steps.append((self.now - begun, step))
                self.judge.done(step, self.now, possible=step not in self.impossible)
        return steps


@pytest.fixture
def street() -> Years:
    """A place where strangers are heard, for two hours already."""
    years = Years()
    assert years.pass_(2 * HOUR_S, stranger_every=30) == []
    return years


def test_an_adapter_that_fell_silent_is_brought_back(street: Years) -> None:
    """Pains 2, 8."""
    steps = street.pass_(DEAF_S + 45)
    assert [step for _, step in steps] == [Step.SCAN, Step.POWER]
    assert steps[0][0] <= DEAF_S + 5
    street.judge.heard(street.now, ours=False)
    assert street.pass_(60, stranger_every=10) == []
    assert street.judge.state(street.now) == "ok"
    assert street.judge.healed == 1
    assert [(taken["step"], taken["worked"]) for taken in street.judge.report(street.now)] == [
        ("power", True),
        ("scan", False),
    ]


def test_a_wedged_adapter_ends_in_a_restart_of_the_service(street: Years) -> None:
    """Pains 3, 26, 29."""
    steps = street.pass_(HOUR_S)
    assert [step for _, step in steps[:4]] == [Step.SCAN, Step.POWER, Step.LIBRARY, Step.RESTART]
    assert steps[3][0] - steps[2][0] >= FIRST_PAUSE_S - 5


def test_a_young_bridge_does_not_give_up_again_at_once() -> None:
    """Pains 3, 15."""
    years = Years()
    years.pass_(60, stranger_every=10)
    steps = years.pass_(50 * 60)
    assert Step.RESTART not in {step for _, step in steps}
    assert Step.RESTART in {step for _, step in years.pass_(2 * HOUR_S)}


def test_a_radio_is_not_switched_for_ever(street: Years) -> None:
    """Pain 15."""
    street.judge._born_at = street.now + 100 * DAY_S  # so that it never gives up
    steps = street.pass_(DAY_S)
    powers = [at for at, step in steps if step is Step.POWER]
    assert 2 < len(powers) < 32
    assert max(sum(at <= other < at + HOUR_S for other in powers) for at in powers) <= POWERS_AN_HOUR
    pauses = [later - earlier for earlier, later in pairwise(powers)]
    assert pauses == sorted(pauses)


def test_the_silence_of_a_lonely_garage_is_believed() -> None:
    """Pains 22, 86."""
    years = Years()
    for _ in range(int(2 * HOUR_S / 5)):
        years.now += 5
        years.judge.heard(years.now, ours=True)
        assert years.judge.next(years.now, linked=False) is None
    steps = years.pass_(DEAF_S + 200)  # the car has left
    assert [step for _, step in steps] == [Step.SCAN, Step.POWER]
    assert years.judge.listening(years.now)
    assert not years.judge.deaf(years.now)
    assert years.judge.state(years.now) == "ok"
    later = years.pass_(DAY_S)
    assert {step for _, step in later} == {Step.POWER}
    assert len(later) <= 7
    years.judge.heard(years.now, ours=True)
    assert years.judge.healed == 0


def test_a_car_that_comes_back_right_after_a_doubt_about_the_silence_counts_as_healed() -> None:
    """Pain 86."""
    years = Years()
    years.judge.heard(years.now, ours=True)
    years.pass_(DEAF_S + 200)
    assert [step for _, step in years.pass_(HOUR_S)] == [Step.POWER]
    taken = years.judge.taken[-1]
    years.now = taken.at + 3
    years.judge.heard(years.now, ours=True)
    assert taken.worked is True
    assert years.judge.healed == 1


def test_where_nobody_was_heard_ever_the_pauses_grow_and_it_is_not_given_up() -> None:
    """Pain 15."""
    years = Years()
    steps = years.pass_(3 * DAY_S)
    assert Step.RESTART not in {step for _, step in steps}
    assert len([step for _, step in steps if step is Step.POWER]) < 25
    assert years.judge.deaf(years.now)
    assert years.judge.state(years.now) == "healing"


def test_an_adapter_that_does_not_exist_is_waited_for() -> None:
    """Pains 16, 17, 23."""
    years = Years()
    years.judge.refused(years.now, "no_adapter", missing=True)
    assert years.pass_(DAY_S) == []
    assert years.judge.state(years.now) == "missing"
    assert not years.judge.listening(years.now)
    years.judge.started(years.now)
    years.judge.heard(years.now, ours=True)
    assert years.judge.state(years.now) == "ok"
    assert years.judge.listening(years.now)


def test_a_scan_that_cannot_be_begun_is_a_trouble_too() -> None:
    """Pains 2, 19."""
    years = Years()
    years.judge.refused(years.now, "radio_unavailable", missing=False)
    assert years.pass_(5) == []
    years.judge.refused(years.now, "radio_unavailable", missing=False)
    assert [step for _, step in years.pass_(40)] == [Step.SCAN, Step.POWER]
    assert years.judge.trouble is Trouble.NO_SCAN
    years.judge.started(years.now)
    years.pass_(5)
    assert years.judge.healed == 1


def test_an_adapter_that_was_switched_off_is_switched_on() -> None:
    """Pain 2."""
    years = Years()
    for _ in range(2):
        years.judge.refused(years.now, "adapter_off", missing=False)
    assert [step for _, step in years.pass_(10)] == [Step.POWER]


def test_the_pause_after_remedies_in_vain_ends_with_their_trouble() -> None:
    """Blocked and unblocked by a person, then switched off: the second time there is something that helps at once."""
    years = Years()
    for _ in range(2):
        years.judge.refused(years.now, "adapter_off", missing=False)
    years.pass_(100)
    assert years.judge.trouble is Trouble.NO_SCAN
    years.judge.started(years.now)
    years.judge.heard(years.now, ours=True)
    assert years.pass_(5) == []
    for _ in range(2):
        years.judge.refused(years.now, "adapter_off", missing=False)
    assert [step for _, step in years.pass_(5)] == [Step.POWER]


def test_connections_that_fail_again_and_again_to_a_car_that_is_heard_well(street: Years) -> None:
    """Pains 3, 26, 29."""
    for _ in range(LINK_FAILURES):
        assert street.pass_(5, stranger_every=5) == []
        street.judge.not_linked(-60)
    assert [step for _, step in street.pass_(5, stranger_every=5)] == [Step.SCAN]
    assert street.pass_(600, stranger_every=5) == []  # nobody tried again
    street.judge.not_linked(-60)
    street.judge.not_linked(None)
    assert [step for _, step in street.pass_(5, stranger_every=5)] == [Step.POWER]
    street.judge.linked()
    assert street.pass_(5, stranger_every=5) == []
    assert street.judge.healed == 1


def test_a_car_that_is_too_far_away_is_no_fault_of_the_adapter(street: Years) -> None:
    """Pains 15, 95."""
    for _ in range(50):
        street.judge.not_linked(-93)
    assert street.pass_(600, stranger_every=5) == []


def test_a_link_that_is_open_is_not_cut_to_heal(street: Years) -> None:
    """Pain 33."""
    street.linked = True
    assert [step for _, step in street.pass_(HOUR_S)] == [Step.SCAN]
    street.linked = False
    assert street.pass_(5) == [(5.0, Step.POWER)]


def test_the_gap_of_a_connection_does_not_look_like_deafness(street: Years) -> None:
    """Pain 22."""
    street.judge.stopped(street.now)
    street.now += 6
    assert street.judge.listening(street.now)
    street.now += 3 * DEAF_S
    assert street.judge.silence_s(street.now) < 30
    assert not street.judge.listening(street.now)
    street.judge.started(street.now)
    assert street.judge.listening(street.now)
    assert street.judge.next(street.now, linked=False) is None


def test_without_healing_it_is_only_recorded(street: Years) -> None:
    """Pain 23."""
    years = Years(heal=False)
    years.pass_(HOUR_S, stranger_every=30)
    assert [step for _, step in years.pass_(HOUR_S)] == [Step.NONE]
    assert years.judge.state(years.now) == "deaf"
    assert [(taken["step"], taken["why"]) for taken in years.judge.report(years.now)] == [("none", "deaf")]
    years.judge.heard(years.now, ours=False)
    years.pass_(5)
    assert years.judge.state(years.now) == "ok"
    assert years.judge.healed == 0


def test_only_the_last_steps_are_kept(street: Years) -> None:
    street.judge._born_at = street.now + 100 * DAY_S
    street.pass_(5 * DAY_S)
    assert len(street.judge.report(street.now)) == 20
