"""A car that does not know the bridge: Home Assistant asks for the pairing, and leads to a lock that works."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from house.house import LOCK, House, operate
from house.watched import Watched
from house.websocket import CommandFailed

# In the loop of the whole session, which has to answer the pings of its Home Assistant meanwhile.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

Step = dict[str, Any]


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose car knows no key. It tells of its locks all the same: that needs none."""
    async with House(tmp_path, with_cloud=False, paired=False) as house:
        yield house


async def card(house: House) -> str:
    """Wait for the red card, and give its dialog."""
    flows: Watched[dict[str, str]] = Watched({})

    def listen(changes: list[dict[str, Any]]) -> None:
        there = [change["flow"] for change in changes if change.get("flow")]
        flows.update(flows.value | {flow["context"]["source"]: flow["flow_id"] for flow in there})

    await house.websocket.subscribe("config_entries/flow/subscribe", listen)
    return (await flows.until(lambda found: "reauth" in found, timeout_s=90))["reauth"]


class Front:
    """A front end with the dialog open: it asks what is shown whenever it is told that this has changed."""

    def __init__(self, house: House, flow: str) -> None:
        self.house = house
        self.flow = flow
        self.seen: list[str] = []
        self._changed = asyncio.Event()

    async def open(self) -> Step:
        await self.house.websocket.subscribe(
            "subscribe_events", lambda _event: self._changed.set(), event_type="data_entry_flow_progressed"
        )
        return await self.house.home.dialog(self.flow)

    async def until(self, wanted: Callable[[Step], bool]) -> Step:
        async with asyncio.timeout(180):
            while True:
                self._changed.clear()
                step = await self.house.home.dialog(self.flow)
                self.seen.append(step.get("progress_action") or step["type"])
                if wanted(step):
                    return step
                await self._changed.wait()


async def test_from_a_stranger_to_a_key(stranger: House) -> None:
    """The car is asked, the card is tapped, and the screen confirmed; each of it is said when it is due."""
    house = stranger
    with pytest.raises(CommandFailed) as refused:
        await house.websocket.call("lock.unlock", LOCK)
    assert refused.value.key == "key_not_enrolled"
    front = Front(house, await card(house))
    form = await front.open()
    assert (form["type"], form["step_id"]) == ("form", "pair")
    assert form["description_placeholders"]["car"] == "Anna"
    await house.home.dialog(front.flow, {"role": "driver"})
    await front.until(lambda step: step.get("progress_action") == "card")
    await house.car.tell("tap")
    await house.car.tell("confirm")
    ended = await front.until(lambda step: step["type"] in ("abort", "form"))
    assert ended["type"] == "abort", ended.get("errors")
    assert ended["reason"] == "paired"
    shown = list(dict.fromkeys(front.seen))
    assert shown == sorted(shown, key=["reach", "wake", "card", "verify", "abort"].index)
    for verb in ("unlock", "lock"):
        await operate(house, verb)
    log = (house.folder / "home-assistant.log").read_text("utf-8")
    complaints = [line for line in log.splitlines() if re.match(r"\S+ \S+ (WARNING|ERROR|CRITICAL) .*driveway", line)]
    assert [line for line in complaints if "custom integration" not in line] == []


async def test_nobody_comes_with_a_card(stranger: House) -> None:
    """It is turned down on the screen, and the form says so; then the dialog is tried again."""
    house = stranger
    with pytest.raises(CommandFailed):
        await house.websocket.call("lock.unlock", LOCK)
    front = Front(house, await card(house))
    await front.open()
    await house.home.dialog(front.flow, {"role": "driver"})
    await front.until(lambda step: step.get("progress_action") == "card")
    await house.car.tell("tap")
    await house.car.tell("deny")
    form = await front.until(lambda step: step["type"] in ("abort", "form"))
    assert (form["step_id"], form["errors"]) == ("pair", {"base": "denied_on_screen"})
