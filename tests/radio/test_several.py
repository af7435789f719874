"""Two adapters on real BlueZ: the one that hears the car best connects, and the other stands in for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from driveway_bridge.contract import Outcome
from tests.figures import Figures
from tests.radio.machine import Machine
from tests.radio.owner import CONFIGURATION, Owner
from tests.radio.street import FIRST, SECOND, Adapter, Street

BOTH = f'bluetooth:\n  adapters: ["{FIRST}", "{SECOND}"]\n{CONFIGURATION}'


@pytest_asyncio.fixture(loop_scope="session")
async def two(street: Street, owner: Owner) -> AsyncIterator[tuple[Adapter, Adapter]]:
    """The bridge with both; the second one stands nearer to the car."""
    far = street.adapters[0]
    far.chip.gain_db = -20
    near = await street.plug_in(SECOND)
    await owner.start(BOTH)
    await owner.until("health", lambda health: states(health) == {FIRST: "ok", SECOND: "ok"})
    yield far, near
    far.chip.gain_db = 0
    await street.put_right()
    await owner.start()


def states(health: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["state"] for one in health.get("radio", {}).get("radios", ())}


@pytest.mark.only_on("trixie", "the bridge's own choice")
async def test_the_nearer_one_connects_and_the_farther_one_stands_in(
    street: Street, owner: Owner, two: tuple[Adapter, Adapter], figures: Figures, machine: Machine
) -> None:
    far, near = two
    await street.radio.drop()  # maybe one had heard the car before the other did
    assert (await owner.command("unlock")).outcome is Outcome.CONFIRMED
    assert len(near.chip.le_connections) == 1
    assert not far.chip.le_connections

    # The one that holds the link is pulled out: the car is reached through the other.
    await street.unplug(near)
    seconds, reasons = await owner.until_done("lock")
    figures.note("lock, after the adapter that held the link was pulled out (another is there)", seconds)
    assert street.locked()
    assert set(reasons) <= {"link_lost", "no_connection", "no_adapter", "radio_unavailable"}
    assert len(far.chip.le_connections) == 1
    health = await owner.until("health", lambda health: states(health).get(SECOND) == "missing")
    assert states(health)[FIRST] == "ok"
    assert {"part": "radio", "reason": "no_adapter"} in health["problems"]

    # It is plugged in again, maybe under another number, and is the better one again.
    near = await street.plug_in(SECOND)
    health = await owner.until("health", lambda health: states(health).get(SECOND) == "ok")
    assert not [problem for problem in health["problems"] if problem["part"] == "radio"]
    await owner.until("link", lambda link: link["linked"] is False)
    assert (await owner.command("unlock")).outcome is Outcome.CONFIRMED
    assert len(near.chip.le_connections) == 1

    # Both are lost with the Bluetooth service, and both listen again.
    await machine.sh("systemctl restart bluetooth")
    seconds, _ = await owner.until_done("lock")
    figures.note("lock, after the Bluetooth service was restarted (two adapters)", seconds)
    assert street.locked()
    await owner.until("health", lambda health: states(health) == {FIRST: "ok", SECOND: "ok"})
