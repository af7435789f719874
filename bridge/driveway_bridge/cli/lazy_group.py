"""A click group that imports its commands late, and ends every foreseeable error in a sentence and an exit status."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from driveway_bridge.cli.manual import ManualContext
from driveway_bridge.errors import ConfigurationError, DrivewayError

STOPPED = 130
"""128 + SIGINT, as shells have it."""


class LazyGroup(click.Group):
    """Subcommands by table: subject -> name -> (module, line for the list)."""

    context_class = ManualContext

    def __init__(
        self, *args: Any, package: str, table: Mapping[str, Mapping[str, tuple[str, str]]], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._package = package
        self._subjects = table
        self._table = {name: entry for entries in table.values() for name, entry in entries.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        """All names, in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click gives it
        """Import one command."""
        if cmd_name not in self._table:
            return None
        module = importlib.import_module(f"{self._package}.{self._table[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is not a command")
        command.context_class = ManualContext
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands by subject, without importing them."""
        widest = max(map(len, self._table))
        for subject, entries in self._subjects.items():
            with formatter.section(subject):
                formatter.write_dl([(name.ljust(widest), line) for name, (_, line) in entries.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a near miss is suggested."""
        if args[0] not in self._table and not args[0].startswith("-") and not ctx.resilient_parsing:
            import difflib  # only for whoever has mistyped something

            near = difflib.get_close_matches(args[0].lower(), self._table, n=1)
            remedy = f"Is `{near[0]}` meant?" if near else "`driveway --help` lists all commands."
            ctx.fail(f"There is no command of this name. {remedy}")
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]  # click's own has overloads for the two modes of which only one is used here
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run and leave the process; errors that can be foreseen are said in words, others keep their traceback."""
        given = list(sys.argv[1:] if args is None else args)
        json_wanted = "--json" in given
        extra["standalone_mode"] = False
        try:
            status = super().main(given, prog_name or "driveway", **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            # Nobody reads on; the interpreter must not stumble over the rest of the output when it leaves.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except (KeyboardInterrupt, click.Abort):
            click.echo("Stopped.", err=True)
            sys.exit(STOPPED)
        except click.ClickException as error:
            error.show()
            _tell_programs(json_wanted, "configuration_wrong", error.format_message())
            sys.exit(2)
        except ConfigurationError as error:
            click.echo(str(error), err=True)
            _tell_programs(json_wanted, error.reason, str(error))
            sys.exit(2)
        except DrivewayError as error:
            click.echo(str(error), err=True)
            _tell_programs(json_wanted, error.reason, str(error))
            sys.exit(1)
        except OSError as error:
            sentence = f"{error.filename or 'The system'}: {error.strerror or type(error).__name__}."
            click.echo(sentence, err=True)
            _tell_programs(json_wanted, "configuration_wrong", sentence)
            sys.exit(2)
        sys.exit(status if isinstance(status, int) else 0)


def _tell_programs(wanted: bool, reason: str, message: str) -> None:  # noqa: FBT001 - one call each
    """Give who asked for JSON the error as JSON too."""
    if wanted:
        click.echo(json.dumps({"outcome": "failed", "reason": reason, "message": message}))
