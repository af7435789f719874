"""The drill: it goes the way that a lock command goes, and the car is as it was before."""

from __future__ import annotations

import pytest

from driveway_bridge.contract import Outcome
from driveway_bridge.proto import Role
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.state.body import Body
from tests.bridge.joined.test_stories import driveway

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize("role", [Role.ROLE_DRIVER, Role.ROLE_VEHICLE_MONITOR])
async def test_the_key_is_tried_and_nothing_moves(role: Role) -> None:
    async with driveway(role=role) as home:
        home.sleeps()
        before = home.facts
        drilled = await home.do("drill")
        assert (drilled.outcome, drilled.handshakes, drilled.wakes) == (Outcome.CONFIRMED, 1, 0)
        assert isinstance(drilled.state, Body)
        assert drilled.body is drilled.state
        again = await home.do("drill")
        assert (again.outcome, again.handshakes) == (Outcome.CONFIRMED, 0)  # with the session that a lock would use
        assert home.is_asleep()
        assert home.facts == before
        assert not [event for event in home.events if event["event"] == "command"]


async def test_a_key_that_was_removed_is_found_out_where_a_reading_sees_nothing() -> None:
    async with driveway() as home:
        assert (await home.do("drill")).outcome is Outcome.CONFIRMED
        home.live.do(lambda: home.virtual.whitelist.remove(home.vehicle.public_key))
        assert (await home.do("status")).outcome is Outcome.CONFIRMED
        drilled = await home.do("drill")
        assert (drilled.outcome, drilled.reason) == (Outcome.REFUSED, "key_not_enrolled")


async def test_a_key_that_was_never_added() -> None:
    async with driveway(role=None) as home:
        drilled = await home.do("drill")
        assert (drilled.outcome, drilled.reason) == (Outcome.REFUSED, "key_not_enrolled")


async def test_a_car_with_old_software_answers_in_clear() -> None:
    async with driveway() as home:
        home.goes_wrong(Fault.PLAINTEXT_REPLIES)
        assert (await home.do("drill")).outcome is Outcome.CONFIRMED
