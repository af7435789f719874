"""Which commands are passed on: genuine ones, fresh ones, each of them once.

Pure: bytes and `now` come in, a verdict comes out. `now` is the clock of this boot in seconds. An id is remembered
from the moment that its signature proved genuine until the command has expired by itself, also when the command is
refused: one that was caught on its way, or dated into the future, is of no use later. What is not genuine leaves no
trace here, so that nobody fills the memory who does not hold a code. What a client may is judged after its signature
and its freshness: who is not genuine does not learn it.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from driveway_bridge.clients import HOME, Client
from driveway_bridge.contract import MAX_TTL_S, Command, Outcome, Result, SignedCommand, Signer
from driveway_bridge.contract_json import ContractError
from driveway_bridge.errors import NotAdmitted
from driveway_bridge.mqtt.catalogue import Entry

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.commands.base import Command as Request

Make = Callable[[str, Mapping[str, object]], "Request"]
"""`commands.table.build`."""

AHEAD_S: Final = 1.0
"""So far may a command be ahead of our clock: the sender adds its own seconds to a clock that it heard a while ago."""
REMEMBERED: Final = 4096
"""Ids per client that may still be valid. A client reaches this with more than 800 lock commands a second."""
_TTL: Final = f"ttl is not between 0 and {MAX_TTL_S:g} s"
UNREADABLE_PER_S: Final = 5.0
UNWANTED_PER_S: Final = 20.0
MINUTE_S: Final = 60.0
_OLD: Final = frozenset({"replayed", "expired", "other_boot"})
_FORBIDDEN: Final = frozenset({"client_may_not", "outside_hours", "time_unknown", "too_often"})


@dataclass(frozen=True, slots=True)
class Asker:
    """Who gave a command: a client, or a part of the bridge itself."""

    name: str
    client: str | None = None
    """The id of a client that signed; None for parts of the bridge, as its page."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """To be passed on, before `deadline` on the clock of this boot."""

    command: Command
    entry: Entry
    deadline: float
    asker: Asker
    request: Request | None = None
    """What the car is asked; None while the table of commands is not loaded, and for operations."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not to be passed on."""

    result: Result
    answer: bool
    """Whether to publish the result; False beyond what is answered in a second."""
    command: Command | None = None
    """What was refused, if it was genuine: signed by somebody who holds a code."""
    asker: Asker | None = None
    """None when it was not genuine."""


class Admission:
    """The judge of one boot; it knows the ids that were used in it."""

    def __init__(
        self, boot: str, cars: Collection[str], signers: Iterable[Signer], catalogue: Mapping[str, Entry]
    ) -> None:
        self.make: Make | None = None
        """Makes requests, once the table of commands is loaded; before that, arguments are not judged here."""
        self.role: Callable[[str], str | None] = lambda _car: None
        """Tells the role of our key in a car, if it is known."""
        self.further: Callable[[], Mapping[str, Client]] = dict
        """Tells who else may sign at this moment, by id; those given as `signers` always may, and everything."""
        self.unix_s: Callable[[], float | None] = lambda: None
        """Tells the time of day, if a right clock can."""
        self._boot = boot
        self._cars = frozenset(cars)
        self._unlimited = {signer.client: Client(name=HOME, signer=signer) for signer in signers}
        self._catalogue = catalogue
        self._seen: dict[str, _Seen] = {}
        self._given: dict[str, deque[float]] = {}
        """When clients with a limit gave their last commands."""
        self._unreadable = Allowance(UNREADABLE_PER_S)
        self._unwanted = Allowance(UNWANTED_PER_S)
        self._forbidden = Allowance(UNWANTED_PER_S)
        """Of its own: whoever floods with forged commands must not silence the answers to genuine ones."""

    def set_cars(self, cars: Collection[str]) -> None:
        """Take commands for these cars from now on; what was used stays used."""
        self._cars = frozenset(cars)

    def judge(self, *, car: str, payload: bytes, retained: bool, now: float) -> Admitted | Refusal:
        """Judge what arrived on the command topic of `car`."""
        try:
            signed = SignedCommand.parse(payload)
        except ContractError as error:
            return Refusal(_refused(None, error.reason, error.detail), self._unreadable.take(now))
        command = signed.command
        client = self._client(command.client)
        if client is None or not signed.genuine(client.signer):
            reason = "retained" if retained else "unknown_client" if client is None else "bad_signature"
            return Refusal(_refused(command.id, reason), self._unwanted.take(now))
        found = self._judge_genuine(command, client, car, now)
        asker = Asker(client.name, client.id)
        if retained:
            return Refusal(_refused(command.id, "retained"), self._unwanted.take(now), command, asker)
        if isinstance(found, Admitted):
            return found
        # Whoever holds a code, and gives a new command that is not forbidden, is always answered.
        answer = found[0] not in _OLD | _FORBIDDEN or self._forbidden.take(now)
        return Refusal(_refused(command.id, *found), answer, command, asker)

    def still_knows(self, client: str) -> bool:
        """Whether commands of a client that were admitted may still be begun."""
        return self._client(client) is not None

    def _client(self, client: str) -> Client | None:
        return self._unlimited.get(client) or self.further().get(client)

    def judge_own(self, command: Command) -> Admitted | Refusal:
        """Judge what somebody asks for on the bridge itself, whose right to do so is not judged here."""
        entry = self._catalogue.get(command.command)
        ttl = command.ttl if entry is None else min(command.ttl, entry.max_ttl_s)
        found = self._judge_content(command, None, command.car, command.issued + ttl, command.issued)
        if isinstance(found, Admitted):
            return found
        return Refusal(_refused(command.id, *found), True, command, Asker(command.client))

    def _judge_genuine(self, command: Command, client: Client, car: str, now: float) -> Admitted | tuple[str, str]:
        """Judge a signed command: reason and detail of the refusal."""
        if command.boot != self._boot:
            return "other_boot", ""
        if not 0 < command.ttl <= MAX_TTL_S:
            return "malformed", _TTL
        entry = self._catalogue.get(command.command)
        ttl = command.ttl if entry is None else min(command.ttl, entry.max_ttl_s)
        deadline = command.issued + ttl
        if deadline < now:
            return "expired", ""
        reason = self._seen.setdefault(client.id, _Seen()).add(command, deadline, now)
        if reason is None and command.issued > now + AHEAD_S:
            reason = "clock_ahead"
        if reason is not None:
            return reason, ""
        return self._judge_content(command, client, car, deadline, now)

    def _judge_content(
        self, command: Command, client: Client | None, car: str, deadline: float, now: float
    ) -> Admitted | tuple[str, str]:
        """Judge what is wanted of which car, and whether the client may; whoever is no client may everything."""
        if command.car != car or car not in self._cars:
            return "other_car", ""
        entry = self._catalogue.get(command.command)
        if entry is None:
            return "unknown_command", ""
        if client is not None and (reason := self._forbids(client, command.command, now)) is not None:
            return reason, ""
        if not entry.allows(self.role(car)):
            return "role_forbids", ""
        request = None
        if self.make is not None and not entry.operation:
            try:
                request = self.make(command.command, command.arguments)
            except NotAdmitted as error:
                return error.reason, error.detail
        asker = Asker(command.client) if client is None else Asker(client.name, client.id)
        return Admitted(command, entry, deadline, asker, request)

    def _forbids(self, client: Client, command: str, now: float) -> str | None:
        """The limit that a client would overstep, if any; what oversteps none is counted."""
        if not client.may(command):
            return "client_may_not"
        if client.hours is not None:
            unix_s = self.unix_s()
            if unix_s is None:
                return "time_unknown"
            if not client.hours.hold(unix_s):
                return "outside_hours"
        if client.per_minute is not None:
            given = self._given.setdefault(client.id, deque())
            while given and given[0] <= now - MINUTE_S:
                given.popleft()
            if len(given) >= client.per_minute:
                return "too_often"
            given.append(now)
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


class Allowance:
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
