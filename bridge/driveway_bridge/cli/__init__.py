"""The command line: `driveway`. Subcommands are imported when they are called, so that `--help` is there at once."""

from __future__ import annotations

import click

from driveway_bridge import __version__
from driveway_bridge.cli.lazy_group import LazyGroup

_COMMANDS = {
    "Everyday": {
        "lock": ("act", "Lock a car."),
        "unlock": ("act", "Unlock a car."),
        "status": ("act", "See how the bridge is, or ask a car how it is."),
        "send": ("send", "Send any command to a car, or read what it says."),
    },
    "Setting up": {
        "demo": ("demo", "See it work, with a virtual car and nothing else."),
        "signal": ("signal", "Find the best spot: a live meter of the car's signal."),
        "pair": ("pair", "Make the bridge's key known to a car."),
        "keys": ("keys", "List the keys that a car knows, or remove one."),
        "key": ("key", "Show the public half of the bridge's key, or import one."),
        "code": ("code", "Show the code for Home Assistant, or make a new one."),
        "clients": ("clients", "Add and revoke those who may give commands."),
        "completion": ("completion", "Have your shell complete commands and options."),
    },
    "Finding faults": {
        "doctor": ("doctor", "Find out what is wrong, from the car to Home Assistant."),
        "audit": ("audit", "See who asked for what, and that nobody changed it."),
        "check-config": ("check_config", "Look through a configuration file."),
    },
    "Running": {
        "run": ("run", "Run the bridge: the daemon between the car and MQTT."),
    },
    "For developers": {
        "simulate": ("simulate", "Run a virtual car for other programs."),
    },
}
"""By subject: name, module below this package, and what stands in the list; the module holds a command so named."""


@click.group(
    cls=LazyGroup,
    package=__name__,
    table=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(__version__, "-V", "--version", prog_name="driveway", message="%(prog)s %(version)s")
def main() -> None:
    """A key to your car that lives in your house.

    Driveway talks to the car over Bluetooth. It needs no account, no server and no Internet: not to run, not to start,
    not to pair. `driveway COMMAND --help` tells more about a command, with examples.
    """
