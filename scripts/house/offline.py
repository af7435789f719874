"""A house without the Internet: every socket but the broker's and the radio's is refused, and each attempt is noted."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from house import places

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def leave_the_network() -> bool:
    """Move this process, and so its children, where there is a loopback interface and nothing else.

    Only root may, and not everywhere: False when the network stays. To be called before there are threads.
    """
    try:
        os.unshare(os.CLONE_NEWNET)
    except OSError:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
    return True


@dataclass(frozen=True, slots=True)
class Guard:
    """What the processes of one house may reach, and what they tried to."""

    log: Path

    def environment(self, *allowed: str) -> Mapping[str, str]:
        """Environment of a Python process that may reach these HOST:PORT only; PYTHONPATH is the guard's."""
        return {
            "PYTHONPATH": str(places.HOUSE / "guard"),
            "DRIVEWAY_GUARD_ALLOWED": " ".join(allowed),
            "DRIVEWAY_GUARD_LOG": str(self.log),
        }

    def entries(self) -> list[dict[str, Any]]:
        """Everything that was noted so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def guarded(self) -> set[int]:
        """The ids of the processes that ran under the guard."""
        return {entry["pid"] for entry in self.entries() if "guarding" in entry}

    def refused(self) -> list[str]:
        """What was tried and refused: each once, as `socket.connect ('192.0.2.1', 80)`."""
        return sorted({f"{entry['refused']} {entry['address']}" for entry in self.entries() if "refused" in entry})
