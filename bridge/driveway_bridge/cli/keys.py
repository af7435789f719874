"""`driveway keys`: look which keys a car knows, and take one away."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from driveway_bridge.cli.options import car_options

if TYPE_CHECKING:
    from driveway_bridge.contract import Outcome
    from driveway_bridge.errand import Execution
    from driveway_bridge.state.keys import KeyEntry
    from driveway_bridge.vehicle import Vehicle

_ID: Final = re.compile(r"[0-9a-f]{4,40}")
_BY_HAND: Final = (
    "In the car: Controls > Locks, touch the bin beside the key, and hold a key card to the reader when it asks. In "
    "valet and guest mode the screen does not let keys be deleted: end that mode first."
)
_REVOKE: Final = "To take this bridge's key away, if the bridge is lost or sold:"


@click.command()
@click.argument("action", type=click.Choice(["list", "remove"]), default="list", metavar="[list|remove]")
@click.argument("wanted", required=False, metavar="[ID]")
@car_options(timeout_s=8.0, longest_s=120.0)
@click.option("--yes", is_flag=True, help="Remove without asking once more.")
def keys(action: str, wanted: str | None, *, yes: bool, timeout_s: float, as_json: bool, **way: Any) -> int:
    """List the keys that a car knows, or remove one.

    The list needs no key: everybody near the car can read it. The car tells no names; `driveway key` shows the id of
    this bridge's own key.

    An owner's key can remove others, by ID as the list shows it: driveway keys remove 0a1b2c3d --vin VIN --link
    bluetooth. It can not remove itself. Without an owner's key, and for this bridge's own, use the car's menu:
    Controls > Locks, the bin beside the key; the car then wants to see a key card.
    """
    if action == "list":
        if wanted is not None or yes:
            raise click.UsageError("ID and --yes are for `driveway keys remove`.")
        return _list(timeout_s=timeout_s, as_json=as_json, way=way)
    identity = (wanted or "").lower()
    if not _ID.fullmatch(identity):
        raise click.UsageError("Which key? Give its id as `driveway keys` shows it, or the first 4 digits of it.")
    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("Nobody can be asked here whether that is meant: add --yes.")
    return _remove(identity, yes=yes, timeout_s=timeout_s, as_json=as_json, way=way)


def _list(*, timeout_s: float, as_json: bool, way: dict[str, Any]) -> int:
    from driveway_bridge.cli.visit import visit
    from driveway_bridge.enrolment import list_keys  # protobuf and cryptography: 0.2 s

    async def errand(vehicle: Vehicle) -> int:
        execution, entries = await list_keys(vehicle, timeout_s=timeout_s)
        return _show(vehicle.public_key, execution, entries, as_json=as_json)

    return visit(errand, lambda: click.echo("Stopped.", err=True), **way)


def _show(own: bytes, execution: Execution, entries: Sequence[KeyEntry], *, as_json: bool) -> int:
    from driveway_bridge.cli import wording
    from driveway_bridge.cli.visit import exit_status
    from driveway_bridge.cli.wizard_words import for_reading
    from driveway_bridge.contract import Outcome

    message = wording.sentence("keys", execution.outcome, execution.reason, reads=True)
    rows = [_row(entry, own) for entry in entries]
    if as_json:
        result = {"outcome": execution.outcome, "reason": execution.reason, "message": message, "keys": rows}
        click.echo(json.dumps(result))
    elif execution.outcome is not Outcome.CONFIRMED:
        click.echo(message, err=True)
    elif not rows:
        click.echo("The car tells of no keys.")
    else:
        click.echo("Slot  ID        Role              Kind")
        for row in rows:
            click.echo(_line(row))
        if any(row["own"] for row in rows) and sys.stdout.isatty():
            click.echo(f"\n{_REVOKE}\n{for_reading(_BY_HAND, sys.stdout)}")
    return exit_status(execution.outcome)


def _row(entry: KeyEntry, own: bytes) -> dict[str, Any]:
    from driveway_bridge.enrolment import is_own

    return {
        "slot": entry.slot,
        "id": entry.id.hex(),
        "role": entry.role.value if entry.role else None,
        "form": entry.form_factor.value if entry.form_factor else None,
        "own": is_own(entry, own),
    }


def _line(row: dict[str, Any]) -> str:
    role, form = (str(row[name] or "unknown").replace("_", " ") for name in ("role", "form"))
    own_mark = "   this bridge" if row["own"] else ""
    return f"{row['slot']:4}  {row['id']:8}  {role:16}  {form}{own_mark}".rstrip()


def _remove(identity: str, *, yes: bool, timeout_s: float, as_json: bool, way: dict[str, Any]) -> int:
    """Look, ask, remove: two visits, so that no Bluetooth place is held while somebody thinks."""
    from driveway_bridge.cli.visit import exit_status, visit
    from driveway_bridge.contract import Outcome
    from driveway_bridge.enrolment import list_keys, remove_key

    found: list[KeyEntry] = []

    async def look(vehicle: Vehicle) -> int:
        execution, entries = await list_keys(vehicle, timeout_s=timeout_s)
        if execution.outcome is not Outcome.CONFIRMED:
            _tell(execution.outcome, execution.reason, identity, as_json=as_json)
            return exit_status(execution.outcome)
        matching = [entry for entry in entries if entry.id.hex().startswith(identity)]
        if len(matching) > 1:
            raise click.UsageError(f"{len(matching)} keys begin with {identity}: give more of the id.")
        why_not = _why_not(matching[0], entries, vehicle.public_key) if matching else "key_not_listed"
        if why_not is not None:
            _tell(Outcome.REFUSED, why_not, identity, as_json=as_json)
            return exit_status(Outcome.REFUSED)
        found.extend(matching)
        return 0

    async def remove(vehicle: Vehicle) -> int:
        execution = await remove_key(vehicle, found[0].public_key)
        _tell(execution.outcome, execution.reason, found[0].id.hex(), as_json=as_json)
        return exit_status(execution.outcome)

    def stopped() -> None:
        click.echo("Stopped. `driveway keys` shows what the car knows now.", err=True)

    status = visit(look, stopped, **way)
    if not found:
        return status
    if not yes and not click.confirm(f"Remove the key {_described(found[0])} from the car?", err=True):
        click.echo("Nothing was removed.", err=True)
        return 1
    return visit(remove, stopped, **way)


def _why_not(entry: KeyEntry, entries: Sequence[KeyEntry], own: bytes) -> str | None:
    """Say why a key cannot be removed with ours, as far as that is known before the car is asked."""
    from driveway_bridge.enrolment import is_own
    from driveway_bridge.state.keys import Role

    ours = next((one for one in entries if is_own(one, own)), None)
    if entry is ours:
        return "own_key"
    if ours is None:
        return "key_not_enrolled"
    if ours.role not in (None, Role.OWNER):
        return "owner_key_needed"
    return None if entry.public_key else "not_supported_by_car"  # it is named by all of it, which the car does not tell


def _described(entry: KeyEntry) -> str:
    role, form = (str(word or "unknown").replace("_", " ") for word in (entry.role, entry.form_factor))
    return f"{entry.id.hex()} (role {role}, kind {form})"


def _tell(outcome: Outcome, reason: str, identity: str, *, as_json: bool) -> None:
    from driveway_bridge.cli import wording
    from driveway_bridge.cli.wizard_words import for_reading
    from driveway_bridge.contract import Outcome

    removed = outcome is Outcome.CONFIRMED
    message = "Removed." if removed else wording.sentence("key_remove", outcome, reason)
    if as_json:
        click.echo(json.dumps({"outcome": outcome, "reason": reason, "message": message, "id": identity}))
        return
    click.echo(message, err=not removed)
    if reason in ("own_key", "owner_key_needed"):
        click.echo(for_reading(_BY_HAND, sys.stderr), err=True)
