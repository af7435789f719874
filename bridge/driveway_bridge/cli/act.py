"""`driveway lock`, `unlock`, `status`: one shot, without broker or daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from driveway_bridge.cli.configured import config_option
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


def _with_config(command: Callable[..., int]) -> click.Command:
    """The options of all three, of which none is required beside `--config`."""
    made = _one_shot(config_option(required=False)(command))
    for option in made.params:
        if option.name in ("vin", "link"):
            option.required = False
            option.callback = _unless_missing(option.callback)
    return made


def _unless_missing(callback: Callable[..., Any] | None) -> Callable[..., Any]:
    def check(context: click.Context, option: click.Parameter, value: Any) -> Any:
        return value if value is None or callback is None else callback(context, option, value)

    return check


@_with_config
def status(file: Path | None, **options: Any) -> int:
    """See how the bridge is, or ask a car how it is.

    With --config the running bridge is looked at, by what it tells at the MQTT broker: whether it runs, whether
    Home Assistant was seen, how each car is and how old that is, and what is wrong. The cars are not asked anything.

    With --vin and --link a car is asked for its locks, doors and sleep; neither broker nor bridge is needed. The car
    is not woken, and its answer needs no key. What it does not tell while it sleeps is shown as unknown.
    """
    asked = {name for name in ("vin", "link") if options[name] is not None}
    if file is not None:
        if asked or options["hci"] is not None:
            raise click.UsageError("--config shows the bridge; --vin and --link ask a car. Give one of the two.")
        from driveway_bridge.cli.bridge_status import show  # paho: 0.1 s

        return show(file, options["data"], as_json=options["as_json"])
    if not asked:
        raise click.UsageError("Give --config FILE to look at the bridge, or --vin VIN and --link to ask a car.")
    for name in ("vin", "link"):
        if name not in asked:
            raise click.MissingParameter(param_hint=f"'--{name}'", param_type="option")
    return _perform("status", **options)


def _perform(name: str, **options: Any) -> int:
    from driveway_bridge.cli.one_shot import perform  # protobuf and cryptography: 0.2 s
    from driveway_bridge.commands import security

    return perform(getattr(security, name)(), **options)
