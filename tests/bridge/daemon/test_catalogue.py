"""What is offered over MQTT: complete before the table of commands is loaded, and the same as in it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from driveway_bridge import operations
from driveway_bridge.commands.table import SPECIFICATIONS
from driveway_bridge.contract import LOCK_TTL_S, MAX_TTL_S, Info
from driveway_bridge.contract_topics import valid_name
from driveway_bridge.lane import Priority
from driveway_bridge.mqtt.catalogue import CATALOGUE, COMMANDS, OPERATIONS, car_info
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.vehicle_model import model

VIN = "5YJ30123456789ABC"


def test_what_is_offered_is_what_there_is() -> None:
    assert set(COMMANDS) == set(SPECIFICATIONS)
    assert set(OPERATIONS) == set(operations.OPERATIONS)
    assert not set(COMMANDS) & set(OPERATIONS)
    assert all(valid_name(name) for name in CATALOGUE)


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_each_command_is_treated_as_its_specification_asks(name: str) -> None:
    entry, specification = CATALOGUE[name], SPECIFICATIONS[name]
    assert entry.opens == specification.opens
    assert entry.roles == {role.value for role in specification.roles}
    body = specification.domain is Domain.VEHICLE_SECURITY and specification.subject in ("security", "closures")
    urgent = body and not specification.reads and name != "wake"
    assert entry.priority is (Priority.LOCK if urgent else Priority.ORDER)
    assert entry.max_ttl_s == (LOCK_TTL_S if urgent or specification.opens else MAX_TTL_S)
    assert not entry.operation


def test_to_know_what_is_offered_takes_nothing_that_is_slow_to_load() -> None:
    code = (
        "import sys, driveway_bridge.mqtt.router, driveway_bridge.mqtt.catalogue, driveway_bridge.mqtt.ear;"
        "slow = ('google.protobuf', 'tesla_protocol', 'cryptography', 'bleak', 'aiohttp', 'sqlite3');"
        "print([name for name in slow if name in sys.modules])"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


def test_a_key_is_only_offered_what_its_role_may_do() -> None:
    """Pains 50, 105."""
    charging = car_info("car-a", "Anna", VIN, "charging_manager")
    assert charging.commands is not None
    assert "charge_start" in charging.commands
    assert "wake" in charging.commands
    assert "unlock" not in charging.commands
    assert "climate_on" not in charging.commands
    owner = car_info("car-a", "Anna", VIN, "owner")
    assert owner.commands == tuple(CATALOGUE)
    assert car_info("car-a", "Anna", VIN, None).commands is None


def test_what_is_offered_fits_into_one_message() -> None:
    car = car_info("car-a", "Anna", VIN, "owner")
    info = Info(bridge="b", name="x", version="0", boot="y", cars=(car,) * 4, commands=tuple(CATALOGUE))
    assert len(info.payload()) < 16_000
    assert Info.parse(info.payload()) == info


@pytest.mark.parametrize(
    ("vin", "name"),
    [
        ("5YJ3E1EA7LF678945", "Model 3"),
        ("5YJSA1E26HF000001", "Model S"),
        ("7SAXCBE50NF000001", "Model X"),
        ("LRWYGCEK0PC000001", "Model Y"),
        ("XP7YGCEK0PB000001", "Model Y"),
        ("7G2CEHED0RA000001", "Cybertruck"),
        ("5YJQA1E26HF000001", None),
        ("WVWZZZ1JZXW000001", None),
        ("", None),
    ],
)
def test_the_model_follows_from_the_number(vin: str, name: str | None) -> None:
    assert model(vin) == name
