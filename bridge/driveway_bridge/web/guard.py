"""Which requests are answered at all: decisions on headers, and how often the car may be asked to move its locks.

A page in a browser can send requests to any address of the house. Three things keep strange pages out: the session's
cookie is not sent with their requests (SameSite), each POST has to come from our own page, and a name that is not
this computer's is not answered, or somebody could make his own name lead here (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Server": "driveway",
}
"""Of every answer."""
PRIVATE_DOMAINS: Final = ("local", "lan", "home", "internal", "home.arpa", "localdomain", "fritz.box")
"""What home routers put behind a computer's name; nobody outside can register a name below these."""
LEAST_APART_S: Final = 1.0
MOST_PER_MINUTE: Final = 10
MINUTE_S: Final = 60.0


def own_names(computer: str | None = None) -> frozenset[str]:
    """The names under which this computer may be addressed, besides IP addresses."""
    full = (computer or socket.gethostname()).lower().rstrip(".")
    short = full.partition(".")[0]
    return frozenset({"localhost", full, short, *(f"{short}.{domain}" for domain in PRIVATE_DOMAINS)})


def is_our_name(host: str | None, names: frozenset[str]) -> bool:
    """Whether a Host header names this computer: an IP address, or one of its names; the port does not matter."""
    if not host:
        return False
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in names:
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def is_from_our_page(headers: Mapping[str, str]) -> bool:
    """Whether a POST was sent by our own page: over plain HTTP browsers tell by `Origin`, else by `Sec-Fetch-Site`."""
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is None and origin is None:
        return False
    if site is not None and site != "same-origin":
        return False
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("Host", "").lower() != ""


class Pace:
    """How often a command is taken from the page: once in a second, ten times in a minute."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._taken: deque[float] = deque(maxlen=MOST_PER_MINUTE)

    def take(self) -> float:
        """Take one: 0, or the seconds to wait, and then it is not taken."""
        now = self._now()
        if self._taken and now - self._taken[-1] < LEAST_APART_S:
            return self._taken[-1] + LEAST_APART_S - now
        if len(self._taken) == MOST_PER_MINUTE and now - self._taken[0] < MINUTE_S:
            return self._taken[0] + MINUTE_S - now
        self._taken.append(now)
        return 0.0
