"""What an owner meets when the car does something else, through the service on real BlueZ."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from driveway_bridge.contract import Outcome
from tests.figures import Figures
from tests.radio.machine import Machine
from tests.radio.owner import AS_DRIVEWAY, DATA, Owner
from tests.radio.street import VIN, Street

TOLD_OF_A_CAR_THAT_HAS_LEFT = ((Outcome.FAILED, "not_in_range"), (Outcome.FAILED, "no_connection"))
TOLD_OF_A_CAR_THAT_LEAVES = (
    (Outcome.UNCONFIRMED, "link_lost"),  # the command was on its way, and nobody can be asked
    (Outcome.UNCONFIRMED, "no_answer"),
    *TOLD_OF_A_CAR_THAT_HAS_LEFT,
)


@pytest.fixture
def moves(street: Street) -> Iterator[list[bool]]:
    """Each time that the car's bolts were moved, whereto."""
    found = [street.car.locked]
    tell = street.car.on_change

    def note(by: str) -> None:
        if street.car.locked != found[-1]:
            found.append(street.car.locked)
        tell(by)

    street.car.on_change = note
    yield found
    street.car.on_change = tell


async def recovers(at_home: Owner, street: Street, figures: Figures, fault: str) -> list[str]:
    """The next lock command succeeds without a person; the reasons that were given before it did."""
    took, reasons = await at_home.until_done("lock")
    figures.note(fault, took)
    assert street.locked()
    return reasons


async def test_the_link_breaks_while_the_command_is_written(
    at_home: Owner, street: Street, figures: Figures, moves: list[bool]
) -> None:
    await at_home.until_done("unlock")
    moves[:] = [False]
    street.radio.drop_at_write()
    assert await recovers(at_home, street, figures, "lock, the link breaks in the write") == []
    assert moves == [False, True]


async def test_the_link_breaks_while_the_car_answers(
    at_home: Owner, street: Street, figures: Figures, moves: list[bool]
) -> None:
    await at_home.until_done("unlock")
    moves[:] = [False]
    street.radio.drop_at_indication()
    assert await recovers(at_home, street, figures, "lock, the link breaks in the answer") == []
    assert moves == [False, True]


async def test_the_link_breaks_as_soon_as_it_is_there(
    at_home: Owner, street: Street, figures: Figures, moves: list[bool]
) -> None:
    await at_home.until_done("unlock")
    moves[:] = [False]
    await street.radio.drop()
    street.radio.drop_at_connection()
    reasons = await recovers(at_home, street, figures, "lock, the first link breaks at once")
    assert set(reasons) <= {"no_connection", "link_lost", "expired"}  # none at all, if this computer is quick
    assert moves == [False, True]


async def test_the_car_leaves_without_a_word_and_returns(
    at_home: Owner, street: Street, figures: Figures, moves: list[bool]
) -> None:
    await at_home.until_done("unlock")
    moves[:] = [False]
    await street.radio.vanish()
    result = await at_home.command("lock")
    assert (result.outcome, result.reason) in TOLD_OF_A_CAR_THAT_LEAVES, result
    assert not street.locked()
    link = await at_home.until("link", lambda link: link["reachable"] is False)
    assert link["why_not"] in ("link_lost", "no_answer", "not_in_range", "no_connection"), link
    result = await at_home.command("lock")
    assert (result.outcome, result.reason) in TOLD_OF_A_CAR_THAT_HAS_LEFT, result
    writes = street.radio.writes
    await street.radio.reappear()
    await at_home.until("link", lambda link: link["reachable"] is True)  # it asks by itself when it hears the car
    assert street.radio.writes > writes
    assert moves == [False], "the old command was given later"
    await recovers(at_home, street, figures, "lock, after the car has returned")
    assert moves == [False, True]


async def test_others_take_all_places_and_give_one_back(
    at_home: Owner, street: Street, figures: Figures, moves: list[bool]
) -> None:
    await at_home.until_done("unlock")
    moves[:] = [False]
    street.radio.accept_links(on=False)
    await street.radio.drop()
    result = await at_home.command("lock")
    assert result.outcome in (Outcome.FAILED, Outcome.EXPIRED), result
    assert result.reason in ("places_full", "no_connection", "expired"), result  # as a slow computer tells
    await at_home.until("link", lambda link: link["why_not"] == "places_full")
    assert at_home.said("link")["reachable"] is False
    assert not street.locked()
    street.radio.accept_links(on=True)
    reasons = await recovers(at_home, street, figures, "lock, after a place has become free")
    assert set(reasons) <= {"places_full", "no_connection", "expired"}
    assert moves == [False, True]


async def test_bluez_knows_the_car_by_another_name_and_nobody_remembers_its_address(
    at_home: Owner, street: Street, machine: Machine
) -> None:
    """After a connection BlueZ calls the car as its services do; all that look for it by name must still find it."""
    await at_home.until_done("unlock")
    await at_home.stop()
    await machine.sh(f"rm -f {DATA}/memory.db*")
    driveway = f"{AS_DRIVEWAY} /opt/driveway/bin/driveway"
    signal = await machine.sh(f"{driveway} signal --vin {VIN} --seconds 3 --json", timeout_s=60)
    assert json.loads(signal.splitlines()[-1])["best_dbm"] is not None, signal
    locked = await machine.sh(f"{driveway} lock --vin {VIN} --link bluetooth --data {DATA} --json", timeout_s=60)
    assert json.loads(locked.splitlines()[-1])["outcome"] == "confirmed"
    assert street.locked()
    _, found = await machine.status(f"{driveway} doctor --config /etc/driveway/driveway.yaml --json", timeout_s=120)
    assert "not_in_range" not in found
    await at_home.start()
    await at_home.until("link", lambda link: link["in_range"] is True)
    await at_home.until_done("unlock")
