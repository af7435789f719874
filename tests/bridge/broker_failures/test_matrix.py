"""The broker or the bridge fails while an unlock is under way, at every stage of it.

Never a late unlock, never two, and always an end: a final result, or a sender that gave up when nothing could come any
more. The audit has one line for what reached the bridge.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from driveway_bridge.contract import Outcome
from tests.bridge.attack.siege import Siege, siege
from tests.bridge.broker_failures.stages import (
    BROKER_GONE,
    FAILURES,
    STAGES,
    TTL_S,
    Sender,
    Stage,
    Strike,
    before_it_is_published,
    broker_frozen,
    broker_killed_for_a_while,
    opening_the_session,
    published,
    unlocks,
)
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_process import CAR
from tests.bridge.daemon.wire import Way

pytestmark = pytest.mark.asyncio(loop_scope="module")
ON_ITS_WAY_S = 0.5
"""From when the frame may still leave until the test has heard of it from the car."""
CELLS = [(stage, failure, 0) for stage, failure in itertools.product(STAGES, FAILURES)] + [
    (stage, failure, 1)
    for stage, failure in itertools.product(
        (before_it_is_published, published), (broker_frozen, broker_killed_for_a_while)
    )
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(mosquitto_path: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Siege]:
    folder = tmp_path_factory.mktemp("house")
    with Mosquitto(mosquitto_path, folder / "broker") as broker:
        broker.keep(folder / "broker")
        broker.start()
        async with siege(broker, folder) as made:
            await made.stop()
            yield made


@contextlib.asynccontextmanager
async def bridge(house: Siege, stage: Stage) -> AsyncIterator[None]:
    """Run it with the car locked, and with the session known, or not where that is the stage."""
    if stage is opening_the_session:
        for file in house.data.glob("sessions.db*"):
            file.unlink()
    await house.start(to_the_car=stage is not opening_the_session)
    try:
        if stage is not opening_the_session:
            await house.do("lock")
        yield
    finally:
        await house.stop()


async def works_again(house: Siege) -> None:
    """Wait until the owner can lock the car."""
    given: list[str] = []
    async with asyncio.timeout(45):
        while not (answered := [one for one in given if house.owner.results(one)]):
            command_id, payload = await house.owner.signed(house.signer, CAR, "lock")
            house.owner.publish(house.topic, payload)
            given.append(command_id)
            await asyncio.sleep(0.1)
    assert (await house.owner.final(answered[0])).outcome is Outcome.CONFIRMED


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("stage", "failure", "qos"),
    CELLS,
    ids=[f"{stage.__name__}-{failure.__name__}-qos{qos}" for stage, failure, qos in CELLS],
)
async def test_never_late_and_always_an_end(house: Siege, stage: Stage, failure: Strike, qos: int) -> None:
    lines, moved = house.audited("command", "unlock"), unlocks(house)
    sender = Sender(house, qos)
    async with bridge(house, stage):
        await sender.prepare()
        await stage(house, sender)
        striking = asyncio.create_task(failure(house))
        await asyncio.sleep(0)  # so that it has begun
        if stage is published and failure in BROKER_GONE:
            await house.to_broker.cut()  # what was held up is lost with the connection
        for wire, way in itertools.product((house.to_broker, house.to_car), Way):
            wire.let(way)
        if stage is before_it_is_published:
            sender.give()
        result = await sender.end()
        await striking
        await works_again(house)
    lines = house.audited("command", "unlock") - lines
    await house.car.all_told()

    events = [event for event in house.car.named("command") if event["name"] == "unlock"][moved:]
    assert len(events) <= 1
    if events:
        assert events[0]["heard_at"] - sender.sent_at < TTL_S + ON_ITS_WAY_S
    assert lines <= 1
    finals = [told for told in house.owner.results(sender.id) if told.outcome.final]
    assert len(finals) <= 1
    if events or finals:
        assert lines == 1
    if result is not None and result.outcome is Outcome.CONFIRMED:
        assert events
    if result is not None and result.outcome in (Outcome.REFUSED, Outcome.EXPIRED, Outcome.FAILED):
        assert not events
