"""`driveway code`: the code that Home Assistant asks for."""

from __future__ import annotations

import json
from pathlib import Path

import click

from driveway_bridge import code_store
from driveway_bridge.cli.options import data_option, json_option

_WARNING = (
    "The old code stops working as soon as the bridge is restarted. Home Assistant, and whoever else uses this code, "
    "must be given the new one."
)


@click.command()
@data_option
@click.option("--new", is_flag=True, help="Replace the code. Every client must then be given the new one.")
@click.option("--yes", is_flag=True, help="With --new: do not ask.")
@json_option
def code(data: Path, *, new: bool, yes: bool, as_json: bool) -> None:
    """Show the code that Home Assistant asks for.

    Where there is no code yet, one is made. Each bridge has its own. Who knows it can command the car through this
    bridge: treat it as a key. If it got into wrong hands, make a new one with --new.
    """
    if new and not yes:
        if as_json:
            raise click.UsageError("With --json nobody is asked: give --yes too if the code shall be replaced.")
        click.echo(_WARNING, err=True)
        click.confirm("Replace the code?", abort=True, err=True)
    text = code_store.replace_code(data) if new else code_store.load_or_create_code(data)
    if as_json:
        click.echo(json.dumps({"code": text, "new": new}))
        return
    click.echo(f"The code of this bridge: {text}")
    if new:
        click.echo("Restart the bridge, then give the code to Home Assistant, and to whoever else uses it.")
    else:
        click.echo("Type it into Home Assistant when it asks. Who knows it can open the car: keep it to yourself.")
