"""What the car is taken to be doing, from what it said."""

from __future__ import annotations

import math

import pytest

from driveway_bridge.judgement.phase import OCCUPIED_S, STALE_S, Hold, Phase, Signs, shown
from driveway_bridge.state.body import ClosureState
from driveway_bridge.state.charge import Charge, ChargingState
from driveway_bridge.state.climate import Climate
from driveway_bridge.state.closures import Closures, Sentry
from driveway_bridge.state.drive import Drive, Gear
from driveway_bridge.state.reading import State
from driveway_bridge.state.software import SoftwareUpdate, UpdateStatus
from driveway_bridge.state.tyres import Tyres
from tests.bridge.judgement.bodies import body


def phase(signs: Signs, now: float, in_range: bool | None = None) -> Phase:
    return signs.look(now, in_range=in_range)[0]


def test_nothing_is_known_at_first() -> None:
    signs = Signs()
    assert phase(signs, 0) is Phase.UNKNOWN
    assert signs.holds(0) == frozenset()
    assert signs.held_at() == -math.inf


def test_awake_and_asleep() -> None:
    signs = Signs()
    signs.heard_body(body(), 10)
    assert signs.look(11, in_range=None) == (Phase.AWAKE, 11)
    assert signs.look(15, in_range=None) == (Phase.AWAKE, 11)
    signs.heard_body(body(asleep=True), 20)
    assert signs.look(20, in_range=True) == (Phase.ASLEEP, 20)


def test_a_car_that_does_not_say_whether_it_sleeps_is_not_taken_to_be_awake() -> None:
    signs = Signs()
    signs.heard_body(body(asleep=None, inside=True), 10)
    assert phase(signs, 10) is Phase.UNKNOWN
    assert not signs.holds(10)


def test_what_was_said_long_ago_tells_nothing_of_now() -> None:
    signs = Signs()
    signs.heard_body(body(inside=True), 0)
    assert phase(signs, STALE_S) is Phase.OCCUPIED
    assert phase(signs, STALE_S + 1) is Phase.UNKNOWN
    assert not signs.holds(STALE_S + 1)


def test_away_is_the_word_of_the_radio() -> None:
    """Pains 22, 68."""
    signs = Signs()
    signs.heard_body(body(), 0)
    assert phase(signs, 1, in_range=False) is Phase.AWAY
    assert phase(signs, 2, in_range=True) is Phase.AWAKE


@pytest.mark.parametrize(
    ("subject", "state", "hold", "word"),
    [
        ("drive", Drive(gear=Gear.DRIVE), Hold.DRIVE, Phase.DRIVING),
        ("drive", Drive(gear=Gear.NEUTRAL), Hold.DRIVE, Phase.DRIVING),
        ("charge", Charge(charging=ChargingState.CHARGING), Hold.CHARGE, Phase.CHARGING),
        ("charge", Charge(charging=ChargingState.STARTING), Hold.CHARGE, Phase.CHARGING),
        ("climate", Climate(on=True), Hold.CLIMATE, Phase.HELD),
        ("software", SoftwareUpdate(status=UpdateStatus.INSTALLING), Hold.UPDATE, Phase.HELD),
        ("closures", Closures(sentry=Sentry.ARMED), Hold.SENTRY, Phase.HELD),
    ],
)
def test_what_holds_a_car_awake(subject: str, state: State, hold: Hold, word: Phase) -> None:
    signs = Signs()
    signs.heard_body(body(), 0)
    signs.heard_state(subject, state, 1)
    assert signs.holds(2) == {hold}
    assert phase(signs, 2) is word
    assert signs.held_at() == 1
    signs.heard_state(subject, type(state)(), 3)
    assert not signs.holds(3)
    assert signs.held_at() == 1


@pytest.mark.parametrize(
    ("subject", "state"),
    [
        ("drive", Drive(gear=Gear.PARK)),
        ("drive", Drive()),
        ("charge", Charge(charging=ChargingState.COMPLETE)),
        ("charge", Charge(charging=ChargingState.STOPPED)),
        ("climate", Climate(on=False)),
        ("closures", Closures(sentry=Sentry.OFF)),
        ("closures", Closures(sentry=Sentry.IDLE)),
        ("software", SoftwareUpdate(status=UpdateStatus.AVAILABLE)),
    ],
)
def test_what_does_not(subject: str, state: State) -> None:
    found = shown(subject, state)
    assert found is not None
    assert not found[1]


def test_tyres_hold_nothing() -> None:
    assert shown("tyres", Tyres()) is None


def test_the_word_on_a_hold_is_not_believed_for_ever() -> None:
    signs = Signs()
    signs.heard_body(body(), 0)
    signs.heard_state("charge", Charge(charging=ChargingState.CHARGING), 0)
    for at in range(0, 700, 30):
        signs.heard_body(body(), at)
    assert phase(signs, 600) is Phase.CHARGING
    assert phase(signs, 601) is Phase.AWAKE


def test_sleep_ends_every_hold() -> None:
    signs = Signs()
    signs.heard_body(body(), 0)
    signs.heard_state("charge", Charge(charging=ChargingState.CHARGING), 0)
    signs.heard_body(body(asleep=True), 30)
    signs.heard_body(body(), 60)
    assert not signs.holds(60)


def test_somebody_inside_counts_for_a_limited_time() -> None:
    """The flag sticks at times; a car that is held awake for its sake never sleeps.

    Pain 59.
    """
    signs = Signs()
    for at in range(0, 2000, 30):
        signs.heard_body(body(inside=True, locked=False), at)
        assert (Hold.OCCUPANT in signs.holds(at)) == (at < OCCUPIED_S)
    assert signs.held_at() == OCCUPIED_S


def test_an_unlocked_car_is_not_held_by_that() -> None:
    """Pain 59."""
    signs = Signs()
    signs.heard_body(body(locked=False), 0)
    assert phase(signs, 0) is Phase.AWAKE


def test_what_somebody_did_is_noticed_between_two_looks() -> None:
    signs = Signs()
    signs.heard_body(body(), 100)
    assert signs.touched_at == -math.inf
    signs.heard_body(body(locked=False), 130)
    assert (signs.touched_after, signs.touched_at) == (100, 130)
    signs.heard_body(body(locked=False), 160)
    assert signs.touched_at == 130


def test_falling_asleep_is_nobodys_doing() -> None:
    signs = Signs()
    signs.heard_body(body(), 100)
    signs.heard_body(body(asleep=True), 130)
    signs.heard_body(body(), 160)
    assert signs.touched_at == -math.inf


def test_a_cable() -> None:
    signs = Signs()
    signs.heard_body(body(), 0)
    assert signs.cable_at == -math.inf
    signs.heard_body(body(charge_port=ClosureState.OPENING), 30)
    assert signs.lids_move
    assert signs.cable_at == -math.inf
    signs.heard_body(body(charge_port=ClosureState.OPEN), 60)
    assert signs.cable_at == 60
    signs.heard_body(body(asleep=True), 90)
    assert signs.port_open
    signs.heard_body(body(charge_port=ClosureState.OPEN), 120)
    assert signs.cable_at == 120, "it may have woken up to charge"
