"""The Bluetooth service and the bus on which it is asked: restarted, killed, slow, away, silent.

Debian's bluetooth.service does not restart what has crashed. The bridge's own next question does: D-Bus starts the
service for it, as long as nobody has masked it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.figures import Figures
from tests.radio.machine import Machine
from tests.radio.owner import Owner
from tests.radio.story import Story
from tests.radio.street import Street

NOTHING_LEFT = frozenset({"link_lost", "no_answer", "no_connection", "gave_way", "expired"})
"""What a command or a question that was under way when it happened may be told."""
NO_SERVICE = NOTHING_LEFT | {"no_bluetooth_service", "radio_unavailable"}
AWAY = "systemctl mask --runtime --now bluetooth"
BACK = "systemctl unmask --runtime bluetooth; systemctl start bluetooth"
PUT_RIGHT = """
[ ! -e /run/systemd/system/bluetooth.service ] || systemctl unmask --runtime bluetooth
systemctl start dbus.socket dbus bluetooth
systemctl kill --signal CONT bluetooth
"""
Happening = Callable[[Machine], Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session")
async def story(at_home: Owner, street: Street, machine: Machine) -> AsyncIterator[Story]:
    """A car that was unlocked over an open link; afterwards the service is as it was."""
    made = Story(street, at_home)
    await made.until_done("unlock")
    yield made
    await machine.sh(PUT_RIGHT)
    await street.until_powered()
    await at_home.until("health", lambda health: health["radio"]["scanning"] is True)


async def restarted(machine: Machine) -> None:
    await machine.sh("systemctl restart bluetooth")


async def killed(machine: Machine) -> None:
    await machine.sh("systemctl kill --signal KILL bluetooth")


async def stopped(machine: Machine) -> None:
    await machine.sh("systemctl stop bluetooth")


@pytest.mark.parametrize("happens", [restarted, killed, stopped])
async def test_a_service_that_begins_anew(story: Story, machine: Machine, figures: Figures, happens: Happening) -> None:
    """Nobody starts it but the bridge's next question, if need be."""
    await happens(machine)
    figures.note(f"lock, after the Bluetooth service was {happens.__name__}", await story.until_done())
    assert story.reasons <= NO_SERVICE, story.given
    await machine.sh("systemctl is-active bluetooth")


async def test_a_service_that_is_away_and_comes_back(
    story: Story, machine: Machine, at_home: Owner, figures: Figures
) -> None:
    """Whatever systemd answers in its stead, the owner is never told that the adapter is off."""
    await machine.sh(AWAY)
    await story.until_told("no_bluetooth_service")
    await at_home.until("link", lambda link: link["why_not"] == "no_bluetooth_service" and not link["reachable"])
    health = await at_home.until("health", lambda health: health["radio"]["state"] == "missing")
    assert {"part": "radio", "reason": "no_bluetooth_service"} in health["problems"]
    assert story.reasons <= NO_SERVICE, story.given
    await machine.sh(BACK)
    figures.note("lock, after the Bluetooth service was away", await story.until_done())
    assert story.reasons <= NO_SERVICE, story.given
    await at_home.until("health", lambda health: not health["problems"])


async def test_a_service_that_hangs_and_goes_on(
    story: Story, machine: Machine, at_home: Owner, figures: Figures
) -> None:
    await machine.sh("systemctl kill --signal STOP bluetooth")
    await story.until_told("no_bluetooth_service")
    health = await at_home.until("health", lambda health: health["radio"]["state"] == "missing")
    assert {"part": "radio", "reason": "no_bluetooth_service"} in health["problems"]
    assert "silent" in health["radio"]["detail"]
    assert story.reasons <= NO_SERVICE, story.given
    await machine.sh("systemctl kill --signal CONT bluetooth")
    figures.note("lock, after the Bluetooth service hung", await story.until_done())
    assert story.reasons <= NO_SERVICE, story.given


async def test_the_bus_is_away_and_comes_back(story: Story, machine: Machine, at_home: Owner, figures: Figures) -> None:
    """The Bluetooth service goes with it; the bridge stays, and starts it again once there is a bus."""
    running = await machine.sh("systemctl show --property MainPID driveway")
    await machine.sh("systemctl stop dbus.socket dbus")
    await story.until_told("no_bluetooth_service")
    health = await at_home.until("health", lambda health: health["radio"]["state"] == "missing")
    assert {"part": "radio", "reason": "no_bluetooth_service"} in health["problems"]
    assert "D-Bus" in health["radio"]["detail"]
    await machine.sh("systemctl start dbus.socket dbus")
    figures.note("lock, after D-Bus was away", await story.until_done())
    assert story.reasons <= NO_SERVICE, story.given
    assert await machine.sh("systemctl show --property MainPID driveway") == running
