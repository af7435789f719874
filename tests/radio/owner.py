"""The bridge in the machine, installed as its page says, and somebody in the house who uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from driveway_bridge.contract import Outcome, Result, Signer
from driveway_bridge.vin import car_id
from tests.bridge.daemon.house import Heard, House
from tests.radio.machine import Machine
from tests.radio.street import VIN

PATIENCE_S = 60.0
CAR = car_id(VIN)
DATA = "/var/lib/driveway"
AS_DRIVEWAY = "setpriv --reuid driveway --regid driveway --clear-groups"
INSTALL = f"""
install -m 644 /opt/bridge/systemd/driveway.sysusers /usr/lib/sysusers.d/driveway.conf && systemd-sysusers
install -d -m 750 -g driveway /etc/driveway
install -d -m 700 -o driveway -g driveway {DATA}
install -m 644 /opt/bridge/systemd/driveway.service /etc/systemd/system/
systemctl daemon-reload
"""
"""What bridge/systemd/README.md says; the program itself is there already."""
CONFIGURATION = f"cars:\n  - vin: {VIN}\n    name: Anna\n"


class Owner:
    """Commands the car through the broker, as Home Assistant does, and hears what the bridge says."""

    def __init__(self, machine: Machine, house: House, signer: Signer, public_key: bytes) -> None:
        self.machine = machine
        self.house = house
        self.public_key = public_key
        """The bridge's, which the car has to know."""
        self._signer = signer

    @classmethod
    @asynccontextmanager
    async def at(cls, machine: Machine) -> AsyncIterator[Owner]:
        """Install the bridge, and be its owner; it does not run yet."""
        await machine.sh(INSTALL)
        driveway = f"{AS_DRIVEWAY} /opt/driveway/bin/driveway"
        code = json.loads(await machine.sh(f"{driveway} code --json --data {DATA}"))["code"]
        key = json.loads(await machine.sh(f"{driveway} key show --json --data {DATA}"))["public_key"]
        async with House(machine.ports["broker"], patience_s=PATIENCE_S) as house:
            yield cls(machine, house, Signer.from_code(code), bytes.fromhex(key))

    # The service ------------------------------------------------------------------------------------------------------

    async def start(self, configuration: str = CONFIGURATION) -> None:
        """Start the bridge with this configuration, anew if it runs, and wait until it is online."""
        await self.stop()
        since = len(self.house.heard)
        await self.machine.sh(
            f"cat >/etc/driveway/driveway.yaml <<'END'\n{configuration}\nEND\nsystemctl start driveway"
        )
        await self.house.wait(lambda heard: heard.payload == b"online", since)

    async def runs(self) -> bool:
        """Whether the service does."""
        return (await self.machine.status("systemctl is-active driveway"))[0] == 0

    async def stop(self) -> None:
        """Stop it, and wait until everybody knows."""
        since = len(self.house.heard)
        if await self.runs():
            await self.machine.sh("systemctl stop driveway")
            await self.house.wait(lambda heard: heard.payload == b"offline", since)

    async def log(self) -> str:
        """What it has written down."""
        return await self.machine.journal("driveway", lines=80)

    # What it says -----------------------------------------------------------------------------------------------------

    def said(self, document: str) -> dict[str, Any]:
        """The last document of a kind, as `health` or `link`; empty before the first."""
        read = (_read(heard, document) for heard in reversed(self.house.heard))
        return next((found for found in read if found), {})

    async def until(
        self, document: str, wanted: Callable[[dict[str, Any]], bool], *, since: int | None = None
    ) -> dict[str, Any]:
        """Wait until a document says so; one that says so already counts unless it is older than message `since`."""
        start = len(self.house.heard) if since is None else since
        if since is None and (last := self.said(document)) and wanted(last):
            return last

        def says_so(heard: Heard) -> bool:
            found = _read(heard, document)
            return bool(found) and wanted(found)

        return _read(await self.house.wait(says_so, start), document)

    # What is wanted of it ---------------------------------------------------------------------------------------------

    async def command(self, name: str) -> Result:
        """Give a command; its final result."""
        command_id = await self.send(name)
        return await self.house.final(command_id)

    async def send(self, name: str) -> str:
        """Give a command; its id."""
        command_id, payload = await self.house.signed(self._signer, CAR, name)
        topic = next(heard.topic for heard in reversed(self.house.heard) if heard.topic.endswith("/info"))
        self.house.publish(f"{topic.removesuffix('info')}{CAR}/command", payload)
        return command_id

    async def until_done(self, name: str) -> tuple[float, list[str]]:
        """Give a command again and again until it is confirmed: seconds until then, and the reasons given before."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        reasons: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while (result := await self.command(name)).outcome is not Outcome.CONFIRMED:
                reasons.append(result.reason or "")
        return loop.time() - began, reasons


def _read(heard: Heard, document: str) -> dict[str, Any]:
    """A document of that kind; empty for all else.

    That of a car that is no longer configured has no content, and the health of a bridge that has just begun no radio.
    """
    if not heard.topic.endswith(f"/{document}") or not heard.payload:
        return {}
    found: dict[str, Any] = json.loads(heard.payload)
    return {} if document == "health" and "radio" not in found else found
