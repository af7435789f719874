"""The story that `driveway demo` tells; each of its sentences about the car is checked against the car itself."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Final

import click

from driveway_bridge import key_store
from driveway_bridge.cli import wording
from driveway_bridge.commands import security
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.link.memory import MemoryDialer
from driveway_bridge.session_store import SessionStore
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.profiles import PROFILES
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.state.body import Body
from driveway_bridge.vehicle import Vehicle

_VIN: Final = "5YJ30123456789ABC"
_PUSH_S: Final = 5.0
_BEGINNING: Final = """\
A virtual car stands in this process, as slow as a real one. No broker, no radio, no network.
A key was made for it in a temporary folder and put on the car's list of keys.
"""


class _WentWrong(Exception):
    """The story did not go as told."""


class _Story:
    """The bridge's side and the car's, and what was told so far."""

    def __init__(self, vehicle: Vehicle, live: LiveCar) -> None:
        self._vehicle = vehicle
        self._live = live
        self._chapter = 0

    def chapter(self, text: str) -> None:
        self._chapter += 1
        click.echo(f"{self._chapter}. {text}")

    async def command(self, command: Command, *, locked: bool) -> None:
        """Give a command and compare what is said of it with the car."""
        execution = await self._vehicle.execute(command)
        seconds = execution.phases_ms["total"] / 1000
        click.echo(f"   {wording.sentence(command.name, execution.outcome, execution.reason)} ({seconds:.2f} s)")
        for line in wording.state_lines(execution.body) if command.reads and execution.body else ():
            click.echo(f"     {line}")
        told = execution.body.locked if command.reads and execution.body else locked
        if execution.outcome is not Outcome.CONFIRMED or not (told is self._live.virtual.car.locked is locked):
            raise _WentWrong(execution.detail or execution.reason)


async def tell() -> int:
    """Tell the story; gives the exit status."""
    with tempfile.TemporaryDirectory(prefix="driveway-demo-") as folder:
        key = key_store.load_or_create(Path(folder))
        sessions = SessionStore(Path(folder))
        virtual = VirtualCar(_VIN, profile=PROFILES["field"])
        virtual.enrol(key.public)
        live = LiveCar(virtual)
        heard: asyncio.Queue[Body] = asyncio.Queue()
        vehicle = Vehicle(
            _VIN,
            key,
            MemoryDialer(live.attach),
            sessions,
            hold_s=math.inf,
            on_body=lambda body, source, _old_s: heard.put_nowait(body) if source == "push" else None,
        )
        click.echo(_BEGINNING)
        try:
            await _walk(_Story(vehicle, live), live, heard)
        except _WentWrong as error:
            click.echo(f"\nThat is not how it should be ({error}). Please report it.", err=True)
            return 1
        finally:
            await vehicle.close()
            live.close()
            sessions.close()
    click.echo("\nThat is all. A bridge does the same with your car, and Home Assistant tells it when: `driveway run`.")
    return 0


async def _walk(story: _Story, live: LiveCar, heard: asyncio.Queue[Body]) -> None:
    car = live.virtual.car
    story.chapter("The bridge calls the car and asks how it is. That takes no key.")
    await story.command(security.status(), locked=True)
    story.chapter("Unlock. Car and bridge prove themselves to each other first; then the command goes out, encrypted.")
    await story.command(security.unlock(), locked=False)
    story.chapter("What does the car say now?")
    await story.command(security.status(), locked=False)
    story.chapter("Lock, but this time the car's answer gets lost. Nothing is repeated blindly: its state is read.")
    live.virtual.switch(Fault.LOST_ACK, on=True, once=True)
    await story.command(security.lock(), locked=True)
    story.chapter("Somebody comes with a phone key. The car tells by itself what happened:")
    while not heard.empty():
        heard.get_nowait()
    live.do(lambda: car.unlock("phone key"))
    await _hear(heard, locked=False)
    click.echo("   It was unlocked by somebody else.")
    story.chapter("And lock again, on the same session: one exchange.")
    await story.command(security.lock(), locked=True)


async def _hear(heard: asyncio.Queue[Body], *, locked: bool) -> None:
    """Wait until the car says so by itself."""
    try:
        async with asyncio.timeout(_PUSH_S):
            while (await heard.get()).locked is not locked:
                pass
    except TimeoutError:
        raise _WentWrong("the car did not tell") from None
