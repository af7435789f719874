"""The main job without a person: what the house must be able to do, step by step, as one list of sentences."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from house.house import CLOUD_LOCK, LOCK, OUTAGE, REACHABLE, House, operate
from house.processes import HouseError
from house.websocket import CommandFailed

ROUNDS = 20


@dataclass(slots=True)
class Figures:
    """Milliseconds from the call in Home Assistant to the car's confirmation."""

    unlock_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Median and 95th percentile; empty without measurements."""
        if len(self.unlock_ms) < 2:
            return {}
        return {
            "median": round(statistics.median(self.unlock_ms), 1),
            "p95": round(statistics.quantiles(self.unlock_ms, n=20, method="inclusive")[-1], 1),
        }


type Step = Callable[[House, Figures], Awaitable[None]]


async def rounds(house: House, figures: Figures) -> None:
    """Unlock and lock from Home Assistant, twenty times; each time the car itself agrees."""
    for _ in range(ROUNDS):
        figures.unlock_ms.append(await operate(house, "unlock"))
        await operate(house, "lock")


async def by_another_key(house: House, _figures: Figures) -> None:
    """Somebody unlocks the car with a key card, and Home Assistant shows it."""
    await house.car.tell("unlock by card")
    await house.websocket.becomes(LOCK, "unlocked", timeout_s=30)
    await operate(house, "lock")


async def cloud_down(house: House, _figures: Figures) -> None:
    """The maker's cloud is cut: its lock fails, ours works."""
    await _poll_cloud(house)
    await house.websocket.becomes(CLOUD_LOCK, "locked", timeout_s=30)
    await house.websocket.call("lock.unlock", CLOUD_LOCK)
    await house.car.becomes(locked=False, timeout_s=30)
    await operate(house, "lock")
    await house.websocket.call("switch.turn_on", OUTAGE)
    try:
        # Home Assistant passes over a lock that it already found unavailable, without an error.
        await house.websocket.call("lock.unlock", CLOUD_LOCK)
    except CommandFailed as error:
        if "cloud" not in error.text:
            raise
    if not house.car.locked:
        raise HouseError("the cloud is cut, and yet it unlocked the car")
    await _poll_cloud(house)
    await house.websocket.becomes(CLOUD_LOCK, "unavailable", timeout_s=30)
    await operate(house, "unlock")
    await operate(house, "lock")


async def home_assistant_restarts(house: House, _figures: Figures) -> None:
    """Home Assistant is restarted during the outage, and unlocks."""
    await house.home.stop()
    await house.home.start()
    await house.lock_is_there()
    if house.cloud:
        await house.websocket.becomes(OUTAGE, "on", timeout_s=90)
    await operate(house, "unlock")
    await operate(house, "lock")


async def bridge_restarts(house: House, _figures: Figures) -> None:
    """The bridge is restarted during the outage, and unlocks."""
    gone = asyncio.create_task(house.websocket.becomes(LOCK, "unavailable", timeout_s=30))
    await house.bridge.restart()
    await gone
    await house.lock_is_there()
    await operate(house, "unlock")
    await operate(house, "lock")


async def broker_restarts(house: House, _figures: Figures) -> None:
    """The broker is restarted during the outage with nothing retained, and all find together again."""
    await house.broker.stop()
    await house.websocket.becomes(LOCK, "unavailable", timeout_s=30)
    await house.broker.start()
    await house.websocket.becomes(LOCK, "locked", timeout_s=60)
    await operate(house, "unlock")
    await operate(house, "lock")


async def car_vanishes(house: House, _figures: Figures) -> None:
    """The car's radio is gone: Home Assistant says so, refuses to guess, and recovers."""
    await house.car.tell("vanish")
    await house.car.tell("unlock by card")  # nobody can know that now
    await house.websocket.becomes(REACHABLE, "off", timeout_s=60)
    if (shown := house.websocket.state(LOCK)) != "locked":
        raise HouseError(f"the car was last heard locked, and Home Assistant shows {shown}")
    began = time.monotonic()
    try:
        await house.websocket.call("lock.lock", LOCK)
    except CommandFailed as error:
        if error.key != "not_in_range":
            raise HouseError(f"the reason given is another: {error}") from error
    else:
        raise HouseError("locking a car that is not there went well")
    if (took := time.monotonic() - began) > 15:
        raise HouseError(f"it took {took:.0f} s to say that the car is not heard")
    await house.car.tell("return")
    await house.websocket.becomes(REACHABLE, "on", timeout_s=60)
    await house.websocket.becomes(LOCK, "unlocked", timeout_s=30)
    await operate(house, "lock")


async def cloud_returns(house: House, _figures: Figures) -> None:
    """The outage ends, and the cloud's lock is back."""
    await house.websocket.call("switch.turn_off", OUTAGE)
    await _poll_cloud(house)
    await house.websocket.becomes(CLOUD_LOCK, "locked", timeout_s=30)
    await operate(house, "unlock")
    await house.websocket.call("lock.lock", CLOUD_LOCK)
    await house.car.becomes(locked=True, timeout_s=30)
    await house.websocket.becomes(LOCK, "locked", timeout_s=30)


async def _poll_cloud(house: House) -> None:
    """Let the cloud's lock ask now; by itself it does so every few seconds only."""
    await house.websocket.call("homeassistant.update_entity", CLOUD_LOCK)


MAIN_JOB: Sequence[Step] = (
    rounds,
    by_another_key,
    cloud_down,
    home_assistant_restarts,
    bridge_restarts,
    broker_restarts,
    car_vanishes,
    cloud_returns,
)
OFFLINE: Sequence[Step] = (rounds, by_another_key, home_assistant_restarts, bridge_restarts)


def title(step: Step) -> str:
    """The sentence that says what a step does."""
    return (step.__doc__ or "").strip().removesuffix(".")


class Report:
    """What was checked, how it went and how long it took; each step is told when it is over."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Begin with nothing checked, which is not yet good."""
        self.figures = Figures()
        self._say = say
        self._steps: list[dict[str, Any]] = []

    @property
    def ok(self) -> bool:
        """Whether something was checked and all of it went well."""
        return bool(self._steps) and all(step["ok"] for step in self._steps)

    @asynccontextmanager
    async def step(self, sentence: str) -> AsyncIterator[None]:
        """Do something as one step; what goes wrong in it is noted, told and passed on."""
        began = time.monotonic()
        entry: dict[str, Any] = {"step": sentence, "ok": False}
        self._steps.append(entry)
        try:
            yield
            entry["ok"] = True
        except (HouseError, TimeoutError, OSError) as error:
            entry["error"] = str(error) or type(error).__name__
            raise
        finally:
            entry["ms"] = round((time.monotonic() - began) * 1000)
            self._say(f"  {'ok    ' if entry['ok'] else 'FAILED'} {entry['ms'] / 1000:6.1f} s  {sentence}")

    async def perform(self, house: House, steps: Sequence[Step]) -> None:
        """Do the steps in their order; the first that fails is the last."""
        for step in steps:
            async with self.step(title(step)):
                await step(house, self.figures)

    def as_object(self, **more: Any) -> dict[str, Any]:
        """The report as one object for programs."""
        return {"ok": self.ok, "steps": self._steps, "unlock_ms": self.figures.summary(), **more}
