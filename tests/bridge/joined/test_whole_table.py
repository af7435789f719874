"""Every command of the table, as one-shot commands in processes of their own, against a car with the field's habits."""

from __future__ import annotations

import json
import queue
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from driveway_bridge.commands.parameter import Kind, Parameter
from driveway_bridge.commands.table import SPECIFICATIONS
from driveway_bridge.key_store import load_or_create
from driveway_bridge.protocol.keys import PrivateKey
from tests.bridge.cli.programs import DRIVEWAY, VIN, environment

HANDS = 3
"""As many keys, each on a link of its own, work side by side: the car has three places."""
ARGUMENTS = {
    "key_entry": ("slot=0",),
    "low_power_mode": ("on=false",),  # else the car refuses what costs power
    "parental_controls": ("on=false", "pin=1234"),
    "speed_limit": ("on=false", "pin=1234"),
}
"""Where not any value will do."""
REFUSED = {"parental_controls_pin_clear": "wrong_pin", "speed_limit_pin_clear": "wrong_pin"}
"""Nobody has set these PINs, so the car says no, and the owner is told why."""


def an_allowed(parameter: Parameter) -> str:
    """Some value that the table allows, as it is typed."""
    if parameter.kind in (Kind.CHOICE, Kind.CHOICES):
        return parameter.choices[0]
    if parameter.kind is Kind.BOOLEAN:
        return "true"
    if parameter.kind is Kind.PIN:
        return "1234"
    if parameter.kind is Kind.HEX:
        return PrivateKey.generate().public.hex()
    if parameter.kind is Kind.TEXT:
        return "Anna"
    assert parameter.minimum is not None
    assert parameter.maximum is not None
    middle = (parameter.minimum + parameter.maximum) / 2
    return str(int(middle) if parameter.kind is Kind.INTEGER else middle)


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[tuple[str, queue.Queue[Path]]]:
    """A car that is awake, plugged in and has an update; the data folders of three keys that may do everything."""
    folders: queue.Queue[Path] = queue.Queue()
    keys = []
    for number in range(HANDS):
        folder = tmp_path / str(number)
        keys += ["--enrol", load_or_create(folder).public.hex()]
        folders.put(folder)
    car = subprocess.Popen(
        [
            *(*DRIVEWAY, "simulate", "--vin", VIN, "--listen", "tcp://127.0.0.1:0", "--profile", "field", "--awake"),
            *("--enrol-role", "owner", "--seed", "7", *keys),
        ],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert car.stdout is not None
    assert car.stdin is not None
    listening = json.loads(car.stdout.readline())
    car.stdin.write("plug_in\nupdate 2026.44.1\n")
    car.stdin.flush()
    while json.loads(car.stdout.readline()).get("command") != "update 2026.44.1":
        pass  # what else it tells
    with ThreadPoolExecutor(1) as reader:
        events = reader.submit(car.stdout.read)
        yield listening["listen"][0], folders
        car.terminate()
        assert events.result(10)
    car.wait(10)
    car.stdin.close()
    car.stdout.close()


@pytest.mark.timeout(1200)
def test_every_command_of_the_table_works_with_the_car(hands: tuple[str, queue.Queue[Path]]) -> None:
    link, folders = hands

    def send(name: str) -> tuple[str, int, dict[str, object]]:
        words = ARGUMENTS.get(name) or [f"{one.name}={an_allowed(one)}" for one in SPECIFICATIONS[name].parameters]
        folder = folders.get()
        try:
            done = subprocess.run(
                [*DRIVEWAY, "send", name, *words, "--vin", VIN, "--link", link, "--data", str(folder), "--json"],
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            folders.put(folder)
        return name, done.returncode, json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"said": done.stderr}

    # One hand does all of a subject, in the order of the table: what was not added cannot be removed.
    subjects: dict[str, list[str]] = {}
    for name, specification in SPECIFICATIONS.items():
        subjects.setdefault(specification.subject, []).append(name)
    with ThreadPoolExecutor(HANDS) as pool:
        done = pool.map(lambda names: [send(name) for name in names], subjects.values())
        results = [result for results in done for result in results]
    wrong: list[tuple[object, ...]] = []
    for name, status, result in results:
        refused = (1, "refused", REFUSED[name]) if name in REFUSED else None
        got = (status, result.get("outcome"), result.get("reason"))
        if got[:2] != (0, "confirmed") and got != refused:
            wrong.append((name, status, result))
        if SPECIFICATIONS[name].reads and status == 0 and not result.get("state"):
            wrong.append((name, "nothing was read", result))
    assert not wrong, "\n".join(map(str, wrong))
