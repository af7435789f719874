"""`driveway send`: any command of the table to one car, without broker or daemon."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from driveway_bridge.cli.options import car_options

if TYPE_CHECKING:
    from driveway_bridge.commands.parameter import Parameter
    from driveway_bridge.commands.specification import Specification

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class _Listing(click.Command):
    """A command whose help lists, by subject, what can be sent."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list below the options."""
        from driveway_bridge.commands.table import SPECIFICATIONS  # protobuf: 0.2 s

        subjects: dict[str, list[tuple[str, str]]] = {}
        for specification in SPECIFICATIONS.values():
            arguments = _usage(specification).removeprefix(specification.name)
            row = (specification.name, f"{specification.summary}{arguments and f' Arguments:{arguments}'}")
            subjects.setdefault(specification.subject, []).append(row)
        for subject, rows in subjects.items():
            with formatter.section(subject.capitalize()):
                formatter.write_dl(rows)


@click.command(cls=_Listing)
@click.argument("name", metavar="NAME")
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT=VALUE]...")
@car_options(timeout_s=None, longest_s=120)
@click.option("--no-wake", is_flag=True, help="Do not wake the car if it sleeps; reading never wakes it by itself.")
@click.option("--wake", is_flag=True, help="Wake the car also for reading.")
def send(name: str, arguments: tuple[str, ...], *, no_wake: bool, wake: bool, **options: Any) -> int:
    """Send one command, or ask one question, to a car.

    For example: driveway send charge_limit percent=80 --vin VIN --link bluetooth

    Switches are true or false, several choices are joined by commas. What was read is shown, with --json as `state`.
    The exit status is 0 when it is done, 1 when the car or the link said no, 2 when it was not understood here, 3 when
    it was sent and its outcome is not known.
    """
    from driveway_bridge.cli.one_shot import perform  # protobuf and cryptography: 0.2 s
    from driveway_bridge.commands.table import SPECIFICATIONS, build
    from driveway_bridge.errors import NotAdmitted

    if wake and no_wake:
        raise click.UsageError("--wake and --no-wake exclude each other.")
    specification = SPECIFICATIONS.get(name)
    if specification is None:
        near = difflib.get_close_matches(name.lower().replace("-", "_"), SPECIFICATIONS, n=1)
        remedy = f"Is `{near[0]}` meant?" if near else "`driveway send --help` lists all."
        raise click.UsageError(f"There is no command of this name. {remedy}")
    try:
        command = build(name, _typed(specification, arguments))
    except NotAdmitted as error:
        raise click.UsageError(f"{error.detail}.") from error
    return perform(command, wake=True if wake else (False if no_wake else None), **options)


def _typed(specification: Specification, arguments: Iterable[str]) -> dict[str, object]:
    """Turn `name=value` into arguments of the kinds that the table names; the table judges them."""
    parameters = {parameter.name: parameter for parameter in specification.parameters}
    typed: dict[str, object] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals:
            raise click.UsageError(f"`{argument}` is not NAME=VALUE. Usage: {_usage(specification)}")
        if name in typed:
            raise click.UsageError(f"{name} is given twice.")
        typed[name] = _value(parameters[name], text) if name in parameters else text
    return typed


def _value(parameter: Parameter, text: str) -> object:
    """Read one value; what is not of its kind stays text, so that the table says what is allowed."""
    kind = parameter.kind
    if kind == "boolean":
        return _WORDS.get(text.lower(), text)
    if kind in ("integer", "number"):
        try:
            return int(text) if kind == "integer" else float(text)
        except ValueError:
            return text
    return text.split(",") if kind == "choices" else text


def _usage(specification: Specification) -> str:
    words = [specification.name]
    for parameter in specification.parameters:
        word = f"{parameter.name}={parameter.unit or parameter.kind.value}"
        if parameter.kind == "choice":
            word = f"{parameter.name}={'|'.join(parameter.choices)}"
        words.append(word if parameter.required else f"[{word}]")
    return " ".join(words)
