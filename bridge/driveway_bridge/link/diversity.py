"""Several radios as one: each has an air of its own, and the one that hears a car best connects to it.

Adapters of this computer and proxies in the network differ only in their source. Each air listens, is healed and is
judged by itself; one that fails takes nothing from the others. That a car is away is only believed when every radio
that has heard it of late listens and hears it no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge.errors import NotReached
from driveway_bridge.link.choice import Path, ranking, witnesses
from driveway_bridge.link.ear import NO_RSSI
from driveway_bridge.link.listening import SharedListening
from driveway_bridge.link.way import Slots, Way
from driveway_bridge.reasons import REASONS

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

    from driveway_bridge.link.air import Air
    from driveway_bridge.link.ear import Ear

_LOGGER = logging.getLogger(__name__)

CENSUS_S: Final = 30.0
"""Between two looks for adapters that were plugged in, where all of them are wanted."""
OTHERS_S: Final = 0.5
"""For the other radios to begin, once one listens, where nobody has had them listen before."""
MAX_STEPS: Final = 20
_STATES: Final = ("ok", "starting", "healing", "deaf", "missing")
"""The best first: several radios are as well as the best of them."""


def _no_slots() -> Slots | None:
    return None


def _no_remark() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Branch:
    """One of several radios."""

    name: str
    """As the owner knows it: `hci0`, an address, or a proxy's name."""
    kind: str
    """`adapter`, `proxy` or `virtual`."""
    air: Air
    optional: bool = False
    """Whether it is no trouble when there is none: nobody has asked for this one."""
    slots: Callable[[], Slots | None] = _no_slots
    remark: Callable[[], str | None] = _no_remark
    """A reason code that the owner should know, although it works."""


Find = Callable[[], Awaitable[list[Branch]]]
"""Gives the branches that have appeared since the last call. NotReached when it cannot be told."""


class _Path(Path):
    """One radio's ear for one car."""

    def __init__(self, branch: Branch, ear: Ear) -> None:
        super().__init__()
        self.branch = branch
        self.device: BLEDevice | None = None
        self._ear = ear
        self._returns = 0
        """How often the radio had come back when connecting from it failed."""

    @property
    def news(self) -> asyncio.Event:
        return self._ear.news

    def failed(self, now: float) -> None:
        super().failed(now)
        self._returns = self.branch.air.returns

    def failures(self, now: float) -> int:
        return super().failures(now) if self._returns == self.branch.air.returns else 0

    def hear(self, device: BLEDevice, data: AdvertisementData, now: float) -> bool:
        ours = self._ear.hear(device, data, now)
        if ours:
            self.device = device
            self.heard(now, None if data.rssi in NO_RSSI else data.rssi)
        return ours


class Diversity:
    """Several radios behind the surface of one `Air`; `find` gives those that appear later."""

    def __init__(self, branches: Iterable[Branch], *, listened: SharedListening, find: Find | None = None) -> None:
        self.running = False
        """Whether `run` sees to it that all of them listen."""
        self._branches = list(branches)
        self._listened = listened
        self._find = find
        self._not_found: NotReached | None = None
        self._paths: dict[Ear, list[_Path]] = {}
        self._beginning: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None

    # For those who look for a car -------------------------------------------------------------------------------------

    def join(self, ear: Ear) -> None:
        """Let an ear hear everything that any of the radios hears."""
        paths = self._paths.setdefault(ear, [])
        for branch in self._branches[len(paths) :]:
            path = _Path(branch, ear)
            paths.append(path)
            branch.air.join(path)

    async def leave(self, ear: Ear) -> None:
        """Let it hear nothing any more; radios that nobody runs are given back with their last ear."""
        for path in self._paths.pop(ear, []):
            await path.branch.air.leave(path)
        if not self._paths and not self.running:
            await self.close()

    @property
    def listening(self) -> bool:
        """Whether any of them listens."""
        return any(branch.air.listening for branch in self._branches)

    def listens_for(self, ear: Ear) -> bool:
        """Whether this car would be heard now if it were near."""
        known = [path for path in witnesses(self._paths.get(ear, [])) if self._counts(path)]
        return bool(known) and all(path.branch.air.listening for path in known)

    @property
    def deaf(self) -> bool:
        """Whether those that listen hear nobody at all, and that is not believed."""
        return not self.listening and any(branch.air.deaf for branch in self._branches)

    def listened_s(self) -> float:
        """So long at least one of them has listened, in all."""
        return self._listened.total_s(asyncio.get_running_loop().time())

    @property
    def scanning(self) -> bool:
        """Whether a scan runs on any of them now."""
        return any(branch.air.scanning for branch in self._branches)

    @contextlib.asynccontextmanager
    async def wanted(self) -> AsyncIterator[None]:
        """Have all of them listen for as long as the block lasts, where `run` does not see to it."""
        async with contextlib.AsyncExitStack() as stack:
            if not self.running:
                await self._look_for_more()
                stack.push_async_callback(self._give_up_beginning)
            for branch in self._branches:
                await stack.enter_async_context(branch.air.wanted())
            yield

    async def listen(self, until: float, *, no_older_than_s: float | None = None) -> None:
        """See to it that at least one listens, by `until` on the loop's clock; NotReached with the cause."""
        waiting = {self._begin(branch, until, no_older_than_s) for branch in self._branches}
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if any(not task.cancelled() and task.exception() is None for task in done):
                if waiting and not self.running:
                    await asyncio.wait(waiting, timeout=OTHERS_S)
                return  # the others go on until the time is up
        raise self._trouble()

    def absence(self, ear: Ear) -> NotReached | None:
        """Why silence does not mean that this car is away; None when it does."""
        down = [
            path for path in witnesses(self._paths.get(ear, [])) if self._counts(path) and not self._able(path.branch)
        ]
        return _combined([path.branch for path in down]) if down else None

    def way(self, ear: Ear) -> Way:
        """Choose the radio to connect with, to a car that was just heard. NotReached `proxy_full` with what it says."""
        now = asyncio.get_running_loop().time()
        known = [path for path in ranking(self._paths.get(ear, []), now) if path.device is not None]
        free = [path for path in known if (slots := path.branch.slots()) is None or slots.free > 0]
        if known and not free:
            full = ", ".join(path.branch.name for path in known)
            raise NotReached("proxy_full", f"no free connection: {full}")
        # One that rests while it connects to another car still counts as listening, and is waited for.
        usable = [path for path in free if path.branch.air.listening or path.branch.air.scanning]
        best = next(iter(usable), None)
        if best is None or best.device is None:
            raise self._trouble()
        if _LOGGER.isEnabledFor(logging.DEBUG):
            others = ", ".join(
                f"{path.branch.name} {path.rssi_dbm:.0f} dBm, {path.failures(now)} failures" for path in known
            )
            _LOGGER.debug("Connecting through %s (%s)", best.branch.name, others)
        return Way(
            air=best.branch.air, device=best.device, radio_name=best.branch.name, path=best, others=len(usable) - 1
        )

    # For the bridge ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Let all of them listen for ever, each healed by itself. RadioGivenUp when only a restart can help."""
        self.running = True
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for branch in self._branches:
                    group.create_task(branch.air.run())
                while self._find is not None:
                    await self._look_for_more()
                    await asyncio.sleep(CENSUS_S)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None  # the first has ended the others
        finally:
            self.running = False
            self._group = None
            await self.close()

    def may_end(self, branch_air: Air) -> bool:
        """Whether one of them may end the bridge to have it started anew: only when no other one listens."""
        return not any(branch.air is not branch_air and branch.air.listening for branch in self._branches)

    def report(self) -> dict[str, Any]:
        """Tell how they are together, and each by itself."""
        reports = [(branch, branch.air.report()) for branch in self._branches]
        states = [str(report["state"]) for branch, report in reports if not _excused(branch, report)]
        state = min(states, key=_STATES.index, default="missing")
        trouble = None if state in ("ok", "starting") else self._trouble()
        ages = [report["heard_at_s_ago"] for _, report in reports if report["heard_at_s_ago"] is not None]
        steps = [{**step, "radio": branch.name} for branch, report in reports for step in report["steps"]]
        return {
            "kind": "several",
            "adapter": None,
            "address": None,
            "state": state,
            "reason": None if trouble is None else trouble.reason,
            "detail": "" if trouble is None else trouble.detail,
            "heard_at_s_ago": min(ages, default=None),
            "heard_per_minute": sum(report["heard_per_minute"] for _, report in reports),
            "scanning": self.scanning,
            "steps": sorted(steps, key=lambda step: step["seconds_ago"])[:MAX_STEPS],
            "healed": sum(report["healed"] for _, report in reports),
            "radios": [_described(branch, report) for branch, report in reports],
        }

    async def close(self) -> None:
        """Give all of them back. They are opened again when they are needed."""
        await self._give_up_beginning()
        await asyncio.gather(*(branch.air.close() for branch in self._branches))

    # Inside -----------------------------------------------------------------------------------------------------------

    async def _look_for_more(self) -> None:
        if self._find is None:
            return
        try:
            found = await self._find()
        except NotReached as error:
            if self._not_found is None or self._not_found.reason != error.reason:
                _LOGGER.warning("It cannot be told which adapters there are: %s (%s)", error, error.detail)
            self._not_found = error
            return
        self._not_found = None
        for branch in found:
            _LOGGER.info("Bluetooth adapter %s is used too", branch.name)
            self._branches.append(branch)
            for ear in self._paths:
                self.join(ear)
            if self._group is not None:
                self._group.create_task(branch.air.run())

    def _begin(self, branch: Branch, until: float, no_older_than_s: float | None) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(branch.air.listen(until, no_older_than_s=no_older_than_s))
        task.add_done_callback(self._begun)
        self._beginning.add(task)
        return task

    def _begun(self, task: asyncio.Task[None]) -> None:
        self._beginning.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, NotReached):
            _LOGGER.error("A radio could not be made to listen", exc_info=error)

    async def _give_up_beginning(self) -> None:
        tasks = set(self._beginning)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _able(self, branch: Branch) -> bool:
        return branch.air.listening if self.running else branch.air.scanning

    def _counts(self, path: _Path) -> bool:
        """Whether this radio has to listen: one that nobody asked for and that never heard the car does not."""
        return path.heard_at is not None or not _excused(path.branch, path.branch.air.report())

    def _trouble(self) -> NotReached:
        """What is wrong, when no radio works."""
        down = [branch for branch in self._branches if not _excused(branch, branch.air.report())]
        if not down and self._not_found is not None:
            return self._not_found
        return _combined(down or self._branches)


def _excused(branch: Branch, report: dict[str, Any]) -> bool:
    return branch.optional and report["state"] == "missing"


def _combined(branches: list[Branch]) -> NotReached:
    """One reason for all of them, as told by the first, with what each says."""
    if not branches:
        return NotReached("no_adapter", "there is none, and no proxy is configured")
    reports = [(branch, branch.air.report()) for branch in branches]
    reasons = {branch.name: str(report["reason"] or "radio_unavailable") for branch, report in reports}
    first = next(iter(reasons.values()))
    reason = first if len(set(reasons.values())) == 1 or len(reasons) == 1 else "radio_unavailable"
    detail = "; ".join(
        f"{branch.name}: {report['detail'] or REASONS[reasons[branch.name]].meaning}" for branch, report in reports
    )
    return NotReached(reason, detail)


def _described(branch: Branch, report: dict[str, Any]) -> dict[str, Any]:
    """One of several radios, for the health document."""
    slots = branch.slots()
    reason = report["reason"] or branch.remark()
    return {
        "name": branch.name,
        "kind": branch.kind,
        "state": report["state"],
        "reason": None if _excused(branch, report) else reason,
        "problem": REASONS[reason].meaning if reason is not None and reason in REASONS else None,
        "detail": report["detail"],
        "heard_at_s_ago": report["heard_at_s_ago"],
        "heard_per_minute": report["heard_per_minute"],
        "free_connections": None if slots is None else slots.free,
        "connections": None if slots is None else slots.limit,
        "links": branch.air.links,
        "healed": report["healed"],
    }
