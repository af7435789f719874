"""Cold start to unlocked with every socket refused but the broker's and the radio's."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from house import places
from house.offline import Guard
from house.processes import surroundings


@pytest.mark.asyncio(loop_scope="session")  # which has to answer the pings of its Home Assistant meanwhile
@pytest.mark.timeout(600)
async def test_a_cold_start_without_the_internet_ends_with_a_lock_that_works(tmp_path: Path) -> None:
    """Pains 81, 131."""
    command = [sys.executable, "-m", "house", "--check", "--offline"]
    environment = {**surroundings(), "PYTHONPATH": str(places.ROOT / "scripts"), "TMPDIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    told = output.decode()
    assert process.returncode == 0, told
    report = json.loads(told.splitlines()[-1])
    assert report["ok"], told
    assert all(step["ok"] for step in report["steps"])
    # The car, the bridge (twice: it is restarted) and Home Assistant (twice) at the least.
    assert report["guarded"] >= 5


ATTEMPTS = """
import socket, sys
def outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return error.strerror
    return "let through"
print(outcome(lambda: socket.create_connection(("192.0.2.1", 80), 1)))
print(outcome(lambda: socket.getaddrinfo("example.com", 443)))
print(outcome(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"?", ("192.0.2.53", 53))))
print(outcome(lambda: socket.socket(socket.AF_UNIX).connect("/nowhere")))
print(outcome(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)))
own = socket.create_server(("127.0.0.1", 0))
print(outcome(lambda: socket.create_connection(own.getsockname(), 1)))
"""


def attempts_under(guard: Guard, port: int, *allowed: str) -> list[str]:
    """Try to reach two addresses, a name, a Unix socket, a port of another process, and oneself."""
    command = [sys.executable, "-W", "ignore", "-c", ATTEMPTS, str(port)]
    environment = {**surroundings(), **guard.environment(*allowed)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return ran.stdout.splitlines()


def test_the_guard_refuses_and_notes_what_is_not_allowed(tmp_path: Path) -> None:
    """The test above is worth what the guard is worth."""
    guard = Guard(tmp_path / "guard.jsonl")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert attempts_under(guard, port) == [*["refused by the guard"] * 5, "let through"]
    assert len(guard.guarded()) == 1
    assert set(guard.refused()) == {
        "socket.connect ('192.0.2.1', 80)",
        "socket.getaddrinfo 'example.com'",
        "socket.sendto ('192.0.2.53', 53)",
        "socket.connect '/nowhere'",
        f"socket.connect ('127.0.0.1', {port})",
    }


def test_the_guard_lets_through_what_is_allowed(tmp_path: Path) -> None:
    guard = Guard(tmp_path / "guard.jsonl")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert attempts_under(guard, port, f"127.0.0.1:{port}")[4:] == ["let through", "let through"]
