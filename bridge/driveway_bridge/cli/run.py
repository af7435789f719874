"""`driveway run`: the bridge itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from driveway_bridge import app, config, journal
from driveway_bridge.cli.options import data_option
from driveway_bridge.vin import car_id


@click.command()
@click.option(
    "--config",
    "-c",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The configuration file.",
)
@data_option
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="From where on something is worth a line in the log, which goes to standard error.",
)
def run(file: Path, data: Path, log_level: str) -> None:
    """Run the bridge until it is told to stop (Ctrl-C, SIGTERM).

    At the very first start the log shows the bridge's code, which Home Assistant asks for.
    """
    settings = config.load(file)
    journal.open_log(log_level, {car.vin: car_id(car.vin) for car in settings.cars})
    asyncio.run(app.run(settings, data))
