"""Keeps the memory of the running bridge: gives each car back what it once said, and writes down what is new.

What is remembered is held here too, so that nothing on the event loop ever waits for the disk, and it is written by a
thread: little and seldom, because small cards wear out, and soon where somebody would miss it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car, Identity, Observer
from driveway_bridge.known import BODY, FROM_MEMORY, Known
from driveway_bridge.memory import OWN, Batch, Memory, Note, NoteKey, Value, ValueKey
from driveway_bridge.wall_clock import Moment, WallClock

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.state.body import Body
    from driveway_bridge.state.reading import State

SOON_S: Final = 0.2
"""Until a change of the lock is written."""
CHANGED_S: Final = 5.0
"""Until anything else that has changed is written, together with all that has changed by then."""
REFRESH_S: Final = 300.0
"""How old, at most, the time of a value may be on disk that is heard again and again and does not change."""
RETRY_S: Final = 60.0
"""After a disk that took no writes."""
CLOCK_S: Final = 15.0
"""How often the clock is asked whether it is right, until it is."""
CLOCK_ERROR_S: Final = 1.0
LOCK: Final = (BODY, "lock")
IDENTITY: Final = "identity"
"""The note on what is lasting about a car."""
_K = TypeVar("_K", bound=tuple[str, ...])
_V = TypeVar("_V")
_NEVER: Final = float("inf")
_LASTING: Final = frozenset(field.name for field in fields(Identity))


class _Listener(Observer):
    """Hears what one car says."""

    def __init__(self, keeper: Keeper, car: Car) -> None:
        self._keeper = keeper
        self.car = car

    def heard_body(self, body: Body, source: str, old_s: float) -> None:  # noqa: ARG002 - the car's knowledge has it already
        """Remember the body's values."""
        self._keeper.heard(self.car, BODY)

    def heard_state(self, subject: str, state: State) -> None:  # noqa: ARG002 - the car's knowledge has it already
        """Remember a subject's values."""
        self._keeper.heard(self.car, subject)

    def identified(self, identity: Identity) -> None:
        """Remember what is lasting."""
        self._keeper.note(self.car.id, IDENTITY, asdict(identity))


class Keeper:
    """One for all cars. Made before the loop or on it; `run` writes while it runs, `close` what is left."""

    def __init__(self, memory: Memory, boot: Boot, *, clock: WallClock | None = None) -> None:
        """Read everything that is remembered, once."""
        self._memory = memory
        self._boot = boot
        self._clock = WallClock() if clock is None else clock
        self._began = self._clock.now().up_s - boot.now()
        """When the bridge started, on the machine's clock; the two run alike."""
        remembered = memory.recall()
        self._clock.learn(remembered.began)
        self._values: dict[ValueKey, Value] = dict(remembered.values)
        self._notes: dict[NoteKey, Note] = dict(remembered.notes)
        # What of these is on disk.
        self._kept_values = dict(self._values)
        self._kept_notes = dict(self._notes)
        self._kept_began: float | None = None
        self._forgotten: set[str] = set()
        self._listeners: dict[str, _Listener] = {}
        self._undated: set[str] = set()
        """Cars with values whose age can be told once the clock is right."""
        self._due = _NEVER
        self._placed = False
        self._news = asyncio.Event()
        self._writing: asyncio.Future[None] | None = None

    # Cars -------------------------------------------------------------------------------------------------------------

    def attach(self, car: Car) -> None:
        """Give a car back what is remembered of it, and listen to it from now on, in place of one with the same id."""
        self._clock.look()
        self._restore(car)
        identity = self.noted(car.id, IDENTITY)
        if identity is not None:
            car.learn(**{name: value for name, value in identity[0].items() if name in _LASTING})
        before = self._listeners.get(car.id)
        if before is not None and before in before.car.observers:
            before.car.observers.remove(before)
        self._listeners[car.id] = _Listener(self, car)
        car.observers.append(self._listeners[car.id])

    def forget(self, car: str) -> None:
        """Leave no trace of a car that was removed."""
        before = self._listeners.pop(car, None)
        if before is not None and before in before.car.observers:
            before.car.observers.remove(before)
        for kept in (self._values, self._kept_values):
            _drop(kept, car)
        for noted in (self._notes, self._kept_notes):
            _drop(noted, car)
        self._undated.discard(car)
        self._forgotten.add(car)
        self._want(CHANGED_S)

    def forget_all_but(self, cars: Iterable[str]) -> set[str]:
        """Forget the cars that are no longer configured; which those were."""
        gone = {key[0] for key in (*self._values, *self._notes)} - {*cars, OWN}
        for car in gone:
            self.forget(car)
        return gone

    def _restore(self, car: Car) -> None:
        """Tell the car what it said before, with what the clocks know of when; what it has said since stays."""
        subjects: dict[str, dict[str, Known]] = {}
        self._undated.discard(car.id)
        for (of, subject, name), value in self._values.items():
            if of != car.id:
                continue
            age_s = self._clock.age_s(value.moment)
            at = None if age_s is None else round(self._boot.now() - age_s, 3)
            subjects.setdefault(subject, {})[name] = Known(value.value, at, FROM_MEMORY)
            if self._clock.may_tell_later(value.moment):
                self._undated.add(car.id)
        for subject, known in subjects.items():
            car.knowledge.restore(subject, known)

    def heard(self, car: Car, subject: str) -> None:
        """Take over what the car's knowledge of a subject holds now."""
        now = self._clock.now()
        for name, known in car.knowledge.values(subject).items():
            if known.at is None or known.source is None or known.source == FROM_MEMORY:
                continue
            key = (car.id, subject, name)
            moment = Moment(now.start, round(self._began + known.at, 3))
            value, kept = Value(known.value, known.source, moment), self._kept_values.get(key)
            self._values[key] = value
            lock_changed = key[1:] == LOCK and (kept is None or kept.value != value.value)
            self._want(SOON_S if lock_changed else _wait_s(kept, value, now))

    # Notes ------------------------------------------------------------------------------------------------------------

    def note(self, car: str, key: str, document: dict[str, Any]) -> None:
        """Remember a document of one of the bridge's parts, of a car or OWN, in place of the last one with this key."""
        now = self._clock.now()
        note = self._notes[car, key] = Note(json.dumps(document), now)
        self._want(_wait_s(self._kept_notes.get((car, key)), note, now))

    def noted(self, car: str, key: str) -> tuple[dict[str, Any], float | None] | None:
        """The document with this key, and how many seconds ago it was noted, None if no clock can tell that."""
        note = self._notes.get((car, key))
        return None if note is None else (json.loads(note.document), self._clock.age_s(note.moment))

    # Writing ----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write what is new, for ever, and give ages to what is remembered once the clock is right."""
        loop = asyncio.get_running_loop()
        while True:
            self._place()
            if self._due <= loop.time():
                self._due = _NEVER
                self._writing = asyncio.ensure_future(self._write())
                await asyncio.shield(self._writing)  # a thread cannot be broken off: `close` waits for it
                continue
            until = self._due if self._placed else min(self._due, loop.time() + CLOCK_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(None if until == _NEVER else until):
                    await self._news.wait()
            self._news.clear()

    async def close(self) -> None:
        """Write all that is left, to its last second, and close the memory; nothing may be told to it afterwards."""
        if self._writing is not None:
            await asyncio.wait([self._writing])  # its errors were `run`'s
        await self._write(everything=True)
        await asyncio.to_thread(self._memory.close)

    def _want(self, within_s: float) -> None:
        """Write within so many seconds."""
        due = self._due if within_s == _NEVER else asyncio.get_running_loop().time() + within_s
        if due < self._due:
            self._due = due
            self._news.set()

    def _place(self) -> None:
        """See once that the clock is right: from then on it can be told how old things are, now and later."""
        if self._placed or self._clock.look() is None:
            return
        self._placed = True
        self._want(CHANGED_S)
        for car in tuple(self._undated):
            self._restore(self._listeners[car].car)
            self._listeners[car].car.tell()

    async def _write(self, *, everything: bool = False) -> None:
        batch = self._batch(everything=everything)
        if not batch:
            return
        if not await asyncio.to_thread(self._memory.keep, batch):
            self._forgotten |= batch.forgotten
            self._want(RETRY_S)
            return
        # What was forgotten meanwhile goes with the next batch.
        self._kept_values.update({key: one for key, one in batch.values.items() if key[0] not in self._forgotten})
        self._kept_notes.update({key: one for key, one in batch.notes.items() if key[0] not in self._forgotten})
        if batch.began is not None:
            self._kept_began = batch.began[1]

    def _batch(self, *, everything: bool) -> Batch:
        """What is due to be written, or `everything` that is not on disk as it is; taken from what waits."""
        now, began = self._clock.now(), self._clock.look()
        within_s = REFRESH_S if everything else CHANGED_S
        same = began is None or (self._kept_began is not None and abs(began - self._kept_began) < CLOCK_ERROR_S)
        batch = Batch(
            forgotten=frozenset(self._forgotten),
            values={
                key: value
                for key, value in self._values.items()
                if _wait_s(self._kept_values.get(key), value, now) <= within_s
            },
            notes={
                key: note
                for key, note in self._notes.items()
                if _wait_s(self._kept_notes.get(key), note, now) <= within_s
            },
            began=None if began is None or same else (now.start, began),
        )
        self._forgotten.clear()
        return batch


def _wait_s(kept: Value | Note | None, new: Value | Note, now: Moment) -> float:
    """How long something that is new may wait before it takes the place of what is on disk."""
    if kept is None or replace(kept, moment=new.moment) != new:
        return CHANGED_S
    if kept.moment == new.moment:
        return _NEVER
    if kept.moment.start != now.start:
        return CHANGED_S
    return max(CHANGED_S, REFRESH_S - (now.up_s - kept.moment.up_s))


def _drop(kept: dict[_K, _V], car: str) -> None:
    for key in [key for key in kept if key[0] == car]:
        del kept[key]
