"""`driveway key`: the public half of the bridge's key, and a key that is brought along from another program."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from driveway_bridge.cli.options import data_option, json_option
from driveway_bridge.errors import ConfigurationError

if TYPE_CHECKING:
    from driveway_bridge.foreign_keys import Found
    from driveway_bridge.key_import import Taken

STDIN: Final = Path("-")
_ATTEMPTS: Final = 3
"""For a passphrase."""
_FORMS: Final = {"pem": "a PEM file", "der": "a DER file", "esp32": "the memory of an ESP32"}

_SWITCH_OFF: Final = (
    "Switch the other program off for good, before the bridge starts. The car counts the commands of each key, and "
    "refuses one whose number is not new: of two programs with one key each makes the other's commands fail."
)
_SEE_THE_ROLE: Final = (
    "See what the key may do: its role is the one that the car has written down for it. "
    "driveway keys --vin VIN --link bluetooth"
)
_REMOVE: Final = (
    "When all works, remove {file} and its copies: who has one can open the car. The key is kept in {data}."
)


@click.command()
@click.argument("action", type=click.Choice(["show", "import"]), default="show", metavar="[show|import]")
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True), metavar="[FILE]")
@click.option("--replace", is_flag=True, help="With import: put a key that is there already aside, under another name.")
@data_option
@json_option
def key(action: str, file: Path | None, data: Path, *, replace: bool, as_json: bool) -> None:
    """Show the public half of the bridge's key, or import one.

    Where there is no key yet, one is made. The private half stays in the folder, readable for you alone, and is never
    shown: who has it can open the car. The public half is no secret; the car learns it when the bridge is paired.

    With import FILE the bridge takes over the key of another program that your car knows already, and need not be
    paired: of tesla-control, tesla_ble_mqtt, TeslaBleHttpProxy (their PEM file), or of a component for ESPHome (the
    memory of its ESP32, read with esptool). Stop the bridge first. FILE may be - for what comes from a pipe.
    """
    if action == "import":
        if file is None:
            raise click.UsageError("Which file? Give its name behind `driveway key import`, or - for standard input.")
        _import(file, data, replace=replace, as_json=as_json)
        return
    if file is not None or replace:
        raise click.UsageError("FILE and --replace are for `driveway key import`.")
    from driveway_bridge import key_store  # cryptography costs 0.1 s

    private = key_store.load_or_create(data)
    public = private.public.hex()
    fingerprint = private.id.hex()
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


def _import(file: Path, data: Path, *, replace: bool, as_json: bool) -> None:
    from driveway_bridge import key_import

    found = _found(file, may_ask=not as_json and file != STDIN and sys.stdin.isatty() and sys.stderr.isatty())
    taken = key_import.take_over(data, found.key, replace_other=replace)
    if as_json:
        told = {"public_key": found.key.public.hex(), "fingerprint": found.key.id.hex(), "path": str(data)}
        kept = None if taken.kept is None else str(taken.kept)
        click.echo(json.dumps(told | {"form": found.form, "changed": taken.changed, "kept": kept}))
    else:
        _tell(file, data, found, taken)


def _found(file: Path, *, may_ask: bool) -> Found:
    from driveway_bridge import foreign_keys

    content = _content(file)
    passphrase: str | None = None
    for attempt in range(_ATTEMPTS + 1):
        try:
            return foreign_keys.find(content, passphrase)
        except foreign_keys.PassphraseError as error:
            if not may_ask or attempt == _ATTEMPTS:
                raise ConfigurationError([f"{_name(file)}: {error}"]) from error
            if passphrase is not None:
                click.echo(str(error), err=True)
            passphrase = click.prompt(f"Passphrase of the key in {file}", hide_input=True, err=True)
        except foreign_keys.NotTakenError as error:
            raise ConfigurationError([f"{_name(file)}: {error}"]) from error
    raise AssertionError  # the last attempt either returns or raises


def _content(file: Path) -> bytes:
    from driveway_bridge.foreign_keys import MAX_BYTES

    if file == STDIN:
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    elif file.is_dir():
        inside = ", ".join(sorted(str(path) for path in file.glob("**/*private*.pem"))) or "none whose name says so"
        raise ConfigurationError([f"{file}: this is a folder. Give the file in it that is the private key: {inside}"])
    else:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ConfigurationError([f"{_name(file)}: this is far too large for a key, or for the memory of an ESP32"])
    return content


def _name(file: Path) -> str:
    return "standard input" if file == STDIN else str(file)


def _tell(file: Path, data: Path, found: Found, taken: Taken) -> None:
    from driveway_bridge.cli.wizard_words import for_reading

    fingerprint = found.key.id.hex()
    if not taken.changed:
        click.echo(
            for_reading(f"This is the bridge's key already (id {fingerprint}): nothing was changed.", sys.stdout)
        )
        return
    click.echo(f"The key was found in {_FORMS[found.form]} and is this bridge's from now on.")
    click.echo(f"Its id in the car's list of keys: {fingerprint}")
    click.echo(f"Its public half: {found.key.public.hex()}")
    if taken.kept is not None:
        click.echo(for_reading(f"The key that was there before is kept as {taken.kept}.", sys.stdout))
    click.echo()
    lies = "the file" if file == STDIN else str(file)
    for number, step in enumerate((_SWITCH_OFF, _SEE_THE_ROLE, _REMOVE.format(file=lies, data=data)), 1):
        click.echo(for_reading(f"{number}. {step}", sys.stdout))
