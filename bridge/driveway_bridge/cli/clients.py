"""`driveway clients`: who may give commands beside Home Assistant, each with a code of its own and with limits."""

from __future__ import annotations

import difflib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from driveway_bridge.cli.options import data_option, json_option

if TYPE_CHECKING:
    from driveway_bridge.clients import Client
    from driveway_bridge.permissions import Hours


def _words(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    from driveway_bridge.permissions import unknown_word

    if value is None:
        return None
    words = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))
    problems = [problem for word in words if (problem := unknown_word(word)) is not None]
    if problems or not words:
        raise click.BadParameter(" ".join(problems) or "Name at least one command or group.")
    return words


def _hours(_context: click.Context, _option: click.Parameter, value: str | None) -> Hours | None:
    from driveway_bridge.permissions import Hours

    try:
        return None if value is None else Hours.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("action", type=click.Choice(["list", "add", "revoke"]), default="list", metavar="[list|add|revoke]")
@click.argument("name", required=False, metavar="[NAME]")
@click.option(
    "--commands",
    "words",
    callback=_words,
    metavar="LIST",
    show_default="everything-but-opening",
    help="What it may do: commands and groups, with commas between. Groups: everything, everything-but-opening, "
    "reading, location, locking, closing, opening, charging, climate, media, signals.",
)
@click.option(
    "--per-minute", type=click.IntRange(1, 600), metavar="N", show_default="no limit", help="Commands in a minute."
)
@click.option(
    "--hours",
    callback=_hours,
    metavar="FROM-UNTIL",
    show_default="all day",
    help="When it may, as 06:00-22:00, by the bridge's clock and time zone. While the bridge cannot know what time it "
    "is, such a client may do nothing.",
)
@data_option
@json_option
def clients(
    action: str,
    name: str | None,
    *,
    words: tuple[str, ...] | None,
    per_minute: int | None,
    hours: Hours | None,
    data: Path,
    as_json: bool,
) -> None:
    """List, add or revoke those who may give commands over MQTT.

    Home Assistant has the code that `driveway code` shows, and no limits: here it is called home. Whoever else gives
    commands gets a client of its own, which can be limited and taken away alone. Its code is shown once, when it is
    added; only what follows from it is kept.

    All of this is in force at once, also in a bridge that is running. To change what a client may, revoke it and add
    it anew.
    """
    if action != "add" and (words, per_minute, hours) != (None, None, None):
        raise click.UsageError("--commands, --per-minute and --hours are for `driveway clients add`.")
    if action == "list":
        if name is not None:
            raise click.UsageError("`driveway clients list` takes no name.")
        _list(data, as_json=as_json)
    elif name is None:
        raise click.UsageError(f"Which client? `driveway clients {action} NAME`.")
    elif action == "add":
        _add(data, name, words or ("everything-but-opening",), per_minute, hours, as_json=as_json)
    else:
        _revoke(data, name, as_json=as_json)


def _add(
    data: Path, name: str, words: tuple[str, ...], per_minute: int | None, hours: Hours | None, *, as_json: bool
) -> None:
    from driveway_bridge.clients import MOST, RESERVED, changing, new, valid_name

    if name.lower() in RESERVED:
        raise click.UsageError(f"{name} is a name of the bridge's own: choose another one.")
    if not valid_name(name):
        raise click.UsageError("A name has 1 to 32 letters, digits, `-` and `_`.")
    with changing(data) as clients:
        if name.lower() in {client.name.lower() for client in clients}:
            raise click.UsageError(
                f"There is a client {name} already. To change it: `driveway clients revoke {name}`, then add it anew."
            )
        if len(clients) >= MOST:
            raise click.UsageError(f"There are {MOST} clients already, which is the most: revoke one first.")
        client, code = new(name, words, per_minute=per_minute, hours=hours)
        clients.append(client)
    if as_json:
        click.echo(json.dumps({**_row(client), "code": code}))
        return
    click.echo(f"The code of {name}: {code}")
    click.echo("It is shown this once. Whoever knows it can do with the car what this client may.")
    click.echo(f"It may do {_limits(client)}.")


def _list(data: Path, *, as_json: bool) -> None:
    from driveway_bridge import code_store
    from driveway_bridge.audit.history import last_used
    from driveway_bridge.clients import HOME, Client, load
    from driveway_bridge.contract import Signer

    known = [*load(data)]
    if (data / code_store.CODE_FILE).exists():  # else there is no Home Assistant yet, and looking makes none
        known.insert(0, Client(name=HOME, signer=Signer.from_code(code_store.load_or_create_code(data))))
    used = last_used(data)
    rows = [{**_row(client), "last_used": used.get(client.id), "used": client.id in used} for client in known]
    if as_json:
        click.echo(json.dumps({"clients": rows}))
        return
    if not rows:
        click.echo("There are no clients yet.")
    for client, row in zip(known, rows, strict=True):
        last = _day(row["last_used"]) if row["used"] else "not within what the audit holds"
        click.echo(f"{client.name}  ({client.id})" + ("  this is Home Assistant" if client.name == HOME else ""))
        click.echo(f"  may do     {_limits(client)}")
        if client.name != HOME:
            click.echo(f"  added      {_day(client.added_unix_s)}")
        click.echo(f"  last used  {last}")


def _revoke(data: Path, name: str, *, as_json: bool) -> None:
    from driveway_bridge.clients import HOME, changing

    if name.lower() == HOME:
        raise click.UsageError(
            "home is Home Assistant, which has the bridge's own code. `driveway code --new` replaces that code."
        )
    with changing(data) as clients:
        found = next((client for client in clients if client.name.lower() == name.lower()), None)
        if found is None:
            names = [client.name for client in clients]
            near = difflib.get_close_matches(name, names, n=1)
            remedy = f"Is {near[0]} meant?" if near else f"Clients are: {', '.join(names) or 'none'}."
            raise click.UsageError(f"There is no client {name}. {remedy}")
        clients.remove(found)
    if as_json:
        click.echo(json.dumps({"revoked": found.name, "id": found.id}))
        return
    click.echo(f"{found.name} may do nothing any more. Its code is worthless from now on.")


def _row(client: Client) -> dict[str, Any]:
    return {
        "name": client.name,
        "id": client.id,
        "commands": list(client.words),
        "per_minute": client.per_minute,
        "hours": None if client.hours is None else str(client.hours),
        "added": client.added_unix_s,
    }


def _limits(client: Client) -> str:
    from driveway_bridge.permissions import unknown_word

    # A bridge of another version may know other commands.
    words = [word if unknown_word(word) is None else f"{word} (not known here)" for word in client.words]
    rate = "" if client.per_minute is None else f", {client.per_minute} a minute at most"
    hours = "" if client.hours is None else f", {client.hours} only"
    return f"{', '.join(words) or 'nothing'}{rate}{hours}"


def _day(unix_s: float | None) -> str:
    return "at an unknown time" if unix_s is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(unix_s))
