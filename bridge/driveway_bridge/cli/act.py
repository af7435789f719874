"""`driveway lock`, `unlock`, `status`: one shot, without broker or daemon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from driveway_bridge.cli.options import car_options


def _one_shot(command: Callable[..., int]) -> click.Command:
    """Make a command with the options of all three."""
    made: click.Command = click.command(car_options(timeout_s=8.0, longest_s=60)(command))
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


def _perform(name: str, **options: Any) -> int:
    from driveway_bridge.cli.one_shot import perform  # protobuf and cryptography: 0.2 s
    from driveway_bridge.commands import security

    return perform(getattr(security, name)(), **options)
