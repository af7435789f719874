"""Pairing, and what a person at the machine's keyboard sees: the command line beside the car, without a broker."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from driveway_bridge.contract import Outcome
from driveway_bridge.simulator.bluetooth import BluetoothCar
from driveway_bridge.simulator.enrolment import Stage
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vin import car_id
from tests.figures import Figures
from tests.radio.machine import Machine
from tests.radio.owner import AS_DRIVEWAY, CONFIGURATION, DATA, Owner
from tests.radio.street import FIELD, VIN, Street

DRIVEWAY = f"{AS_DRIVEWAY} /opt/driveway/bin/driveway"
NEW = replace(FIELD, key_sync_s=1.0)
"""A car in the field may need a minute until all of it knows a new key."""
FILE = "/etc/driveway/driveway.yaml"


class NewCar:
    """A car on the street that does not know the bridge's key, with a person and a key card in it."""

    def __init__(self, live: LiveCar) -> None:
        self.live = live
        self.vin = live.virtual.vin

    @classmethod
    @asynccontextmanager
    async def on(cls, street: Street, vin: str) -> AsyncIterator[NewCar]:
        live = LiveCar(VirtualCar(vin, profile=NEW))
        try:
            async with BluetoothCar(street.air, vin, live):
                yield cls(live)
        finally:
            live.close()

    async def tap_and_confirm(self) -> None:
        """Hold the card to the reader when the car asks for it, and say yes on its screen."""
        enrolment = self.live.virtual.enrolment
        while enrolment.stage is not Stage.CARD:  # noqa: ASYNC110 - looks at the car's screen
            await asyncio.sleep(0.05)
        self.live.do(lambda: enrolment.tap(self.live.now))
        self.live.do(lambda: enrolment.confirm(self.live.now))


async def run(machine: Machine, arguments: str, vin: str = VIN) -> tuple[int, str]:
    """Exit status and all that was said, of a command to a car."""
    return await machine.status(f"{DRIVEWAY} {arguments} --vin {vin} --link bluetooth --data {DATA}")


async def result(machine: Machine, arguments: str, vin: str = VIN) -> dict[str, Any]:
    """What it says to a program; the exit status fits to it."""
    status, said = await run(machine, f"{arguments} --json", vin)
    document: dict[str, Any] = json.loads(said.splitlines()[-1])
    assert (status == 0) is (document["outcome"] == "confirmed"), said
    return document


@asynccontextmanager
async def configured(owner: Owner, text: str) -> AsyncIterator[None]:
    """The running bridge with another configuration, and afterwards as it was."""
    await _configure(owner, text)
    yield
    await _configure(owner, CONFIGURATION)


async def _configure(owner: Owner, text: str) -> None:
    since = len(owner.house.heard)
    await owner.machine.sh(f"cat >{FILE} <<'END'\n{text}\nEND\nsystemctl reload driveway")
    await owner.until("info", lambda info: len(info["cars"]) == text.count("vin:"), since=since)


# Through the bridge ---------------------------------------------------------------------------------------------------


async def test_a_car_is_paired_through_the_bridge(at_home: Owner, street: Street, figures: Figures) -> None:
    """As the component does; the configuration gets the car while the bridge runs."""
    loop = asyncio.get_running_loop()
    async with (
        NewCar.on(street, "5YJ3E1EA1KF000003") as car,
        configured(at_home, f"{CONFIGURATION}  - vin: {car.vin}\n    name: Bertha\n"),
    ):
        began = loop.time()
        command = await send(at_home, car_id(car.vin), "pair", arguments={"timeout_s": 120})
        await car.tap_and_confirm()
        paired = await at_home.house.final(command)
        figures.note("paired through the bridge, with a card at hand", loop.time() - began)
        assert (paired.outcome, paired.reason) == (Outcome.CONFIRMED, "done"), paired
        assert paired.data is not None
        assert paired.data["role"] == "driver"
        stages = [told.stage for told in at_home.house.results(command) if told.stage]
        assert stages == ["heard", "presented", "card", "confirm", "known", "synchronised", "role"]
        unlocked = await at_home.house.final(await send(at_home, car_id(car.vin), "unlock"))
        assert (unlocked.outcome, car.live.virtual.car.locked) == (Outcome.CONFIRMED, False)
        assert street.locked()


async def send(owner: Owner, car: str, name: str, **fields: Any) -> str:
    """Give a command to any car; its id."""
    command_id, payload = await owner.house.signed(owner._signer, car, name, **fields)
    topic = next(heard.topic for heard in reversed(owner.house.heard) if heard.topic.endswith("/info"))
    owner.house.publish(f"{topic.removesuffix('info')}{car}/command", payload)
    return command_id


async def test_a_car_whose_link_is_kept_tells_by_itself(at_home: Owner, street: Street, figures: Figures) -> None:
    """The phone in the pocket unlocks; nobody has asked the car."""
    loop = asyncio.get_running_loop()
    async with configured(at_home, CONFIGURATION.replace("name: Anna", "name: Anna\n    hold: keep")):
        await at_home.until_done("lock")
        await at_home.until("link", lambda link: link["linked"] is True)
        since, began = len(at_home.house.heard), loop.time()
        street.live.do(lambda: street.car.unlock("phone"))
        body = await at_home.until("body", lambda body: bool(body["lock"]["value"] == "unlocked"), since=since)
        figures.note("told by the car by itself", loop.time() - began)
        assert body["lock"]["source"] == "push"


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_the_doctor_and_the_meter_beside_the_bridge(at_home: Owner, machine: Machine, street: Street) -> None:
    status, said = await machine.status(
        f"{DRIVEWAY} doctor --config {FILE} --data {DATA} --without-home-assistant", timeout_s=90
    )
    assert status == 0, said
    assert said.splitlines()[-1] == "All is well."
    status, said = await machine.status(f"{DRIVEWAY} signal --vin {VIN} --seconds 4")
    assert status == 0
    assert "best -60 dBm (good)" in said.splitlines()[-1]
    await at_home.until_done("lock")
    assert street.locked()


# The command line -----------------------------------------------------------------------------------------------------


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_a_car_is_paired_at_the_keyboard(
    stopped: Owner, machine: Machine, street: Street, figures: Figures
) -> None:
    loop = asyncio.get_running_loop()
    async with NewCar.on(street, "5YJ3E1EA1KF000002") as car:
        began = loop.time()
        (status, said), _ = await asyncio.gather(run(machine, "pair", car.vin), car.tap_and_confirm())
        figures.note("paired at the keyboard, with a card at hand", loop.time() - began)
        assert status == 0, said
        story = ("its signal -60 dBm", "tap a key card", "A key card was tapped", "The locks have proved", "driver")
        places = [said.find(words) for words in story]
        assert -1 not in places, said
        assert places == sorted(places), said
        assert car.live.virtual.whitelist.find(stopped.public_key) is not None
        status, said = await run(machine, "keys", car.vin)
        assert (status, said.count("this bridge")) == (0, 1)


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_commands_without_a_broker(stopped: Owner, machine: Machine, street: Street, figures: Figures) -> None:
    await machine.sh(f"rm -f {DATA}/sessions.db*; bluetoothctl remove $(bluetoothctl devices | cut -d' ' -f2) || true")
    cold = await result(machine, "unlock")
    assert (cold["handshakes"], street.locked()) == (1, False)
    figures.note("driveway unlock, never here before", cold["ms"] / 1000)
    warm = await result(machine, "lock")
    assert (warm["exchanges"], warm["handshakes"], street.locked()) == (1, 0, True)
    figures.note("driveway lock, with a remembered session", warm["ms"] / 1000)
    status, said = await run(machine, "status")
    assert status == 0
    for row in (r"Locks: +locked", r"Doors and lids: +all closed", r"Car: +awake", r"Inside: +nobody"):
        assert re.search(rf"(?m)^{row}$", said), said
    nobody = await result(machine, "lock", "5YJ30123456789XYZ")
    assert (nobody["outcome"], nobody["reason"]) == ("failed", "not_in_range")
    assert nobody["ms"] < 10_000
    figures.note("driveway lock, to a car that is not there", nobody["ms"] / 1000)


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_the_doctor_without_the_bridge(stopped: Owner, machine: Machine) -> None:
    status, said = await machine.status(f"{DRIVEWAY} doctor --config {FILE} --data {DATA}")
    assert status == 1
    assert "The chain is broken at: Bridge. Start it: `systemctl start driveway`" in said
    assert said.count("BROKEN") == 1, said
