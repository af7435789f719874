"""`driveway signal`: a live meter of the car's signal, for finding the best spot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from driveway_bridge.addressing import check_vin
from driveway_bridge.cli.configured import car_option, config_option
from driveway_bridge.cli.options import json_option

if TYPE_CHECKING:
    from driveway_bridge.config import BluetoothSettings


def _vin(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else check_vin(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


@click.command()
@click.option("--vin", callback=_vin, metavar="VIN", help="The car's VIN: 17 letters and digits.")
@config_option(required=False)
@car_option("With --config: which car, where there are several.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 86_400),
    metavar="N",
    help="Stop after so many seconds; without, Ctrl-C stops.",
)
@json_option
@click.option("--hci", metavar="TRANSPORT", help="A virtual radio, as tcp-client:127.0.0.1:6402.")
def signal(
    *, vin: str | None, file: Path | None, car: str | None, seconds: float | None, as_json: bool, hci: str | None
) -> int:
    """Find the best spot: show how well the car is heard, each second.

    Move this computer, its adapter or its antenna about and watch. The car is only listened to: no connection is made,
    no key is needed, and a bridge that runs is not disturbed. From -70 dBm upwards the signal is good; below -85 dBm
    connections begin to fail. In the end the best value is told, with its time.
    """
    import asyncio

    from driveway_bridge.cli.signal_view import watch  # bleak: 0.2 s
    from driveway_bridge.config import BluetoothSettings

    if (vin is None) == (file is None):
        raise click.UsageError("Give either --vin VIN or --config FILE.")
    if car is not None and file is None:
        raise click.UsageError("--car is for --config FILE.")
    bluetooth = BluetoothSettings()
    if file is not None:
        vin, bluetooth = _configured(file, car)
    if hci is not None:
        bluetooth = BluetoothSettings(hci=hci)
    assert vin is not None  # noqa: S101 - one of the two was given
    return asyncio.run(watch(vin, bluetooth, seconds=seconds, as_json=as_json))


def _configured(file: Path, name: str | None) -> tuple[str, BluetoothSettings]:
    """The VIN of the one car that is meant, and the radio."""
    from driveway_bridge import config  # the schema costs 0.1 s

    settings = config.load(file)
    cars = [car for car in settings.cars if car.link == "bluetooth"]
    if name is not None:
        cars = [car for car in cars if car.name.casefold() == name.casefold()]
    names = ", ".join(car.name for car in settings.cars if car.link == "bluetooth") or "none"
    if not cars:
        raise click.UsageError(f"No such car is reached by Bluetooth; those that are: {names}.")
    if len(cars) > 1:
        raise click.UsageError(f"Which car? Add --car with one of: {names}.")
    return cars[0].vin, settings.bluetooth
