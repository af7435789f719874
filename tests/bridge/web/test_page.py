"""The page over HTTP, as a browser, a stranger and Prometheus meet it; before a bridge that does what it is told."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from driveway_bridge import web
from driveway_bridge.contract import Outcome, Result
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.known import Known
from driveway_bridge.reasons import REASONS
from driveway_bridge.settings import WebSettings
from driveway_bridge.state.body import ClosureState, LockState
from driveway_bridge.web import entrance
from driveway_bridge.web.guard import HEADERS
from driveway_bridge.web.login import FREE_ATTEMPTS, IDLE_S
from driveway_bridge.web.server import Page
from driveway_bridge.web.texts import LANGUAGES
from tests.bridge.web.stand import ANNA, BERTA, CODE, PASSWORD, RADIO_ADDRESS, VIN, Clock, Stand, served

PATHS = (
    "/",
    "/page.js",
    "/log.js",
    "/words.js",
    "/page.css",
    "/icon.svg",
    "/healthz",
    "/api/state",
    "/metrics",
    "/nowhere",
)
PRIVATE = ("/api/state", "/api/log", f"/api/signal.svg?car={ANNA}", "/metrics")


class Browser:
    """A browser's half: cookies, and the headers that a browser sends of itself."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self.http = http
        self.port = port
        self.base = f"http://127.0.0.1:{port}"

    async def get(self, path: str, **headers: str) -> tuple[int, str, aiohttp.ClientResponse]:
        async with self.http.get(self.base + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        own = {"Origin": self.base, "Content-Type": "application/json"} | headers
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(self.base + path, data=data, headers=own) as answer:
            return answer.status, await answer.json()

    async def login(self, password: str = PASSWORD) -> int:
        return (await self.post("/api/login", {"password": password}))[0]

    async def state(self, **headers: str) -> dict[str, Any]:
        status, text, _ = await self.get("/api/state", **headers)
        assert status == 200
        return dict(json.loads(text))

    async def command(self, command: str = "lock", car: str = ANNA, **headers: str) -> tuple[int, dict[str, Any]]:
        return await self.post("/api/command", {"car": car, "command": command}, **headers)


@pytest_asyncio.fixture
async def stand() -> Stand:
    return Stand(Clock())


@pytest_asyncio.fixture
async def page(stand: Stand) -> AsyncIterator[Page]:
    async with served(stand) as page:
        yield page


@asynccontextmanager
async def browsing(page: Page) -> AsyncIterator[Browser]:
    assert page.port is not None
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(http, page.port)


@pytest_asyncio.fixture
async def stranger(page: Page) -> AsyncIterator[Browser]:
    """A browser that is not logged in."""
    async with browsing(page) as browser:
        yield browser


@pytest_asyncio.fixture
async def owner(page: Page) -> AsyncIterator[Browser]:
    """A browser that is."""
    async with browsing(page) as browser:
        assert await browser.login() == 200
        yield browser


# Who gets in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PRIVATE)
async def test_without_login_nothing_is_told(stranger: Browser, path: str) -> None:
    status, text, _ = await stranger.get(path)
    assert status == 401
    assert "Anna" not in text


async def test_without_login_nothing_is_done(stranger: Browser, stand: Stand) -> None:
    assert (await stranger.command("unlock"))[0] == 401
    status, said = await stranger.post("/api/code", {})
    assert status == 401
    assert "code" not in said
    assert stand.asked == []


async def test_the_password_opens_it_and_logging_out_closes_it(stranger: Browser) -> None:
    assert await stranger.login("wrong password") == 401
    assert (await stranger.get("/api/state"))[0] == 401
    assert await stranger.login() == 200
    assert [car["name"] for car in (await stranger.state())["cars"]] == ["Anna", "Berta"]
    stolen = {cookie.key: cookie.value for cookie in stranger.http.cookie_jar}
    assert (await stranger.post("/api/logout", {}))[0] == 200
    assert (await stranger.get("/api/state"))[0] == 401
    stranger.http.cookie_jar.update_cookies(stolen)
    assert (await stranger.get("/api/state"))[0] == 401, "a copy of the cookie outlived the session"


async def test_the_cookie_is_kept_from_scripts_and_other_sites(stranger: Browser) -> None:
    headers = {"Origin": stranger.base, "Content-Type": "application/json"}
    body = json.dumps({"password": PASSWORD})
    async with stranger.http.post(f"{stranger.base}/api/login", data=body, headers=headers) as answer:
        [cookie] = answer.headers.getall("Set-Cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie


async def test_a_made_up_cookie_is_nothing(stranger: Browser) -> None:
    stranger.http.cookie_jar.update_cookies({"driveway": "gAAAAABmade-up"})
    assert (await stranger.get("/api/state"))[0] == 401


async def test_a_session_ends_by_itself(owner: Browser, stand: Stand) -> None:
    await owner.state()
    stand.clock.ahead += IDLE_S
    assert (await owner.get("/api/state"))[0] == 401


async def test_guessing_is_slowed_down_in_words_and_the_owner_gets_in_soon(stranger: Browser, stand: Stand) -> None:
    stand.clock.stands()
    for _ in range(FREE_ATTEMPTS):
        assert await stranger.login("wrong password") == 401
    status, said = await stranger.post("/api/login", {"password": PASSWORD})
    assert status == 429
    assert said["sentence"] == "There were too many wrong passwords. Try again in 5 seconds."
    stand.clock.ahead += 5
    assert await stranger.login() == 200


async def test_guessing_at_once_gains_nothing(stranger: Browser, stand: Stand) -> None:
    stand.clock.stands()
    tries = await asyncio.gather(*(stranger.login("wrong password") for _ in range(12)))
    assert tries.count(401) == FREE_ATTEMPTS
    assert tries.count(429) == 12 - FREE_ATTEMPTS


async def test_the_password_is_never_logged(stranger: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await stranger.login("wrong password")
    await stranger.login()
    assert "wrong password on" in caplog.text  # the sentence about it, not the one that was typed
    assert PASSWORD not in caplog.text


def test_a_short_password_is_a_wrong_configuration(stand: Stand) -> None:
    with pytest.raises(ConfigurationError, match=r"web\.password: has fewer than 8 characters"):
        Page(WebSettings(password="1234567"), stand, now=stand.boot.now)


# Strange pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_another_site_cannot_press_the_button(owner: Browser, stand: Stand, headers: dict[str, str]) -> None:
    status, said = await owner.command("unlock", **headers)
    assert status == 403
    assert said["sentence"] == "The request did not come from this page."
    assert stand.asked == []


async def test_a_form_of_another_site_is_not_read(owner: Browser, stand: Stand) -> None:
    assert (await owner.command("unlock", **{"Content-Type": "text/plain"}))[0] == 415
    assert stand.asked == []


@pytest.mark.parametrize("path", PATHS)
async def test_a_strange_name_for_the_bridge_is_not_answered(owner: Browser, path: str) -> None:
    status, text, _ = await owner.get(path, Host="evil.example")
    assert status == 421
    assert "not a name of this computer" in text


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_the_protecting_headers(stranger: Browser, path: str) -> None:
    _, _, answer = await stranger.get(path)
    assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
    assert HEADERS["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("name", ["page.html", "page.css", "page.js", "log.js", "words.js", "icon.svg"])
async def test_nothing_is_loaded_from_elsewhere(stranger: Browser, name: str) -> None:
    _, text, _ = await stranger.get("/" if name == "page.html" else f"/{name}")
    for found in ("http:", "https:", "//", "@import", "url("):
        for line in text.splitlines():
            if found in line and "http://www.w3.org/2000/svg" not in line and not line.strip().startswith("//"):
                assert name.endswith(".js"), (found, line)
                assert line.rstrip().partition("//")[0].strip(), line  # a comment behind a statement
                assert "http" not in line


async def test_nothing_private_is_in_any_page(owner: Browser, stand: Stand) -> None:
    texts = [(await owner.get(path))[1] for path in (*PATHS, *PRIVATE, "/api/state?details")]
    together = "\n".join(texts)
    assert VIN not in together
    assert RADIO_ADDRESS not in together
    assert CODE not in together
    assert PASSWORD not in together
    assert "hci0" in together, "the details were looked at"


async def test_the_code_is_shown_only_when_it_is_asked_for(owner: Browser) -> None:
    assert await owner.post("/api/code", {}) == (200, {"code": CODE})
    assert (await owner.get("/api/code"))[0] == 405


# What is shown --------------------------------------------------------------------------------------------------------


async def test_never_heard_is_shown_as_not_known(owner: Browser) -> None:
    car = (await owner.state())["cars"][0]
    assert car["lock"] == {"value": None, "text": "Not known", "age_s": None, "heard": False, "from_memory": False}
    assert car["doors"]["text"] == "not known"
    assert car["contact_s_ago"] is None


async def test_each_value_has_its_age(owner: Browser, stand: Stand) -> None:
    stand.says(ANNA, LockState.LOCKED)
    stand.clock.ahead += 3600
    lock = (await owner.state())["cars"][0]["lock"]
    assert lock["text"] == "Locked"
    assert lock["age_s"] == pytest.approx(3600, abs=10)


async def test_what_was_remembered_says_so(owner: Browser, stand: Stand) -> None:
    stand.by_id[ANNA].knowledge.restore("body", {"lock": Known("locked", None, "memory")})
    lock = (await owner.state())["cars"][0]["lock"]
    assert (lock["text"], lock["age_s"], lock["from_memory"]) == ("Locked", None, True)


async def test_open_doors_are_named_in_the_readers_language(owner: Browser, stand: Stand) -> None:
    stand.says(ANNA, LockState.UNLOCKED, front_driver_door=ClosureState.OPEN)
    assert (await owner.state())["cars"][0]["doors"]["text"] == "Driver's door open"
    german = (await owner.state(**{"Accept-Language": "de-AT"}))["cars"][0]
    assert german["doors"]["text"] == "Fahrertür offen"
    assert german["lock"]["text"] == "Entriegelt"


async def chain(owner: Browser) -> dict[str, tuple[str, str]]:
    return {link["name"]: (link["state"], link["sentence"]) for link in (await owner.state())["chain"]}


async def test_the_chain_says_which_link_is_broken(owner: Browser, stand: Stand) -> None:
    """Pains 20."""
    stand.heard(ANNA, -70)
    assert {state for state, _ in (await chain(owner)).values()} == {"good", "unknown"}
    stand.document["radio"] = {"state": "deaf"}
    stand.document["mqtt"] = {"connected": False}
    links = await chain(owner)
    assert links["Bluetooth"] == ("bad", " ".join(REASONS["radio_deaf"]))
    assert links["MQTT broker"] == ("bad", " ".join(REASONS["broker_away"]))
    assert links["Anna"][0] == "good"
    assert links["Home Assistant"][0] == "unknown"


async def test_a_deaf_ear_and_a_silent_home_assistant_are_told(owner: Browser, stand: Stand) -> None:
    stand.document["mqtt"] = {"connected": True, "ear": {"ok": False}, "home_assistant_s_ago": 4000}
    links = await chain(owner)
    assert links["MQTT broker"][0] == "bad"
    assert "subscribes anew" in links["MQTT broker"][1]
    assert links["Home Assistant"][0] == "bad"


@pytest.mark.parametrize("broken", [{}, {"radio": None, "mqtt": 3}, {"radio": {"state": "new word"}}])
async def test_a_poor_health_document_is_no_error(owner: Browser, stand: Stand, broken: dict[str, Any]) -> None:
    stand.document = broken
    assert len((await owner.state())["chain"]) == 5
    assert (await owner.get("/metrics"))[0] == 200


async def test_the_signal_is_a_picture(owner: Browser, stand: Stand) -> None:
    """Pains 95."""
    stand.heard(ANNA, -70)
    status, text, answer = await owner.get(f"/api/signal.svg?car={ANNA}&width=500")
    assert (status, answer.content_type) == (200, "image/svg+xml")
    assert 'width="500"' in text
    assert (await owner.get("/api/signal.svg?car=car-ffffffff"))[0] == 404
    assert (await owner.get(f"/api/signal.svg?car={ANNA}&width=9e9"))[0] == 200


async def test_the_language_can_be_switched(stranger: Browser) -> None:
    assert '<html lang="de">' in (await stranger.get("/", **{"Accept-Language": "de"}))[1]
    status, _, answer = await stranger.get("/?language=en")
    assert (status, answer.headers["Location"]) == (303, "/")
    assert '<html lang="en">' in (await stranger.get("/", **{"Accept-Language": "de"}))[1]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_text_is_left_out(stranger: Browser, language: str) -> None:
    await stranger.get(f"/?language={language}")
    assert "{{" not in (await stranger.get("/"))[1]


# Commands -------------------------------------------------------------------------------------------------------------


async def test_a_lock_command_goes_to_the_car_and_is_logged(owner: Browser, stand: Stand) -> None:
    status, said = await owner.command("lock")
    assert status == 200
    assert said == {
        "outcome": "confirmed",
        "reason": "done",
        "good": True,
        "sentence": "The car says that it is locked.",
    }
    assert stand.asked == [(ANNA, "lock")]
    assert (await owner.state())["cars"][0]["lock"]["text"] == "Locked"
    [entry] = json.loads((await owner.get("/api/log"))[1])["commands"]
    assert (entry["command"], entry["car"], entry["outcome"], entry["asked_by"]) == (
        "Lock",
        "Anna",
        "confirmed",
        "this page",
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("refused", "closures_open"), ("failed", "not_in_range"), ("unconfirmed", "no_answer"), ("expired", "expired")],
)
async def test_a_failure_says_what_to_do(
    owner: Browser, stand: Stand, outcome: str, reason: str, language: str
) -> None:
    """Pains 126."""
    stand.answer = Result(id="1", outcome=Outcome(outcome), reason=reason)
    status, said = await owner.command("lock", **{"Accept-Language": language})
    assert (status, said["good"], said["outcome"]) == (200, False, outcome)
    if language == "en":
        assert said["sentence"].endswith(" ".join(REASONS[reason]))
    assert (await owner.state())["cars"][0]["lock"]["value"] is None, "only the car says locked"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"car": ANNA, "command": "trunk_open"}, 400),
        ({"car": ANNA}, 400),
        ({"car": "car-ffffffff", "command": "lock"}, 404),
        ({"car": [ANNA], "command": "lock"}, 404),
        ({"car": ANNA, "command": ["lock"]}, 400),
        (["lock"], 400),
        (b"{", 400),
        (b'{"car": "' + b"x" * 5000 + b'"}', 413),
    ],
)
async def test_nonsense_is_refused_in_words(owner: Browser, stand: Stand, body: object, status: int) -> None:
    answered, said = await owner.post("/api/command", body)
    assert answered == status
    assert said["sentence"].endswith(".")
    assert stand.asked == []


async def test_commands_are_paced(owner: Browser, stand: Stand) -> None:
    stand.clock.stands()
    assert (await owner.command())[0] == 200
    status, said = await owner.command()
    assert status == 429
    assert "too fast" in said["sentence"]
    stand.clock.ahead += 1
    assert (await owner.command(car=BERTA))[0] == 200
    assert stand.asked == [(ANNA, "lock"), (BERTA, "lock")]


async def test_an_unlock_does_not_hold_up_a_lock(owner: Browser, stand: Stand) -> None:
    stand.clock.stands()
    assert (await owner.command("unlock"))[0] == 200
    assert (await owner.command("lock"))[0] == 200
    assert (await owner.command("unlock"))[0] == 429
    assert stand.asked == [(ANNA, "unlock"), (ANNA, "lock")]


async def test_who_leaves_the_page_does_not_stop_the_command(owner: Browser, stand: Stand) -> None:
    stand.free.clear()
    asking = asyncio.create_task(owner.command("lock"))
    await until(lambda: bool(stand.asked))
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    stand.free.set()
    await until(lambda: bool(stand.entries))
    assert stand.entries[0].record.outcome == "confirmed"


# Machines -------------------------------------------------------------------------------------------------------------


async def test_alive_is_told_to_everybody_and_nothing_else(stranger: Browser) -> None:
    assert (await stranger.get("/healthz"))[:2] == (200, "ok\n")


async def test_prometheus_reads_metrics_with_the_password(stranger: Browser, stand: Stand) -> None:
    stand.says(ANNA, LockState.LOCKED)
    stand.heard(ANNA, -71)
    basic = f"Basic {base64.b64encode(f'prometheus:{PASSWORD}'.encode()).decode()}"
    for header in (basic, f"Bearer {PASSWORD}"):
        status, text, answer = await stranger.get("/metrics", Authorization=header)
        assert status == 200
        assert answer.content_type == "text/plain"
        lines = text.splitlines()
        labels = f'car="{ANNA}",name="Anna"'
        assert f"driveway_car_locked{{{labels}}} 1.0" in lines
        assert f"driveway_car_signal_dbm{{{labels}}} -71.0" in lines
        assert f'driveway_car_commands_total{{{labels},outcome="confirmed"}} 3.0' in lines
        assert f'driveway_car_latency_seconds{{{labels},phase="total",quantile="0.95"}} 0.9' in lines
        assert "driveway_radio_ok 1.0" in lines
        assert "driveway_memory_bytes 5.15e+07" in lines
        assert not any(line.startswith(f'driveway_car_locked{{car="{BERTA}"') for line in lines), "never heard"


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer", "Digest x", "Bearer wrong password"]
)
async def test_metrics_are_for_those_who_know_the_password(stranger: Browser, header: str) -> None:
    status, text, answer = await stranger.get("/metrics", Authorization=header)
    assert status == 401
    assert "driveway_" not in text
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


async def test_the_password_in_a_header_opens_nothing_else(stranger: Browser) -> None:
    assert (await stranger.get("/api/state", Authorization=f"Bearer {PASSWORD}"))[0] == 401


async def test_without_the_library_metrics_say_what_to_install(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "prometheus_client" else find(name))
    status, text, _ = await owner.get("/metrics")
    assert status == 501
    assert "prometheus-client" in text


# The server -----------------------------------------------------------------------------------------------------------


async def test_a_port_that_is_taken_is_one_sentence_and_is_tried_again(
    stand: Stand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driveway_bridge.web.server.FIRST_PAUSE_S", 0.05)
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    page = Page(WebSettings(port=port, password=PASSWORD), stand, now=stand.boot.now)
    task = asyncio.create_task(page.run())
    await until(lambda: "another program listens there" in caplog.text)
    await asyncio.sleep(0.3)  # several attempts
    assert caplog.text.count("another program listens there") == 1
    taken.close()
    await taken.wait_closed()
    async with asyncio.timeout(30):
        await page.listening.wait()
    task.cancel()
    await asyncio.wait([task])


async def test_a_wrong_address_is_one_sentence(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    page = Page(WebSettings(host="192.0.2.1", port=0, password=PASSWORD), stand, now=stand.boot.now)
    task = asyncio.create_task(page.run())
    await until(lambda: "no such address" in caplog.text)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that has no event."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it has none
            await asyncio.sleep(0.01)


async def read_all(page: Page, sent: bytes, patience_s: float = 30) -> bytes:
    assert page.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(patience_s):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


HALF_A_POST = (
    b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HALF_A_POST])
async def test_who_dawdles_is_sent_away(page: Page, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "REQUEST_S", 0.2)
    assert b"200" not in await read_all(page, sent)


async def test_there_is_room_for_so_many_and_it_gets_free_again(page: Page, stranger: Browser) -> None:
    assert page.port is not None
    guests = [await asyncio.open_connection("127.0.0.1", page.port) for _ in range(entrance.MOST_OF_ONE)]
    assert await read_all(page, b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n") == b""
    for _, writer in guests:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(30):
        while not (await read_all(page, b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")).endswith(b"ok\n"):
            pass  # the server has not yet heard that they are gone


async def test_nonsense_instead_of_http_is_survived(page: Page, stranger: Browser) -> None:
    await read_all(page, b"\x16\x03\x01 hello\r\n\r\n")
    await read_all(page, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000 + b"\r\n\r\n")
    assert (await stranger.get("/healthz"))[0] == 200


async def test_a_bridge_without_bluetooth_has_no_broken_bluetooth(owner: Browser, stand: Stand) -> None:
    del stand.document["radio"]
    assert "just being started" in (await chain(owner))["Bluetooth"][1]
    stand.order.clear()
    assert "No car" in (await chain(owner))["Bluetooth"][1]


async def test_what_the_bridge_calls_serves_the_page(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    task = asyncio.create_task(web.serve(WebSettings(port=0, password=PASSWORD), stand, now=stand.boot.now))
    await until(lambda: "The bridge's page is at" in caplog.text)
    [told] = re.findall(r"page is at http://127\.0\.0\.1:(\d+)/", caplog.text)
    async with aiohttp.ClientSession() as http:
        assert (await Browser(http, int(told)).get("/healthz"))[0] == 200
    task.cancel()
    await asyncio.wait([task])


def test_without_the_page_its_libraries_are_not_loaded() -> None:
    """They would take 10 MB of a small computer."""
    program = (
        "import sys, driveway_bridge.app, driveway_bridge.signal_history\n"
        "libraries = ('aiohttp', 'prometheus_client', 'driveway_bridge.web')\n"
        "print([name for name in sys.modules if name.startswith(libraries)])"
    )
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
