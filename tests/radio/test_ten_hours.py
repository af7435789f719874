"""Ten hours of a car's and a computer's life on a fast schedule, drawn at random; `DRIVEWAY_SEED` tells which.

Each step is something that happens in a day or a year: a command, a drive, a dropped link, a restarted service, an
adapter that is switched off or unplugged, somebody else's scan. Commands are given before, while and after it happens.
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from driveway_bridge.contract import Outcome
from tests.figures import Figures
from tests.radio.machine import Machine
from tests.radio.owner import Owner
from tests.radio.story import Story
from tests.radio.street import Street

SEED = int(os.environ.get("DRIVEWAY_SEED", "200"))
LASTS_S = float(os.environ.get("DRIVEWAY_TEN_HOURS_S", "30"))
MAY_GROW = {"files": 4, "threads": 2, "tasks": 6, "memory_mb": 8.0}
"""Of one process over the whole time: what a link that happens to be open needs, and what a day loads late."""
TOLD = frozenset(
    {
        *("link_lost", "no_answer", "no_connection", "not_in_range", "expired", "gave_way"),
        *("radio_unavailable", "no_bluetooth_service", "no_adapter", "adapter_off"),
    }
)


class Life:
    """What can happen on this street; `lived` tells what did."""

    def __init__(self, street: Street, story: Story) -> None:
        self.lived: list[str] = []
        self._street = street
        self._machine = street.machine
        self._story = story
        self._chance = random.Random(SEED)
        self._kinds = [
            *["command"] * 6,
            *["drive", "drop"] * 2,
            *["restart", "crash", "switch", "replug", "scanner"],
        ]

    async def step(self) -> None:
        """One happening, and a command in its midst or none."""
        kind = self._chance.choice(self._kinds)
        name = self._chance.choice(("lock", "unlock"))
        pause = self._chance.uniform(0.0, 0.6)
        in_its_midst = self._chance.random() < 0.7
        self.lived.append(kind)
        if kind == "command":
            await self._story.command(name)
            return
        command = asyncio.create_task(self._story.command(name)) if in_its_midst else None
        await asyncio.sleep(pause)
        await getattr(self, kind)()
        if command is not None:
            self.lived[-1] += f" in the midst of {name}: {(await command).reason}"

    async def drive(self) -> None:
        """The car leaves and comes home."""
        await self._street.radio.vanish()
        await asyncio.sleep(self._chance.uniform(0.2, 3.0))
        await self._street.radio.reappear()

    async def drop(self) -> None:
        """The car hangs up."""
        await self._street.radio.drop()

    async def restart(self) -> None:
        """The Bluetooth service is updated."""
        await self._machine.sh("systemctl restart bluetooth")

    async def crash(self) -> None:
        """The Bluetooth service crashes."""
        await self._machine.sh("systemctl kill --signal KILL bluetooth")

    async def switch(self) -> None:
        """Somebody switches the adapter off."""
        await self._machine.status("bluetoothctl power off")  # fails where the service has only just gone

    async def replug(self) -> None:
        """The adapter's contact is bad."""
        self._street.adapters.pop().unplug()
        await self._street.plug_in()

    async def scanner(self) -> None:
        """Another program scans for a moment."""
        await self._machine.status("bluetoothctl --timeout 2 scan on")


async def process(owner: Owner, since: int) -> dict[str, float]:
    """The numbers of the bridge's process, told after that message."""
    health = await owner.until("health", lambda _health: True, since=since)
    return {name: health["process"][name] for name in MAY_GROW}


@pytest.mark.timeout(360)
async def test_ten_hours(at_home: Owner, street: Street, machine: Machine, figures: Figures) -> None:
    story = Story(street, at_home)
    await story.until_done("unlock")
    await story.until_done("lock")
    life = Life(street, story)
    running = await machine.sh("systemctl show --property MainPID driveway")
    before = {name: at_home.said("health")["process"][name] for name in MAY_GROW}
    loop = asyncio.get_running_loop()
    until = loop.time() + LASTS_S
    try:
        while loop.time() < until:
            await life.step()
        await street.until_powered()
        await at_home.until("health", lambda health: health["radio"]["scanning"] is True)
        figures.note(f"lock, after ten hours of {len(life.lived)} happenings", await story.until_done())
        story.holds()
        assert story.reasons <= TOLD
        for given in story.given:
            finals = [result for result in at_home.house.results(given.result.id) if result.outcome.final]
            assert finals == [given.result]
        assert sum(given.result.outcome is Outcome.CONFIRMED for given in story.given) > len(story.given) / 3
        since = len(at_home.house.heard)
        await at_home.until("link", lambda link: link["linked"] is False)  # which brings the health along
        await machine.until("! bluetoothctl devices Connected | grep Device", 20)
        assert street.radio.links == 0
        after = await process(at_home, since)
        assert {name: after[name] for name in MAY_GROW if after[name] > before[name] + MAY_GROW[name]} == {}
        assert await machine.sh("systemctl show --property MainPID driveway") == running
    except (AssertionError, TimeoutError) as error:
        raise AssertionError(f"with DRIVEWAY_SEED={SEED}: {error}\nit lived: {life.lived}") from error
