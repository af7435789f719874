"""The demo for a person: one screen that says what runs and what to try, and a line to talk to the car."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

from house.car import Event
from house.home_assistant import DASHBOARD, PASSWORD, USER
from house.house import House
from house.processes import HouseError

WISHED_PORT = 8123
_SCREEN = """
  Driveway: a house on this machine alone. The car {name} is virtual; everything else is real.

    Home Assistant   {url}/{dashboard}
    sign in          user {user}, password {password}

    What to try
      1. Press Unlock on {name}: the car says below that it was unlocked, and by which key.
      2. Switch on "Cloud outage". The lock through the maker's cloud fails; {name}'s own still works.
      3. Walk up with a key card: type  unlock by card  and watch the dashboard.
      4. Drive off: type  vanish , then press Lock. Back again:  return
      5. More words for the car: open front_driver_door, close front_driver_door, sleep, wake, state

    The bridge here keeps its link to {name} (`hold: keep`): what is done at the car shows at once. By default
    it gives the link back after 10 s and asks every 30 s, so that phones find a place at the car.

    Also running     broker 127.0.0.1:{broker}, bridge (pid {bridge}), car (pid {car}), maker's cloud {cloud}
    Logs             {folder}
    Started in {started:.0f} s. Ctrl-C ends everything.
"""


def seconds_since_begin() -> float:
    """Seconds since scripts/demo was called, its set-up included; since this process began without it."""
    return time.time() - float(os.environ.get("DRIVEWAY_DEMO_BEGAN", _BEGAN))


_BEGAN = time.time()


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


async def show(folder: Path) -> None:
    """Bring the house up, show the screen, and stay until cancelled or until a part of the house ends."""
    say(f"Starting the house in {folder}")
    async with House(folder, say=_tell_progress, port=WISHED_PORT) as house:
        if house.cloud is None or house.bridge.process is None or house.car.process is None:
            raise HouseError("A part of the house is missing.")
        say(
            _SCREEN.format(
                name="Anna",
                url=house.home.url,
                dashboard=DASHBOARD,
                user=USER,
                password=PASSWORD,
                broker=house.broker.port,
                bridge=house.bridge.process.pid,
                car=house.car.process.pid,
                cloud=house.cloud.url,
                folder=folder,
                started=seconds_since_begin(),
            )
        )
        house.car.on_event = _tell_event
        listening = _listen_to_keyboard(house)
        ends = {asyncio.create_task(process.ended()): process for process in house.processes()}
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*ends, listening):
                task.cancel()
        raise HouseError(ends[done.pop()].told("ended by itself"))


def _tell_progress(text: str) -> None:
    say(f"  {seconds_since_begin():5.1f} s  {text}")


def _tell_event(event: Event) -> None:
    """Tell what happens at the car, as far as a person at the demo cares."""
    now = time.strftime("%H:%M:%S")
    match event:
        case {"event": "state", "locked": locked, **more}:
            opened = [name for name, value in more.get("closures", {}).items() if value != "closed"]
            words = ["locked" if locked else "unlocked", *(f"{name} open" for name in opened)]
            words += ["asleep"] if more.get("asleep") else []
            say(f"  {now}  the car: {', '.join(words)} ({_by(more.get('by'))})")
        case {"event": "command", "name": name, "key": key}:
            say(f"  {now}  the car: key {key} asks for {name}")
        case {"event": "refused"}:
            say(f"  {now}  the car refused: {event.get('fault')}")


def _by(who: str | None) -> str:
    return "as asked" if who == "asked" else f"by {who or 'itself'}"


def _listen_to_keyboard(house: House) -> asyncio.Task[None]:
    """Pass on what is typed to the car, line by line, until there is nothing more to read."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    begun = b""

    def read() -> None:
        nonlocal begun
        come = os.read(sys.stdin.fileno(), 4096)  # sys.stdin would keep a second line for itself
        *whole, begun = (begun + (come or b"\n")).split(b"\n")
        for line in whole:
            lines.put_nowait(line.decode(errors="replace").strip())
        if not come:
            loop.remove_reader(sys.stdin)

    async def tell() -> None:
        while True:
            if words := await lines.get():
                try:
                    await house.car.tell(words)
                except HouseError as error:
                    say(f"  {error}")
                else:
                    say(f"  {time.strftime('%H:%M:%S')}  done: {words}")

    with contextlib.suppress(PermissionError, ValueError):  # a file, or closed: nobody types
        loop.add_reader(sys.stdin, read)
    return asyncio.create_task(tell(), name="keyboard")
