"""The key on disk: private from its first byte, never overwritten, and every failure is a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from driveway_bridge import key_store
from driveway_bridge.errors import ConfigurationError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_made_once_and_kept(tmp_path: Path) -> None:
    """Pain 44."""
    data = tmp_path / "new" / "data"
    assert key_store.load(data) is None
    key = key_store.load_or_create(data)
    assert key_store.load_or_create(data).public == key.public
    again = key_store.load(data)
    assert again is not None
    assert again.public == key.public
    assert mode(data) == 0o700
    assert mode(data / "key.pem") == 0o600
    assert [path.name for path in data.iterdir()] == ["key.pem"]


def test_private_whatever_the_umask(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Pain 103."""
    before = os.umask(0)
    try:
        key_store.load_or_create(tmp_path / "data")
    finally:
        os.umask(before)
    assert mode(tmp_path / "data") == 0o700
    assert mode(tmp_path / "data" / "key.pem") == 0o600
    assert caplog.text == ""  # private from its first byte, not made so afterwards


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="Restore it from a backup"):
        key_store.load_or_create(tmp_path)
    assert path.read_bytes() == content


def test_a_key_that_others_can_read_is_made_private(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key_store.load_or_create(tmp_path)
    (tmp_path / "key.pem").chmod(0o644)
    assert key_store.load(tmp_path) is not None
    assert mode(tmp_path / "key.pem") == 0o600
    assert "other users" in caplog.text


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="--data"):
        key_store.load_or_create(tmp_path / "file" / "data")


def test_a_key_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "key.pem").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        key_store.load_or_create(tmp_path)


def test_programs_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from driveway_bridge import key_store;"
        "sys.stdin.readline(); print(key_store.load_or_create(Path(sys.argv[1])).public.hex())"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "data")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=30)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(keys) == 1
    assert len(keys.pop()) == 130
