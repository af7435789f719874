"""One command to one car, without broker or daemon: call, put it, hang up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import click

from driveway_bridge.addressing import LinkSettings
from driveway_bridge.cli import wording
from driveway_bridge.cli.progress import Progress
from driveway_bridge.cli.visit import exit_status, visit
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.vehicle import Execution, Vehicle, usual_timeout_s

_GRACE_S: Final = 0.5


def perform(
    command: Command,
    *,
    vin: str,
    link: LinkSettings,
    data: Path,
    as_json: bool,
    timeout_s: float | None,
    hci: str | None,
    wake: bool | None = None,
) -> int:
    """Do it and print what became of it; gives the exit status. ConfigurationError when the folder cannot be used."""
    if timeout_s is None:
        timeout_s = usual_timeout_s(command, wake=wake)
    within_s = timeout_s
    progress = Progress()

    async def errand(vehicle: Vehicle) -> int:
        with progress:
            execution = await _bounded(vehicle, command, progress, timeout_s=within_s, wake=wake)
        (_print_json if as_json else _print_words)(command, execution)
        return exit_status(execution.outcome)

    def show_stopped() -> None:
        _print_stopped(as_json=as_json, may_have_been_sent=not command.reads and progress.may_have_been_sent)

    return visit(errand, show_stopped, vin=vin, link=link, data=data, hci=hci)


def _print_stopped(*, as_json: bool, may_have_been_sent: bool) -> None:
    if may_have_been_sent:
        outcome, reason = "unconfirmed", "no_answer"
        message = "Stopped. The command may have reached the car: look at it."
    else:
        outcome, reason, message = "failed", "stopping", "Stopped. The car was told nothing."
    click.echo(message, err=True)
    if as_json:
        click.echo(json.dumps({"outcome": outcome, "reason": reason, "message": message}))


def _print_words(command: Command, execution: Execution) -> None:
    text = wording.sentence(command.name, execution.outcome, execution.reason, reads=command.reads)
    if execution.outcome is not Outcome.CONFIRMED:
        click.echo(text, err=True)
        if execution.detail:
            click.echo(f"({execution.detail})", err=True)
    elif command.reads and execution.state is not None:
        click.echo("\n".join(wording.state_lines(execution.state)))
    else:
        click.echo(f"{text} ({execution.phases_ms['total'] / 1000:.2f} s)")


def _print_json(command: Command, execution: Execution) -> None:
    result: dict[str, Any] = {
        "outcome": execution.outcome,
        "reason": execution.reason,
        "message": wording.sentence(command.name, execution.outcome, execution.reason, reads=command.reads),
        "detail": execution.detail,
        "exchanges": execution.exchanges,
        "handshakes": execution.handshakes,
        "ms": round(execution.phases_ms["total"], 1),
        "phases_ms": {phase: round(value, 1) for phase, value in execution.phases_ms.items()},
    }
    if command.reads:
        result["state"] = None if execution.state is None else wording.state_fields(execution.state)
    click.echo(json.dumps(result))


async def _bounded(
    vehicle: Vehicle, command: Command, progress: Progress, *, timeout_s: float, wake: bool | None
) -> Execution:
    """Execute, with an end of our own: a link that hangs in the system's calls must not make the owner wait."""
    try:
        async with asyncio.timeout(timeout_s + _GRACE_S):
            return await vehicle.execute(command, timeout_s=timeout_s, wake=wake, progress=progress.enter)
    except TimeoutError:
        sent = progress.may_have_been_sent and not command.reads
        return Execution(
            outcome=Outcome.UNCONFIRMED if sent else Outcome.FAILED,
            reason="no_answer" if progress.may_have_been_sent else "no_connection",
            detail="the link hangs",
            phases_ms={"total": (timeout_s + _GRACE_S) * 1000},
            may_have_happened=sent,
            temporary=True,
        )
