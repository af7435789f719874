"""The command line: `driveway`. Subcommands are imported when they are called, so that `--help` is there at once."""

from __future__ import annotations

import click

from driveway_bridge import __version__
from driveway_bridge.cli.lazy_group import LazyGroup

_COMMANDS = {
    "run": ("run", "Run the bridge: the daemon between the car and MQTT."),
    "check-config": ("check_config", "Look through a configuration file."),
    "key": ("key", "Show the public half of the bridge's key."),
    "code": ("code", "Show the code for Home Assistant, or make a new one."),
    "pair": ("pair", "Make the bridge's key known to a car."),
    "keys": ("pair", "List the keys that a car knows."),
    "lock": ("act", "Lock a car."),
    "unlock": ("act", "Unlock a car."),
    "status": ("act", "Ask a car for its locks, doors and sleep."),
    "send": ("send", "Send any command to a car, or read what it says."),
    "demo": ("demo", "See it work, with a virtual car and nothing else."),
    "simulate": ("simulate", "Run a virtual car for other programs."),
}
"""Name, module below this package, and what stands in the list; the module holds a command of the same name."""


@click.group(cls=LazyGroup, package=__name__, table=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="driveway", message="%(prog)s %(version)s")
def main() -> None:
    """A key to your car that lives in your house.

    Driveway talks to the car over Bluetooth. It needs no account, no server and no Internet: not to run, not to start,
    not to pair. `driveway COMMAND --help` tells more about a command.

    \b
    Try it without a car:      driveway demo
    A bridge in four steps:    driveway pair ...          make its key known to your car
                               driveway check-config ...  look through your configuration
                               driveway run ...           start the bridge
                               driveway code              the code that Home Assistant asks for
    Without a bridge:          driveway unlock --vin VIN --link bluetooth

    \b
    Exit status: 0 done; 1 the car or the link said no; 2 wrong use or configuration;
    3 the command was sent and its outcome is not known; 130 stopped by Ctrl-C.

    \b
    Shell completion, for bash (zsh and fish alike):
      eval "$(_DRIVEWAY_COMPLETE=bash_source driveway)"
    """  # noqa: D301 - click's mark for "do not rewrap" is a real backspace
