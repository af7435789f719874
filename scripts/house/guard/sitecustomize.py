"""Refuses every socket but those that are allowed, and notes each attempt: Python loads this module at its start.

DRIVEWAY_GUARD_ALLOWED holds HOST:PORT words, DRIVEWAY_GUARD_LOG the file for one JSON object a line: first
`{"guarding": ..}`, then `{"refused": .., "address": ..}` for each attempt. It is an audit hook, so nothing in Python
gets around it; what C libraries do by themselves is refused by a network namespace, where the kernel gives one.
"""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import socket
import sys
from typing import Any

_ALLOWED = set(os.environ["DRIVEWAY_GUARD_ALLOWED"].split())
_LOG = os.environ["DRIVEWAY_GUARD_LOG"]
_CONNECTIONS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


def _note(entry: dict[str, Any]) -> None:
    line = json.dumps({**entry, "process": sys.argv, "pid": os.getpid()}) + "\n"
    log = os.open(_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(log, line.encode())  # in one piece, so that several processes can share the file
    os.close(log)


def _is_literal(host: object) -> bool:
    """Whether this is no name that somebody would have to be asked for."""
    if host is None or host in ("", "localhost", b"localhost"):
        return True
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


def _is_own(address: tuple[Any, ...]) -> bool:
    """Whether this very process listens there: paho wakes itself over such a connection."""
    wanted = f"0100007F:{address[1]:04X}"
    table = os.open("/proc/self/net/tcp", os.O_RDONLY)  # Home Assistant minds the usual open()
    try:
        rows = [line.split() for line in b"".join(iter(lambda: os.read(table, 1 << 16), b"")).decode().splitlines()]
    finally:
        os.close(table)
    listening = {f"socket:[{row[9]}]" for row in rows if row[1] == wanted and row[3] == "0A"}
    return any(_target(descriptor) in listening for descriptor in os.listdir("/proc/self/fd"))  # noqa: PTH208


def _target(descriptor: str) -> str | None:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    except OSError:
        return None  # closed meanwhile


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONNECTIONS:
        address = arguments[1]
        if address is None:
            return  # on a socket that was connected before
        if isinstance(address, tuple):
            place = f"{address[0]}:{address[1]}"
            if place in _ALLOWED or (address[0] == "127.0.0.1" and _is_own(address)):
                return
        _note({"refused": event, "address": repr(address)})
        raise OSError(errno.ENETUNREACH, "refused by the guard")
    if event in _LOOKUPS and not _is_literal(arguments[0]):
        _note({"refused": event, "address": repr(arguments[0])})
        raise socket.gaierror(socket.EAI_AGAIN, "refused by the guard")


_note({"guarding": sorted(_ALLOWED)})
sys.addaudithook(_watch)
