"""`driveway audit`: who asked the bridge for what, and whether that is still written as it was."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from driveway_bridge.cli.options import data_option, json_option

if TYPE_CHECKING:
    from driveway_bridge.audit.chain import Break, Position
    from driveway_bridge.audit.trail import Mark


def _witness(_context: click.Context, _option: click.Parameter, value: str | None) -> Position | None:
    from driveway_bridge.audit.chain import Position

    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,15}):([0-9a-f]{64})", value.strip().lower())
    if found is None:
        raise click.BadParameter("Give a line's number and its hash, as 120:5f0c... with 64 digits.")
    return Position(int(found[1]), found[2])


@click.command()
@click.argument("action", type=click.Choice(["show", "verify"]), default="show", metavar="[show|verify]")
@click.option(
    "--last", "count", type=click.IntRange(1, 100_000), default=20, metavar="N", help="How many lines to show."
)
@click.option(
    "--witness",
    callback=_witness,
    metavar="NUMBER:HASH",
    help="With verify: a line's number and hash that you kept elsewhere; it has to be there, and the same.",
)
@data_option
@json_option
def audit(action: str, *, count: int, witness: Position | None, data: Path, as_json: bool) -> int:
    """Show who asked the bridge for what, or verify that nobody has changed it since.

    Each command over MQTT and from the bridge's page has a line: when, who, what, how it ended, what the car said.
    PINs, places and typed texts are left out. Each line is sealed to the one before: `driveway audit verify` finds a
    line that was changed, taken out or put in, an end that was cut off, and a file that is missing.

    What that cannot show: whoever may write into the data folder (this bridge's user, and root) can write all of it
    anew, with what the bridge remembers of it. Only a witness elsewhere shows that: the bridge tells number and hash of
    its last line in its health over MQTT, and verify shows them. Keep them where that person cannot reach, and give
    them with --witness. Commands of the last seconds before a power cut may have no line.
    """
    if action == "show":
        if witness is not None:
            raise click.UsageError("--witness is for `driveway audit verify`.")
        return _show(data, count, as_json=as_json)
    return _verify(data, witness, as_json=as_json)


def _show(data: Path, count: int, *, as_json: bool) -> int:
    from itertools import islice

    from driveway_bridge.audit.history import dated

    found = list(islice(dated(data), count))[::-1]
    if as_json:
        click.echo(json.dumps({"lines": [line for line, _ in found]}))
        return 0
    if not found:
        click.echo("Nothing was written yet.")
    for line, unix_s in found:
        when = _after(line) if unix_s is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_s))
        click.echo(f"{line['number']:>6}  {when:19}  {_told(line)}")
    return 0


def _after(line: dict[str, Any]) -> str:
    """When it was, where no clock could tell the time of day."""
    boot_s = line.get("boot_s")
    return f"{boot_s:.0f} s after start" if isinstance(boot_s, int | float) else "unknown"


def _told(line: dict[str, Any]) -> str:
    """One line in words."""
    kind = str(line.get("kind"))
    if kind == "command":
        return _command(line)
    changes = [f"{word} {', '.join(map(str, line[word]))}" for word in ("added", "removed") if line.get(word)]
    reasons = ", ".join(f"{count} {reason}" for reason, count in dict(line.get("reasons", {})).items())
    return {
        "start": f"The bridge was started, version {line.get('version')}.",
        "clock": "From here on the bridge knew what time it was.",
        "clients": f"Clients: {'; '.join(changes)}.",
        "counted": f"{line.get('who')}: {line.get('count')} more within a minute did not go to the car ({reasons}).",
        "torn": "What stands before this line was torn, as by a power cut.",
        "lost": f"{line.get('lines')} lines before this one were lost: the disk took none.",
        "gap": "Lines before this one are missing, or are not as they were written.",
    }.get(kind, kind)


def _command(line: dict[str, Any]) -> str:
    arguments = " ".join(f"{name}={value}" for name, value in dict(line.get("arguments", {})).items())
    said = " ".join(str(line[name]) for name in ("reason", "detail") if line.get(name))
    what = f"{line.get('command') or 'something'} {arguments}".strip()
    return f"{line.get('who')}: {what} ({line.get('car') or 'no car of ours'}): {line.get('outcome')} ({said})"


def _verify(data: Path, witness: Position | None, *, as_json: bool) -> int:
    from driveway_bridge.audit.verify import verify

    remembered = _remembered(data)
    verdict = verify(data, remembered, witness)
    sentences = [_sentence(one) for one in verdict.breaks]
    if as_json:
        document = {
            "whole": not verdict.breaks,
            "files": verdict.files,
            "lines": verdict.lines,
            "number": verdict.at.number,
            "hash": verdict.at.hash,
            "torn": verdict.torn,
            "remembered": remembered is not None,
            "breaks": [
                {"kind": one.kind, "file": one.file, "line": one.line, "number": one.number, "until": one.until}
                for one in verdict.breaks
            ],
        }
        click.echo(json.dumps(document))
        return 1 if verdict.breaks else 0
    if sentences:
        click.echo(f"The audit is not whole. {sentences[0]}", err=True)
        if len(sentences) > 1:
            click.echo(f"There are {len(sentences) - 1} more such places; --json lists them.", err=True)
    elif not verdict.lines:
        click.echo("Nothing was written yet.")
    else:
        click.echo(f"The audit is whole: each of its {verdict.lines} lines is as it was written.")
        if remembered is None:
            click.echo("Whether its end was cut off is not known: the bridge's memory holds nothing of it.")
    if verdict.torn:
        click.echo(f"{verdict.torn} lines were torn, as by a power cut; the bridge has told of them.")
    if verdict.lines:
        click.echo(f"Its last line: {verdict.at.number}:{verdict.at.hash}")
    return 1 if verdict.breaks else 0


def _remembered(data: Path) -> Mark | None:
    """What the bridge's memory holds of the chain; nothing is made."""
    from driveway_bridge.audit.trail import NOTE, Mark
    from driveway_bridge.memory import FILE, OWN, Memory

    if not (data / FILE).exists():
        return None
    memory = Memory(data)
    try:
        note = memory.recall().notes.get((OWN, NOTE))
    finally:
        memory.close()
    return None if note is None else Mark.of(json.loads(note.document))


def _sentence(one: Break) -> str:
    lines = f"line {one.number}" if one.until in (None, one.number) else f"lines {one.number} to {one.until}"
    are = "is" if one.until in (None, one.number) else "are"
    place = f"{one.file}, line {one.line}"
    return {
        "changed": f"{place}: {lines}, or what stands before it, was changed after it was written.",
        "removed": f"{place}: before it {lines} {are} missing.",
        "missing": f"{one.file}: the file before it, with {lines}, is missing.",
        "inserted": f"{place}: a line too many, with the number {one.number}: somebody put one in here or just before.",
        "unreadable": f"{place}: what stands there is no line of the bridge's.",
        "cut": f"{one.file}: its end is missing: {lines}.",
    }[one.kind]
