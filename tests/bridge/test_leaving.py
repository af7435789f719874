"""A command that became too old on its way does not leave any more, however it came to be late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from driveway_bridge.commands import climate, security
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.errand import Execution
from tests.bridge.played import House

pytestmark = pytest.mark.looptime


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    await made.vehicle.close()


async def give(house: House, command: Command, leave: Callable[[], bool]) -> Execution:
    return await house.vehicle.execute(command, leave=leave)


async def test_what_may_not_leave_is_not_sent_and_says_so(house: House) -> None:
    await house.acquainted()
    execution = await give(house, security.unlock(), lambda: False)
    assert (execution.outcome, execution.reason) == (Outcome.FAILED, "expired")
    assert not execution.may_have_happened
    assert execution.exchanges == 0
    assert house.car.commands == []
    assert (await house.do(security.lock())).outcome is Outcome.CONFIRMED, "the conversation goes on"


async def test_it_is_asked_after_the_handshake_right_before_the_command(house: House) -> None:
    """The bridge hung while the car answered the handshake: the first thing that it reads then is that answer."""
    asked_after: list[int] = []

    def leave() -> bool:
        asked_after.append(len(house.car.links))
        return False

    execution = await give(house, security.unlock(), leave)
    assert (execution.outcome, execution.reason, execution.handshakes) == (Outcome.FAILED, "expired", 1)
    assert asked_after == [1]
    assert house.car.commands == []


async def test_a_repetition_is_asked_for_too(house: House) -> None:
    await house.acquainted()
    house.car.script = [house.car.lose_request]
    answers = iter([True, False])
    execution = await give(house, security.unlock(), lambda: next(answers))
    assert (execution.outcome, execution.reason) == (Outcome.UNCONFIRMED, "expired")
    assert len(house.car.commands) == 1
    assert house.car.done == []


async def test_readings_beside_a_command_are_not_held_back(house: House) -> None:
    await house.acquainted()
    asked: list[None] = []

    def leave() -> bool:
        asked.append(None)
        return True

    house.car.script = [house.car.lose_answer]
    execution = await give(house, security.unlock(), leave)
    assert execution.outcome is Outcome.CONFIRMED
    assert execution.exchanges == 2
    assert len(asked) == 1


async def test_who_gives_up_while_it_is_asked_leaves_no_trace(house: House) -> None:
    await house.acquainted()
    house.car.every = house.car.lose_request
    task = asyncio.create_task(give(house, climate.climate_on(), lambda: False))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
    house.car.every = house.car.answer
    assert (await house.do(security.lock())).outcome is Outcome.CONFIRMED
