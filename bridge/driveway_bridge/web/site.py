"""Which request of the bridge's page gets which answer: paths, login, cookies."""

from __future__ import annotations

import asyncio
import base64
import binascii
import importlib
import importlib.util
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from driveway_bridge.contract_json import ContractError, parse_object
from driveway_bridge.web import api, picture
from driveway_bridge.web.entrance import Entrance
from driveway_bridge.web.guard import HEADERS, Pace, is_from_our_page, is_our_name, own_names
from driveway_bridge.web.login import Attempts, Password, Sessions
from driveway_bridge.web.texts import LANGUAGES, language_of, text, texts
from driveway_bridge.web.view import View

_LOGGER = logging.getLogger(__name__)

MAX_BODY: Final = 4096
BODY_S: Final = 10.0
LOG_LENGTH: Final = 50
COOKIE: Final = "driveway"
LANGUAGE_COOKIE: Final = "driveway_language"
_YEAR_S: Final = 365 * 86400
_FOLDER: Final = Path(__file__).parent / "static"
_FILES: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "log.js": "text/javascript",
    "words.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_HTTP_ERRORS: Final = {400: "not_json", 404: "not_found", 405: "method", 413: "too_large"}
_COMMANDS: Final = ("lock", "unlock")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """The answers to requests. `password` is what opens the page; `now` is the clock of this boot, in seconds."""

    def __init__(self, password: Password, view: View, entrance: Entrance, now: Callable[[], float]) -> None:
        self._password = password
        self._view = view
        self._entrance = entrance
        self._now = now
        self._attempts = Attempts(now)
        self._sessions = Sessions(now)
        self._paces = {name: Pace(now) for name in _COMMANDS}  # each its own: no unlock holds up a lock
        self._names = own_names()

    def application(self) -> web.Application:
        """What aiohttp serves."""
        app = web.Application(middlewares=[self._gate], client_max_size=MAX_BODY)
        app.on_response_prepare.append(_add_headers)
        app.add_routes(
            [
                web.get("/", self._page),
                *(web.get(f"/{name}", self._file) for name in _FILES),
                web.get("/healthz", self._alive),
                web.get("/metrics", self._metrics),
                web.post("/api/login", self._login),
                web.post("/api/logout", self._logout),
                web.get("/api/state", self._inside(self._state)),
                web.get("/api/log", self._inside(self._log)),
                web.get("/api/signal.svg", self._inside(self._signal)),
                web.post("/api/command", self._inside(self._command)),
                web.post("/api/code", self._inside(self._code)),
            ]
        )
        return app

    # Who gets in --------------------------------------------------------------------------------------------------

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What holds for every request; errors leave as a sentence in the reader's language."""
        transport = request.transport
        try:
            if not is_our_name(request.headers.get("Host"), self._names):
                return _refusal(request, 421, "other_name")
            if request.method == "POST":
                if not is_from_our_page(request.headers):
                    return _refusal(request, 403, "other_site")
                if request.content_type != "application/json":
                    return _refusal(request, 415, "not_json")
                async with asyncio.timeout(BODY_S):
                    await request.read()
            self._entrance.begins(transport)
            return await handler(request)
        except TimeoutError:
            return _refusal(request, 408, "too_slow")
        except web.HTTPException as error:
            return _refusal(request, error.status, _HTTP_ERRORS.get(error.status, "other"))
        finally:
            self._entrance.ends(transport)

    def _inside(self, handler: Handler) -> Handler:
        """Only for those who are logged in."""

        async def inside(request: web.Request) -> web.StreamResponse:
            if not self._logged_in(request):
                return _refusal(request, 401, "signed_out")
            return await handler(request)

        return inside

    def _logged_in(self, request: web.Request) -> bool:
        return self._sessions.use(request.cookies.get(COOKIE))

    async def _check(self, request: web.Request, typed: str) -> web.Response | None:
        """Check a password; the refusal, or None when it is right."""
        address = request.remote or ""
        wait = math.ceil(self._attempts.begin(address))
        if wait:
            return _refusal(request, 429, "pause", seconds=wait)
        if await self._password.is_right(typed):
            self._attempts.succeeded(address)
            return None
        _LOGGER.warning("Somebody tried a wrong password on the bridge's page")
        return _refusal(request, 401, "wrong_password")

    async def _login(self, request: web.Request) -> web.StreamResponse:
        fields = await _json(request)
        typed = fields.get("password")
        if not isinstance(typed, str):
            return _refusal(request, 400, "not_json")
        refusal = await self._check(request, typed)
        if refusal is not None:
            return refusal
        response = web.json_response({})
        # 256 random bits that mean something only here: there is nothing in them to encrypt or to sign.
        response.set_cookie(COOKIE, self._sessions.begin(), httponly=True, samesite="Strict", path="/")
        _LOGGER.info("Somebody signed in on the bridge's page")
        return response

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        self._sessions.end(request.cookies.get(COOKIE))
        response = web.json_response({})
        response.del_cookie(COOKIE, path="/")
        return response

    # What is shown ------------------------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.StreamResponse:
        chosen = request.query.get("language")
        if chosen in LANGUAGES:
            response: web.Response = web.Response(status=303, headers={"Location": "/"})
            response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR_S, samesite="Strict", httponly=True, path="/")
            return response
        return web.Response(text=await asyncio.to_thread(_html, _language(request)), content_type="text/html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.path.removeprefix("/")
        body = await asyncio.to_thread((_FOLDER / name).read_bytes)
        return web.Response(body=body, content_type=_FILES[name], charset="utf-8")

    async def _alive(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok\n")

    async def _state(self, request: web.Request) -> web.StreamResponse:
        details = "details" in request.query
        return web.json_response(api.state(self._view, _language(request), self._now(), details=details))

    async def _log(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(api.log(self._view, _language(request), LOG_LENGTH))

    async def _signal(self, request: web.Request) -> web.StreamResponse:
        width = request.query.get("width", "")
        try:
            points = self._view.signal(request.query.get("car", ""))
        except KeyError:
            return _refusal(request, 404, "unknown_car")
        drawn = picture.draw(points, _language(request), int(width) if re.fullmatch("[0-9]{1,4}", width) else 0)
        return web.Response(text=drawn, content_type="image/svg+xml")

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        if not self._logged_in(request):
            typed = _authorization(request.headers.get("Authorization", ""))
            refusal = _refusal(request, 401, "signed_out") if typed is None else await self._check(request, typed)
            if refusal is not None:
                if refusal.status == 401:
                    refusal.headers["WWW-Authenticate"] = 'Basic realm="driveway", charset="UTF-8"'
                return refusal
        if importlib.util.find_spec("prometheus_client") is None:
            return _refusal(request, 501, "no_metrics")
        metrics = await asyncio.to_thread(importlib.import_module, "driveway_bridge.web.metrics")
        body = metrics.exposition(self._view, self._now())
        return web.Response(body=body, headers={"Content-Type": metrics.CONTENT_TYPE})

    # What is done -------------------------------------------------------------------------------------------------

    async def _command(self, request: web.Request) -> web.StreamResponse:
        fields = await _json(request)
        car, command = fields.get("car"), fields.get("command")
        if command not in _COMMANDS:
            return _refusal(request, 400, "unknown_command")
        if car not in [known.id for known in self._view.cars()]:
            return _refusal(request, 404, "unknown_car")
        wait = math.ceil(self._paces[command].take())
        if wait:
            return _refusal(request, 429, "pace", seconds=wait)
        ended = await self._view.command(str(car), str(command))
        return web.json_response(api.result(ended, str(command), _language(request)))

    async def _code(self, _request: web.Request) -> web.StreamResponse:
        _LOGGER.info("The bridge's page showed the code")
        return web.json_response({"code": self._view.code()})


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _language(request: web.Request) -> str:
    return language_of(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language"))


def _refusal(request: web.Request, status: int, name: str, **values: object) -> web.Response:
    """An error as a sentence; with `seconds` also as `Retry-After`."""
    headers = {"Retry-After": str(values["seconds"])} if "seconds" in values else None
    sentence = text(_language(request), "error", name, **values)
    return web.json_response({"error": name, "sentence": sentence, **values}, status=status, headers=headers)


async def _json(request: web.Request) -> Mapping[str, Any]:
    try:
        return parse_object(await request.read())
    except ContractError as error:
        raise web.HTTPBadRequest from error


def _authorization(header: str) -> str | None:
    """The password of an Authorization header, Basic with any name or Bearer; None when it holds none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        _, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password if colon else None


def _html(language: str) -> str:
    """The page in one language: `{{name}}` in the file is a text, and the program finds its own beside them."""
    words = texts(language)["page"]
    # Within a script element only `<` could end it early.
    data = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    raw = (_FOLDER / "page.html").read_text("utf-8")
    return re.sub(
        r"\{\{(\w+)\}\}",
        lambda found: {"language_code": language, "texts": data}.get(found[1]) or escape(words[found[1]]),
        raw,
    )
