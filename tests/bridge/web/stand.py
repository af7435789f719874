"""The page on a stand: the real server before a bridge of two cars that do what a test tells them.

As a program it prints its port and serves the page; each line of its input is an action: `hold`, `lock unlocked`.
For pictures: `stand.py PORT`.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from driveway_bridge.audit.history import Shown
from driveway_bridge.audit.record import Record
from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.contract import LinkState, Outcome, Result
from driveway_bridge.link.base import Sighting
from driveway_bridge.settings import WebSettings
from driveway_bridge.signal_history import MINUTE_S, SignalHistory, SignalPoint
from driveway_bridge.state.body import Body, ClosureState, LockState
from driveway_bridge.web.server import Page

PASSWORD = "correct horse"
CODE = "0123-4567-89AB-CDEF-GHJK"
ANNA, BERTA = "car-00000001", "car-00000002"
VIN = "5YJ30123456789ABC"
RADIO_ADDRESS = "AA:BB:CC:DD:EE:FF"
UNIX_S = 1_795_000_000.0


class Clock:
    """A clock that also goes when it is told to."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._still: float | None = None

    def __call__(self) -> float:
        return (asyncio.get_running_loop().time() if self._still is None else self._still) + self.ahead

    def stands(self) -> None:
        """From now on it goes only when it is told to."""
        self._still = asyncio.get_running_loop().time()


class Deaf:
    """Nobody listens to the cars' news here."""

    def link(self, car: str, state: LinkState) -> None:
        """Not needed."""

    def state(self, car: str, subject: str, document: dict[str, Any]) -> None:
        """Not needed."""

    def forget(self, car: str) -> None:
        """Not needed."""


@dataclass
class Stand:
    """The bridge behind the page, as `view.View` wants it."""

    clock: Clock
    boot: Boot = field(init=False)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Commands, in order."""
    answer: Result | None = None
    """What the next commands end with; None: the car does it."""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, commands do not end."""

    def __post_init__(self) -> None:
        self.free.set()
        self.boot = Boot(self.clock)
        self.by_id = {one: Car(one, name, self.boot, Deaf()) for one, name in ((ANNA, "Anna"), (BERTA, "Berta"))}
        self.order: list[Car] = list(self.by_id.values())
        self.histories = {one: SignalHistory(self.clock) for one in self.by_id}
        self.entries: list[Shown] = []
        self.document: dict[str, Any] = {
            "version": "9.9.9",
            "uptime_s": 12.0,
            "radio": {"kind": "system", "adapter": "hci0", "address": RADIO_ADDRESS, "state": "ok", "healed": 0},
            "mqtt": {"connected": True, "ear": {"heard_s_ago": 3.0, "ok": True}, "home_assistant_s_ago": 4.0},
            "cars": {
                ANNA: {
                    "queue": 0,
                    "commands": {"confirmed": 3, "refused": 1},
                    "failures": {"not_in_range": 1},
                    "latency_ms": {"total": {"p50": 412.0, "p95": 900.0, "p99": 1200.0}},
                    "budget": {"wakes_today": 2},
                    "note": f"the car {VIN} at {RADIO_ADDRESS}",
                }
            },
            "process": {"memory_mb": 51.5, "threads": 4, "files": 20, "tasks": 9},
        }

    def health(self) -> dict[str, Any]:
        return self.document

    def cars(self) -> Sequence[Car]:
        return self.order

    def log(self, limit: int) -> Sequence[Shown]:
        return self.entries[:limit]

    def signal(self, car_id: str) -> Sequence[SignalPoint]:
        return self.histories[car_id].points()

    def code(self) -> str:
        return CODE

    async def command(self, car_id: str, command: str) -> Result:
        self.asked.append((car_id, command))
        await self.free.wait()
        ended = self.answer or Result(id="1", outcome=Outcome.CONFIRMED, reason="done")
        if ended.outcome == Outcome.CONFIRMED:
            self.says(car_id, LockState.LOCKED if command == "lock" else LockState.UNLOCKED)
        self.entries.insert(
            0,
            Shown(
                Record(
                    boot_s=self.boot.now(),
                    who="page",
                    client=None,
                    path="page",
                    car=car_id,
                    command=command,
                    outcome=ended.outcome.value,
                    reason=ended.reason or "",
                    sent=True,
                    ms=412.0,
                ),
                UNIX_S,
            ),
        )
        return ended

    def says(self, car_id: str, lock: LockState, **closures: ClosureState) -> None:
        """The car tells its state."""
        doors = dict.fromkeys(("front_driver_door", "rear_trunk", "charge_port"), ClosureState.CLOSED) | closures
        self.by_id[car_id].heard_body(Body(lock=lock, asleep=False, user_present=False, **doors), "read")

    def heard(self, car_id: str, rssi_dbm: int) -> None:
        """The car is heard without a link."""
        sighting = Sighting(at=self.clock(), rssi_dbm=rssi_dbm, connectable=True)
        self.histories[car_id].sighted(sighting)
        self.by_id[car_id].heard_sighting(sighting)

    def live_a_day(self) -> None:
        """Fill the signal's history: a day with a connection, an hour away and a weak night; ends 12 s after it."""
        history = self.histories[ANNA]
        for minute in range(1440):
            self.clock.ahead += MINUTE_S
            if minute in (400, 1300):
                history.heard_link(linked=True, reason=None)
            elif minute in (430, 1304):
                history.heard_link(linked=False, reason=None)
            if 700 <= minute < 790 or 400 <= minute < 430:
                continue
            swing = 8 * math.sin(minute / 60) + 5 * math.sin(minute / 7)
            for step in (-4, 0, 3):
                sighting = Sighting(at=0.0, rssi_dbm=round(-76 + swing + step - 10 * (minute < 200)), connectable=True)
                history.sighted(sighting)
        self.says(ANNA, LockState.LOCKED)
        self.clock.ahead += 12.0
        self.heard(ANNA, -71)


@asynccontextmanager
async def served(stand: Stand, port: int = 0) -> AsyncIterator[Page]:
    """The page, while it is served on a free port of this computer."""
    page = Page(WebSettings(host="127.0.0.1", port=port, password=PASSWORD), stand, now=stand.boot.now)
    task = asyncio.create_task(page.run())
    try:
        async with asyncio.timeout(30):
            await page.listening.wait()
        yield page
    finally:
        task.cancel()
        await asyncio.wait([task])


async def main(port: int) -> None:
    """Serve until the input ends."""
    stand = Stand(Clock())
    stand.live_a_day()
    stand.says(BERTA, LockState.UNLOCKED, front_driver_door=ClosureState.OPEN)
    async with served(stand, port) as page:
        print(json.dumps({"port": page.port}), flush=True)  # noqa: T201 - it is a program
        while line := await asyncio.to_thread(sys.stdin.readline):
            _act(stand, *line.split())
            print(json.dumps({"asked": stand.asked}), flush=True)  # noqa: T201


def _act(stand: Stand, action: str, *words: str) -> None:
    if action == "hold":
        stand.free.clear()
    elif action == "release":
        stand.free.set()
    elif action == "lock":
        stand.says(ANNA, LockState(words[0]))
    elif action == "answer":
        outcome, reason = words
        stand.answer = Result(id="1", outcome=Outcome(outcome), reason=reason)
    elif action == "obey":
        stand.answer = None
    elif action == "one_car":
        del stand.order[1:]
    elif action == "broker_away":
        stand.document["mqtt"] = {"connected": False}


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
