"""The bridge's own small page, for the night when Home Assistant and the broker are dead. Loaded only when it is on."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from driveway_bridge import frugal

if TYPE_CHECKING:
    from driveway_bridge.settings import WebSettings
    from driveway_bridge.web.view import View


async def serve(settings: WebSettings, view: View, *, now: Callable[[], float]) -> None:
    """Serve the page until cancelled; its libraries, half a second on a small computer, are loaded beside the loop."""
    server = await asyncio.to_thread(_load)
    await server.Page(settings, view, now=now).run()


def _load() -> Any:
    with frugal.without_proxies():  # only the client that comes with the server would ask for them
        return importlib.import_module("driveway_bridge.web.server")
