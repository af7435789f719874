"""How far a command may have come when something fails, and what may fail then."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from driveway_bridge.contract import Command, Outcome, Result
from tests.bridge.attack.siege import Siege
from tests.bridge.daemon.house import PATIENCE_S
from tests.bridge.daemon.test_process import CAR
from tests.bridge.daemon.wire import Way

TTL_S: Final = 1.2
LASTS_S: Final = 1.6
"""How long a failure lasts: longer than the command lives."""
ACCEPTED_WITHIN_S: Final = 2.0
ENDED_WITHIN_S: Final = 10.0
"""The rules of Home Assistant's component, the latter shortened to a little more than a lock command is given."""

Strike = Callable[[Siege], Coroutine[Any, Any, None]]
"""Lets something fail, and end after `LASTS_S`."""


class Sender:
    """Somebody who gives one unlock, and keeps to the rules of the component."""

    def __init__(self, siege: Siege, qos: int) -> None:
        self._siege = siege
        self._qos = qos
        self.id = secrets.token_hex(8)
        self.sent_at = 0.0
        self._since = 0
        self._payload = ""

    async def prepare(self) -> None:
        """Hear the clock, as long as there is one to be heard."""
        boot, now = await self._siege.owner.clock()
        signer = self._siege.signer
        self.sent_at = time.monotonic()
        self._since = len(self._siege.owner.heard)
        command = Command(
            id=self.id, client=signer.client, car=CAR, command="unlock", boot=boot, issued=now(), ttl=TTL_S
        )
        self._payload = command.signed(signer)

    def give(self) -> None:
        self._siege.owner.publish(self._siege.topic, self._payload, qos=self._qos)

    async def end(self) -> Result | None:
        """The final result; None when it gave up: after so long, or because broker or bridge are away."""
        owner = self._siege.owner
        ends = self.sent_at + ACCEPTED_WITHIN_S
        while True:
            results = owner.results(self.id)
            final = [result for result in results if result.outcome.final]
            assert len(final) <= 1
            if final:
                return final[0]
            if results:
                ends = self.sent_at + ENDED_WITHIN_S
            if time.monotonic() >= ends or self._away():
                return None
            await asyncio.sleep(0.02)

    def _away(self) -> bool:
        owner = self._siege.owner
        said = [one.payload for one in owner.heard[self._since :] if one.topic == self._siege.topics.status]
        return not owner.connected or b"offline" in said


# Stages: each lets the sender give its command, and comes back when it has come so far and no further -----------------

Stage = Callable[[Siege, Sender], Awaitable[None]]


async def before_it_is_published(siege: Siege, sender: Sender) -> None:
    """It is published when the failure has begun."""


async def published(siege: Siege, sender: Sender) -> None:
    """It is in the broker, and has not reached the bridge."""
    siege.to_broker.hold(Way.BACK)
    sender.give()
    await siege.to_broker.held(Way.BACK)


async def waiting_its_turn(siege: Siege, sender: Sender) -> None:
    """It was accepted, and the car is busy with another command."""
    siege.to_car.hold(Way.BACK)
    _, payload = await siege.owner.signed(siege.signer, CAR, "frunk_open")
    siege.owner.publish(siege.topic, payload)
    await siege.to_car.held(Way.BACK)
    sender.give()
    await has(siege, sender, Outcome.ACCEPTED)


async def opening_the_session(siege: Siege, sender: Sender) -> None:
    """The car was asked for a session, and its answer is on the way: nothing has left that could unlock."""
    siege.to_car.hold(Way.BACK)
    sender.give()
    await siege.to_car.held(Way.BACK)


async def leaving(siege: Siege, sender: Sender) -> None:
    """Its frame has left the bridge, and has not reached the car."""
    siege.to_car.hold(Way.THERE)
    sender.give()
    await has(siege, sender, Outcome.SENT)


async def done_and_unanswered(siege: Siege, sender: Sender) -> None:
    """The car has done it; its answer has not reached the bridge."""
    moves = unlocks(siege)
    siege.to_car.hold(Way.BACK)
    sender.give()
    await siege.car.until(lambda: unlocks(siege) > moves)


async def done_and_untold(siege: Siege, sender: Sender) -> None:
    """The car has answered; the bridge's result has not reached the broker."""
    moves = unlocks(siege)
    siege.to_broker.hold(Way.THERE)
    sender.give()
    await siege.car.until(lambda: unlocks(siege) > moves)
    await siege.to_broker.held(Way.THERE)


STAGES: Final[tuple[Stage, ...]] = (
    before_it_is_published,
    published,
    opening_the_session,
    waiting_its_turn,
    leaving,
    done_and_unanswered,
    done_and_untold,
)


async def has(siege: Siege, sender: Sender, outcome: Outcome) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while outcome not in [result.outcome for result in siege.owner.results(sender.id)]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def unlocks(siege: Siege) -> int:
    """How often the car was told to unlock."""
    return len([event for event in siege.car.named("command") if event["name"] == "unlock"])


# Failures -------------------------------------------------------------------------------------------------------------


async def broker_frozen(siege: Siege) -> None:
    siege.broker.freeze()
    await asyncio.sleep(LASTS_S)
    siege.broker.thaw()


async def broker_killed_for_a_while(siege: Siege) -> None:
    siege.broker.kill()
    await asyncio.sleep(LASTS_S)
    siege.broker.start()


async def broker_killed_and_back_at_once(siege: Siege) -> None:
    siege.broker.kill()
    siege.broker.start()
    await asyncio.sleep(LASTS_S)


async def broker_restarted_with_its_database(siege: Siege) -> None:
    siege.broker.stop()
    siege.broker.start()
    await asyncio.sleep(LASTS_S)


async def bridge_frozen(siege: Siege) -> None:
    siege.bridge.signal(signal.SIGSTOP)
    await asyncio.sleep(LASTS_S)
    siege.bridge.signal(signal.SIGCONT)


async def way_to_the_broker_cut(siege: Siege) -> None:
    await siege.to_broker.cut()
    await asyncio.sleep(LASTS_S)


BROKER_GONE: Final[tuple[Strike, ...]] = (
    broker_killed_for_a_while,
    broker_killed_and_back_at_once,
    broker_restarted_with_its_database,
)
FAILURES: Final[tuple[Strike, ...]] = (broker_frozen, *BROKER_GONE, bridge_frozen, way_to_the_broker_cut)
