"""A stand-in for the maker's cloud: the same car by another way, with a switch that cuts it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from house.watched import Watched

_PAUSE_S = 1.0  # on 19 November 2021 the answer was an error, after a while
_COMMANDS = {"door_lock": "lock", "door_unlock": "unlock"}


class CloudCar(Protocol):
    """What the cloud needs of the car that it reaches over the mobile network."""

    @property
    def locked(self) -> bool: ...

    async def tell(self, words: str) -> None: ...


@dataclass(slots=True)
class Cloud:
    """An HTTP server in this process, shaped like the maker's vehicle API as far as a lock needs it."""

    car: CloudCar
    port: int = 0
    outage: bool = False
    polls: Watched[int] = field(default_factory=lambda: Watched(0))
    """How often it was asked for the car's state."""
    _runner: web.AppRunner | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Listen on a port of 127.0.0.1 that the kernel chooses."""
        app = web.Application()
        app.router.add_get("/outage", self._tell_outage)
        app.router.add_post("/outage", self._set_outage)
        app.router.add_get("/api/1/vehicles/{id}/vehicle_data", self._vehicle_data)
        app.router.add_post("/api/1/vehicles/{id}/command/{command}", self._command)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        self._stopping.set()
        if self._runner:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _tell_outage(self, _request: web.Request) -> web.Response:
        return web.json_response({"on": self.outage})

    async def _set_outage(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        if not isinstance(wanted, dict) or not isinstance(wanted.get("on"), bool):
            raise web.HTTPBadRequest(text='expected {"on": true} or {"on": false}')
        self.outage = wanted["on"]
        return await self._tell_outage(request)

    async def _vehicle_data(self, request: web.Request) -> web.Response:
        self.polls.update(self.polls.value + 1)
        return await self._unless_out(self._locked, request)

    async def _locked(self, request: web.Request) -> dict[str, Any]:
        return {"id_s": request.match_info["id"], "vehicle_state": {"locked": self.car.locked}}

    async def _command(self, request: web.Request) -> web.Response:
        return await self._unless_out(self._move, request)

    async def _move(self, request: web.Request) -> dict[str, Any]:
        if not (verb := _COMMANDS.get(request.match_info["command"])):
            raise web.HTTPNotFound
        await self.car.tell(f"{verb} by cloud")
        return {"result": True, "reason": ""}

    async def _unless_out(
        self, answer: Callable[[web.Request], Awaitable[dict[str, Any]]], request: web.Request
    ) -> web.Response:
        if not self.outage:
            return web.json_response({"response": await answer(request)})
        try:
            async with asyncio.timeout(_PAUSE_S):
                await self._stopping.wait()
        except TimeoutError:
            pass
        return web.json_response({"response": None, "error": "internal_server_error"}, status=500)
