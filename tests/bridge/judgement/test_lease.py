"""Who looks after a car, of several bridges: each rule by itself, on a household whose time is a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driveway_bridge.contract_json import ContractError
from driveway_bridge.judgement.lease import (
    ALONE_BEAT_S,
    BEAT_S,
    FORGET_S,
    LISTEN_S,
    MOST,
    REACH_S,
    SIGNAL_DB,
    SIGNAL_S,
    TURN_S,
    Lease,
    Why,
)
from driveway_bridge.judgement.lease_word import LASTS_S, LONGEST_S, Reach, Word

STEP_S = 0.25


class Bridge:
    """One bridge with what may happen to it."""

    def __init__(self, name: str, now: float) -> None:
        self.name = name
        self.boot = f"{name}-1"
        self.lease = Lease(name, self.boot, now)
        self.reach = Reach.YES
        self.signal: float | None = -60.0
        self.hangs = False
        self.speaks = True
        self.listens = True
        self.connected = True
        self.said: list[Word] = []
        self.unread: list[tuple[str, Word]] = []
        """What the system keeps for it while it hangs."""


class Household:
    """Bridges at one broker, which carries each word to all at once."""

    def __init__(self, *names: str) -> None:
        self.now = 1000.0
        self.bridges: dict[str, Bridge] = {}
        self.polls_together = 0.0
        self.nobody = 0.0
        for name in names:
            self.add(name)

    def __getitem__(self, name: str) -> Bridge:
        return self.bridges[name]

    def add(self, name: str) -> Bridge:
        bridge = self.bridges[name] = Bridge(name, self.now)
        bridge.lease.connected(self.now)
        return bridge

    def leaders(self) -> list[str]:
        return [one.name for one in self.bridges.values() if not one.hangs and one.lease.leads(self.now)]

    def run(self, seconds: float) -> None:
        """Let time pass; what happened meanwhile adds up in `polls_together` and `nobody`."""
        end = self.now + seconds
        while self.now < end:
            self.now += STEP_S
            self.settle()
            leaders = len(self.leaders())
            self.polls_together += STEP_S * (leaders > 1)
            self.nobody += STEP_S * (leaders == 0)

    def settle(self) -> None:
        for bridge in self.bridges.values():
            if bridge.hangs:
                continue
            if not bridge.connected:
                bridge.lease.disconnected()
            unread, bridge.unread = bridge.unread, []
            for name, kept in unread if bridge.connected else []:
                bridge.lease.heard(name, kept, self.now)
            word = bridge.lease.look(self.now, bridge.reach, bridge.signal)
            if word is not None:
                bridge.said.append(word)
                if bridge.speaks and bridge.connected:
                    self.carry(bridge.name, word)

    def carry(self, name: str, word: Word) -> None:
        for bridge in self.bridges.values():
            if bridge.hangs:
                bridge.unread.append((name, word))
            elif bridge.listens and bridge.connected:
                bridge.lease.heard(name, Word.parse(word.payload().encode()), self.now)

    def kill(self, name: str) -> None:
        """The broker sees its connection end, and publishes its will."""
        del self.bridges[name]
        for bridge in self.bridges.values():
            bridge.lease.gone(name, self.now)

    def forge(self, name: str, **says: object) -> None:
        fields = {"boot": "x", "beat": round(self.now * 1000), "holds": True, "reach": Reach.YES} | says
        self.carry(name, Word(**fields))  # type: ignore[arg-type]


def settled(*names: str) -> Household:
    """A household some time after a power cut."""
    home = Household(*names)
    home.run(30.0)
    home.polls_together = home.nobody = 0.0
    return home


def test_alone_nothing_is_different() -> None:
    home = Household("a")
    assert home.leaders() == ["a"]
    home.run(10 * ALONE_BEAT_S)
    assert (home.nobody, home["a"].lease.why) == (0.0, Why.ALONE)
    assert len(home["a"].said) <= 12


def test_alone_without_a_broker() -> None:
    home = Household("a")
    home["a"].connected = False
    home.run(600.0)
    assert home.nobody == 0.0


@pytest.mark.parametrize("names", [("a", "b"), ("c", "a", "b")])
def test_after_a_power_cut_one_begins(names: tuple[str, ...]) -> None:
    home = Household(*names)
    home.run(LISTEN_S + 3 * TURN_S)
    assert home.leaders() == ["a"]
    assert home.polls_together <= 0.5  # before they had heard of each other
    home.run(3600.0)
    assert (home.leaders(), home.polls_together) == (["a"], 0.5 if home.polls_together else 0.0)


def test_who_reaches_the_car_begins() -> None:
    home = Household("a", "b", "c")
    home["a"].reach = Reach.NO
    home["b"].signal, home["c"].signal = -80.0, -55.0
    home.run(10.0)
    assert home.leaders() == ["c"]


def test_a_bridge_that_comes_later_does_not_take_over() -> None:
    home = settled("b")
    home.add("a").signal = -58.0
    home.run(3600.0)
    assert home.leaders() == ["b"]
    assert home.polls_together <= STEP_S


def test_killed() -> None:
    home = settled("a", "b")
    home.kill("a")
    home.settle()
    assert home.leaders() == ["b"]
    assert home["b"].lease.why is Why.LEFT


def test_one_of_three_is_killed() -> None:
    home = settled("a", "b", "c")
    home.kill("a")
    home.run(60.0)
    assert (home.leaders(), home.polls_together) == (["b"], 0.0)


def test_stopped_in_order() -> None:
    home = settled("a", "b")
    home.carry("a", home["a"].lease.farewell(home.now))
    del home.bridges["a"]
    home.settle()
    assert home.leaders() == ["b"]


def test_a_holder_that_hangs_is_followed_within_the_validity() -> None:
    home = settled("a", "b")
    home["a"].hangs = True
    home.run(LASTS_S + 1.0)
    assert home.leaders() == ["b"]
    assert home["b"].lease.why is Why.SILENT


def test_a_holder_that_hung_does_not_ask_when_it_goes_on() -> None:
    home = settled("a", "b")
    home["a"].hangs = True
    home.run(LASTS_S + 1.0)
    home["a"].hangs = False
    assert home.leaders() == ["b"]  # before it has judged or heard anything
    home.run(60.0)
    assert (home.leaders(), home.polls_together) == (["b"], 0.0)


def cut(bridge: Bridge) -> None:
    bridge.connected = False


def deafen(bridge: Bridge) -> None:
    bridge.listens = False


def silence(bridge: Bridge) -> None:
    bridge.speaks = False


@pytest.mark.parametrize("happens", [cut, deafen, silence])
def test_cut_off_from_the_broker_it_stops_before_the_other_begins(happens: Callable[[Bridge], None]) -> None:
    home = settled("a", "b")
    happens(home["a"])
    home.run(LASTS_S + 5.0)
    if happens is deafen:  # the others hear it: it says that it has stopped
        assert home["a"].lease.why is Why.CUT_OFF
    assert home.leaders() == ["b"]
    assert home.polls_together == 0.0
    assert home.nobody <= BEAT_S + 1.0


def test_cut_off_in_front_of_a_broker_that_notices_it() -> None:
    home = settled("a", "b")
    cut(home["a"])
    home["b"].lease.gone("a", home.now)
    home.run(3600.0)
    assert home.leaders() == ["b"]
    assert 0.0 < home.polls_together <= LASTS_S


def test_cut_off_it_stays_behind_however_long_that_lasts() -> None:
    """The hour after which others are forgotten does not run while they cannot be heard."""
    home = settled("a", "b")
    cut(home["a"])
    cut(home["b"])
    home.run(FORGET_S * 3)
    assert home.leaders() == []
    for bridge in home.bridges.values():
        bridge.connected = True
        bridge.lease.connected(home.now)
    home.run(LASTS_S + TURN_S + 1.0)
    assert home.leaders() == ["a"]


def test_a_broker_that_is_restarted_changes_nothing() -> None:
    home = settled("b", "a")
    assert home.leaders() == ["a"]
    for bridge in home.bridges.values():
        cut(bridge)
    home.run(3.0)
    for name in ("b", "a"):
        home[name].connected = True
        home[name].lease.connected(home.now)
        home.run(1.0)
    home.run(60.0)
    assert (home.leaders(), home.polls_together, home.nobody) == (["a"], 0.0, 0.0)


def test_others_that_are_gone_for_an_hour_are_forgotten() -> None:
    home = settled("a", "b")
    home.kill("b")
    home.run(FORGET_S + BEAT_S)
    assert home["a"].lease.why is Why.ALONE
    cut(home["a"])
    home.run(600.0)
    assert home.leaders() == ["a"]


def test_a_holder_that_no_longer_reaches_the_car_gives_it_up() -> None:
    home = settled("a", "b")
    home["a"].reach = Reach.NO
    home.run(BEAT_S + REACH_S + 1.0)
    assert (home.leaders(), home.polls_together) == (["b"], 0.0)
    assert home["a"].lease.why is Why.OTHER
    assert home["b"].lease.why is Why.GIVEN_UP


def test_when_nobody_reaches_the_car_it_stays_where_it_was() -> None:
    home = settled("a", "b")
    for bridge in home.bridges.values():
        bridge.reach = Reach.NO
    home.run(600.0)
    assert (home.leaders(), home.nobody) == (["a"], 0.0)


def test_two_that_hear_it_alike_do_not_take_turns() -> None:
    home = settled("a", "b")
    leaders = set()
    for minute in range(120):
        home["a"].signal, home["b"].signal = (-60.0, -68.0) if minute % 2 else (-68.0, -60.0)
        home.run(60.0)
        leaders |= set(home.leaders())
    assert (leaders, home.polls_together, home.nobody) == ({"a"}, 0.0, 0.0)


def test_one_that_hears_it_much_better_gets_it_after_a_while() -> None:
    home = settled("a", "b")
    home["a"].signal, home["b"].signal = -85.0, -85.0 + SIGNAL_DB + 6.0
    home.run(SIGNAL_S / 2)
    assert home.leaders() == ["a"]
    home.run(SIGNAL_S * 2)
    assert home.leaders() == ["b"]
    assert home.polls_together == 0.0


def test_two_holders_after_a_divided_network_become_one_with_the_next_words() -> None:
    home = settled("a")
    other = settled("b")
    other["b"].lease.connected(home.now)
    home.bridges["b"] = other["b"]
    home.run(BEAT_S * 3)
    assert home.leaders() == ["a"]
    assert home.polls_together <= BEAT_S


def test_a_car_that_comes_back_within_the_boot_is_heard_again() -> None:
    """Its settings were changed while the bridge ran: the lease begins anew, and what it says does not look old."""
    home = settled("a", "b")
    home.carry("a", home["a"].lease.farewell(home.now))
    del home.bridges["a"]
    home.run(5.0)
    home.add("a")
    home.run(5.0)
    assert home["b"].lease.report(home.now)["others"].keys() == {"a"}
    assert home.leaders() == ["b"]


def test_what_is_played_again_revives_nobody() -> None:
    home = settled("a", "b")
    old = home["a"].said[-1]
    home.kill("a")
    home.settle()
    home["b"].lease.heard("a", old, home.now)  # once, as if from a broker that was frozen
    home.run(LASTS_S)
    home["b"].lease.heard("a", old, home.now)
    home.run(LASTS_S * 2)
    assert home.leaders() == ["b"]


def test_a_word_that_was_heard_counts_once() -> None:
    home = settled("a", "b")
    home["a"].hangs = True
    for _ in range(20):
        home["b"].lease.heard("a", home["a"].said[-1], home.now)
        home.run(1.0)
    assert home.leaders() == ["b"]


def test_a_second_bridge_with_the_same_id_is_noticed_and_changes_nothing() -> None:
    home = settled("a", "b")
    home.forge("a")
    assert [bridge.lease.twice for bridge in home.bridges.values()] == [True, False]
    home.run(60.0)
    assert home.leaders() == ["a"]


def test_forged_holders_pass_when_they_fall_silent() -> None:
    """A liar makes the bridges follow, as long as it goes on lying, and then a minute at most."""
    home = settled("a", "b")
    home.forge("000", lasts_s=1e9, signal_dbm=0.0)
    home.run(1.0)
    assert home.leaders() == []
    home.run(LONGEST_S + 2 * TURN_S)
    assert home.leaders() == ["a"]


def test_a_liar_with_many_names_finds_an_end() -> None:
    home = settled("a", "b")
    said = len(home["a"].said)
    for number in range(500):
        home.forge(f"liar{number}", holds=False, beat=number)
        home.run(STEP_S)
    assert len(home["a"].lease.report(home.now)["others"]) <= MOST
    assert len(home["a"].said) - said <= 2 * 125 + 1  # two a second, however many there are to be answered


def test_what_comes_back_of_others_is_not_believed_of_oneself() -> None:
    """Words under its own name that this bridge has not said yet do not prolong its lease."""
    home = settled("a", "b")
    silence(home["a"])
    for _ in range(30):
        home["a"].lease.heard("a", Word(boot=home["a"].boot, beat=10**9, holds=True), home.now)
        home.run(1.0)
    assert home.leaders() == ["b"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b'{"boot": "x", "beat": 1}',
        b'{"boot": 1, "beat": 1, "holds": true}',
        b'{"boot": "x", "beat": true, "holds": true}',
        b'{"boot": "x", "beat": -1, "holds": true}',
        b'{"boot": "x", "beat": 1, "holds": 1}',
        b'{"boot": "x", "beat": 1, "holds": true, "lasts_s": -1}',
        b'{"boot": "x", "beat": 1, "holds": true, "lasts_s": NaN}',
        b'{"boot": "x", "beat": 1, "holds": true, "signal_dbm": "loud"}',
        b'{"boot": "x", "beat": 1, "holds": true, "reaches": 1}',
        b'{"boot": "x", "boot": "y", "beat": 1, "holds": true}',
        b"\xff",
    ],
)
def test_what_is_no_word(payload: bytes) -> None:
    with pytest.raises(ContractError):
        Word.parse(payload)


def test_the_example_of_the_documentation_is_one() -> None:
    page = (Path(__file__).parents[3] / "docs/mqtt.md").read_text()
    [example] = [line.strip() for line in page.splitlines() if '"lasts_s": ' in line]
    word = Word.parse(example.encode())
    assert json.loads(word.payload()) == json.loads(example)


def test_a_word_of_a_newer_bridge() -> None:
    word = Word.parse(b'{"boot": "x", "beat": 3, "holds": true, "lasts_s": 3600, "mood": "fine"}')
    assert (word.holds, word.lasts_s, word.reach, word.signal_dbm) == (True, LONGEST_S, Reach.UNKNOWN, None)


class Trouble(StrEnum):
    """What may become of a bridge."""

    HANGS = "hangs"
    GOES_ON = "goes on"
    CUT_OFF = "cut off"
    CONNECTED = "connected"
    RESTARTED = "restarted"
    KILLED = "killed"


def strike(home: Household, name: str, trouble: Trouble) -> None:
    bridge = home.bridges.get(name) or home.add(name)
    if trouble is Trouble.KILLED:
        home.kill(name)
    elif trouble is Trouble.RESTARTED:
        home.kill(name)
        home.add(name).boot += "x"
    elif trouble in (Trouble.HANGS, Trouble.GOES_ON):
        bridge.hangs = trouble is Trouble.HANGS
    elif trouble is Trouble.CUT_OFF:
        bridge.connected = False
    elif not bridge.connected:
        bridge.connected = True
        bridge.lease.connected(home.now)


Troubles = list[tuple[float, str, Trouble]]


def troubles(*kinds: Trouble) -> st.SearchStrategy[Troubles]:
    return st.lists(st.tuples(st.floats(0.0, 30.0), st.sampled_from("abc"), st.sampled_from(kinds)), max_size=12)


@settings(max_examples=100, deadline=None)
@given(troubles(*Trouble))
def test_whatever_happened_in_the_end_one_looks_after_the_car(what: Troubles) -> None:
    home = Household("a", "b", "c")
    for after_s, name, trouble in what:
        home.run(after_s)
        strike(home, name, trouble)
    for name in "abc":
        strike(home, name, Trouble.GOES_ON)
        strike(home, name, Trouble.CONNECTED)
    home.run(2 * LASTS_S + 3 * TURN_S + BEAT_S)
    assert len(home.leaders()) == 1
    home.polls_together = home.nobody = 0.0
    home.run(120.0)
    assert (len(home.leaders()), home.polls_together, home.nobody) == (1, 0.0, 0.0)


@settings(max_examples=200, deadline=None)
@given(troubles(Trouble.HANGS, Trouble.GOES_ON, Trouble.CUT_OFF, Trouble.CONNECTED))
def test_who_hangs_or_is_cut_off_never_asks_beside_another(what: Troubles) -> None:
    """As long as nobody is restarted, and the broker itself calls nobody gone."""
    home = settled("a", "b", "c")
    for after_s, name, trouble in what:
        home.run(after_s)
        strike(home, name, trouble)
    home.run(60.0)
    assert home.polls_together == 0.0
