"""`driveway pair` and `driveway keys`: make the bridge's key known to a car, and look which keys it knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from driveway_bridge.cli.options import car_options

if TYPE_CHECKING:
    from driveway_bridge.enrolment import Enrolment
    from driveway_bridge.state.keys import KeyEntry
    from driveway_bridge.vehicle import Execution, Vehicle

_STEPS = {
    "connecting": "Looking for the car ...",
    "presented": "The key was shown to the car. Nothing shows on its screen before the tap.",
    "card": "The car waits for the card.",
    "known": "The car knows the key; a moment more until all of the car does ...",
    "synchronised": "All of the car knows the key.",
}
_TAP = (
    "Now tap a key card that the car knows on the car's card reader (on the centre console; in some models the pad\n"
    "for phones), then confirm on the screen. A card that already lay there does not count."
)
_ROLES = ("driver", "charging_manager", "vehicle_monitor", "owner")


@click.command()
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default="driver",
    show_default=True,
    help="What the key may do: a driver opens and commands; a charging manager charges; a vehicle monitor reads. It "
    "is fixed with the pairing.",
)
@car_options(timeout_s=120.0, longest_s=600.0)
def pair(role: str, *, timeout_s: float, as_json: bool, **way: Any) -> int:
    """Make this bridge's key known to a car.

    You need a key card of the car, and have to sit in it: the card is tapped after this command has shown the key, and
    the car's screen asks for your consent. No account and no Internet is needed.

    The exit status is 0 when the car has proved that it knows the key, 1 when it said no, 3 when it is not known.
    """
    from driveway_bridge.cli.visit import visit
    from driveway_bridge.enrolment import enrol  # protobuf and cryptography: 0.2 s
    from driveway_bridge.state.keys import Role

    steps: list[str] = []

    def tell(step: str) -> None:
        # A quick car waits for the card before the link has confirmed that it was shown the key.
        if step in ("presented", "card") and not {"presented", "card"} & set(steps):
            click.echo(_TAP, err=True)
        steps.append(step)
        click.echo(_STEPS[step], err=True)

    async def errand(vehicle: Vehicle) -> int:
        enrolment = await enrol(vehicle, role=Role(role), timeout_s=timeout_s, progress=tell)
        return _show_pairing(enrolment, as_json=as_json)

    stopped = "Stopped. If the car's screen still asks, decline there."
    return visit(errand, lambda: click.echo(stopped, err=True), **way)


@click.command()
@car_options(timeout_s=8.0, longest_s=120.0)
def keys(*, timeout_s: float, as_json: bool, **way: Any) -> int:
    """List the keys that a car knows.

    It needs no key. The car does not tell names; `driveway key` shows the id of this bridge's own. An owner's key can
    remove others: `driveway send key_remove public_key=HEX`.
    """
    from driveway_bridge.cli.visit import visit
    from driveway_bridge.enrolment import list_keys

    async def errand(vehicle: Vehicle) -> int:
        execution, entries = await list_keys(vehicle, timeout_s=timeout_s)
        return _show_keys(vehicle.public_key, execution, entries, as_json=as_json)

    return visit(errand, lambda: click.echo("Stopped.", err=True), **way)


def _show_pairing(enrolment: Enrolment, *, as_json: bool) -> int:
    from driveway_bridge.cli.visit import exit_status
    from driveway_bridge.contract import Outcome
    from driveway_bridge.reasons import REASONS

    entry = REASONS[enrolment.reason]
    message = " ".join(part for part in (entry.meaning, entry.remedy) if part)
    paired = enrolment.outcome is Outcome.CONFIRMED
    if paired and enrolment.reason != "already_enrolled":
        message = "Paired." if enrolment.reason == "done" else f"Paired. {message}"
    role = enrolment.role.value if enrolment.role else None
    if as_json:
        result = {"outcome": enrolment.outcome, "reason": enrolment.reason, "message": message}
        click.echo(json.dumps(result | {"detail": enrolment.detail, "role": role, "slot": enrolment.slot}))
    else:
        told = f" The car has written the key down as {role.replace('_', ' ')}." if paired and role else ""
        click.echo(f"{message}{told}", err=not paired)
    return exit_status(enrolment.outcome)


def _show_keys(own: bytes, execution: Execution, entries: Sequence[KeyEntry], *, as_json: bool) -> int:
    from driveway_bridge.cli import wording
    from driveway_bridge.cli.visit import exit_status
    from driveway_bridge.commands.keys import key_id
    from driveway_bridge.contract import Outcome

    message = wording.sentence("keys", execution.outcome, execution.reason, reads=True)
    ours = key_id(own)
    rows = [
        {
            "slot": entry.slot,
            "id": entry.id.hex(),
            "role": entry.role.value if entry.role else None,
            "form": entry.form_factor.value if entry.form_factor else None,
            "own": entry.public_key == own or bool(entry.id and ours.startswith(entry.id)),
        }
        for entry in entries
    ]
    if as_json:
        result = {"outcome": execution.outcome, "reason": execution.reason, "message": message, "keys": rows}
        click.echo(json.dumps(result))
    elif execution.outcome is not Outcome.CONFIRMED:
        click.echo(message, err=True)
    elif not rows:
        click.echo("The car tells of no keys.")
    else:
        for row in rows:
            role, form = (str(row[name] or "unknown").replace("_", " ") for name in ("role", "form"))
            own_mark = "   this bridge" if row["own"] else ""
            click.echo(f"{row['slot']:2}  {row['id']}  {role:16}  {form}{own_mark}".rstrip())
    return exit_status(execution.outcome)
