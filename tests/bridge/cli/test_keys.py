"""Looking at a car's keys from the command line, and taking one away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from driveway_bridge import key_store
from driveway_bridge.commands.keys import key_id
from driveway_bridge.protocol.keys import PrivateKey
from tests.bridge.cli.programs import VIN, Done, SimulatedCar
from tests.bridge.cli.terminal import Terminal

Driveway = Callable[..., Done]
Simulate = Callable[..., SimulatedCar]
OTHER = PrivateKey.generate().public
OTHER_ID = key_id(OTHER)[:4].hex()


def test_the_list_needs_no_key(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    """Everybody near the car can read it; what is ours is marked. Pains 45, 102."""
    way = ("--vin", VIN, "--link", simulate("--enrol", OTHER.hex(), "--enrol-role", "owner").link, "--data", data)
    listed = driveway("keys", *way, "--json")
    assert listed.status == 0
    assert listed.json["keys"] == [{"slot": 0, "id": OTHER_ID, "role": "owner", "form": "cloud_key", "own": False}]
    assert OTHER_ID in driveway("keys", *way).out
    assert driveway("keys", "list", *way, "--json").json["keys"] == listed.json["keys"]


def test_json_is_one_line(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    out = driveway("keys", "--vin", VIN, "--link", simulate().link, "--data", data, "--json").out
    assert json.loads(out)["keys"] == []


def test_nobody_there_is_one_sentence(driveway: Driveway, data: Path) -> None:
    way = ("--vin", VIN, "--link", "tcp://127.0.0.1:1", "--data", data, "--json")
    for command in (("keys",), ("keys", "remove", OTHER_ID, "--yes")):
        done = driveway(*command, *way)
        assert (done.status, done.json["reason"]) == (1, "nobody_listening")


def test_an_owners_key_removes_another(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    """How a lost bridge is revoked by another one. Pains 110."""
    own = key_store.load_or_create(data).public
    car = simulate("--enrol", own.hex(), "--enrol", OTHER.hex(), "--enrol-role", "owner")
    way = ("--vin", VIN, "--link", car.link, "--data", data, "--json")
    removed = driveway("keys", "remove", OTHER_ID, "--yes", *way)
    assert (removed.status, removed.json["outcome"], removed.json["id"]) == (0, "confirmed", OTHER_ID)
    assert [key["own"] for key in driveway("keys", *way).json["keys"]] == [True]
    again = driveway("keys", "remove", OTHER_ID, "--yes", *way)
    assert (again.status, again.json["reason"]) == (1, "key_not_listed")


def test_the_first_digits_of_an_id_are_enough(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    own = key_store.load_or_create(data).public
    car = simulate("--enrol", own.hex(), "--enrol", OTHER.hex(), "--enrol-role", "owner")
    way = ("--vin", VIN, "--link", car.link, "--data", data, "--json")
    assert driveway("keys", "remove", OTHER_ID[:4].upper(), "--yes", *way).json["id"] == OTHER_ID


def test_the_own_key_is_for_the_cars_menu(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    """No key takes itself away; the way by hand is told. Pains 110, 111."""
    own = key_store.load_or_create(data).public
    car = simulate("--enrol", own.hex(), "--enrol-role", "owner")
    way = ("--vin", VIN, "--link", car.link, "--data", data)
    refused = driveway("keys", "remove", key_id(own)[:4].hex(), "--yes", *way)
    assert refused.status == 1
    assert "Controls > Locks" in refused.err
    assert "guest mode" in refused.err
    assert driveway("keys", *way, "--json").json["keys"][0]["own"] is True


def test_only_an_owners_key_can(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    """It is said before the car is bothered, with the way by hand. Pains 110."""
    own = key_store.load_or_create(data).public
    car = simulate("--enrol", own.hex(), "--enrol", OTHER.hex())
    way = ("--vin", VIN, "--link", car.link, "--data", data)
    refused = driveway("keys", "remove", OTHER_ID, "--yes", *way, "--json")
    assert (refused.status, refused.json["outcome"], refused.json["reason"]) == (1, "refused", "owner_key_needed")
    assert "Controls > Locks" in driveway("keys", "remove", OTHER_ID, "--yes", *way).err


def test_a_bridge_that_is_not_paired_removes_nothing(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    car = simulate("--enrol", OTHER.hex(), "--enrol-role", "owner")
    way = ("--vin", VIN, "--link", car.link, "--data", data, "--json")
    refused = driveway("keys", "remove", OTHER_ID, "--yes", *way)
    assert (refused.status, refused.json["reason"]) == (1, "key_not_enrolled")


@pytest.mark.parametrize(
    "words",
    [
        ("remove",),
        ("remove", "xyz"),
        ("remove", "12"),
        ("remove", OTHER_ID),  # nobody is there to be asked
        ("list", OTHER_ID),
        ("list", "--yes"),
        ("delete", OTHER_ID),
    ],
)
def test_wrong_use_touches_nothing(driveway: Driveway, data: Path, words: tuple[str, ...]) -> None:
    done = driveway("keys", *words, "--vin", VIN, "--link", "tcp://127.0.0.1:1", "--data", data)
    assert done.status == 2
    assert not data.exists()


@pytest.mark.parametrize(("answer", "left"), [("y", 1), ("n", 2)])
def test_who_sits_at_a_terminal_is_asked(
    driveway: Driveway, simulate: Simulate, data: Path, answer: str, left: int
) -> None:
    own = key_store.load_or_create(data).public
    car = simulate("--enrol", own.hex(), "--enrol", OTHER.hex(), "--enrol-role", "owner")
    way = ("--vin", VIN, "--link", car.link, "--data", data)
    with Terminal("keys", "remove", OTHER_ID, *way) as terminal:
        terminal.until(f"Remove the key {OTHER_ID} (role owner, kind cloud key) from the car?")
        terminal.press(f"{answer}\n")
        assert terminal.status() == (0 if answer == "y" else 1)
        assert ("Removed." if answer == "y" else "Nothing was removed.") in terminal.screen()
    assert len(driveway("keys", *way, "--json").json["keys"]) == left


def test_a_list_on_a_terminal_says_how_to_revoke_this_bridge(simulate: Simulate, data: Path) -> None:
    """A paper for the day on which it is stolen. Pains 103, 110, 111."""
    own = key_store.load_or_create(data).public
    car = simulate("--enrol", own.hex())
    with Terminal("keys", "--vin", VIN, "--link", car.link, "--data", data) as terminal:
        assert terminal.status() == 0
        assert "take this bridge's key away" in terminal.screen()
        assert "Controls > Locks" in terminal.screen()
