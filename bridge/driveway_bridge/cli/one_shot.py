"""One command to one car, without broker or daemon: call, put it, hang up."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from driveway_bridge import key_store
from driveway_bridge.addressing import LinkSettings
from driveway_bridge.cli import wording
from driveway_bridge.cli.lazy_group import STOPPED
from driveway_bridge.cli.progress import Progress
from driveway_bridge.cli.visit import HANG_UP_S, LeavingInTime, dialer_for, exit_status
from driveway_bridge.commands.base import Command
from driveway_bridge.contract import Outcome
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import SessionStore
from driveway_bridge.vehicle import Execution, Vehicle, usual_timeout_s

_GRACE_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is wanted of which car, and the way to it."""

    command: Command
    vin: str
    link: LinkSettings
    data: Path
    timeout_s: float
    wake: bool | None
    hci: str | None


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
    request = _Request(command=command, vin=vin, link=link, data=data, timeout_s=timeout_s, wake=wake, hci=hci)
    show = _print_json if as_json else _print_words
    key = key_store.load_or_create(data)
    with contextlib.closing(SessionStore(data)) as store, LeavingInTime() as leaving:
        with contextlib.suppress(KeyboardInterrupt):  # shown, and in the status, by then
            asyncio.run(
                _act(
                    request,
                    key,
                    store,
                    leaving,
                    lambda execution: show(command, execution),
                    lambda may_have_been_sent: _print_stopped(as_json=as_json, may_have_been_sent=may_have_been_sent),
                )
            )
        return leaving.status


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


async def _act(
    request: _Request,
    key: PrivateKey,
    store: SessionStore,
    leaving: LeavingInTime,
    show: Callable[[Execution], None],
    show_stopped: Callable[[bool], None],
) -> None:
    dialer = dialer_for(request.link, request.vin, request.hci)
    # The link is given back after the result is shown: who stands at the car waits for no more than that.
    vehicle = Vehicle(request.vin, key, dialer, store, hold_s=HANG_UP_S)
    progress = Progress()
    try:
        with progress:
            execution = await _bounded(vehicle, request, progress)
        leaving.status = exit_status(execution.outcome)
        show(execution)
    except asyncio.CancelledError:
        leaving.status = STOPPED
        show_stopped(not request.command.reads and progress.may_have_been_sent)
        raise
    finally:
        await leaving.hang_up(vehicle, dialer)


async def _bounded(vehicle: Vehicle, request: _Request, progress: Progress) -> Execution:
    """Execute, with an end of our own: a link that hangs in the system's calls must not make the owner wait."""
    command = request.command
    try:
        async with asyncio.timeout(request.timeout_s + _GRACE_S):
            return await vehicle.execute(
                command, timeout_s=request.timeout_s, wake=request.wake, progress=progress.enter
            )
    except TimeoutError:
        sent = progress.may_have_been_sent and not command.reads
        return Execution(
            outcome=Outcome.UNCONFIRMED if sent else Outcome.FAILED,
            reason="no_answer" if progress.may_have_been_sent else "no_connection",
            detail="the link hangs",
            phases_ms={"total": (request.timeout_s + _GRACE_S) * 1000},
            may_have_happened=sent,
            temporary=True,
        )
