"""Learns which role the car has written down for our key, because that decides what may be offered to the owner.

It is read when the car first takes something that we signed, once a week, and when the car says that the key may not do
something. A reading is the last thing in the car's lane, and gives way to everything that somebody waits for.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from driveway_bridge.car import Car, Observer, Vehicle
from driveway_bridge.contract import Outcome
from driveway_bridge.lane import Full, GaveWay, Priority

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.commands.base import Command
    from driveway_bridge.errand import Execution
    from driveway_bridge.state.keys import KeyEntry

_LOGGER = logging.getLogger(__name__)

WEEK_S: Final = 7 * 86400.0
AGAIN_S: Final = 10.0
"""After a reading that gave way."""
ATTEMPTS: Final = 6
"""Readings that are begun before the next contact with the car is waited for."""
READ_S: Final = 4.0
"""For one request."""


class RoleReader(Observer):
    """Reads the role of our key in one car, and tells it to the car as `learn(role=, slot=)`."""

    def __init__(self, car: Car, *, week_s: float = WEEK_S, again_s: float = AGAIN_S) -> None:
        self._car = car
        self._week_s = week_s
        self._again_s = again_s
        self._read_at: float | None = None
        self._wanted = asyncio.Event()

    def executed(self, command: Command, execution: Execution, *, asked: bool) -> None:  # noqa: ARG002 - the Observer's
        """See whether the car has just accepted our key, or said that it may not do something."""
        if execution.reason == "not_permitted" and execution.outcome is Outcome.REFUSED:
            self._read_at = None
            self._wanted.set()
        elif command.authenticated and execution.outcome is Outcome.CONFIRMED and self._due():
            self._wanted.set()

    async def run(self) -> None:
        """Read when there is a reason to, for ever."""
        while True:
            await self._wanted.wait()
            for attempt in range(ATTEMPTS):
                if attempt:
                    await asyncio.sleep(self._again_s)
                self._wanted.clear()
                if await self._read():
                    break

    def _due(self) -> bool:
        return self._read_at is None or asyncio.get_running_loop().time() - self._read_at >= self._week_s

    async def _read(self) -> bool:
        """Read as the last in the lane; False when it has to be tried again soon."""
        try:
            turn = self._car.lane.enter(Priority.POLL, "role")
            await self._car.lane.run(turn, self._find)
        except (GaveWay, Full):
            return False
        except Exception:  # a mistake of ours about one car's role must not take the bridge down
            _LOGGER.exception("Reading the role of our key in %s failed inside the bridge", self._car.name)
        return True

    async def _find(self) -> None:
        """Look where the key was the last time, then through the whole list; note only what the car said."""
        from driveway_bridge.commands import keys
        from driveway_bridge.enrolment import likely_first
        from driveway_bridge.state.keys import KeyList

        vehicle = (await self._car.equipment()).vehicle
        slot = self._car.identity.slot
        if slot is not None and self._note(await self._entry(vehicle, slot), vehicle.public_key):
            return
        found = (await self._ask(vehicle, keys.keys_list())).state
        if not isinstance(found, KeyList):
            return
        whole_id = keys.key_id(vehicle.public_key)
        if found.ids and not found.holds(whole_id):
            self._learn(role=None, slot=None)
            return
        for slot in likely_first(found, whole_id):
            if self._note(await self._entry(vehicle, slot), vehicle.public_key):
                return

    def _note(self, entry: KeyEntry | None, public_key: bytes) -> bool:
        """Note a key if it is ours."""
        from driveway_bridge.enrolment import is_own

        if entry is None or not is_own(entry, public_key):
            return False
        self._learn(role=None if entry.role is None else entry.role.value, slot=entry.slot)
        return True

    def _learn(self, *, role: str | None, slot: int | None) -> None:
        self._read_at = asyncio.get_running_loop().time()
        self._car.learn(role=role, slot=slot)

    async def _entry(self, vehicle: Vehicle, slot: int) -> KeyEntry | None:
        from driveway_bridge.commands import keys
        from driveway_bridge.state.keys import KeyEntry

        state = (await self._ask(vehicle, keys.key_entry(slot))).state
        return state if isinstance(state, KeyEntry) else None

    async def _ask(self, vehicle: Vehicle, command: Command) -> Execution:
        execution = await vehicle.execute(command, timeout_s=READ_S, wake=False, linger=False)
        self._car.take(command, execution, asked=False)
        return execution
