"""Tells systemd how the bridge is: ready, in words, being stopped, and alive; says nothing where there is no systemd.

The protocol is datagrams of `NAME=VALUE` lines to the socket that `$NOTIFY_SOCKET` names; its manual invites programs
to speak it themselves (sd_notify, "Standalone Implementations"). Telling never disturbs the bridge: what cannot be
told is told in the log, once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_LOGGER = logging.getLogger(__name__)
READY_S: Final = 10.0
"""After a start that has not come to its end by then, which mostly means that the broker is away."""
_MAX_STATUS: Final = 500
"""Characters; `systemctl status` shows one line."""


class Notifier:
    """The bridge's voice towards the service manager."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Take `$NOTIFY_SOCKET`, and `$WATCHDOG_USEC` with `$WATCHDOG_PID`, from the environment."""
        address = environment.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is in the abstract namespace of Linux, where a zero byte stands for it.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_s = _watchdog_s(environment) if self._address else None
        self._status = ""
        self._ready = False
        self._failing = False

    @property
    def watchdog_s(self) -> float | None:
        """Within how many seconds a sign of life is expected; None when nobody waits for one."""
        return self._watchdog_s

    def ready(self) -> None:
        """The bridge works, for the first time or again after `reloading`."""
        self._ready = self._tell("READY=1")

    async def ready_at_last(self, after_s: float = READY_S) -> None:
        """Say so also where something is missing that the bridge waits for itself, as the broker; until it is heard.

        A start that is not over would be broken off by the service manager, and is not watched by it.
        """
        await asyncio.sleep(after_s)
        while not self._ready:
            self.ready()
            if not self._ready:
                await asyncio.sleep(READY_S)

    def status(self, text: str) -> None:
        """Say in one line how the bridge is; what was said last is not said again."""
        line = " ".join(text.split())[:_MAX_STATUS]
        if line != self._status and self._tell(f"STATUS={line}"):
            self._status = line

    def reloading(self) -> None:
        """The configuration is being read again; `ready` has to follow."""
        # The time is what lets systemd tell this reload from an earlier one; it wants its own monotonic clock.
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The bridge has begun to end."""
        self._tell("STOPPING=1")

    async def watchdog(self) -> None:
        """Give signs of life for ever, twice as often as asked for; returns at once when nobody asked.

        They come from the event loop itself: if it hangs they cease, and the service manager starts the bridge anew.
        """
        if self._watchdog_s is None:
            return
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 2)

    def _tell(self, lines: str) -> bool:
        """Whether it was taken, or nobody is there to be told."""
        if not self._address:
            return True
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_manager:
                to_manager.setblocking(False)  # the loop must not wait for a manager that does not read
                to_manager.sendto(lines.encode(), self._address)
        except OSError as error:
            if not self._failing:
                _LOGGER.warning("The service manager does not listen (%s)", error.strerror or type(error).__name__)
            self._failing = True
            return False
        self._failing = False
        return True


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Seconds; None without a watchdog, or when it is meant for another process of the same service."""
    wanted, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not wanted.isdecimal() or int(wanted) == 0 or (process and process != str(os.getpid())):
        return None
    return int(wanted) / 1e6
