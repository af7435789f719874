"""Options of commands that work on a configuration file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from driveway_bridge.errors import ConfigurationError


def config_option(*, required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make `--config FILE`, which arrives as `file`."""
    return click.option(
        "--config",
        "-c",
        "file",
        type=click.Path(path_type=Path),
        required=required,
        metavar="FILE",
        help="The configuration file.",
    )


def _names(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Complete the names of the cars in the configuration file that was given before."""
    file = context.params.get("file")
    if file is None:
        return []
    from driveway_bridge import config  # the schema costs 0.1 s

    try:
        names = [car.name for car in config.load(Path(file)).cars]
    except ConfigurationError:
        return []
    return [name for name in names if name.casefold().startswith(begun.casefold())]


def car_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make `--car NAME`."""
    return click.option("--car", metavar="NAME", shell_complete=_names, help=text)
