"""What counts as having happened: only what changed while somebody watched."""

from __future__ import annotations

import pytest

from driveway_bridge.judgement.happenings import (
    ARRIVED,
    BLIND_S,
    DROVE_OFF,
    GAP_S,
    PUSH_S,
    STIR_S,
    Change,
    Deeds,
    Doer,
    LockWatch,
    Whereabouts,
    gap_s,
)

HOME = Doer("client", "3f0a9c11d2e4b567")
PAGE = Doer("page")


class TestLock:
    def test_the_first_word_is_no_news(self) -> None:
        watch = LockWatch()
        assert watch.heard(False, 0, GAP_S) is None
        assert watch.heard(False, 30, GAP_S) is None
        assert watch.heard(True, 60, GAP_S) == Change(locked=True, since=30)
        assert watch.heard(True, 61, GAP_S) is None
        changed = watch.heard(False, 90, GAP_S)
        assert changed is not None
        assert changed.event == "unlocked"

    def test_what_changed_while_nobody_watched_did_not_just_happen(self) -> None:
        watch = LockWatch()
        watch.heard(True, 0, GAP_S)
        assert watch.heard(False, GAP_S + 1, GAP_S) is None
        assert watch.heard(True, GAP_S + 31, GAP_S) is not None

    def test_a_word_that_we_do_not_know_interrupts(self) -> None:
        watch = LockWatch()
        watch.heard(True, 0, GAP_S)
        assert watch.heard(None, 10, GAP_S) is None
        assert watch.heard(False, 20, GAP_S) is None

    def test_another_bridges_word_is_one_on_the_lock(self) -> None:
        watch = LockWatch()
        watch.heard(True, 0, GAP_S)
        watch.told("unlocked", 10)
        watch.told("arrived", 20)
        assert watch.heard(False, 30, GAP_S) is None
        watch.told("locked", 40)
        assert watch.heard(False, 50, GAP_S) == Change(locked=False, since=40)

    def test_what_was_answered_before_another_bridges_word_is_not_what_followed_it(self) -> None:
        watch = LockWatch()
        watch.told("unlocked", 10)
        assert watch.heard(True, 15, GAP_S, old_s=5.1) is None
        assert not watch.blind
        assert watch.heard(False, 16, GAP_S, old_s=6.2) is None
        assert watch.heard(True, 17, GAP_S, old_s=0.3) == Change(locked=True, since=16)

    def test_what_was_asked_after_it_is(self) -> None:
        watch = LockWatch()
        watch.told("unlocked", 10)
        assert watch.heard(True, 10.4, GAP_S, old_s=0.3) == Change(locked=True, since=10)

    def test_what_the_car_says_by_itself_is_never_that_old(self) -> None:
        watch = LockWatch()
        watch.told("unlocked", 10)
        assert watch.heard(True, 10.1, GAP_S, old_s=PUSH_S) is None
        assert watch.heard(True, 11, GAP_S, old_s=PUSH_S) == Change(locked=True, since=10)

    def test_it_is_blind_where_nobody_watched_before(self) -> None:
        watch = LockWatch()
        seen = []
        for at in (0, 30, 30 + GAP_S + 1):
            watch.heard(True, at, GAP_S)
            seen.append(watch.blind)
        assert seen == [True, False, True]

    @pytest.mark.parametrize(("every_s", "gap"), [(1, GAP_S), (30, GAP_S), (60, 150), (3600, 9000)])
    def test_who_asks_rarely_watches_with_longer_gaps(self, every_s: float, gap: float) -> None:
        assert gap_s(every_s) == gap


class TestDeeds:
    def test_a_command_that_is_under_way_did_it(self) -> None:
        deeds = Deeds()
        deeds.begun("a", "unlock", HOME)
        change = Change(locked=False, since=0)
        assert deeds.doer(change) is None  # it has not left
        deeds.sent("a")
        assert deeds.doer(change) == HOME
        assert deeds.doer(Change(locked=True, since=0)) is None

    def test_a_command_that_ended_since_the_lock_was_otherwise_did_it(self) -> None:
        deeds = Deeds()
        deeds.begun("a", "auto_secure", PAGE)
        deeds.sent("a")
        deeds.ended("a", 5, may_have_happened=True)
        assert deeds.doer(Change(locked=True, since=4)) == PAGE
        assert deeds.doer(Change(locked=True, since=6)) is None  # somebody else, later

    def test_a_car_that_is_locked_each_minute_fills_no_memory(self) -> None:
        deeds = Deeds()
        for minute in range(1000):
            deeds.begun(f"{minute}", "lock", HOME)
            deeds.sent(f"{minute}")
            deeds.ended(f"{minute}", 60.0 * minute, may_have_happened=True)
        assert len(deeds._deeds) == 1
        deeds.begun("unlock", "unlock", PAGE)
        deeds.sent("unlock")
        deeds.ended("unlock", 60_000, may_have_happened=True)
        assert deeds.doer(Change(locked=True, since=59_900)) == HOME
        assert deeds.doer(Change(locked=False, since=59_990)) == PAGE

    def test_what_came_to_nothing_did_nothing(self) -> None:
        deeds = Deeds()
        deeds.begun("a", "lock", HOME)
        deeds.sent("a")
        deeds.ended("a", 5, may_have_happened=False)
        assert deeds.doer(Change(locked=True, since=4)) is None

    def test_other_commands_lock_nothing(self) -> None:
        deeds = Deeds()
        deeds.begun("a", "climate_on", HOME)
        deeds.sent("a")
        deeds.ended("a", 1, may_have_happened=True)
        assert deeds.doer(Change(locked=False, since=0)) is None

    def test_of_two_the_one_that_fits(self) -> None:
        deeds = Deeds()
        for name, doer in (("unlock", HOME), ("lock", PAGE)):
            deeds.begun(name, name, doer)
            deeds.sent(name)
        assert deeds.doer(Change(locked=True, since=0)) == PAGE
        assert deeds.doer(Change(locked=False, since=0)) == HOME


class TestWhereabouts:
    def test_driven_away_and_back(self) -> None:
        car = Whereabouts()
        assert car.judge(True, 0, 0) is None
        car.stirred(60)
        assert car.judge(False, 70, 160) == DROVE_OFF
        assert car.away
        assert car.judge(False, 70, 5000) is None
        assert car.judge(True, 9000, 9000) == ARRIVED
        assert car.judge(True, 9001, 9001) is None

    def test_at_the_edge_of_range_nothing_happens(self) -> None:
        car = Whereabouts()
        for start in range(0, 20_000, 1000):
            assert car.judge(True, start, start) is None
            assert car.judge(False, start, start + 90) is None

    def test_somebody_was_there_but_long_before(self) -> None:
        car = Whereabouts()
        car.stirred(0)
        assert car.judge(True, STIR_S + 1, STIR_S + 1) is None
        assert car.judge(False, STIR_S + 1, STIR_S + 91) is None

    def test_never_heard_is_not_driven_away(self) -> None:
        assert Whereabouts().judge(False, float("-inf"), 90) is None

    def test_a_restart_while_it_was_away(self) -> None:
        car = Whereabouts(away=True)
        assert car.judge(False, float("-inf"), 90) is None
        assert car.judge(True, 4000, 4000) == ARRIVED

    def test_it_came_back_while_the_bridge_was_off(self) -> None:
        car = Whereabouts(away=True)
        assert car.judge(True, 1, 1) is None
        assert not car.away

    @pytest.mark.parametrize(("blind_s", "said"), [(BLIND_S, ARRIVED), (BLIND_S + 1, None)])
    def test_the_radio_was_deaf_while_it_was_away(self, blind_s: float, said: str | None) -> None:
        car = Whereabouts(away=True)
        car.judge(False, 0, 90)
        car.judge(None, 0, 1000)
        assert car.judge(True, 1000 + blind_s, 1000 + blind_s) == said
