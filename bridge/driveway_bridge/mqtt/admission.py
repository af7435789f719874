"""Which commands are passed on: genuine ones, fresh ones, each of them once.

Pure: bytes and `now` come in, a verdict comes out. `now` is the clock of this boot in seconds. An id is remembered
from the moment that its signature proved genuine until the command has expired by itself, also when the command is
refused: one that was caught on its way, or dated into the future, is of no use later. What is not genuine leaves no
trace here, so that nobody fills the memory who does not hold a code.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from driveway_bridge.contract import MAX_TTL_S, Command, ContractError, Outcome, Result, SignedCommand, Signer
from driveway_bridge.mqtt.catalogue import Entry

AHEAD_S: Final = 1.0
"""So far may a command be ahead of our clock: the sender adds its own seconds to a clock that it heard a while ago."""
REMEMBERED: Final = 4096
"""Ids per client that may still be valid. A client reaches this with more than 800 lock commands a second."""
_TTL: Final = f"ttl is not between 0 and {MAX_TTL_S:g} s"
UNREADABLE_PER_S: Final = 5.0
UNWANTED_PER_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Admitted:
    """To be passed on, before `deadline` on the clock of this boot."""

    command: Command
    entry: Entry
    deadline: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not to be passed on."""

    result: Result
    answer: bool
    """Whether to publish the result; False beyond what is answered in a second."""


class Admission:
    """The judge of one boot; it knows the ids that were used in it."""

    def __init__(
        self, boot: str, cars: Collection[str], signers: Iterable[Signer], catalogue: Mapping[str, Entry]
    ) -> None:
        self._boot = boot
        self._cars = frozenset(cars)
        self._signers = {signer.client: signer for signer in signers}
        self._catalogue = catalogue
        self._seen = {client: _Seen() for client in self._signers}
        self._unreadable = _Allowance(UNREADABLE_PER_S)
        self._unwanted = _Allowance(UNWANTED_PER_S)

    def judge(self, *, car: str, payload: bytes, retained: bool, now: float) -> Admitted | Refusal:
        """Judge what arrived on the command topic of `car`."""
        try:
            signed = SignedCommand.parse(payload)
        except ContractError as error:
            return Refusal(_refused(None, error.reason, error.detail), self._unreadable.take(now))
        command = signed.command
        signer = self._signers.get(command.client)
        if signer is None:
            reason, fresh = "unknown_client", False
        elif not signed.genuine(signer):
            reason, fresh = "bad_signature", False
        else:
            found = self._judge_genuine(command, car, now)
            if isinstance(found, Admitted) and not retained:
                return found
            # Whoever holds a code and gives a new command is always answered.
            fresh = isinstance(found, Admitted) or found not in ("replayed", "expired", "other_boot")
            reason = "" if isinstance(found, Admitted) else found
        if retained:
            reason = "retained"
        detail = _TTL if reason == "malformed" else ""
        return Refusal(_refused(command.id, reason, detail), (fresh and not retained) or self._unwanted.take(now))

    def _judge_genuine(self, command: Command, car: str, now: float) -> Admitted | str:
        if command.boot != self._boot:
            return "other_boot"
        if not 0 < command.ttl <= MAX_TTL_S:
            return "malformed"
        entry = self._catalogue.get(command.command)
        ttl = command.ttl if entry is None else min(command.ttl, entry.max_ttl_s)
        deadline = command.issued + ttl
        if deadline < now:
            return "expired"
        reason = self._seen[command.client].add(command, deadline, now)
        if reason is not None:
            return reason
        reason = self._judge_content(command, entry, car, now)
        if reason is not None or entry is None:
            return reason or "unknown_command"
        return Admitted(command, entry, deadline)

    def _judge_content(self, command: Command, entry: Entry | None, car: str, now: float) -> str | None:
        if command.car != car or car not in self._cars:
            return "other_car"
        if command.issued > now + AHEAD_S:
            return "clock_ahead"
        if entry is not None and command.arguments:
            return "bad_arguments"
        return None


class _Seen:
    """The ids of one client that were used and could still be valid."""

    def __init__(self) -> None:
        self._ids: dict[str, float] = {}
        self._ends: list[tuple[float, str]] = []
        self._closed_up_to = float("-inf")

    def add(self, command: Command, deadline: float, now: float) -> str | None:
        """Remember the command; the reason to refuse it, if there is one."""
        self._forget(now)
        if command.id in self._ids:
            if deadline > self._ids[command.id]:  # the same id in another document, which must not be good later
                self._remember(command.id, deadline)
            return "replayed"
        if len(self._ids) >= REMEMBERED:
            # It cannot be remembered, so nothing that was issued up to then is believed any more.
            self._closed_up_to = max(self._closed_up_to, command.issued)
        if command.issued <= self._closed_up_to:
            return "too_many"
        self._remember(command.id, deadline)
        return None

    def _remember(self, command_id: str, until: float) -> None:
        self._ids[command_id] = until
        heapq.heappush(self._ends, (until, command_id))

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] < now:
            end, command_id = heapq.heappop(self._ends)
            if self._ids.get(command_id) == end:
                del self._ids[command_id]


class _Allowance:
    """So many in a second, saved up for one second."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = per_s
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Use one, if there is one."""
        self._left = min(self._per_s, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _refused(command_id: str | None, reason: str, detail: str = "") -> Result:
    outcome = Outcome.EXPIRED if reason == "expired" else Outcome.REFUSED
    return Result(id=command_id, outcome=outcome, reason=reason, detail=detail)
