"""What a person or a test says to the virtual car while it runs: one word or a few on a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from driveway_bridge.simulator.car import CLOSED, CLOSURES, OPEN, DoorOpenError
from driveway_bridge.simulator.faults import parse
from driveway_bridge.simulator.live import LiveCar

MAX_LINE = 200
BY_HAND = "hand"


class NotUnderstoodError(Exception):
    """The line is none of the known ones; the text says what would be."""


class Control:
    """Obeys lines; `vanish` and `reappear` take the car's radios out of range and back, `stop` ends it all."""

    def __init__(
        self,
        live: LiveCar,
        *,
        vanish: Callable[[], Awaitable[None]],
        reappear: Callable[[], Awaitable[None]],
        stop: Callable[[], None],
    ) -> None:
        self._live = live
        self._vanish = vanish
        self._reappear = reappear
        self._stop = stop
        virtual, car = live.virtual, live.virtual.car
        self._moods: Mapping[str, Callable[[], None]] = {
            "sleep": lambda: car.sleep(BY_HAND),
            "wake": lambda: car.wake(BY_HAND),
            "enter": lambda: car.enter(BY_HAND),
            "leave": lambda: car.leave(BY_HAND),
            "reboot": virtual.reboot,
            "state": lambda: virtual.report_state("asked"),
        }

    async def obey(self, line: str) -> dict[str, Any]:
        """Do what a line says; gives the event that answers it."""
        words = line[: MAX_LINE + 1].split()
        if len(line) > MAX_LINE or not words:
            return {"event": "error", "message": f"a command is a line of at most {MAX_LINE} characters"}
        try:
            await self._do(words[0], words[1:])
        except (NotUnderstoodError, DoorOpenError, ValueError, OSError) as error:
            return {"event": "error", "message": str(error)}
        return {"event": "did", "command": " ".join(words)}

    async def _do(self, verb: str, rest: list[str]) -> None:
        match verb, rest:
            case (("lock" | "unlock"), ([] | ["by", _, *_])):
                by = " ".join(rest[1:]) or BY_HAND
                car = self._live.virtual.car
                self._live.do(lambda: car.lock(by) if verb == "lock" else car.unlock(by))
            case (("open" | "close"), [closure]):
                self._move(closure, verb)
            case "fault", [name, ("on" | "off" | "once") as how]:
                fault = parse(name)
                self._live.do(lambda: self._live.virtual.switch(fault, on=how != "off", once=how == "once"))
            case "drop", []:
                self._live.drop()
            case "vanish", []:
                await self._vanish()
            case "return", []:
                await self._reappear()
            case "quit", []:
                self._stop()
            case _, [] if verb in self._moods:
                self._live.do(self._moods[verb])
            case _:
                raise NotUnderstoodError(
                    "the commands are: lock|unlock [by WHO], open|close CLOSURE, sleep, wake, enter, leave, drop, "
                    "vanish, return, reboot, fault NAME on|off|once, state, quit"
                )

    def _move(self, closure: str, verb: str) -> None:
        if closure not in CLOSURES:
            raise NotUnderstoodError(f"the doors and lids are: {', '.join(CLOSURES)}")
        self._live.do(lambda: self._live.virtual.car.move(closure, OPEN if verb == "open" else CLOSED, BY_HAND))
