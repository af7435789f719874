"""The bridge: `driveway run` with a configuration file, as on a small computer near the car."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from house import car
from house.processes import HouseError, Process, surroundings

_CONFIGURATION = """\
{more}mqtt: {{host: 127.0.0.1, port: {port}, username: driveway, password_file: mqtt.password}}
{radio}cars:
  - vin: {vin}
    name: {name}
    hold: {hold}
    link: {link}
    status_every: 5
"""


@dataclass(slots=True)
class Bridge:
    """The daemon and its folder of keys, which outlives a restart."""

    folder: Path
    driveway: Sequence[str | Path]
    environment: Mapping[str, str]
    hold: str = "keep"
    """With a link that is kept, what is done at the car shows at once; with one that is given back, within 5 s."""
    more: str = ""
    """Further lines of its configuration."""
    process: Process | None = None

    @property
    def data(self) -> Path:
        return self.folder / "bridge"

    async def public_key(self) -> str:
        """The key that the car has to know, as hex; made where there is none."""
        answer = await self._ask("key", "show")
        return str(answer["public_key"])

    async def code(self) -> str:
        """The code that Home Assistant asks for."""
        answer = await self._ask("code")
        return str(answer["code"])

    async def start(self, *, broker_port: int, password: str, to: car.Car) -> None:
        """Write the configuration for a car that listens, and start; it is ready when its entities are."""
        secret = self.folder / "mqtt.password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        configuration = self.folder / "driveway.yaml"
        configuration.write_text(
            _CONFIGURATION.format(
                more=self.more,
                port=broker_port,
                radio=f'bluetooth: {{hci: "tcp-client:127.0.0.1:{to.port}"}}\n' if to.over == "hci" else "",
                link="bluetooth" if to.over == "hci" else f"tcp://127.0.0.1:{to.port}",
                vin=car.VIN,
                name=car.NAME,
                hold=self.hold,
            )
        )
        await self.restart()

    async def restart(self) -> None:
        """Stop it if it runs and start it with the configuration that is there."""
        if self.process:
            await self.process.stop()
        command = [*self.driveway, "run", "--config", self.folder / "driveway.yaml", "--data", self.data]
        self.process = await Process.start("bridge", command, logs=self.folder, environment=self.environment)

    async def _ask(self, *words: str) -> dict[str, Any]:
        """Run a subcommand that prints one JSON object as its last line."""
        process = await asyncio.create_subprocess_exec(
            *map(str, (*self.driveway, *words, "--json", "--data", self.data)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**surroundings(), **self.environment},
        )
        async with asyncio.timeout(120):
            output, errors = await process.communicate()
        if process.returncode:
            raise HouseError(f"driveway {' '.join(words)} failed:\n{errors.decode()}")
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer
