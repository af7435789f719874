"""`driveway key`: the public half of the bridge's key."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import click

from driveway_bridge.cli.options import data_option, json_option


@click.command()
@click.argument("action", type=click.Choice(["show"]), default="show", metavar="[show]")
@data_option
@json_option
def key(action: str, data: Path, *, as_json: bool) -> None:  # noqa: ARG001 - there is one action so far
    """Show the public half of the bridge's key.

    Where there is no key yet, one is made. The private half stays in the folder, readable for you alone, and is never
    shown: who has it can open the car. The public half is no secret; the car learns it when the bridge is paired.
    """
    from driveway_bridge import key_store  # cryptography costs 0.1 s

    private = key_store.load_or_create(data)
    public = private.public.hex()
    fingerprint = hashlib.sha1(private.public, usedforsecurity=False).hexdigest()[:8]
    if as_json:
        click.echo(json.dumps({"public_key": public, "fingerprint": fingerprint, "path": str(data)}))
        return
    click.echo("This is the public half of the bridge's key. It is no secret.")
    click.echo()
    click.echo(private.public_pem().decode().rstrip())
    click.echo()
    click.echo(f"The same in hex: {public}")
    click.echo(f"Its id in the car's list of keys: {fingerprint}")
    click.echo(f"The private half is in {data}: keep that folder, and never copy it to anybody.")
