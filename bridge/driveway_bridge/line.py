"""The way to one car: opens a link when it is needed, keeps it for a while, remembers the sessions over all links."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from driveway_bridge.call import Ask, Call, Listener
from driveway_bridge.errand import Errand
from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.base import Dialer
from driveway_bridge.protocol.connection import Connection
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import CountersNeeded, Reply
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.protocol.session import SavedSession
from driveway_bridge.reasons import OF_THE_RADIO
from driveway_bridge.session_store import Sessions
from driveway_bridge.state.body import Body

_T = TypeVar("_T")
MAX_LINKS = 6
"""Links opened, or tried to, for one command."""
_TELL_S = 0.5
"""A dialer has this much less than the command, so that it can still say by itself why there is no link."""
NEXT_S = 1.0
"""How long a link is kept after a poll."""
_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
_AT_ONCE = OF_THE_RADIO - {"proxy_full"} | {"not_in_range", "nobody_listening"}
"""Trying again within the same command would not change these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who talks to which car, and how."""

    vin: str
    key: PrivateKey
    hold_s: float
    kind: SignatureType
    clock: Callable[[], float]
    random: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """Who is told what happens."""

    broadcast: Callable[[Body], None]
    reply: Callable[[Ask, Reply], None]
    link: Callable[[bool, str | None], None]


class Line:
    """One link at a time. Dialer and store stay their owner's to close."""

    def __init__(self, terms: Terms, dialer: Dialer, store: Sessions, ears: Ears) -> None:
        self.call: Call | None = None
        """The open link, if there is one."""
        self._terms = terms
        self._dialer = dialer
        self._store = store
        self._ears = ears
        self._sessions: dict[Domain, SavedSession] | None = None
        self._remembered: dict[Domain, SavedSession] = {}
        self._opening = asyncio.Lock()
        self._users = 0
        self._used_at = -math.inf
        self._idle: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def keep(self) -> None:
        """Keep the link while something is to be done; `let_go` ends it."""
        self._users += 1

    def let_go(self, *, linger: bool = True) -> None:
        """Keep the link for `hold_s` more, unless somebody else needs it.

        Without `linger` it is kept only for a question that follows at once: a poll does not hold a place of the car.
        """
        hold_s = self._terms.hold_s
        self._users -= 1
        now = asyncio.get_running_loop().time()
        if math.isfinite(hold_s):
            self._used_at = now if linger else max(self._used_at, now - hold_s + min(hold_s, NEXT_S))
        if self._users or math.isinf(hold_s):
            return
        left = self._used_at + hold_s - now
        if left <= 0:
            self._hang_up()
        elif self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(left, self._on_idle)

    def give_back(self) -> bool:
        """Hang up now if nothing is being done on the link; whether there was one to give back."""
        if self.call is None or self._users:
            return False
        self._hang_up()
        return True

    def _on_idle(self) -> None:
        """Hang up, or look again later when the link was used meanwhile."""
        self._idle = None
        loop = asyncio.get_running_loop()
        left = self._used_at + self._terms.hold_s - loop.time()
        if self._users or left > 0:
            self._idle = loop.call_later(left if left > 0 else self._terms.hold_s, self._on_idle)
        else:
            self._hang_up()

    async def open(self, errand: Errand) -> Call:
        """Give the open call, or a new one within the errand's time; NotReached with the reason."""
        if self.call is not None and self.call.open:
            return self.call
        begun = self._terms.clock()
        told: NotReached | None = None  # the best reason so far: the time may run out in the middle of another attempt
        try:
            async with asyncio.timeout(errand.left(begun)):
                while True:
                    try:
                        async with self._opening:
                            if self.call is not None and self.call.open:
                                return self.call
                            errand.report("connecting")
                            errand.links += 1
                            left = errand.left(self._terms.clock())
                            return await self._open(max(left - _TELL_S, left / 2))
                    except NotReached as error:
                        if told is None or error.reason != "no_connection":
                            told = error
                        if not error.temporary or error.reason in _AT_ONCE:
                            raise
                        if not await self.pause(errand):
                            if told is error:
                                raise
                            self._ears.link(False, told.reason)
                            raise told from error
        except TimeoutError as error:
            told = told or NotReached("no_connection")
            self._ears.link(False, told.reason)
            raise told from error
        finally:
            errand.link_s += self._terms.clock() - begun

    async def pause(self, errand: Errand) -> bool:
        """Wait a little longer before each further link; False when there shall be none."""
        pause = min(_SHORTEST_PAUSE_S * 2 ** max(0, errand.links - 1), _LONGEST_PAUSE_S)
        if errand.links >= MAX_LINKS or errand.left(self._terms.clock()) <= pause:
            return False
        await asyncio.sleep(pause)
        return True

    def doubt(self, domain: Domain) -> None:
        """Begin the next command to a domain with a handshake."""
        if self.call is not None:
            self.call.connection.doubt(domain)

    def ready(self, domain: Domain) -> bool:
        """Whether a command to a domain needs no handshake first, as far as is known."""
        if self.call is not None:
            return self.call.connection.ready(domain)
        return domain in (self._sessions or self._remembered)

    async def close(self) -> None:
        """Give the link back and remember the sessions. The line can be used again after it."""
        self._hang_up()
        sessions, self._sessions = self._sessions or {}, None
        for domain, session in sessions.items():
            if session != self._remembered.get(domain):
                await self._stored(self._store.release, domain, session)
        if self._closing:  # last, because a link may take its time
            await asyncio.wait(self._closing)

    # Inside -----------------------------------------------------------------------------------------------------------

    async def _open(self, within_s: float) -> Call:
        if self._closing:  # one link at a time
            await asyncio.wait(self._closing)
        if self._sessions is None:
            self._sessions = await self._load()
        try:
            link = await self._dialer.connect(within_s)
        except NotReached as error:
            self._ears.link(False, error.reason)
            raise
        terms = self._terms
        connection = Connection(
            terms.vin,
            terms.key,
            sessions=self._sessions,
            random=terms.random,
            counters_on_request=True,
            kind=terms.kind,
        )
        listener = Listener(
            broadcast=self._ears.broadcast,
            reply=self._ears.reply,
            lost=self._on_lost,
            reserve=self._reserve,
        )
        self.call = Call(link, connection, listener, terms.clock)
        self._ears.link(True, None)
        return self.call

    def _hang_up(self) -> None:
        """Give the link back; the closing itself takes place beside."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self.call is not None:
            self._part_from(self.call)
            self._ears.link(False, None)

    def _on_lost(self, error: LinkLost) -> None:
        if self.call is not None:
            self._part_from(self.call)
            self._ears.link(False, error.reason)

    def _part_from(self, call: Call) -> None:
        self.call = None
        self._sessions = call.connection.saved()
        task = asyncio.get_running_loop().create_task(call.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # Memory -----------------------------------------------------------------------------------------------------------

    async def _load(self) -> dict[Domain, SavedSession]:
        found = {
            domain: await self._stored(self._store.load, domain)
            for domain in (Domain.VEHICLE_SECURITY, Domain.INFOTAINMENT)
        }
        self._remembered = {domain: session for domain, session in found.items() if session is not None}
        return dict(self._remembered)

    async def _reserve(self, needed: CountersNeeded) -> SavedSession:
        return await self._stored(self._store.reserve, needed.domain, needed.session)

    async def _stored(self, method: Callable[..., _T], domain: Domain, *session: SavedSession) -> _T:
        """Call the store, in a thread where it waits for a disk."""
        if self._store.blocking:
            return await asyncio.to_thread(method, self._terms.vin, domain, *session)
        return method(self._terms.vin, domain, *session)
