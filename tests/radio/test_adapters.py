"""Adapters: switched off, blocked, taken away and plugged in again, chosen by address, shared with other programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from bumble import hci

from driveway_bridge.contract import Outcome
from driveway_bridge.simulator.bluetooth import BluetoothCar, address_of
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from tests.figures import Figures
from tests.radio.machine import Machine, Python
from tests.radio.owner import CONFIGURATION, Owner
from tests.radio.story import Story
from tests.radio.street import FIELD, FIRST, SECOND, Street

UNDER_WAY = frozenset({"link_lost", "no_answer", "no_connection", "radio_unavailable", "gave_way", "expired"})
"""What a command or a question that was under way when it happened may be told."""
OTHER_VIN = "5YJ3E7EB1KF000002"
CONNECT = """
from bleak.exc import BleakError
client = BleakClient(await finding)
for tries_left in reversed(range(5)):
    try:
        await client.connect()
        break
    except BleakError:  # the adapter makes one connection after the other, and the bridge makes one just now
        if not tries_left:
            raise
"""
RFKILL = "/opt/driveway/bin/python -c \"open('/dev/rfkill', 'wb', 0).write(bytes([0, 0, 0, 0, 2, 3, {}, 0]))\""
"""The kernel's rfkill interface: change all (3) of Bluetooth (2) to blocked (1) or not (0)."""
DEAF_S = 150.0


@pytest_asyncio.fixture(loop_scope="session")
async def story(at_home: Owner, street: Street, machine: Machine) -> AsyncIterator[Story]:
    """A car that was unlocked over an open link; afterwards there is one good adapter, and nothing is configured."""
    made = Story(street, at_home)
    await made.until_done("unlock")
    yield made
    await machine.sh(RFKILL.format(0))
    for adapter in [adapter for adapter in street.adapters if adapter.address != FIRST]:
        await street.unplug(adapter)
    await street.put_right()
    await machine.sh("bluetoothctl power on")
    await street.until_powered()


@asynccontextmanager
async def configured(owner: Owner, adapter: str) -> AsyncIterator[None]:
    """The bridge with this adapter in its configuration, for a while."""
    await owner.stop()
    since = len(owner.house.heard)  # what the one before has said does not count
    await owner.start(f"{CONFIGURATION}bluetooth:\n  adapter: '{adapter}'\n")
    await owner.until("link", lambda link: link["reachable"] is True, since=since)
    try:
        yield
    finally:
        await owner.start()


async def used(owner: Owner, address: str) -> None:
    """Wait until the bridge says that it listens with this adapter."""
    await owner.until("health", lambda health: health["radio"]["scanning"] and health["radio"]["address"] == address)


async def connects_with(story: Story, street: Street) -> list[str]:
    """Which adapters have a link after a command to a car that had hung up; what `health` says may be of before."""
    await street.radio.drop()
    await story.until_done("unlock")
    return [adapter.address for adapter in street.adapters if adapter.chip.le_connections]


async def test_an_adapter_that_somebody_switches_off_is_switched_on_again(
    story: Story, machine: Machine, at_home: Owner, figures: Figures
) -> None:
    healed = at_home.said("health").get("radio", {}).get("healed", 0)  # a bridge that has just begun tells of no radio
    await machine.sh("bluetoothctl power off")
    figures.note("lock, after the adapter was switched off", await story.until_done())
    assert story.reasons <= UNDER_WAY | {"adapter_off"}, story.given
    health = await at_home.until("health", lambda health: health["radio"]["healed"] > healed)
    assert [health["radio"]["steps"][0][part] for part in ("step", "worked")] == ["power", True]


async def test_an_adapter_that_is_blocked(story: Story, machine: Machine, at_home: Owner, figures: Figures) -> None:
    """By a key of the computer, or by `rfkill block bluetooth`: then only a person can switch it on."""
    await machine.sh(RFKILL.format(1))
    await story.until_told("adapter_off")
    health = await at_home.until(
        "health", lambda health: {"part": "radio", "reason": "adapter_off"} in health["problems"]
    )
    assert health["radio"]["scanning"] is False
    assert story.reasons <= UNDER_WAY | {"adapter_off"}, story.given
    await machine.sh(RFKILL.format(0))
    figures.note("lock, after the adapter was blocked", await story.until_done())
    assert story.reasons <= UNDER_WAY | {"adapter_off"}, story.given


async def test_an_adapter_that_is_taken_away_and_plugged_in_again(
    story: Story, street: Street, at_home: Owner, figures: Figures
) -> None:
    await street.unplug(street.adapters[0])
    await story.until_told("no_adapter")
    health = await at_home.until("health", lambda health: health["radio"]["state"] == "missing")
    assert health["problems"][0] == {"part": "radio", "reason": "no_adapter"}
    await street.plug_in()
    figures.note("lock, after the adapter was plugged in again", await story.until_done())
    assert story.reasons <= UNDER_WAY | {"no_adapter"}, story.given


async def test_of_two_adapters_the_other_is_taken_where_none_is_named(
    story: Story, street: Street, at_home: Owner, figures: Figures
) -> None:
    """And it is kept when the first one comes back."""
    await used(at_home, FIRST)
    await street.plug_in(SECOND)
    assert await connects_with(story, street) == [FIRST]
    await street.unplug(street.adapters[0])
    figures.note("lock, after the adapter was taken away and another is there", await story.until_done())
    await used(at_home, SECOND)
    await street.plug_in(FIRST)
    assert await connects_with(story, street) == [SECOND]
    assert story.reasons <= UNDER_WAY, story.given
    await street.unplug(street.adapters[0])


@pytest.mark.only_on("bookworm", "the bridge's own choice")
async def test_the_adapter_that_is_named_by_its_address_whatever_its_number(
    story: Story, street: Street, at_home: Owner
) -> None:
    await street.plug_in(SECOND)
    assert await street.hci(SECOND) == "hci1"
    async with configured(at_home, SECOND.lower()):
        story = Story(street, at_home)
        await story.until_done("unlock")
        await used(at_home, SECOND)
        await street.unplug(street.adapters[1])
        await story.until_told("no_adapter")
        health = await at_home.until("health", lambda health: health["radio"]["state"] == "missing")
        assert FIRST in health["radio"]["detail"]
        await street.unplug(street.adapters[0])
        await street.plug_in(SECOND)
        assert await street.hci(SECOND) == "hci0"
        await story.until_done()
        await used(at_home, SECOND)
        assert story.reasons <= UNDER_WAY | {"no_adapter"}, story.given


async def test_a_chip_that_answers_nothing_until_it_is_plugged_in_anew(
    story: Story, street: Street, at_home: Owner, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its advertisements still come in, so nothing but the connections tells."""
    hung = street.adapters[0]
    monkeypatch.setattr(hung.chip, "on_packet", lambda _packet: None)
    result = await story.command("lock")
    assert result.outcome in (Outcome.FAILED, Outcome.UNCONFIRMED), result
    await street.unplug(hung)
    await street.plug_in()
    figures.note("lock, after the chip hung and was plugged in anew", await story.until_done())
    assert story.reasons <= UNDER_WAY | {"no_bluetooth_service", "no_adapter", "adapter_off"}, story.given


@pytest.mark.only_on("trixie", "it takes as long as in life, and is the bridge's own doing")
@pytest.mark.timeout(300)
async def test_a_chip_that_has_gone_deaf_is_brought_back(
    story: Story, street: Street, at_home: Owner, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is heard for 90 s, listening anew does not help, switching it off and on does. As slowly as in life."""
    chip = street.adapters[0].chip
    reset = chip.on_hci_reset_command

    def cured(command: hci.HCI_Reset_Command) -> object:
        street.air.bring_into_range(chip)
        return reset(command)

    def healed() -> int:
        return int(at_home.said("health")["radio"]["healed"])

    monkeypatch.setattr(chip, "on_hci_reset_command", cured)
    before = healed()
    street.air.take_out_of_range(chip)
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(2 * DEAF_S):
            while healed() == before:
                result = await story.command("lock")
                if result.outcome is Outcome.CONFIRMED:
                    break
                await asyncio.sleep(10)  # the subject is time: an owner who tries again now and then
        figures.note("hearing again, after the chip went deaf", asyncio.get_running_loop().time() - began)
    finally:
        street.air.bring_into_range(chip)  # for the tests to come, should this one have failed
    await story.until_done()
    health = await at_home.until("health", lambda health: health["radio"]["state"] == "ok")
    assert [step["step"] for step in health["radio"]["steps"]][:2] == ["power", "scan"]
    assert "radio_deaf" in story.reasons
    assert story.reasons <= UNDER_WAY | {"not_in_range", "radio_deaf"}, story.given


async def scan_beside(python: Python) -> None:
    """Another program begins to scan, with a filter that our car would not pass."""
    await python(
        """
from dbus_fast import BusType, Message, Variant
from dbus_fast.aio import MessageBus
bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
async def ask(member, signature="", *body):
    reply = await bus.call(Message(destination="org.bluez", path="/org/bluez/hci0", interface="org.bluez.Adapter1",
                                   member=member, signature=signature, body=list(body)))
    assert reply.error_name is None, reply.error_name
await ask("SetDiscoveryFilter", "a{sv}", {"Transport": Variant("s", "le"), "RSSI": Variant("n", -20),
                                          "DuplicateData": Variant("b", False)})
await ask("StartDiscovery")
"""
    )


async def test_another_program_that_scans_with_a_filter_of_its_own(
    story: Story, street: Street, machine: Machine
) -> None:
    """Begun while the bridge scans, there when it scans again, ended while it scans: the car is heard all the time."""
    async with machine.python() as other:
        await scan_beside(other)
        await street.radio.vanish()
        await story.until_told("not_in_range")
        await street.radio.reappear()
        await story.until_done()
        await other('await ask("StopDiscovery")')  # which BlueZ refuses to a program whose scan was ended by another
    await street.radio.drop()
    await street.radio.vanish()
    await story.until_told("not_in_range")
    await street.radio.reappear()
    await story.until_done("lock")
    assert story.reasons <= UNDER_WAY | {"not_in_range"}, story.given


async def test_another_program_that_is_connected_to_another_device(
    story: Story, street: Street, machine: Machine
) -> None:
    """It keeps its connection, and the bridge gets one."""
    live = LiveCar(VirtualCar(OTHER_VIN, profile=FIELD))
    async with AsyncExitStack() as stack:
        stack.callback(live.close)
        async with machine.python() as other:
            await other(
                f"""
from bleak import BleakClient, BleakScanner
finding = asyncio.ensure_future(BleakScanner.find_device_by_address("{address_of(OTHER_VIN)}", timeout=30))
await asyncio.sleep(2)  # BlueZ tells a scanner of nobody who was heard before it, and calls no stronger or weaker
"""
            )
            await stack.enter_async_context(BluetoothCar(street.air, OTHER_VIN, live))
            await street.radio.drop()
            await other(CONNECT)
            await story.until_done()
            await street.radio.drop()
            await story.until_done("unlock")
            assert await other("client.is_connected") is True
            await other("await client.disconnect()")
    assert story.reasons <= UNDER_WAY, story.given
