"""The daemon: holds its folder, hears the system's signals, runs the bridge, and says how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from driveway_bridge import data_lock
from driveway_bridge.bridge import Bridge
from driveway_bridge.errors import ConfigurationError, DrivewayError
from driveway_bridge.notify import Notifier
from driveway_bridge.settings import Settings

if TYPE_CHECKING:
    from driveway_bridge.machinery import MakeDialer

_LOGGER = logging.getLogger(__name__)
_ENDS: Final = (signal.SIGTERM, signal.SIGINT)


async def run(
    settings: Settings,
    data: Path,
    *,
    reread: Callable[[], Settings] | None = None,
    dialers: MakeDialer | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Be the bridge until SIGTERM, SIGINT or `stop`; SIGHUP has the configuration read again by `reread`.

    ConfigurationError when the data folder cannot be used, or is in use; other DrivewayErrors when the bridge cannot
    go on.
    """
    stop = asyncio.Event() if stop is None else stop
    again = asyncio.Event()
    notifier = Notifier()
    with data_lock.hold(data), _signals(stop, again):
        bridge = Bridge(settings, data, notifier, dialers)
        try:
            async with asyncio.TaskGroup() as tasks:
                rereading = tasks.create_task(_reread(bridge, again, reread, notifier))
                await bridge.run(stop)
                rereading.cancel()
        except BaseExceptionGroup as group:
            foreseen, rest = group.split(DrivewayError)
            if foreseen is None or rest is not None:
                raise
            raise _first(foreseen) from None


async def _reread(
    bridge: Bridge, again: asyncio.Event, reread: Callable[[], Settings] | None, notifier: Notifier
) -> None:
    """Take over a new configuration each time that it is asked for; a wrong one changes nothing."""
    while True:
        await again.wait()
        again.clear()
        if reread is None:
            continue
        notifier.reloading()
        try:
            await bridge.change(await asyncio.to_thread(reread))
        except ConfigurationError as error:
            _LOGGER.error("The new configuration is wrong; the old one stays. %s", error)  # noqa: TRY400 - sentences
        else:
            _LOGGER.info("The configuration was read again")
        notifier.ready()


def _first(group: BaseExceptionGroup[DrivewayError]) -> DrivewayError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


@contextlib.contextmanager
def _signals(stop: asyncio.Event, again: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _ENDS:
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    try:
        yield
    finally:
        for number in (*_ENDS, signal.SIGHUP):
            loop.remove_signal_handler(number)
