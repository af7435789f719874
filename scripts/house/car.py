"""The virtual car, a process of its own: words go in, and it tells its own state as lines of JSON."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from house.processes import HouseError, Process
from house.watched import Watched

VIN = "5YJ30123456789ABC"
NAME = "Anna"

type Event = dict[str, Any]


@dataclass(slots=True)
class Car:
    """`driveway simulate` on a virtual radio or a TCP port; `state` is what the car itself last said."""

    folder: Path
    driveway: Sequence[str | Path]
    environment: Mapping[str, str]
    over: Literal["hci", "tcp"] = "hci"
    port: int = 0
    """Of its radio, or of its TCP link."""
    state: Watched[Event] = field(default_factory=lambda: Watched({}))
    on_event: Callable[[Event], None] = lambda _event: None
    process: Process | None = None
    _answers: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    _telling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self, *, enrolled: str | None) -> None:
        """Start it with this public key (hex) enrolled, and wait until its radio is there and its state is told."""
        command = [*self.driveway, "simulate", "--vin", VIN, "--listen", f"{self.over}://127.0.0.1:0"]
        command += ["--enrol", enrolled] if enrolled else []
        self.process = await Process.start("car", command, logs=self.folder, environment=self.environment)
        self.process.listen(self._heard)
        told = self.state.until(bool, timeout_s=120)
        await self.process.brings(told, "did not tell its state", timeout_s=90)
        if not self.port:
            raise HouseError("The car told its state before the address at which it listens.")

    @property
    def locked(self) -> bool:
        """Whether the car itself says that it is locked."""
        return bool(self.state.value["locked"])

    async def tell(self, words: str) -> None:
        """Say one of the simulator's words (`lock by cloud`, `vanish`) and wait until it is done."""
        if not self.process:
            raise HouseError("The car is not there.")
        async with self._telling:
            await self.process.type(words)
            answer = await self.process.brings(self._answers.get(), f"did not answer {words!r}", timeout_s=30)
        if answer["event"] == "error":
            raise HouseError(f"The car did not understand {words!r}: {answer['message']}")

    async def becomes(self, *, locked: bool, timeout_s: float = 10.0) -> None:
        """Wait until the car itself says so; TimeoutError."""
        await self.state.until(lambda state: state["locked"] is locked, timeout_s=timeout_s)

    def _heard(self, line: str) -> None:
        if not line.startswith("{"):
            return  # its log, on the same stream
        event = json.loads(line)
        match event["event"]:
            case "listening":
                place = next(place for place in event["listen"] if place.startswith(self.over))
                self.port = int(re.findall(r"\d+", place)[-1])
            case "state":
                self.state.update(event)
            case "did" | "error":
                self._answers.put_nowait(event)
        self.on_event(event)
