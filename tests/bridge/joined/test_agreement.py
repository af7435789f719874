"""Client and car against random faults: what the client says is true of the car, and in the end both agree."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from driveway_bridge.commands import security
from driveway_bridge.protocol.events import Refused, Reply, Unanswered
from driveway_bridge.simulator.faults import Fault
from tests.bridge.joined.pair import Pair

pytestmark = pytest.mark.timeout(300)

LIES = {Fault.STUCK_LOCK, Fault.WAIT_BUT_DONE}
"""With these the car says one thing and does another, so there is no truth that a client could tell."""
LASTING = {Fault.PLACES_FULL, Fault.CHANGED_CAR_KEY, Fault.INFOTAINMENT_KEY_CHANGED, Fault.KEY_REMOVED, Fault.SILENT}
"""Not for one message but until they are mended."""
PASSING = sorted(set(Fault) - LIES - LASTING)
any_fault = st.integers(0, 2**20).map(lambda number: PASSING[number % len(PASSING)])
"""Spread evenly: drawn from the list itself, the same few would come again and again."""


class Agreement(RuleBasedStateMachine):
    """Anything may happen; each command is judged by the car's own state."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()

    @rule(fault=any_fault, once=st.booleans())
    def something_goes_wrong(self, fault: Fault, once: bool) -> None:
        self.pair.car.switch(fault, on=True, once=once)

    @rule(fault=any_fault)
    def something_is_mended(self, fault: Fault) -> None:
        self.pair.car.switch(fault, on=False)

    @rule(changed=st.booleans())
    def a_computer_is_replaced(self, changed: bool) -> None:
        self.pair.car.switch(Fault.CHANGED_CAR_KEY, on=changed)

    @rule()
    def the_car_restarts(self) -> None:
        self.pair.car.reboot()

    @rule()
    def the_link_breaks(self) -> None:
        self.pair.relink()

    @rule(asleep=st.booleans())
    def the_car_sleeps_or_wakes(self, asleep: bool) -> None:
        (self.pair.car.car.sleep if asleep else self.pair.car.car.wake)("test")

    @rule(seconds=st.floats(0.01, 5000))
    def time_passes(self, seconds: float) -> None:
        self.pair.wait(seconds)
        if self.pair.endpoint.hung_up:
            self.pair.relink()

    @rule(junk=st.binary(min_size=1, max_size=60))
    def the_air_is_noisy(self, junk: bytes) -> None:
        self.pair.connection.receive_data(junk, self.pair.now)
        self.pair.wait(1.5)

    @rule(locks=st.booleans(), fault=any_fault, trouble=st.sampled_from(["none", "once", "on"]))
    def a_command_is_given(self, locks: bool, fault: Fault, trouble: str) -> None:
        if trouble != "none":
            self.pair.car.switch(fault, on=True, once=trouble == "once")
        before = len(self.pair.events)
        outcome = self.pair.give(security.lock() if locks else security.unlock())
        done = [event for event in self.pair.events[before:] if event["event"] == "command"]
        if isinstance(outcome, Reply):
            assert self.pair.car.car.locked is locks, "the client says done, the car is not so"
        elif isinstance(outcome, Refused) or not outcome.may_have_happened:
            assert not any(event.get("executed", True) for event in done if event["name"] in ("lock", "unlock")), (
                "the client says that nothing happened, the car did it"
            )

    @rule()
    def the_state_is_read(self) -> None:
        outcome = self.pair.give(security.status())
        if isinstance(outcome, Reply) and Fault.FUTURE_VALUES not in self.pair.car.faults:
            assert outcome.body is not None
            assert outcome.body.locked in (self.pair.car.car.locked, None)

    @invariant()
    def nothing_grows(self) -> None:
        assert len(self.pair.events) < 100_000

    def teardown(self) -> None:
        """All is mended: the very next commands work, and both agree."""
        for fault in Fault:
            self.pair.car.switch(fault, on=False)
        self.pair.relink()
        for command, locked in ((security.lock(), True), (security.unlock(), False)):
            outcome = self.pair.give(command)
            assert isinstance(outcome, Reply), f"{outcome} after everything was mended"
            assert self.pair.car.car.locked is locked
        reading = self.pair.give(security.status())
        assert isinstance(reading, Reply)
        assert reading.body is not None
        assert reading.body.locked is False


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(max_examples=300, stateful_step_count=25, deadline=None)


def test_a_lie_of_the_car_is_told_by_its_state() -> None:
    """The bolts are stuck: the acknowledgement says done, the state that follows says what is so."""
    pair = Pair()
    pair.car.switch(Fault.STUCK_LOCK, on=True)
    assert isinstance(pair.give(security.unlock()), Reply)
    reading = pair.give(security.status())
    assert isinstance(reading, Reply)
    assert reading.body is not None
    assert reading.body.locked is True


def test_silence_is_an_unknown_fate() -> None:
    pair = Pair()
    assert isinstance(pair.give(security.lock()), Reply)
    pair.car.switch(Fault.LOST_ACK, on=True)
    outcome = pair.give(security.unlock())
    assert isinstance(outcome, Unanswered)
    assert outcome.may_have_happened
    assert pair.car.car.locked is False
