"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from driveway_bridge import data_folder
from driveway_bridge.addressing import LinkSettings, check_vin, parse_link


def _folder(_context: click.Context, _option: click.Parameter, value: Path) -> Path:
    """It may be missing, but nothing else may be in its place."""
    nearest = next((path for path in (value, *value.absolute().parents) if path.exists()), value)
    if not nearest.is_dir():
        raise click.BadParameter(f"{nearest} is not a folder; choose another one.")
    return value


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=data_folder.default,
    callback=_folder,
    metavar="DIR",
    show_default="the system's folder for such things, mostly ~/.local/share/driveway",
    help="Where the key, the code and what is remembered live.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One line of JSON for programs, the last of all.")


def _vin(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        return check_vin(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


def _link(_context: click.Context, _option: click.Parameter, value: str) -> LinkSettings:
    try:
        return parse_link(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


def car_options(*, timeout_s: float | None, longest_s: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the options of what talks to one car: which, how it is reached, for how long."""
    decorators = (
        click.option(
            "--vin", required=True, callback=_vin, metavar="VIN", help="The car's VIN: 17 letters and digits."
        ),
        click.option(
            "--link",
            required=True,
            callback=_link,
            metavar="bluetooth|tcp://HOST:PORT",
            help="How the car is reached: by this machine's radio, or its frames over TCP (a virtual car, a radio "
            "elsewhere).",
        ),
        data_option,
        json_option,
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(0.5, longest_s),
            default=timeout_s,
            show_default="8; 38 where the car may have to be woken" if timeout_s is None else True,
            metavar="SECONDS",
            help="How long to try.",
        ),
        click.option("--hci", metavar="TRANSPORT", help="A virtual radio, as tcp-client:127.0.0.1:6402."),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate
