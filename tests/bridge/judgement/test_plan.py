"""What is asked next, and when: each rule by itself."""

from __future__ import annotations

import itertools

import pytest

from driveway_bridge.judgement.details import ENDING_LIMIT_S, GLANCE_EVERY_S, GLANCE_LIMIT_S
from driveway_bridge.judgement.pace import QUESTIONS
from driveway_bridge.judgement.phase import OCCUPIED_S, PUZZLING_S, STAYS_AWAKE_S
from driveway_bridge.judgement.plan import AWAY_S, KEPT_S, LONGEST_RETRY_S, STATUS, UNHEARD_S, Plan, Question
from driveway_bridge.judgement.window import FAST_S, READ_BACK_S, ROUND_S
from driveway_bridge.state.body import Body, ClosureState
from driveway_bridge.state.charge import Charge, ChargingState
from driveway_bridge.state.climate import Climate
from driveway_bridge.state.reading import State
from tests.bridge.judgement.bodies import body

CHARGING = Charge(charging=ChargingState.CHARGING, minutes_to_limit=90)
COMPLETE = Charge(charging=ChargingState.COMPLETE)
OPEN = ClosureState.OPEN
TAKES_S = 1.0


class Talk:
    """A car that answers everything within a second, by a plan; what was asked is kept."""

    def __init__(self, *, details: bool = True, location: bool = False, kept: bool = False, **at: float) -> None:
        self.plan = Plan(every_s=30.0, kept=kept, details=details, location=location)
        self.now = at.get("now", 1000.0)
        self.body: Body | None = body()
        self.states: dict[str, State] = {}
        self.silent: dict[str, str] = {}
        """Reasons by question that fails."""
        self.asked: list[tuple[float, str]] = []
        self.may_prolong = True

    def run(self, seconds: float) -> list[tuple[float, str]]:
        """Ask for so long; gives what was asked."""
        begin, end = len(self.asked), self.now + seconds
        while True:
            question = self.plan.next(self.now, may_prolong=self.may_prolong)
            if question.due > end:
                break
            self.now = max(self.now, question.due)
            question = self.plan.next(self.now, may_prolong=self.may_prolong)
            if question.due <= self.now:
                self.ask(question)
        self.now = max(self.now, end)
        return self.asked[begin:]

    def ask(self, question: Question) -> None:
        self.asked.append((self.now, question.name))
        self.plan.asking(question.name, self.now)
        self.now += TAKES_S
        reason = self.silent.get(question.name)
        if question.name == STATUS:
            if self.body is None:
                self.plan.not_reached(reason or "not_in_range", self.now)
                return
            self.plan.heard_body(self.body, self.now)
        elif reason is not None:
            self.plan.refused(question.name, reason, self.now, temporary=reason == "no_answer")
            return
        else:
            subject = next(subject for subject, name in QUESTIONS.items() if name == question.name)
            self.plan.heard_state(subject, self.states.get(subject, Climate()), self.now)
        self.plan.answered(question.name, self.now)

    def details(self, seconds: float) -> list[tuple[float, str]]:
        """What infotainment is asked within so many seconds."""
        return [(at, name) for at, name in self.run(seconds) if name != STATUS]


def gaps(asked: list[tuple[float, str]], name: str) -> list[float]:
    times = [at for at, what in asked if what == name]
    return [round(after - before, 3) for before, after in itertools.pairwise(times)]


# The body -------------------------------------------------------------------------------------------------------------


def test_the_first_question_is_the_status_at_once() -> None:
    talk = Talk()
    assert talk.plan.next(talk.now) == Question(STATUS, talk.now)


def test_the_status_is_read_now_and_then() -> None:
    asked = Talk(details=False).run(300)
    assert {name for _, name in asked} == {STATUS}
    assert gaps(asked, STATUS) == [30 + TAKES_S] * (len(asked) - 1)


def test_what_the_car_tells_by_itself_need_not_be_asked() -> None:
    talk = Talk()
    talk.run(1)
    talk.now += 20
    talk.plan.heard_body(body(), talk.now)
    assert talk.plan.next(talk.now) == Question(STATUS, talk.now + 30)
    talk.plan.heard_link(linked=True)
    assert talk.plan.next(talk.now) == Question(STATUS, talk.now + 60)


def test_a_link_that_is_kept_is_spoken_on() -> None:
    """Cars drop links on which nothing is said."""
    talk = Talk(kept=True)
    talk.run(1)
    talk.plan.heard_link(linked=True)
    assert set(gaps(talk.run(300), STATUS)) == {KEPT_S + TAKES_S}


def test_doubt_is_looked_into_soon() -> None:
    """Pain 67."""
    talk = Talk()
    talk.run(5)
    talk.plan.soon(0.3, talk.now)
    assert talk.plan.next(talk.now) == Question(STATUS, talk.now + 0.3)


def test_after_a_lock_command_only_the_body_is_asked() -> None:
    """Pains 57, 67."""
    talk = Talk()
    talk.run(5)
    talk.plan.commanded(None, talk.now, infotainment=False)
    given = talk.now
    asked = talk.run(300)
    assert asked[0][0] - given <= 2
    assert {name for _, name in asked} == {STATUS}


def test_a_car_that_is_not_reached_is_tried_more_and_more_rarely() -> None:
    talk = Talk()
    talk.body = None
    pauses = [gap - TAKES_S for gap in gaps(talk.run(3000), STATUS)]
    assert pauses[:4] == [2, 4, 8, 16]
    assert pauses[-1] == LONGEST_RETRY_S
    assert sorted(pauses) == pauses


def test_while_the_radio_says_that_it_is_away_it_is_left_alone() -> None:
    talk = Talk()
    talk.run(60)
    talk.body = None
    talk.plan.judged(False, talk.now)
    asked = talk.run(10_000)
    assert gaps(asked, STATUS) == [AWAY_S] * (len(asked) - 1)
    assert len(asked) > 1, "the radio may be wrong"


def test_it_is_asked_at_once_when_it_is_back() -> None:
    """Pains 4, 86."""
    talk = Talk()
    talk.body = None
    talk.plan.judged(False, talk.now)
    talk.run(1000)
    talk.plan.judged(True, talk.now)
    assert talk.plan.next(talk.now).due <= talk.now


def test_a_car_that_is_heard_again_is_asked_at_once_but_only_the_first_time() -> None:
    talk = Talk()
    talk.body = None
    talk.run(1000)
    assert talk.plan.sighted(talk.now, connectable=None)
    assert talk.plan.next(talk.now).due <= talk.now
    for _ in range(100):
        talk.run(UNHEARD_S - 1)
        assert not talk.plan.sighted(talk.now, connectable=None)
    assert gaps(talk.asked, STATUS)[-1] > 100


def test_a_place_that_became_free_is_a_reason_to_try_again() -> None:
    talk = Talk()
    talk.body = None
    talk.plan.sighted(talk.now, connectable=False)
    talk.run(100)
    talk.plan.sighted(talk.now, connectable=False)
    talk.run(20)
    assert not talk.plan.sighted(talk.now + 1, connectable=False)
    assert talk.plan.sighted(talk.now + 2, connectable=True)


def test_who_is_linked_is_not_away() -> None:
    talk = Talk()
    talk.run(60)
    talk.plan.heard_link(linked=True)
    talk.plan.judged(False, talk.now)
    assert talk.plan.next(talk.now).due < talk.now + 100


def test_lids_that_move_are_watched_for_a_minute() -> None:
    talk = Talk()
    talk.run(1)
    talk.body = body(rear_trunk=ClosureState.OPENING)
    asked = talk.run(300)
    assert gaps(asked, STATUS)[:10] == [3 + TAKES_S] * 10
    assert gaps(asked, STATUS)[-1] == 31


# Infotainment ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("car", [body(asleep=True), body(), body(locked=False), body(asleep=None, inside=True)])
def test_infotainment_of_a_car_that_nothing_holds_is_left_alone(car: Body) -> None:
    """Pains 57, 59, 64, 66, 74."""
    talk = Talk()
    talk.body = car
    assert talk.details(PUZZLING_S - 1) == []


def test_a_restart_asks_infotainment_of_nothing_that_rests() -> None:
    """Pain 60."""
    for _ in range(20):
        talk = Talk()
        talk.body = body(asleep=True, inside=False)
        assert talk.details(180) == []


def test_without_details_infotainment_is_never_asked() -> None:
    talk = Talk(details=False)
    talk.body = body(inside=True, charge_port=OPEN)
    assert talk.details(2 * PUZZLING_S) == []


@pytest.mark.parametrize("location", [False, True])
def test_the_place_is_asked_for_only_if_that_is_wished(location: bool) -> None:
    talk = Talk(location=location)
    talk.body = body(inside=True)
    assert ("read_location" in {name for _, name in talk.details(300)}) == location


def test_with_somebody_inside_all_is_asked_one_after_the_other_and_the_body_between() -> None:
    talk = Talk(location=True)
    talk.body = body(inside=True)
    asked = talk.run(120)
    assert {name for _, name in asked} == {STATUS, *QUESTIONS.values()}
    for (at, name), (before, _) in zip(asked[1:], asked, strict=False):
        assert at - before >= TAKES_S
        if name != STATUS:
            looked = max(when for when, what in asked if what == STATUS and when < at)
            assert at - looked <= 5 + TAKES_S


def test_who_sits_inside_for_ever_does_not_keep_the_car_up() -> None:
    """Pains 59, 61."""
    talk = Talk()
    talk.body = body(inside=True)
    talk.run(OCCUPIED_S + 10)
    assert talk.details(PUZZLING_S - 20) == []


def test_when_somebody_gets_out_no_more_is_asked() -> None:
    """Pain 61."""
    talk = Talk()
    talk.body = body(inside=True)
    talk.run(300)
    talk.body = body()
    left = talk.now
    asked = [at for at, name in talk.run(PUZZLING_S - 60) if name != STATUS]
    assert [at for at in asked if at > left + 10] == []


def test_charging_is_followed_and_little_else() -> None:
    """Pain 87."""
    talk = Talk()
    talk.states["charge"] = CHARGING
    talk.run(31)
    talk.body = body(charge_port=OPEN)
    asked = talk.run(1200)
    assert set(gaps(asked, "read_charge")[2:]) <= {60 + TAKES_S, 62.0, 63.0, 64.0}
    assert gaps(asked, "read_climate")[:1] > [500]
    assert gaps(asked, "read_tyres") == []


def test_the_end_of_charging_is_watched_for_and_the_car_is_left_alone_after_it() -> None:
    """Pains 57, 58."""
    talk = Talk()
    talk.states["charge"] = CHARGING
    talk.run(31)
    talk.body = body(charge_port=OPEN)
    talk.run(600)
    talk.states["charge"] = Charge(charging=ChargingState.CHARGING, minutes_to_limit=2)
    talk.run(65)
    assert max(gaps(talk.run(120), "read_charge")) <= 10 + 3 * TAKES_S
    talk.states["charge"] = COMPLETE
    ended = talk.now
    asked = talk.details(PUZZLING_S - 60)
    assert 0 < asked[0][0] - ended <= 15
    assert [name for at, name in asked if at > ended + 15] == []


def test_watching_for_the_end_has_an_end_itself() -> None:
    """A battery that stands at "no minutes left" for hours.

    Pain 61.
    """
    talk = Talk()
    talk.states["charge"] = Charge(charging=ChargingState.CHARGING, minutes_to_limit=0)
    talk.run(31)
    talk.body = body(charge_port=OPEN)
    talk.run(60 + ENDING_LIMIT_S)
    assert min(gaps(talk.run(600), "read_charge")) >= 60


def test_a_cable_that_goes_in_is_looked_at_and_that_is_all_if_it_does_not_charge() -> None:
    talk = Talk()
    talk.states["charge"] = Charge(charging=ChargingState.STOPPED)
    talk.run(31)
    talk.body = body(charge_port=OPEN)
    talk.run(40)
    seen = talk.plan.signs.cable_at
    talk.details(GLANCE_LIMIT_S)
    assert [name for at, name in talk.asked if name != STATUS] == ["read_charge", "read_charge"]
    assert max(at for at, name in talk.asked if name != STATUS) - seen < 30
    assert talk.details(1800) == []


def test_a_car_that_keeps_waking_up_with_its_cable_in_is_looked_at_once_an_hour() -> None:
    """Pain 58."""
    talk = Talk()
    talk.states["charge"] = COMPLETE
    talk.body = body(charge_port=OPEN)
    begin = talk.now
    for _ in range(20):
        talk.body = body(charge_port=OPEN)
        talk.run(300)
        talk.body = body(asleep=True)
        talk.run(300)
    asked = [at for at, name in talk.asked if name != STATUS]
    assert len(asked) <= 2 * (1 + (talk.now - begin) / GLANCE_EVERY_S)


def test_a_car_that_is_awake_for_an_hour_for_no_reason_is_asked_for_it_once() -> None:
    """Sentry, for one; it would not sleep anyway."""
    talk = Talk()
    asked = talk.details(PUZZLING_S + 120)
    assert sorted(name for _, name in asked) == ["read_charge", "read_climate", "read_closures", "read_software_update"]
    assert talk.details(PUZZLING_S - 300) == []


def test_nothing_is_asked_that_would_cost_when_the_budget_is_spent() -> None:
    talk = Talk()
    talk.may_prolong = False
    talk.run(31)
    talk.body = body(charge_port=OPEN)
    talk.plan.commanded("charge", talk.now, infotainment=True)
    assert talk.details(2 * PUZZLING_S) == []
    talk.body = body(inside=True, charge_port=OPEN)
    assert talk.details(100) != [], "with somebody inside it costs nothing"


# After a command ------------------------------------------------------------------------------------------------------


def test_what_a_command_did_is_read_within_two_seconds() -> None:
    """Pain 67."""
    talk = Talk()
    talk.run(5)
    talk.plan.heard_link(linked=True)
    talk.plan.commanded("climate", talk.now, infotainment=True)
    given = talk.now
    first = next(at for at, name in talk.run(10) if name == "read_climate")
    assert first - given <= 2 + TAKES_S


def test_a_command_costs_half_a_minute_of_reading_and_no_more() -> None:
    """While the car is up for the owner's sake, everything is looked at once.

    Pains 57, 61, 74.
    """
    talk = Talk()
    talk.run(5)
    talk.plan.heard_link(linked=True)
    talk.plan.commanded("charge", talk.now, infotainment=True)
    given = talk.now
    asked = talk.details(STAYS_AWAKE_S)
    assert {name for _, name in asked} == {*QUESTIONS.values()} - {"read_location"}
    assert max(at for at, _ in asked) - given <= READ_BACK_S[-1] + 2
    assert max(at for at, name in asked if name != "read_charge") - given <= ROUND_S
    assert talk.details(PUZZLING_S - STAYS_AWAKE_S - 60) == []


def test_while_something_holds_the_car_its_subject_is_followed_for_five_minutes() -> None:
    """Pain 61."""
    talk = Talk()
    talk.states["charge"] = CHARGING
    talk.run(31)
    talk.body = body(charge_port=OPEN)
    talk.run(200)
    talk.plan.commanded("charge", talk.now, infotainment=True)
    assert max(gaps(talk.run(FAST_S), "read_charge")) < 25
    talk.run(60)
    assert min(gaps(talk.run(600), "read_charge")) >= 60


# What fails -----------------------------------------------------------------------------------------------------------


def test_one_subject_that_fails_does_not_hold_up_the_others() -> None:
    """Pain 28."""
    talk = Talk()
    talk.body = body(inside=True)
    talk.silent["read_drive"] = "no_answer"
    asked = talk.run(600)
    assert gaps(asked, "read_climate")[-1] < 80
    tries = gaps(asked, "read_drive")
    assert tries[-1] > tries[0]
    assert talk.plan.details.failures["drive"].reason == "no_answer"
    del talk.silent["read_drive"]
    talk.body = body()
    talk.run(60)
    talk.body = body(inside=True)
    talk.run(800)
    assert not talk.plan.details.failures


def test_what_the_car_does_not_have_is_hardly_asked_again() -> None:
    """Pain 28."""
    talk = Talk()
    talk.body = body(inside=True)
    talk.silent["read_media"] = "not_supported"
    assert len([name for _, name in talk.run(800) if name == "read_media"]) == 1


def test_a_car_that_boots_is_asked_a_little_later() -> None:
    talk = Talk()
    talk.body = body(inside=True)
    talk.silent = dict.fromkeys(QUESTIONS.values(), "car_booting")
    asked = talk.details(20)
    assert 2 <= len(asked) <= 5
    assert not talk.plan.details.failures


def test_what_gave_way_to_a_lock_command_is_simply_due_again() -> None:
    """Pain 72."""
    talk = Talk()
    talk.run(1)
    talk.body = body(inside=True)
    talk.run(40)
    question = talk.plan.next(talk.now + 5)
    talk.plan.asking(question.name, talk.now)
    talk.plan.gave_way(talk.now)
    assert talk.plan.next(talk.now).due <= talk.now + 2
    assert not talk.plan.details.failures
    assert not talk.plan.unreached.count


# While another bridge looks after the car -----------------------------------------------------------------------------


def test_while_another_looks_after_the_car_it_is_asked_ten_times_more_rarely() -> None:
    talk = Talk(kept=True)
    talk.plan.following_since = talk.now
    talk.body = body(inside=True)
    asked = talk.run(3000)
    assert {name for _, name in asked} > {STATUS, "read_climate"}, "never not at all"
    assert [name for _, name in asked].count("read_climate") == 1, "in a quarter of an hour"
    talk.body = body()
    assert set(gaps(talk.run(3000), STATUS)) == {300 + TAKES_S}


def test_a_follower_does_not_reach_the_car_either() -> None:
    talk = Talk()
    talk.plan.following_since = talk.now
    talk.body = None
    assert min(gaps(talk.run(3000), STATUS)) >= 300


def test_a_follower_reads_what_its_own_command_did_and_leaves_the_rest() -> None:
    talk = Talk()
    talk.run(5)
    talk.plan.following_since = talk.now
    talk.plan.commanded("climate", talk.now, infotainment=True)
    assert [name for _, name in talk.details(200)] == ["read_climate"] * len(READ_BACK_S)
    talk.plan.commanded(None, talk.now, infotainment=False)
    assert talk.run(5)[0][1] == STATUS


def test_when_it_looks_after_the_car_again_it_asks_as_ever() -> None:
    talk = Talk()
    talk.plan.following_since = talk.now
    talk.run(100)
    talk.plan.following_since = None
    assert set(gaps(talk.run(300), STATUS)) == {30 + TAKES_S}
