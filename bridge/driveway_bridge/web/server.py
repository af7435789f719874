"""The web server of the bridge's own page: paths, login, and which request gets which answer.

Loaded only when the page is on, for its libraries take 10 MB. Over plain HTTP the password crosses the local network as
it is: who does not want that leaves `host` at loopback and comes through SSH.

Pains 95, 20, 126, 131.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from typing import Final, cast

from aiohttp import web

from driveway_bridge.errors import ConfigurationError
from driveway_bridge.settings import WebSettings
from driveway_bridge.web.entrance import Entrance
from driveway_bridge.web.login import SHORTEST, Password
from driveway_bridge.web.site import Site
from driveway_bridge.web.view import View

_LOGGER = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 300.0
LEAVE_S: Final = 1.0
KEEP_ALIVE_S: Final = 8.0


class Page:
    """The page; `now` is the clock of this boot, in seconds. ConfigurationError when the password is too short."""

    def __init__(self, settings: WebSettings, view: View, *, now: Callable[[], float]) -> None:
        if len(settings.password) < SHORTEST:
            raise ConfigurationError([f"web.password: has fewer than {SHORTEST} characters; choose a longer one"])
        self._settings = settings
        self._view = view
        self._now = now
        self.port: int | None = None
        """Where it listens, while it does; with port 0 the system chooses."""
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled. An address that cannot be used is told once, and tried again."""
        password = await asyncio.to_thread(Password, self._settings.password)
        entrance = Entrance()
        site = Site(password, self._view, entrance, self._now)
        pause = FIRST_PAUSE_S
        told: int | None = None
        while True:
            try:
                await self._serve(site, entrance)
            except OSError as error:
                if told != (error.errno or 0):
                    told = error.errno or 0
                    _LOGGER.error("%s", _why_not(self._settings, error))  # noqa: TRY400 - the sentence says it all
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)

    async def _serve(self, site: Site, entrance: Entrance) -> None:
        """Serve until cancelled; OSError when the address cannot be used."""
        runner = web.AppRunner(
            site.application(),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=LEAVE_S,
            keepalive_timeout=KEEP_ALIVE_S,
        )
        await runner.setup()
        make = cast("web.Server", runner.server)
        try:
            hosts = ["::", "0.0.0.0"] if self._settings.host == "::" else [self._settings.host]  # noqa: S104 - asked for
            server = await asyncio.get_running_loop().create_server(
                lambda: entrance.visit(make), hosts, self._settings.port, backlog=32
            )
            try:
                self.port = server.sockets[0].getsockname()[1]
                self.listening.set()
                _LOGGER.info("The bridge's page is at %s", _url(self._settings.host, self.port))
                await asyncio.Event().wait()
            finally:
                self.listening.clear()
                server.close()
        finally:
            await runner.cleanup()


def _url(host: str, port: int | None) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _why_not(settings: WebSettings, error: OSError) -> str:
    # Newer Pythons skip addresses that there are not, and then raise an error without a number.
    where = f"The bridge's page cannot be shown at {settings.host}, port {settings.port}"
    why = {
        errno.EADDRINUSE: "another program listens there. End it, or choose another `port` under `web`",
        errno.EADDRNOTAVAIL: "this computer has no such address. Correct `host` under `web`",
        errno.EACCES: "this user may not use that port. Choose one above 1023 as `port` under `web`",
    }.get(error.errno or errno.EADDRNOTAVAIL, f"{error.strerror or error}. Correct `host` under `web`")
    return f"{where}: {why}. The bridge runs on, and keeps trying."
