"""Obeys what a person or a scenario says to the virtual car while it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from driveway_bridge.simulator.car import CLOSED, OPEN, CannotError
from driveway_bridge.simulator.faults import parse
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.parts.charging import Cable
from driveway_bridge.simulator.words import WINDOWS, NotUnderstoodError, Words, understand

BY_HAND = "hand"


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
        self._plain: Mapping[str, Callable[[], None]] = {
            "sleep": lambda: car.sleep(BY_HAND),
            "wake": lambda: car.wake(BY_HAND),
            "enter": lambda: car.enter(BY_HAND),
            "leave": lambda: car.leave(BY_HAND),
            "unplug": lambda: car.unplug(BY_HAND),
            "drive_off": lambda: car.drive_off(BY_HAND),
            "drive_home": lambda: car.drive_home(BY_HAND),
            "tap": lambda: virtual.enrolment.tap(live.now),
            "confirm": lambda: virtual.enrolment.confirm(live.now),
            "deny": lambda: virtual.enrolment.deny(live.now),
            "cancel": lambda: virtual.enrolment.cancel(live.now),
            "drop": live.drop,
            "reboot": virtual.reboot,
            "state": lambda: virtual.report_state("asked"),
        }
        self._with_one: Mapping[str, Callable[[str], None]] = {
            "open": lambda closure: self._move(closure, opens=True),
            "close": lambda closure: self._move(closure, opens=False),
            "battery": lambda percent: setattr(car.charging, "level", float(percent)),
            "inside": lambda degrees: setattr(car.climate, "inside_c", float(degrees)),
            "outside": lambda degrees: setattr(car.climate, "outside_c", float(degrees)),
            "pace": lambda factor: setattr(car, "pace", float(factor)),
            "update": lambda version: car.offer_update(version, BY_HAND),
        }

    async def obey(self, line: str) -> dict[str, Any]:
        """Do what a line says; gives the event that answers it."""
        try:
            words = understand(line)
            await self._do(words)
        except (NotUnderstoodError, CannotError, OSError) as error:
            return {"event": "error", "message": str(error)}
        return {"event": "did", "command": str(words)}

    async def _do(self, words: Words) -> None:
        car = self._live.virtual.car
        match words.verb, words.rest:
            case "lock", rest:
                self._live.do(lambda: car.lock(" ".join(rest[1:]) or BY_HAND))
            case "unlock", rest:
                self._live.do(lambda: car.unlock(" ".join(rest[1:]) or BY_HAND))
            case "plug_in", rest:
                cable = Cable(amps=int(float(rest[0]))) if rest else Cable()
                self._live.do(lambda: car.plug_in(BY_HAND, cable))
            case "fault", (name, how):
                fault = parse(name)
                self._live.do(lambda: self._live.virtual.switch(fault, on=how != "off", once=how == "once"))
            case ("vanish" | "return") as verb, _:
                await (self._vanish() if verb == "vanish" else self._reappear())
            case "quit", _:
                self._stop()
            case verb, (one,):
                self._live.do(lambda: self._with_one[verb](one))
            case verb, _:
                self._live.do(self._plain[verb])

    def _move(self, closure: str, *, opens: bool) -> None:
        car = self._live.virtual.car
        if closure == WINDOWS:
            car.windows_open = opens
            car.tell(BY_HAND)
        else:
            car.move(closure, OPEN if opens else CLOSED, BY_HAND)
