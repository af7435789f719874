"""Who may see the page: one password, a limit on attempts, and sessions that end.

Whoever guesses is slowed down, and the owner is never kept out for long: a pause lasts a minute at most, and addresses
from which somebody has logged in before are not held up by what others do.

Pains 131.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import hmac
import ipaddress
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from driveway_bridge.errors import ConfigurationError

SHORTEST: Final = 8
"""Characters of a password."""
FREE_ATTEMPTS: Final = 5
FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 60.0
FORGOTTEN_S: Final = 900.0
"""So long after its last wrong password an address starts afresh."""
ALL_PER_MINUTE: Final = 30
"""Wrong passwords from all addresses that nobody has ever logged in from."""
MINUTE_S: Final = 60.0
_MOST_ADDRESSES: Final = 256
IDLE_S: Final = 8 * 3600.0
LIFE_S: Final = 7 * 86400.0
MOST_SESSIONS: Final = 32
T = TypeVar("T")
_COST: Final = 2**14
"""scrypt: 16 MB for a moment and about 50 ms; a computer with 512 MB has room for that, and one is made at a time."""
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 2**20
"""Bytes; what is larger is given back to the system when it is freed."""


def _return_large_blocks() -> None:
    """Stop glibc from keeping what scrypt has used: it takes 16 MB blocks for usual after the first, and keeps them."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none, and need none
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


class Password:
    """The right password, kept only as its scrypt hash. ConfigurationError when it is too short."""

    def __init__(self, plain: str) -> None:
        if len(plain) < SHORTEST:
            raise ConfigurationError([f"web.password: has fewer than {SHORTEST} characters; choose a longer one"])
        _return_large_blocks()
        self._salt = secrets.token_bytes(16)
        self._hash = self._hashed(plain)
        self._turn = asyncio.Lock()

    async def is_right(self, typed: str) -> bool:
        """Whether this is the password; takes about 50 ms in a thread, and one at a time."""
        async with self._turn:
            return hmac.compare_digest(await asyncio.to_thread(self._hashed, typed), self._hash)

    def _hashed(self, text: str) -> bytes:
        raw = text.encode(errors="surrogatepass")
        return hashlib.scrypt(raw, salt=self._salt, n=_COST, r=8, p=1)


@dataclass(slots=True)
class _Record:
    """What is held against an address."""

    wrong: int = 0
    last_at: float = 0.0
    until: float = 0.0


class Attempts:
    """Counts wrong passwords. An attempt counts as wrong from its beginning, until it has `succeeded`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._strangers: deque[float] = deque(maxlen=ALL_PER_MINUTE)

    def begin(self, address: str) -> float:
        """Begin an attempt: 0, or the seconds to wait; in that case it is no attempt, and no password is looked at."""
        now, who = self._now(), household(address)
        record = self._records.get(who, _Record())
        if now < record.until:
            return record.until - now
        if who not in self._known:
            if len(self._strangers) == ALL_PER_MINUTE and now - self._strangers[0] < MINUTE_S:
                return self._strangers[0] + MINUTE_S - now
            self._strangers.append(now)
        if now - record.last_at >= FORGOTTEN_S:
            record = _Record()
        record.wrong += 1
        record.last_at = now
        if record.wrong >= FREE_ATTEMPTS:
            record.until = now + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(record.wrong - FREE_ATTEMPTS, 10))
        _keep(self._records, who, record, _MOST_ADDRESSES)
        return 0.0

    def succeeded(self, address: str) -> None:
        """The password was right: nothing is held against the address any more."""
        who = household(address)
        self._records.pop(who, None)
        if who not in self._known and self._strangers:
            self._strangers.pop()
        _keep(self._known, who, None, _MOST_ADDRESSES)


def household(address: str) -> str:
    """What counts as one address: of IPv6 the network of 64 bits, since anybody has as many addresses as he likes."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, 64), strict=False))
        ip = ip.ipv4_mapped
    return str(ip)


def _keep(table: OrderedDict[str, T], key: str, value: T, most: int) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > most:
        table.popitem(last=False)


class Sessions:
    """Who is logged in: ids that end after 8 hours without use, after a week, and with the bridge."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sessions: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def begin(self) -> str:
        """Make a session; the one that was unused for longest goes when there are too many."""
        name, now = secrets.token_urlsafe(32), self._now()
        self._sessions[name] = (now, now)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return name

    def use(self, name: object) -> bool:
        """Whether this session lives; it is used by that."""
        if not isinstance(name, str) or name not in self._sessions:
            return False
        now = self._now()
        began, used = self._sessions.pop(name)
        if now - used >= IDLE_S or now - began >= LIFE_S:
            return False
        self._sessions[name] = (began, now)
        return True

    def end(self, name: object) -> None:
        """Log out."""
        if isinstance(name, str):
            self._sessions.pop(name, None)
