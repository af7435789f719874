"""`driveway completion`: the script with which a shell completes commands, options and the names of cars."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets your shell complete `driveway`.

    With it the Tab key completes commands, options and, behind --config FILE, the names of your cars. It is a script
    for your shell to read; it changes nothing by itself.

    \b
    Where it belongs, for you alone:
    bash:  ~/.local/share/bash-completion/completions/driveway
    zsh:   a file _driveway in a folder of $fpath
    fish:  ~/.config/fish/completions/driveway.fish
    """  # noqa: D301 - click's mark for "do not rewrap" is a real backspace
    root = context.find_root()
    # Not `source()`: it refuses where the shell is older than needed, also when the script is for another computer.
    script = _SHELLS[shell](root.command, {}, "driveway", "_DRIVEWAY_COMPLETE")
    click.echo(script.source_template % script.source_vars())
