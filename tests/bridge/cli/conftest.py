"""Virtual cars in processes of their own, and the command in others."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bridge.cli.programs import DRIVEWAY, PATIENCE_S, VIN, Done, SimulatedCar, environment


@pytest.fixture
def driveway() -> Callable[..., Done]:
    """Run the command to its end."""

    def run(*arguments: str | Path, **more: str) -> Done:
        done = subprocess.run(
            [*DRIVEWAY, *map(str, arguments)],
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def simulate() -> Iterator[Callable[..., SimulatedCar]]:
    """Start virtual cars on free ports; they end with the test."""
    cars: list[SimulatedCar] = []

    def start(*options: str) -> SimulatedCar:
        process = subprocess.Popen(
            [*DRIVEWAY, "simulate", "--vin", VIN, "--listen", "tcp://127.0.0.1:0", *options],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        car = SimulatedCar(process, "")
        cars.append(car)
        car.link = car.until("listening")["listen"][0]
        return car

    yield start
    for car in cars:
        car.process.terminate()
        car.process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def public_key(driveway: Callable[..., Done], data: Path) -> str:
    """The public half of the key in the data folder, as hex."""
    return str(driveway("key", "show", "--data", data, "--json").json["public_key"])
