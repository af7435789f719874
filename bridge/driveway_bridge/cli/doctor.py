"""`driveway doctor`: look along the whole chain and name what is broken."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from driveway_bridge.cli.configured import car_option, config_option
from driveway_bridge.cli.options import data_option, json_option

if TYPE_CHECKING:
    from driveway_bridge.cli.doctor_view import View
    from driveway_bridge.doctor.chain import Examined

LEAVE_S: Final = 2.0
"""A name that is still being looked up keeps a thread busy; nobody waits longer for it when all is said."""


@click.command()
@config_option(required=True)
@data_option
@car_option("Look at this car only.")
@click.option(
    "--without-home-assistant",
    is_flag=True,
    help="There is no Home Assistant here: do not look for it.",
)
@json_option
def doctor(file: Path, data: Path, *, car: str | None, without_home_assistant: bool, as_json: bool) -> int:
    """Find out what is wrong: look along the whole chain.

    From the configuration over this computer's Bluetooth to the car, and from the broker to Home Assistant: each link
    is looked at, and what is broken is named with what you can do about it. The car is not woken, nothing on it moves,
    and its doors stay as they are. It works whether the bridge runs or not, and takes less than 45 seconds.
    """
    import asyncio  # 0.05 s

    from driveway_bridge.cli.doctor_view import make_view

    logging.getLogger().addHandler(logging.NullHandler())  # what matters is among the findings
    with make_view(as_json=as_json) as view, contextlib.ExitStack() as leaving:
        return asyncio.run(
            _look(file, data, car, view, leaving, home_assistant=not without_home_assistant, as_json=as_json)
        )


async def _look(
    file: Path,
    data: Path,
    car: str | None,
    view: View,
    leaving: contextlib.ExitStack,
    *,
    home_assistant: bool,
    as_json: bool,
) -> int:
    from driveway_bridge.doctor.case import Case
    from driveway_bridge.doctor.chain import first_broken
    from driveway_bridge.doctor.plan import examine

    async with Case(file, data, only=car) as case:
        try:
            examined = await examine(case, view, home_assistant=home_assistant)
        except LookupError as error:
            raise click.UsageError(f"There is no car of this name in the configuration; there are: {error}.") from error
        view.close()
        if as_json:
            click.echo(json.dumps(_document(examined)))
        else:
            view.sum_up(examined)
        status = 1 if first_broken(examined) else 0
        leaving.callback(_leave_in_time(status).cancel)
    return status


def _document(examined: Sequence[Examined]) -> dict[str, Any]:
    """All findings for programs."""
    from driveway_bridge.doctor.chain import first_broken

    first = first_broken(examined)
    return {
        "well": first is None,
        "first_broken": None if first is None else first.check.name,
        "checks": [
            {
                "name": one.check.name,
                "title": one.check.title,
                "car": one.check.car,
                "state": one.finding.state,
                "found": one.finding.found,
                "remedy": one.finding.remedy,
                "because": one.finding.because,
                "reason": one.finding.reason,
                "ms": round(one.ms, 1),
            }
            for one in examined
        ],
    }


def _leave_in_time(status: int) -> threading.Timer:
    """Everything is said: end the process soon, whatever some thread still waits for, unless it ends by itself."""

    def leave() -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(status)

    timer = threading.Timer(LEAVE_S, leave)
    timer.daemon = True
    timer.start()
    return timer
