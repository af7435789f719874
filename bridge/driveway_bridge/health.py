"""How the bridge is, for people and diagnostics: one document that is told every minute, and at once when it matters.

It keeps apart what owners have to tell apart: is the bridge up, is the radio alive, is the broker there and are
commands heard, is the car in range, does it answer, and how long ago did it. `problems` says which of these is wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from driveway_bridge import __version__, problems, process_numbers
from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.car_record import CarRecord
from driveway_bridge.contract import LinkState
from driveway_bridge.problems import Problem
from driveway_bridge.reasons import REASONS

_LOGGER = logging.getLogger(__name__)
EVERY_S: Final = 60.0
LOOK_S: Final = 5.0
"""So often it is looked whether something notable has changed of which nobody tells."""
SETTLE_S: Final = 1.0
"""What changes together is told together."""
MAX_BYTES: Final = 8000
"""Of the document as JSON; details are left out of one that would be longer."""
_MANY_FILES: Final = 0.8
_BUDGET: Final = "budget"
_LEASE: Final = "lease"

Source = Callable[[], Mapping[str, Any]]


class Health:
    """Collects what all parts of the bridge say of themselves.

    `sources` are the parts that exist once, as `radio` and `mqtt`; `car_sources` those of each car by its id, as
    `poller` and `budget`. They may be added at any time.
    """

    def __init__(self, boot: Boot) -> None:
        """Know nothing yet; `boot` is the clock."""
        self.sources: dict[str, Source] = {}
        self.car_sources: dict[str, dict[str, Source]] = {}
        self._boot = boot
        self._records: dict[str, CarRecord] = {}
        self._news = asyncio.Event()
        self._broken: set[str] = set()
        self._warned_of_files = False

    def watch(self, car: Car) -> None:
        """Take a car in: from now on what happens to its commands and links is counted."""
        record = CarRecord(car, self.soon)
        self._records[car.id] = record
        car.observers.append(record)
        self.soon()

    def forget(self, car_id: str) -> None:
        """The car is no longer this bridge's."""
        record = self._records.pop(car_id, None)
        if record is not None and record in record.car.observers:
            record.car.observers.remove(record)
        self.car_sources.pop(car_id, None)
        self.soon()

    def soon(self) -> None:
        """Something may be worth telling: look in a moment."""
        self._news.set()

    async def run(self, publish: Callable[[dict[str, Any]], None]) -> None:
        """Give the document to `publish`, for ever: every EVERY_S, and SETTLE_S after something notable has changed."""
        loop = asyncio.get_running_loop()
        told: object = None
        due = loop.time()
        while True:
            notable = self._notable()
            if notable != told or loop.time() >= due:
                told, due = notable, loop.time() + EVERY_S
                publish(self.document())
            try:
                async with asyncio.timeout(min(LOOK_S, max(0.0, due - loop.time()))):
                    await self._news.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(SETTLE_S)
            self._news.clear()

    def document(self) -> dict[str, Any]:
        """All that is known, as JSON can hold it; never longer than MAX_BYTES."""
        now = self._boot.now()
        parts = {name: self._ask(name, source) for name, source in self.sources.items()}
        per_car = self._per_car()
        process = process_numbers.read()
        self._watch_files(process)
        document = {
            "boot": self._boot.id,
            "uptime_s": round(now),
            "version": __version__,
            "problems": [problem._asdict() for problem in self._judge(parts, per_car)],
            **parts,
            "cars": {one: {**record.document(now), **per_car[one]} for one, record in self._records.items()},
            "process": process,
        }
        return _bounded(document)

    def problems(self) -> list[Problem]:
        """What does not work right now; nothing when all is well."""
        parts = {name: self._ask(name, source) for name, source in self.sources.items()}
        return self._judge(parts, self._per_car(only=_BUDGET))  # this is asked often, and the other reports are long

    def one_line(self) -> str:
        """The state of everything in one line of words, for the service manager."""
        broken = {problem.part: problem.reason for problem in self.problems()}
        cars = [f"{record.car.name}: {_how(record.car.link)}" for record in self._records.values()]
        broker = ["no connection to the broker" if problems.BROKER in broken else "broker connected"]
        others = [
            REASONS[broken[part]].meaning.rstrip(".") for part in (problems.EAR, problems.RADIO) if part in broken
        ]
        return "; ".join([*cars, *broker, *others])

    def _notable(self) -> object:
        """What people should see at once when it changes."""
        links = [(one, record.car.link) for one, record in self._records.items()]
        holders = [self._ask(one, ask).get("holder") for one in self._records if (ask := self._source(one, _LEASE))]
        states = [(one, link.reachable, link.linked, link.in_range, link.asleep) for one, link in links]
        return self.problems(), states, holders

    def _source(self, car: str, name: str) -> Source | None:
        return self.car_sources.get(car, {}).get(name)

    def _judge(self, parts: Mapping[str, Any], per_car: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
        found = [*problems.of_broker(parts.get("mqtt", {})), *problems.of_radio(parts.get("radio", {}))]
        found += problems.of_what_is_kept(parts.get("clients", {}), parts.get("audit", {}))
        radio_works = all(problem.part != problems.RADIO for problem in found)
        for one, record in self._records.items():
            budget = per_car[one].get(_BUDGET, {})
            found += problems.of_car(one, record.car.link, record.lasting, budget, radio_works=radio_works)
        return found

    def _per_car(self, only: str | None = None) -> dict[str, dict[str, Any]]:
        return {
            one: {
                name: self._ask(f"{one} {name}", ask)
                for name, ask in self.car_sources.get(one, {}).items()
                if only in (None, name)
            }
            for one in self._records
        }

    def _ask(self, name: str, source: Source) -> dict[str, Any]:
        try:
            return dict(source())
        except Exception as error:  # a part that cannot report may still do its work: it is not ended for that
            if name not in self._broken:
                self._broken.add(name)
                _LOGGER.exception("The report of %s has failed", name)
            return {"error": type(error).__name__}

    def _watch_files(self, process: Mapping[str, float | None]) -> None:
        """A leak of open files ends in a bridge that does nothing any more: it is told long before."""
        files, allowed = process["files"], process["files_allowed"]
        many = files is not None and allowed is not None and files > allowed * _MANY_FILES
        if many and not self._warned_of_files:
            _LOGGER.warning("The bridge has %s files open of %s that it may: please report this", files, allowed)
        self._warned_of_files = many


def _how(link: LinkState) -> str:
    """Whether a car is reached, in words."""
    if link.linked:
        return "reached, linked"
    if link.in_range is False:
        return "not near"
    if link.reachable is None:
        return "near, not asked yet" if link.in_range else "not heard yet"
    if link.reachable:
        return "reached"
    reason = REASONS.get(link.why_not or "")
    return "not reached" if reason is None else f"not reached ({reason.meaning.rstrip('.')})"


def _bounded(document: dict[str, Any]) -> dict[str, Any]:
    """Leave details out until it is short enough: a retained message has to fit everywhere."""
    cuts: tuple[Callable[[], object], ...] = (
        lambda: document.get("radio", {}).pop("steps", None),
        lambda: [car.pop("poller", None) for car in document["cars"].values()],
        lambda: [car.pop("latency_ms", None) for car in document["cars"].values()],
        lambda: [car.pop("failures", None) for car in document["cars"].values()],
        lambda: document.update(cars=dict(list(document["cars"].items())[:16])),
        lambda: document.update(problems=document["problems"][:32]),
    )
    for cut in cuts:
        if len(json.dumps(document)) <= MAX_BYTES:
            break
        cut()
    return document
