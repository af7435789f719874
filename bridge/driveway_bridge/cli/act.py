"""`driveway lock`, `unlock`, `status`: one shot, without broker or daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from driveway_bridge.addressing import LinkSettings, check_vin, parse_link
from driveway_bridge.cli.options import data_option, json_option

if TYPE_CHECKING:
    from driveway_bridge.vehicle import Execution


def _vin(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        return check_vin(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


def _link(_context: click.Context, _option: click.Parameter, value: str) -> LinkSettings:
    try:
        return parse_link(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


def _one_shot(command: Callable[..., int]) -> click.Command:
    """Make a command with the options of all three."""
    decorators = (
        click.option(
            "--vin", required=True, callback=_vin, metavar="VIN", help="The car's VIN: 17 letters and digits."
        ),
        click.option(
            "--link",
            required=True,
            callback=_link,
            metavar="bluetooth|tcp://HOST:PORT",
            help="How the car is reached: by this machine's radio, or its frames over TCP (a virtual car, a radio "
            "elsewhere).",
        ),
        data_option,
        json_option,
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(0.5, 60),
            default=8.0,
            show_default=True,
            metavar="SECONDS",
            help="How long to try.",
        ),
        click.option("--hci", metavar="TRANSPORT", help="A virtual radio, as tcp-client:127.0.0.1:6402."),
    )
    decorated: Any = command
    for decorator in reversed(decorators):
        decorated = decorator(decorated)
    made: click.Command = click.command(decorated)
    return made


@_one_shot
def lock(**options: Any) -> int:
    """Lock a car.

    Prints "Locked." only when the car itself said so. No broker and no running bridge is needed; the session with the
    car is remembered, so that the next command is faster. The exit status is 0 when it is locked, 1 when the car or
    the link said no, 3 when the command was sent and the car's answer is missing.
    """
    return _perform("lock", **options)


@_one_shot
def unlock(**options: Any) -> int:
    """Unlock a car.

    Prints "Unlocked." only when the car itself said so. No broker and no running bridge is needed; the session with
    the car is remembered, so that the next command is faster. The exit status is 0 when it is unlocked, 1 when the
    car or the link said no, 3 when the command was sent and the car's answer is missing.
    """
    return _perform("unlock", **options)


@_one_shot
def status(**options: Any) -> int:
    """Ask a car for its locks, doors and sleep.

    The car is not woken, and its answer needs no key. What it does not tell while it sleeps is shown as unknown.
    """
    return _perform("status", **options)


def _perform(command: str, *, as_json: bool, **request: Any) -> int:
    from driveway_bridge.cli.one_shot import Request, perform  # protobuf and cryptography: 0.2 s

    if request["hci"] is not None and request["link"] != "bluetooth":
        raise click.UsageError("--hci is for --link bluetooth.")
    return perform(
        Request(command=command, **request),
        lambda execution: (_print_json if as_json else _print_words)(command, execution),
        lambda may_have_been_sent: _print_stopped(as_json=as_json, may_have_been_sent=may_have_been_sent),
    )


def _print_stopped(*, as_json: bool, may_have_been_sent: bool) -> None:
    if may_have_been_sent:
        outcome, reason = "unconfirmed", "no_answer"
        message = "Stopped. The command may have reached the car: look at it."
    else:
        outcome, reason, message = "failed", "stopping", "Stopped. The car was told nothing."
    click.echo(message, err=True)
    if as_json:
        click.echo(json.dumps({"outcome": outcome, "reason": reason, "message": message}))


def _print_words(command: str, execution: Execution) -> None:
    from driveway_bridge.cli import wording
    from driveway_bridge.contract import Outcome

    text = wording.sentence(command, execution.outcome, execution.reason)
    if execution.outcome is not Outcome.CONFIRMED:
        click.echo(text, err=True)
        if execution.detail:
            click.echo(f"({execution.detail})", err=True)
    elif command == "status" and execution.body is not None:
        click.echo("\n".join(wording.state_lines(execution.body)))
    else:
        click.echo(f"{text} ({execution.phases_ms['total'] / 1000:.2f} s)")


def _print_json(command: str, execution: Execution) -> None:
    from driveway_bridge.cli import wording

    result: dict[str, Any] = {
        "outcome": execution.outcome,
        "reason": execution.reason,
        "message": wording.sentence(command, execution.outcome, execution.reason),
        "detail": execution.detail,
        "exchanges": execution.exchanges,
        "handshakes": execution.handshakes,
        "ms": round(execution.phases_ms["total"], 1),
        "phases_ms": {phase: round(value, 1) for phase, value in execution.phases_ms.items()},
    }
    if command == "status":
        result["state"] = None if execution.body is None else wording.state_fields(execution.body)
    click.echo(json.dumps(result))
