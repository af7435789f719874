"""The MQTT broker of the house: mosquitto with two users, on a port of its own."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from house.places import program
from house.processes import Process, free_port

_ITERATIONS = 101  # what mosquitto_passwd uses: this guards a demo's password on one's own machine
_CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {passwords}
persistence false
set_tcp_nodelay true
log_type error
log_type warning
log_type notice
log_type information
{user}"""


@dataclass(slots=True)
class Broker:
    """mosquitto; `passwords` by user. It can be stopped and started again on the same port."""

    folder: Path
    port: int = field(default_factory=free_port)
    passwords: dict[str, str] = field(
        default_factory=lambda: {user: secrets.token_urlsafe(12) for user in ("driveway", "homeassistant")}, repr=False
    )
    process: Process | None = None

    async def start(self) -> None:
        """Start it and wait until it listens."""
        passwords = self.folder / "mosquitto.passwords"
        passwords.write_text("".join(f"{user}:{_hashed(word)}\n" for user, word in self.passwords.items()))
        passwords.chmod(0o600)
        configuration = self.folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""  # else it drops to a user that cannot read this folder
        configuration.write_text(_CONFIGURATION.format(port=self.port, passwords=passwords, user=user))
        command: list[str | Path] = [program("mosquitto"), "-c", configuration]
        self.process = await Process.start("mosquitto", command, logs=self.folder)
        await self.process.printed(" running", timeout_s=60)

    async def stop(self) -> None:
        """Stop it; what it retained is forgotten."""
        if self.process:
            await self.process.stop()


def _hashed(password: str) -> str:
    """The password as mosquitto's file holds it: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
