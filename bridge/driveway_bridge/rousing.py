"""Waking the car for what only its larger half can do: infotainment sleeps when the car does, the body never.

A wake is signed and acknowledged at once; then the body's status tells when the car is awake, and infotainment is
asked who it is until it has booted. One wake may not be enough, so it is repeated. All of it gives way to commands for
the body, so locking and unlocking do not wait.
Source: the vehicle-command protocol, "waking infotainment".
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from driveway_bridge.commands import security
from driveway_bridge.commands.base import Command
from driveway_bridge.errand import Answer, Errand
from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.line import Line
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import Refused, Reply
from driveway_bridge.protocol.requests import Greeting
from driveway_bridge.state.body import Body

ROUSE_S: Final = 30.0
"""How long waking and booting may take together."""
WAKE_EVERY_S: Final = 7.0
LOOK_EVERY_S: Final = 1.5
FRESH_S: Final = 20.0
"""So long after a sign of being awake the car is taken to be awake: what it is asked keeps it so for minutes."""
_LOOKS = 3
"""How often the body is asked for its status before its silence is taken for "I do not know"."""
_GREET_S: Final = 3.5
_GREET_EVERY_S: Final = 0.4
"""While it boots: each repetition that comes too early costs nothing, and the first after it is ready does the work."""
_BOOT_S: Final = 14.0
"""A car that was seen to wake up is not woken again within this time: it boots."""
_STATUS_S: Final = 1.5
_WAKE_S: Final = 1.5


class Put(Protocol):
    """Put one request for an errand, by `Vehicle`."""

    def __call__(
        self, errand: Errand, command: Command, answer_s: float, *, within_s: float = ...
    ) -> Awaitable[Answer]:
        """Give what came of it; at the latest after `within_s`."""
        ...


class Rouser:
    """Knows whether the car was awake lately, and sees to it that it is."""

    def __init__(self, put: Put, line: Line, clock: Callable[[], float]) -> None:
        self._put = put
        self._line = line
        self._clock = clock
        self._awake_at = -math.inf

    def note(self, answer: Answer, domain: Domain) -> None:
        """Learn from an answer: who speaks is awake, and who is silent may not be."""
        if domain is not Domain.INFOTAINMENT:
            return
        if isinstance(answer, (Reply, Refused)):
            self._awake_at = self._clock()
        elif not isinstance(answer, (NotReached, LinkLost)):
            # It may have slept or booted since: nothing is sent to it before it has said who it is.
            self._awake_at = -math.inf
            self._line.doubt(domain)

    def note_body(self, body: Body) -> None:
        """Learn from what the body said."""
        if body.asleep:
            self._awake_at = -math.inf
        elif body.asleep is False:
            self._awake_at = self._clock()

    async def ensure(self, errand: Errand) -> Answer | None:
        """See to it that infotainment hears; None when it does, or why it does not, as the answer to the errand."""
        fresh = self._clock() - self._awake_at <= FRESH_S
        if fresh and self._line.ready(Domain.INFOTAINMENT):
            return None
        begun, link_s = self._clock(), errand.link_s
        try:
            asleep = False if fresh else await self._looks_asleep(errand)
            if asleep or not self._line.ready(Domain.INFOTAINMENT):
                await self._rouse(errand, min(begun + ROUSE_S, errand.deadline), asleep=asleep)
        except _DeadEndError as end:
            return end.answer
        finally:
            errand.waking_s += self._clock() - begun - (errand.link_s - link_s)
        return None

    async def _rouse(self, errand: Errand, end: float, *, asleep: bool) -> None:
        """Wake, if that is needed and allowed, and wait until infotainment says who it is."""
        roused = False
        while self._clock() < end:
            again = min(self._clock() + (WAKE_EVERY_S if errand.wake else _GREET_S), end)
            if asleep or roused:
                await self._wake(errand)
                roused = True
                if asleep:
                    asleep = await self._stays_asleep(errand, again)
                    again = min(self._clock() + _BOOT_S, end)
            if asleep:
                continue
            if roused:
                errand.report("booting")
            if await self._boots(errand, max(again - self._clock(), min(LOOK_EVERY_S, end - self._clock()))):
                return
            roused = roused or errand.wake
            asleep = await self._looks_asleep(errand)
        raise _DeadEndError(NotReached("car_asleep" if asleep else "car_booting"))

    async def _wake(self, errand: Errand) -> None:
        if not errand.wake:
            raise _DeadEndError(NotReached("car_asleep"))
        errand.report("waking")
        errand.wakes += 1
        await self._say(errand, security.wake(), _WAKE_S)

    async def _stays_asleep(self, errand: Errand, until: float) -> bool:
        """Look now and then whether the car has woken up."""
        while self._clock() < until:
            if not await self._looks_asleep(errand):
                return False
            await asyncio.sleep(min(LOOK_EVERY_S, max(0.0, until - self._clock())))
        return True

    async def _looks_asleep(self, errand: Errand) -> bool:
        """Whether the body says that the car sleeps; it may also not say."""
        for _ in range(_LOOKS):
            answer = await self._say(errand, security.status(), _STATUS_S)
            if isinstance(answer, Reply):
                return answer.body is not None and answer.body.asleep is True
            if errand.left(self._clock()) <= 0:
                break
        return False

    async def _boots(self, errand: Errand, within_s: float) -> bool:
        """Whether infotainment says who it is; it is asked every second."""
        self._line.doubt(Domain.INFOTAINMENT)
        greeting = Greeting(domain=Domain.INFOTAINMENT, every_s=_GREET_EVERY_S)
        return isinstance(await self._say(errand, greeting, within_s, within_s=within_s), Reply)

    async def _say(self, errand: Errand, command: Command, answer_s: float, *, within_s: float = math.inf) -> Answer:
        """Put a request; what cannot be changed by trying on is a dead end."""
        answer = await self._put(errand, command, answer_s, within_s=within_s)
        if isinstance(answer, NotReached) or (isinstance(answer, Refused) and not answer.temporary):
            raise _DeadEndError(answer)
        return answer


class _DeadEndError(Exception):
    """Infotainment cannot be made to hear; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
