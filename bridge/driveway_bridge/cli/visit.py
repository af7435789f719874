"""A visit to one car by a command that ends with it: the way there, the leave-taking, the exit status."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Self

import click

from driveway_bridge import key_store
from driveway_bridge.addressing import LinkSettings
from driveway_bridge.cli.lazy_group import STOPPED
from driveway_bridge.contract import Outcome
from driveway_bridge.link.base import Dialer
from driveway_bridge.session_store import SessionStore
from driveway_bridge.vehicle import Vehicle

HANG_UP_S: Final = 1.0
"""For giving the link back, when the result is known and shown."""
_EXIT: Final = {Outcome.CONFIRMED: 0, Outcome.UNCONFIRMED: 3}


def exit_status(outcome: Outcome) -> int:
    """0 for confirmed, 3 where the outcome is not known, 1 for all others."""
    return _EXIT.get(outcome, 1)


def visit(
    errand: Callable[[Vehicle], Awaitable[int]],
    show_stopped: Callable[[], None],
    *,
    vin: str,
    link: LinkSettings,
    data: Path,
    hci: str | None,
    on_way: Callable[[Dialer], None] = lambda _dialer: None,
) -> int:
    """Go to the car, do the errand, hang up; gives the errand's exit status, or that of Ctrl-C after `show_stopped`.

    The link is given back after the errand has shown its result: who stands at the car waits for no more than that.
    `on_way` is told how the car is reached, for whoever wants to know how it is heard.
    UsageError before anything is written; ConfigurationError when the folder cannot be used.
    """
    if hci is not None and link != "bluetooth":
        raise click.UsageError("--hci is for --link bluetooth.")
    key = key_store.load_or_create(data)

    async def go(store: SessionStore, leaving: _LeavingInTime) -> None:
        dialer = _dialer(link, vin, hci)
        on_way(dialer)
        vehicle = Vehicle(vin, key, dialer, store, hold_s=HANG_UP_S)
        try:
            leaving.status = await errand(vehicle)
        except asyncio.CancelledError:
            leaving.status = STOPPED
            show_stopped()
            raise
        finally:
            await leaving.hang_up(vehicle, dialer)

    with contextlib.closing(SessionStore(data)) as store, _LeavingInTime() as leaving:
        with contextlib.suppress(KeyboardInterrupt):  # shown, and in the status, by then
            asyncio.run(go(store, leaving))
        return leaving.status


def _dialer(link: LinkSettings, vin: str, hci: str | None) -> Dialer:
    if link == "bluetooth":
        from driveway_bridge.link.air import Air  # needs a radio's libraries
        from driveway_bridge.link.bluetooth import BluetoothDialer

        return BluetoothDialer(vin, Air(hci=hci))
    from driveway_bridge.link.tcp import TcpDialer

    return TcpDialer(link.host, link.port)


class _LeavingInTime:
    """Sees to it that the process ends soon after all is done.

    A name that is still being looked up keeps a thread busy, for many seconds when the network is down, and Python
    waits for its threads. Everything is shown and stored by then.
    """

    def __init__(self) -> None:
        self.status = 1
        self._timer = threading.Timer(HANG_UP_S, lambda: os._exit(self.status))
        self._timer.daemon = True

    async def hang_up(self, vehicle: Vehicle, dialer: Dialer) -> None:
        """Give the link back; from now on the end may take no longer than `HANG_UP_S` and as long again."""
        sys.stdout.flush()
        with contextlib.suppress(TimeoutError):  # what does not hang up in time is hung up by our end
            async with asyncio.timeout(HANG_UP_S):
                await vehicle.close()
                await dialer.close()
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
