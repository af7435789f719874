"""The bridge's own small page, for the night when Home Assistant and the broker are dead. Loaded only when it is on."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driveway_bridge.settings import WebSettings
    from driveway_bridge.web.view import View


async def serve(settings: WebSettings, view: View, *, now: Callable[[], float]) -> None:
    """Serve the page until cancelled; its libraries, half a second on a small computer, are loaded beside the loop."""
    server = await asyncio.to_thread(importlib.import_module, "driveway_bridge.web.server")
    await server.Page(settings, view, now=now).run()
