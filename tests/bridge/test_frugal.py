"""The daemon holds in memory what it needs, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from driveway_bridge import frugal

ROOT = Path(__file__).parents[2]


def told(program: str, *folders: Path) -> str:
    """What a program says in an interpreter of its own."""
    path = ":".join(map(str, (ROOT / "bridge", *folders)))
    environment = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_was_imported_in_the_block_is_forgotten_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "for_a_moment"
    package.mkdir()
    for name in ("__init__", "before", "within"):
        (package / f"{name}.py").write_text("")
    (tmp_path / "for_a_moment_longer.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    import for_a_moment.before  # type: ignore[import-not-found]

    with frugal.forgetting("for_a_moment"):
        import for_a_moment.within  # type: ignore[import-not-found]
        import for_a_moment_longer  # type: ignore[import-not-found]

    assert "for_a_moment.within" not in sys.modules
    assert not hasattr(for_a_moment, "within")
    assert sys.modules["for_a_moment.before"] is for_a_moment.before
    assert sys.modules.pop("for_a_moment_longer") is for_a_moment_longer
    del sys.modules["for_a_moment"], sys.modules["for_a_moment.before"]


def test_what_reads_the_configuration_is_forgotten_and_comes_back_for_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "driveway.yaml"
    file.write_text("cars: [{vin: 5YJ30123456789ABC, name: Anna}]\n")
    program = f"""
import sys
from pathlib import Path
from driveway_bridge.cli import run
first, second = (run._read(Path({str(file)!r}))[0] for _ in range(2))
assert first == second and type(first) is type(second)
assert first.cars[0].name == "Anna"
print(*(name for name in sys.modules if name.startswith(("ruamel", "voluptuous", "driveway_bridge.config"))))
"""
    assert told(program) == ""


def test_paho_comes_without_what_it_would_ask_for_a_proxy() -> None:
    program = """
import sys, urllib
from driveway_bridge.mqtt import paho_loop
print("urllib.request" in sys.modules, "http.client" in sys.modules)
import urllib.request
print(callable(urllib.request.getproxies), paho_loop.paho.urllib.request is urllib.request)
"""
    assert told(program).splitlines() == ["False False", "True True"]


def test_the_page_comes_without_them_too() -> None:
    program = """
import sys
from driveway_bridge import web
web._load()
print("urllib.request" in sys.modules)
import aiohttp.helpers
print(aiohttp.helpers.getproxies(), aiohttp.helpers.proxy_bypass("here"))
"""
    assert told(program).splitlines() == ["False", "{} True"]


def test_with_a_library_for_proxies_paho_can_ask(tmp_path: Path) -> None:
    (tmp_path / "socks.py").write_text("HTTP = SOCKS4 = SOCKS5 = 1\n")
    program = """
from driveway_bridge.mqtt import paho_loop
print(callable(paho_loop.paho.urllib.request.getproxies))
"""
    assert told(program, tmp_path) == "True"


def test_an_owner_who_names_authorities_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "mine.pem")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    frugal.no_authorities()
    assert os.environ["SSL_CERT_FILE"] == "mine.pem"
    assert os.environ["SSL_CERT_DIR"] == os.devnull
