"""The demo as a person runs it: one screen, words typed to the car, and a Ctrl-C that leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from house import places
from house.processes import surroundings

# In the loop of the whole session, which has to answer the pings of its Home Assistant meanwhile.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


class Demo:
    """The demo's process and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.printed = ""

    async def until(self, text: str) -> None:
        assert self.process.stdout
        while text not in self.printed:
            async with asyncio.timeout(300):
                line = await self.process.stdout.readline()
            assert line, f"it ended before it printed {text!r}:\n{self.printed}"
            self.printed += line.decode()

    def type(self, words: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{words}\n".encode())

    def children(self) -> list[int]:
        """Descriptors of its child processes, which can be waited for although they are not ours."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        running = []
        for pid in listed.split():
            with contextlib.suppress(ProcessLookupError):  # it has just ended, as those do that answer one question
                running.append(os.pidfd_open(int(pid)))
        return running

    def folder(self) -> Path:
        return Path(next(line.split()[-1] for line in self.printed.splitlines() if line.startswith("Starting")))


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    environment = {**surroundings(), "PYTHONPATH": str(places.ROOT / "scripts"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "house"]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT
    )
    yield Demo(process)
    if process.returncode is None:
        process.terminate()
    await process.wait()


async def gone(children: list[int]) -> None:
    """Wait until all of these have ended."""
    for child in children:
        await ended(child)
        os.close(child)


async def ended(child: int) -> None:
    """Wait until this one has ended."""
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(child, end.set)
    try:
        async with asyncio.timeout(120):
            await end.wait()
    finally:
        loop.remove_reader(child)


async def test_the_screen_says_what_runs_and_the_car_listens_to_what_is_typed(demo: Demo) -> None:
    await demo.until("Ctrl-C ends everything")
    for told in ("Home Assistant   http://127.0.0.1:", "user owner, password", "Logs", "unlock by card"):
        assert told in demo.printed
    children = demo.children()
    assert len(children) == 4  # broker, car, bridge, Home Assistant; the cloud is in the demo itself
    demo.type("unlock by card\nlock by card")  # in one piece, as what is pasted
    await demo.until("the car: unlocked (by card)")
    await demo.until("the car: locked (by card)")
    demo.type("fly away")
    await demo.until("did not understand 'fly away'")
    folder = demo.folder()
    assert folder.exists()
    demo.process.send_signal(signal.SIGINT)
    await demo.until("Everything has ended")
    assert await demo.process.wait() == 0
    await gone(children)
    assert not folder.exists()


async def test_an_interrupted_start_leaves_nothing_behind(demo: Demo) -> None:
    await demo.until("the broker")
    children = demo.children()
    demo.process.send_signal(signal.SIGINT)
    await demo.until("Everything has ended")
    assert await demo.process.wait() == 0
    await gone(children)


async def test_a_second_interrupt_leaves_nothing_behind_either(demo: Demo) -> None:
    await demo.until("Ctrl-C ends everything")
    children = demo.children()
    signal.pidfd_send_signal(children[-1], signal.SIGSTOP)  # so that it takes its time to end
    demo.process.send_signal(signal.SIGINT)
    ends = [asyncio.create_task(ended(child)) for child in children]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    demo.process.send_signal(signal.SIGINT)
    signal.pidfd_send_signal(children[-1], signal.SIGCONT)
    await demo.until("Everything has ended")
    over, _, _ = select.select(children, [], [], 0)
    assert set(over) == set(children)
    await asyncio.wait(ends)
    await gone(children)


async def test_a_part_that_ends_by_itself_is_named(demo: Demo) -> None:
    await demo.until("Ctrl-C ends everything")
    children = demo.children()
    demo.type("quit")
    await demo.until("car ended by itself")
    assert await demo.process.wait() == 1
    await gone(children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
async def test_a_demo_that_is_killed_takes_its_children_along(demo: Demo) -> None:
    await demo.until("Ctrl-C ends everything")
    children = demo.children()
    assert children
    os.kill(demo.process.pid, signal.SIGKILL)
    await demo.process.wait()
    await gone(children)
