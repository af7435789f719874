"""How old may a word be? A broker is played here that holds things back as brokers do."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.client import Message
from driveway_bridge.mqtt.pulse import SETTLE_S, Pulse

TOPICS = Topics("driveway", "bridge-1")
EAR = TOPICS.command("ear")


class Line:
    """A bridge that beats once a second; its broker takes from each what lies ready, one message of each in turn."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at_broker: list[str] = []
        self.pulse = Pulse(TOPICS, self._send, lambda: self.now, every_s=1.0)

    def _send(self, topic: str, payload: str, *, retain: bool = False, qos: int = 0) -> bool:
        assert topic == EAR
        self.at_broker.append(payload)
        return True

    def hear(self) -> None:
        """The broker gives back all beats that it has, and the bridge reads them."""
        for payload in self.at_broker:
            assert self.pulse.takes(Message(EAR, payload.encode(), retain=False))
        self.at_broker.clear()

    def run(self, seconds: int, *, broker_runs: bool = True) -> None:
        for _ in range(seconds):
            self.pulse.beat()
            if broker_runs:
                self.hear()
            self.now += 1.0

    def age_s(self) -> float:
        return self.pulse.age_s(self.now)


def test_nothing_is_known_before_two_beats_came_back() -> None:
    line = Line()
    assert line.age_s() == math.inf
    line.run(1)
    assert line.age_s() == math.inf
    line.run(1)
    assert line.age_s() == 2.0


def test_in_peace_it_is_two_beats() -> None:
    line = Line()
    line.run(60)
    assert line.age_s() == 2.0


def test_a_broker_hung_and_its_backlog_of_beats_comes_before_the_word() -> None:
    line = Line()
    line.run(5)
    line.run(10, broker_runs=False)  # somebody writes a word meanwhile, which lies in the broker's socket
    line.hear()  # it goes on, and reads our beats first
    assert line.age_s() >= 10
    line.run(1)  # beaten at once after that: may have been read together with the rest
    assert line.age_s() >= 10


def test_it_recovers_with_the_second_beat_after_a_pause() -> None:
    line = Line()
    line.run(5)
    line.run(10, broker_runs=False)
    line.hear()
    line.run(3)
    assert line.age_s() <= 3


def test_the_bridge_hung() -> None:
    """What waited in its own socket comes behind a beat from before, whatever it has published since."""
    line = Line()
    line.run(5)
    line.now += 30
    line.pulse.beat()
    assert line.age_s() >= 30


def test_only_our_own_beats_count_and_each_once() -> None:
    line = Line()
    line.run(3)
    before = line.age_s()
    for payload in (b"beat-0123456789abcdef", b"beat-", b"beat-\xff", b"beat-" + b"x" * 5000):
        assert line.pulse.takes(Message(EAR, payload, retain=False))
    line.pulse.beat()
    [beat] = line.at_broker
    assert line.pulse.takes(Message(EAR, beat.encode(), retain=True))
    assert line.pulse.takes(Message(EAR, beat.encode(), retain=False))
    assert line.age_s() == before


def test_other_messages_are_not_for_it() -> None:
    line = Line()
    assert not line.pulse.takes(Message(EAR, b"0123", retain=False))
    assert not line.pulse.takes(Message(TOPICS.command("car-1"), b"beat-0123456789abcdef", retain=False))


def test_a_long_silence_does_not_fill_the_memory() -> None:
    line = Line()
    line.run(1000, broker_runs=False)
    assert len(line.pulse._sent) <= 64


@given(st.lists(st.tuples(st.floats(0.01, 5), st.booleans(), st.booleans()), max_size=60))
def test_no_word_is_older_than_it_is_said_to_be(steps: list[tuple[float, bool, bool]]) -> None:
    """A broker that hangs and goes on as it likes, and a word at any time: in one round it reads all that lies ready,
    the beats first, which is the worst order."""
    line = Line()
    words: list[float] = []
    hangs = False
    since_round = 0.0
    for seconds, toggle, word in steps:
        line.now += seconds
        since_round += seconds
        if word:
            words.append(line.now)
        line.pulse.beat()
        if toggle:
            hangs = not hangs
        if not hangs:
            line.hear()
            for given_at in words:
                assert line.now - given_at <= line.age_s()
            words.clear()
    assert SETTLE_S > 0
