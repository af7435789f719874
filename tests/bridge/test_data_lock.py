"""One bridge for one data folder."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from driveway_bridge import data_lock
from driveway_bridge.errors import ConfigurationError
from tests.bridge.daemon.mosquitto import ROOT

HOLDER = """
import sys, pathlib
from driveway_bridge import data_lock
with data_lock.hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_bridge_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with data_lock.hold(data):
        with pytest.raises(ConfigurationError) as caught, data_lock.hold(data):
            pass
        who = f"another bridge (process {os.getpid()}) works on this folder"
        assert caught.value.problems == [f"{data}: {who}; stop it, or give this one its own with --data"]
    with data_lock.hold(data):
        pass
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / data_lock.LOCK_FILE).stat().st_mode) == 0o600


def test_a_bridge_that_was_killed_leaves_the_folder_free(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "bridge")}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ConfigurationError, match=f"process {other.pid}"), data_lock.hold(tmp_path):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait(20)
        with data_lock.hold(tmp_path):
            assert (tmp_path / data_lock.LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be made or locked"), data_lock.hold(tmp_path / "file"):
        pass


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(ConfigurationError, match="Operation not supported"), data_lock.hold(tmp_path):
        pass
    assert set(Path("/proc/self/fd").iterdir()) == before
