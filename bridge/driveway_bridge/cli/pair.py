"""`driveway pair`: make the bridge's key known to a car."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from driveway_bridge.cli.options import car_options

if TYPE_CHECKING:
    from driveway_bridge.cli.wizard_view import WizardView
    from driveway_bridge.link.base import Dialer
    from driveway_bridge.pairing import Pairing
    from driveway_bridge.vehicle import Vehicle

_ROLES = ("driver", "charging_manager", "vehicle_monitor", "owner")
_TOO_OLD = "By its VIN this Model S or X was built before 2021: such cars do not speak this protocol at all."
_IN_VAIN = (
    "What it mostly is: the card was beside the reader, or lay there before; the car was in valet or guest mode; or "
    "its question hid behind the picture of the car. `driveway keys` shows what it knows now."
)


@click.command()
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    show_default="driver, or whatever the car knows this key as",
    help="What the key may do: a driver opens and commands; a charging manager charges; a vehicle monitor reads. It "
    "is fixed with the pairing.",
)
@car_options(timeout_s=120.0, longest_s=600.0)
def pair(role: str | None, *, timeout_s: float, as_json: bool, **way: Any) -> int:
    """Make this bridge's key known to a car.

    You need a key card of the car, and have to sit in it: the card is tapped after this command has shown the key, and
    the car's screen asks for your consent. No account and no Internet is needed. If it is broken off, just begin again:
    what the car knows by then is found out.

    The exit status is 0 when the car has proved that it knows the key, with the role that was wished; 1 when it said
    no, or was told nothing; 3 when the key was shown to it and it is not known whether it was taken.
    """
    from driveway_bridge.card_spots import card_spot, too_old
    from driveway_bridge.cli.visit import visit
    from driveway_bridge.cli.wizard_view import WizardView
    from driveway_bridge.pairing import pair as go_through  # protobuf and cryptography: 0.2 s
    from driveway_bridge.state.keys import Role

    views: list[WizardView] = []
    ways: list[Dialer] = []

    async def errand(vehicle: Vehicle) -> int:
        with WizardView(card_spot(way["vin"]), timeout_s) as view:
            views.append(view)
            wished = None if role is None else Role(role)
            pairing = await go_through(
                vehicle, role=wished, timeout_s=timeout_s, progress=view.tell, heard=lambda: ways[-1].last_heard
            )
        hint = _TOO_OLD if pairing.reason == "not_in_range" and too_old(way["vin"]) else ""
        return _show(pairing, hint, as_json=as_json)

    def stopped() -> None:
        _show_stopped(views[-1] if views else None, as_json=as_json)

    return visit(errand, stopped, on_way=ways.append, **way)


def _show(pairing: Pairing, hint: str, *, as_json: bool) -> int:
    from driveway_bridge.cli.visit import exit_status
    from driveway_bridge.cli.wizard_words import for_reading
    from driveway_bridge.contract import Outcome
    from driveway_bridge.pairing import StepState
    from driveway_bridge.reasons import REASONS

    entry = REASONS[pairing.reason]
    message = " ".join(part for part in (entry.meaning, entry.remedy) if part)
    paired = pairing.outcome is Outcome.CONFIRMED
    if paired and pairing.reason != "already_enrolled":
        message = "Paired." if pairing.reason == "done" else f"Paired. {message}"
    role = pairing.role.value if pairing.role else None
    if as_json:
        result = {"outcome": pairing.outcome, "reason": pairing.reason, "message": message, "detail": pairing.detail}
        steps = [
            {"step": step.name, "state": step.state, "reason": step.reason or None}
            for step in pairing.steps
            if step.state is not StepState.WAITING
        ]
        click.echo(json.dumps(result | {"role": role, "slot": pairing.slot, "steps": steps}))
        return exit_status(pairing.outcome)
    if role is not None:
        message += f" The car has written the key down as {role.replace('_', ' ')}."
    more = [_IN_VAIN if pairing.reason == "not_enrolled_in_time" else "", hint]
    if not paired and pairing.detail:
        more.append(f"({pairing.detail})")
    for text in (message, *filter(None, more)):
        click.echo(for_reading(text, sys.stdout if paired else sys.stderr), err=not paired)
    return exit_status(pairing.outcome)


def _show_stopped(view: WizardView | None, *, as_json: bool) -> None:
    if view is not None and view.proved:
        outcome, message = "confirmed", "Stopped. The car knows the key already: the bridge is paired."
    elif view is not None and view.may_have_been_shown:
        outcome = "unconfirmed"
        message = (
            "Stopped. The key was shown to the car: if its screen still asks, decline there. `driveway pair` once more "
            "tells whether it was taken all the same."
        )
    else:
        outcome, message = "failed", "Stopped. The car was told nothing."
    from driveway_bridge.cli.wizard_words import for_reading

    click.echo(for_reading(message, sys.stderr), err=True)
    if as_json:
        click.echo(json.dumps({"outcome": outcome, "reason": "pairing_cancelled", "message": message}))
