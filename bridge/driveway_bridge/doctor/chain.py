"""Walks along a chain of checks: each waits for those it builds on, and is skipped when one of them is broken.

Checks that do not build on each other run side by side: the way to the broker is looked at while the car is listened
for. Every check has a deadline of its own, and the whole walk has one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from driveway_bridge.doctor.finding import Finding, State, broken, by_reason, skipped
from driveway_bridge.errors import DrivewayError

WALK_S: Final = 45.0
"""For all checks together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One link of the chain and how it is looked at."""

    name: str
    """For programs, as `broker` or `car-1a2b3c4d.heard`."""
    title: str
    """For the owner, as `MQTT broker` or `Anna: heard`."""
    examine: Callable[[Callable[[str], None]], Awaitable[Finding]]
    """Looks; it is given a function that tells what it is doing right now. DrivewayErrors mean: broken."""
    within_s: float
    needs: tuple[str, ...] = ()
    """Names of checks without which this one makes no sense; those that are not in the chain do not count."""
    after: tuple[str, ...] = ()
    """Names of checks that go first, however they end."""
    car: str | None = None
    """The id of the car that it is about."""
    slow: str = ""
    """What to say when it ran out of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A check that is over."""

    check: Check
    finding: Finding
    ms: float


class Audience(Protocol):
    """Who is shown the walk while it goes on."""

    def planned(self, checks: Sequence[Check]) -> None:
        """These come next, in the order of the chain."""
        ...

    def doing(self, check: Check, text: str) -> None:
        """A check has begun, or goes on with something else."""
        ...

    def ended(self, examined: Examined) -> None:
        """A check is over; not in the order of the chain."""
        ...


async def walk(
    checks: Sequence[Check], audience: Audience, *, before: Iterable[Examined] = (), within_s: float = WALK_S
) -> list[Examined]:
    """Carry out all checks, within `within_s` in all; the results stand in the order of the chain.

    `before` are checks that are over already and that these may build on.
    """
    audience.planned(checks)
    walker = _Walker(checks, audience, before, within_s)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(walker.carry(check)) for check in checks]
    return [task.result() for task in tasks]


def first_broken(examined: Iterable[Examined]) -> Examined | None:
    """The link where the chain breaks first."""
    return next((one for one in examined if one.finding.state is State.BROKEN), None)


class _Walker:
    def __init__(
        self, checks: Sequence[Check], audience: Audience, before: Iterable[Examined], within_s: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._audience = audience
        self._end = self._loop.time() + within_s
        self._over: dict[str, asyncio.Future[Examined]] = {}
        for earlier in before:
            self._over[earlier.check.name] = self._loop.create_future()
            self._over[earlier.check.name].set_result(earlier)
        for check in checks:
            self._over[check.name] = self._loop.create_future()

    async def carry(self, check: Check) -> Examined:
        """Wait for what goes before, look, and tell."""
        for name in (*check.needs, *check.after):
            if name in self._over:
                await self._over[name]
        began = self._loop.time()
        cause = self._cause(check)
        finding = await self._examine(check) if cause is None else skipped(cause)
        examined = Examined(check=check, finding=self._rooted(finding), ms=(self._loop.time() - began) * 1000)
        self._over[check.name].set_result(examined)
        self._audience.ended(examined)
        return examined

    async def _examine(self, check: Check) -> Finding:
        left = min(check.within_s, self._end - self._loop.time())
        slow = broken(check.slow or "It did not come to an end in time.", "Try again; `--car` limits the look to one.")
        if left <= 0:
            return slow
        self._audience.doing(check, "")
        try:
            async with asyncio.timeout(left) as deadline:
                return await check.examine(lambda text: self._audience.doing(check, text))
        except TimeoutError:
            if not deadline.expired():
                raise
            return slow
        except DrivewayError as error:
            return by_reason(error.reason, error.detail)

    def _cause(self, check: Check) -> str | None:
        for name in check.needs:
            if name in self._over and not self._over[name].result().finding.holds:
                return name
        return None

    def _rooted(self, finding: Finding) -> Finding:
        """Blame the link that is broken itself, not one that was skipped for it."""
        cause = finding.because
        while cause is not None and cause in self._over and self._over[cause].done():
            deeper = self._over[cause].result().finding.because
            if deeper is None:
                break
            cause = deeper
        return replace(finding, because=cause)
