"""`driveway check-config`: read the configuration and say what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("check-config")
@click.option(
    "--config",
    "-c",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The configuration file.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for programs.")
def check_config(file: Path, *, as_json: bool) -> None:
    """Look through a configuration file.

    Prints one line when it is fine. Otherwise every problem is printed with its line, column and remedy, and the exit
    status is 2. Passwords and VINs are never printed. Nothing is written, and neither broker nor car is asked.
    """
    from driveway_bridge import config  # the schema costs 0.1 s

    settings = config.load(file)
    cars = "1 car" if len(settings.cars) == 1 else f"{len(settings.cars)} cars"
    broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
    if as_json:
        click.echo(json.dumps({"fine": True, "cars": len(settings.cars), "broker": broker}))
    else:
        click.echo(f"fine: {cars}, broker {broker}")
