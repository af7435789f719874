"""A real mosquitto as a child process, which can be stopped, killed, frozen and started again."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bridge.port import KeptPort

ROOT = Path(__file__).parents[3]


def find_mosquitto() -> str:
    """Path of the program; the repository's script gets one where none is installed."""
    if found := shutil.which("mosquitto"):
        return found
    return subprocess.run([ROOT / "scripts/mosquitto"], check=True, capture_output=True, text=True).stdout.strip()


def find_mosquitto_clients() -> str | None:
    """A folder with `mosquitto_pub` and `mosquitto_sub` that work; None where none can be had."""
    if found := shutil.which("mosquitto_pub"):
        return str(Path(found).parent)
    store = subprocess.run([ROOT / "scripts/store"], check=True, capture_output=True, text=True).stdout.strip()
    folder = Path(store) / "mosquitto-clients"
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "usr/bin/mosquitto_pub").exists():
            unpacking: list[str | Path] = [ROOT / "scripts/debian", "unpack", folder, "mosquitto-clients"]
            if subprocess.run(unpacking, check=False, capture_output=True, timeout=50).returncode:
                return None
        programs = folder / "programs"
        programs.mkdir(exist_ok=True)
        libraries = ":".join({str(path.parent) for path in folder.rglob("*.so*")})
        for name in ("mosquitto_pub", "mosquitto_sub"):
            begun = f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{folder}/usr/bin/{name}" "$@"\n'
            (programs / name).write_text(begun)
            (programs / name).chmod(0o755)
    return str(programs)


class Mosquitto:
    """One broker with one port for its whole life, also over restarts."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        self._kept = KeptPort()
        self.port = self._kept.number
        self.settings = ["allow_anonymous true", "set_tcp_nodelay true"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self.kill()
        self._kept.close()

    def start(self) -> None:
        """Start and wait until it listens."""
        file = self._folder / "mosquitto.conf"
        # Started by root it would become another user, who cannot read a test's folder.
        user = ["user root"] if os.geteuid() == 0 else []
        file.write_text("\n".join([f"listener {self.port} 127.0.0.1", *user, *self.settings, ""]))
        self._process = subprocess.Popen(
            [self._program, "-c", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 40
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, "mosquitto ended at once"
                assert time.monotonic() < until, "mosquitto does not listen"
                time.sleep(0.01)
            else:
                return

    def allow_only(self, username: str, password: str) -> None:
        """From the next start on one user is let in."""
        self.settings = ["allow_anonymous false", f"password_file {self.set_passwords({username: password})}"]

    def set_passwords(self, passwords: dict[str, str]) -> Path:
        """Write who there is; the file for `password_file`."""
        lines = []
        for username, password in passwords.items():
            salt, rounds = os.urandom(12), 101
            key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
            salt_text, key_text = (base64.b64encode(part).decode() for part in (salt, key))
            lines.append(f"{username}:$7${rounds}${salt_text}${key_text}\n")
        file = self._folder / "passwords"
        file.touch(mode=0o600)
        file.write_text("".join(lines))
        return file

    def read_again(self) -> None:
        """Have it read its passwords, rules and certificates anew; connections stay."""
        os.kill(self._running().pid, signal.SIGHUP)

    def allow_only_topics(self, *rules: str) -> None:
        """From the next start on everybody may do this and no more."""
        file = self._folder / "access"
        file.touch(mode=0o600)
        file.write_text("\n".join([*rules, ""]))
        self.settings = ["allow_anonymous true", f"acl_file {file}"]

    def change_topics(self, *rules: str) -> None:
        """From now on everybody may do this and no more; connections stay."""
        (self._folder / "access").write_text("\n".join([*rules, ""]))
        self.read_again()

    def keep(self, folder: Path) -> None:
        """From the next start on it has a database in this folder, which is written when it is stopped."""
        self.settings += ["persistence true", f"persistence_location {folder}/"]

    def stop(self) -> None:
        """End it in order: a broker with a database writes it."""
        process = self._running()
        process.terminate()
        process.wait()
        self._process = None

    def kill(self) -> None:
        """End it without leave."""
        process = self._running()
        process.kill()
        process.wait()
        self._process = None

    def end(self) -> None:
        """End it in order: it writes what it has stored, if it does that at all."""
        process = self._running()
        process.terminate()
        process.wait(10)
        self._process = None

    def move_to(self, port: int) -> None:
        """End here and start there."""
        self.kill()
        self.port = port
        self.start()

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing moves."""
        os.kill(self._running().pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it hung."""
        os.kill(self._running().pid, signal.SIGCONT)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process
