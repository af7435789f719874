"""The command and the virtual car as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BRIDGE = Path(__file__).parents[3] / "bridge"
VIN = "5YJ30123456789ABC"
DRIVEWAY = [sys.executable, "-m", "driveway_bridge"]
PATIENCE_S = 50.0
"""With a command that hangs; less than pytest has with a test."""


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(BRIDGE), **more}


@dataclass
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The last line."""
        result: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return result


@dataclass
class SimulatedCar:
    """`driveway simulate` in a process of its own."""

    process: subprocess.Popen[str]
    link: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def until(self, event: str) -> dict[str, Any]:
        """Read events up to one of this kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == event:
                return self.events[-1]
        raise AssertionError(f"the car ended before it told {event}")

    def do(self, word: str) -> None:
        """Let something happen to it, and wait until it has."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self.until("did")

    def is_locked(self) -> bool:
        """What the car itself holds to be true."""
        self.do("state")
        states = [event for event in self.events if event["event"] == "state"]
        return bool(states[-1]["locked"])
