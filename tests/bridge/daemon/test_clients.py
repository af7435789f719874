"""Further clients on a real broker: added and revoked while the bridge runs, and others' programs that sign."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from driveway_bridge import clients
from driveway_bridge.audit.trail import NOTE, Mark
from driveway_bridge.audit.verify import verify
from driveway_bridge.clients import Client
from driveway_bridge.contract import Outcome
from driveway_bridge.memory import OWN, Memory
from driveway_bridge.permissions import Hours
from tests.bridge.daemon.house import House
from tests.bridge.daemon.mosquitto import ROOT, Mosquitto, find_mosquitto_clients
from tests.bridge.daemon.test_bridge import CAR, Home


@pytest_asyncio.fixture
async def home(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Home]:
    made = Home(broker, tmp_path / "data")
    yield made
    made.live.close()


def add(
    home: Home, name: str, *words: str, per_minute: int | None = None, hours: str | None = None
) -> tuple[Client, str]:
    client, code = clients.new(name, words, per_minute=per_minute, hours=None if hours is None else Hours.parse(hours))
    with clients.changing(home.data) as known:
        known.append(client)
    return client, code


def revoke(home: Home, name: str) -> None:
    with clients.changing(home.data) as known:
        known[:] = [client for client in known if client.name != name]


async def give(home: Home, house: House, client: Client, name: str) -> str:
    """Give a command as this client; its reason at the end."""
    command_id, payload = await house.signed(client.signer, CAR, name)
    house.publish(home.topics.command(CAR), payload)
    return str((await house.final(command_id)).reason)


def audited(home: Home) -> list[tuple[str, str | None, str]]:
    lines = [json.loads(line) for line in (home.data / "audit.log").read_text().splitlines()]
    return [(line["who"], line["command"], line["reason"]) for line in lines if line["kind"] == "command"]


async def test_a_client_comes_and_goes_while_the_bridge_runs(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        nanny, _ = add(home, "nanny", "locking", "unlock", per_minute=3)
        since = len(house.heard)
        assert await give(home, house, nanny, "unlock") == "done"
        assert not home.locked()
        info = await house.wait(
            lambda heard: heard.topic.endswith("/info") and nanny.id in json.loads(heard.payload)["clients"], since
        )
        assert json.loads(info.payload)["clients"] == [home.signer.client, nanny.id]
        assert await give(home, house, nanny, "climate_on") == "client_may_not"
        assert await give(home, house, nanny, "lock") == "done"
        assert await give(home, house, nanny, "lock") in ("done", "already_so")
        assert await give(home, house, nanny, "unlock") == "too_often"
        revoke(home, "nanny")
        since = len(house.heard)
        assert await give(home, house, nanny, "unlock") == "unknown_client"
        assert home.locked()
        await house.wait(
            lambda heard: heard.topic.endswith("/info") and nanny.id not in json.loads(heard.payload)["clients"], since
        )
        assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
    whos = [(who, reason) for who, _, reason in audited(home)]
    assert whos[0] == ("nanny", "done")
    assert whos[-2:] == [("unsigned", "unknown_client"), ("home", "done")]
    changes = [
        json.loads(line) for line in (home.data / "audit.log").read_text().splitlines() if '"kind":"clients"' in line
    ]
    assert [(line["added"], line["removed"]) for line in changes] == [(["nanny"], []), ([], ["nanny"])]


async def test_a_new_client_is_told_soon_also_when_nobody_gives_a_command(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        since = len(house.heard)
        client, _ = add(home, "wallbox", "charging")
        await house.wait(lambda heard: heard.topic.endswith("/info") and client.id.encode() in heard.payload, since)


async def test_a_broken_list_lets_nobody_in_but_home_assistant_and_says_so(home: Home) -> None:
    client, _ = add(home, "wallbox", "everything")
    async with home.bridge(), home.house() as house:
        assert await give(home, house, client, "lock") in ("done", "already_so")
        (home.data / clients.FILE).write_text("{")
        since = len(house.heard)
        assert await give(home, house, client, "unlock") == "unknown_client"
        assert (await home.do(house, "lock")).outcome is Outcome.CONFIRMED
        await house.wait(
            lambda heard: heard.topic.endswith("/health") and b'"reason": "clients_unreadable"' in heard.payload, since
        )


async def test_the_audit_is_whole_after_a_day_with_restarts(home: Home) -> None:
    for _ in range(3):
        async with home.bridge(), home.house() as house:
            assert (await home.do(house, "unlock")).outcome is Outcome.CONFIRMED
            house.publish(home.topics.command(CAR), b"OPEN SESAME")
            assert (await house.final(None)).reason == "malformed"
            assert (await home.do(house, "valet_mode", arguments={"on": True, "pin": "4711"})).outcome.final
    memory = Memory(home.data)
    note = memory.recall().notes[OWN, NOTE]
    memory.close()
    mark = Mark.of(json.loads(note.document))
    verdict = verify(home.data, mark)
    assert verdict.breaks == []
    assert mark is not None
    assert verdict.at == mark.at
    day = [("home", "unlock", "done"), ("unsigned", None, "malformed")]
    assert [one for one in audited(home) if one[1] != "valet_mode"] == day * 3
    content = (home.data / "audit.log").read_text()
    assert "4711" not in content
    assert "SESAME" not in content


async def test_the_health_tells_the_end_of_the_chain(home: Home) -> None:
    async with home.bridge(), home.house() as house:
        await home.do(house, "lock")
        heard = await house.wait(
            lambda heard: heard.topic.endswith("/health") and json.loads(heard.payload)["audit"]["number"] > 1
        )
        told = json.loads(heard.payload)["audit"]
    lines = [json.loads(line) for line in (home.data / "audit.log").read_text().splitlines()]
    assert lines[told["number"] - 1]["hash"] == told["hash"]


# Other people's programs ----------------------------------------------------------------------------------------------


async def program(*arguments: str | Path, code: str, path: str = "") -> tuple[int, list[str]]:
    """Run a reference client; its status and what it printed."""
    environment = os.environ | {"DRIVEWAY_CODE": code, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    running = await asyncio.create_subprocess_exec(
        *map(str, arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/"
    )
    async with asyncio.timeout(40):
        out, _ = await running.communicate()
    assert running.returncode is not None
    return running.returncode, out.decode().splitlines()


@pytest.mark.parametrize("language", ["python", "shell"])
async def test_a_reference_client_gives_commands(home: Home, language: str) -> None:
    _, code = add(home, "script", "everything-but-opening")
    path = ""
    begin: list[str | Path]
    if language == "python":
        begin = [sys.executable, ROOT / "docs/reference_client.py", f"mqtt://127.0.0.1:{home.broker.port}"]
        end: list[str] = []
    else:
        if shutil.which("openssl") is None:
            pytest.skip("there is no openssl")
        path = find_mosquitto_clients() or pytest.skip("there are no mosquitto-clients, and none could be had")
        begin = [ROOT / "docs/reference_client.sh"]
        end = ["--", "-h", "127.0.0.1", "-p", str(home.broker.port)]
    async with home.bridge(), home.house():
        status, said = await program(*begin, CAR, "lock", *end, code=code.lower().replace("-", " "), path=path)
        assert (status, said[-1].split()[0]) == (0, "confirmed"), said
        assert home.locked()
        limit = '{"percent": 77}'
        status, said = await program(*begin, CAR, "charge_limit", limit, *end, code=code, path=path)
        assert (status, said[-1].split()[0]) == (0, "confirmed"), said
        status, said = await program(*begin, CAR, "unlock", *end, code=code, path=path)
        assert (status, said[-1].split()) == (1, ["refused", "client_may_not"]), said
        assert home.locked()
        status, said = await program(*begin, CAR, "lock", *end, code="0" * 20, path=path)
        assert (status, said[-1].split()) == (1, ["refused", "unknown_client"]), said
    assert ("script", "charge_limit", "done") in audited(home)


@pytest.mark.parametrize("name", ["reference_client.py", "reference_client.sh"])
def test_a_reference_client_is_short_and_needs_nothing_of_ours(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    assert len(text.splitlines()) <= 60
    assert "driveway_bridge" not in text
