"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from driveway_bridge import data_folder


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
