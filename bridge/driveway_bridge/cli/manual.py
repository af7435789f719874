"""What stands below the options in the help of each command: examples, exit statuses, files, environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import click

_CAR: Final = "--vin 5YJ30123456789ABC --link bluetooth"
_CONFIG: Final = "--config driveway.yaml"
_DATA_FILES: Final = {
    "key.pem": "in the data folder: the private key; who has it can open the car",
    "sessions.db": "there too: what is remembered of each car, so that commands are fast",
}
_DATA_PLACE: Final = {
    "STATE_DIRECTORY": "the data folder, where the service manager gives one",
    "XDG_DATA_HOME": "else it is the folder driveway in this one, or in ~/.local/share",
}
_PASSWORD: Final = {
    "DRIVEWAY_MQTT_PASSWORD": "the broker's password; goes before the configuration's",
    "CREDENTIALS_DIRECTORY": "where the service manager puts a file mqtt.password",
}
_ASKED: Final = {0: "the car answered", 1: "the car or the link said no", 2: "wrong use or configuration"}
_COMMANDED: Final = {
    0: "it is done: the car said so",
    1: "the car or the link said no",
    2: "wrong use or configuration",
    3: "it was sent, and whether it was done is not known",
    130: "stopped by Ctrl-C",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the help of one command adds to its options."""

    examples: Mapping[str, str]
    """Command line -> what it does."""
    exits: Mapping[int, str] = field(default_factory=lambda: {0: "done", 2: "wrong use or configuration"})
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def write(self, formatter: click.HelpFormatter) -> None:
        """Append it to a help text."""
        with formatter.section("Examples"):
            for line, what in self.examples.items():
                formatter.write_text(what)
                _write_line(formatter, line)
        exits = {str(status): what for status, what in self.exits.items()}
        for title, rows in (("Exit status", exits), ("Files", self.files), ("Environment", self.environment)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(list(rows.items()))


def _write_line(formatter: click.HelpFormatter, line: str) -> None:
    """Write a command line so that it fits and can be copied: broken before options, with backslashes."""
    indent = formatter.current_indent + 2
    room = formatter.width - indent - 2
    part = ""
    for number, words in enumerate(line.split(" --")):
        piece = words if not number else f"--{words}"
        if part and len(part) + 1 + len(piece) > room:
            formatter.write(f"{'':{indent}}{part} \\\n")
            indent, part = formatter.current_indent + 6, piece
        else:
            part = f"{part} {piece}".strip()
    formatter.write(f"{'':{indent}}{part}\n")


class ManualContext(click.Context):
    """A context whose help has its page of the manual."""

    def get_help(self) -> str:
        """Give click's help, and below it the page."""
        formatter = self.make_formatter()
        self.command.format_help(self, formatter)
        name = self.info_name if self.parent is not None else ""
        if page := PAGES.get(name or ""):
            page.write(formatter)
        return formatter.getvalue().rstrip("\n")


PAGES: Final[Mapping[str, Page]] = {
    "": Page(
        examples={
            "driveway demo": "Try it without a car.",
            "driveway signal --vin 5YJ30123456789ABC": "A bridge in five steps. Find a good spot for it:",
            f"driveway pair {_CAR}": "Make its key known to your car:",
            f"driveway check-config {_CONFIG}": "Look through your configuration:",
            f"driveway run {_CONFIG}": "Start it:",
            "driveway code": "And see the code that Home Assistant asks for:",
            f"driveway unlock {_CAR}": "Without a bridge, an MQTT broker or Home Assistant:",
            f"driveway doctor {_CONFIG}": "When something does not work:",
        },
        exits=_COMMANDED,
        environment=_DATA_PLACE,
    ),
    "lock": Page(
        examples={
            f"driveway lock {_CAR}": "Lock the car that stands near this computer.",
            f"driveway lock {_CAR} --json": "The same for a program.",
        },
        exits=_COMMANDED,
        files=_DATA_FILES,
        environment=_DATA_PLACE,
    ),
    "unlock": Page(
        examples={
            f"driveway unlock {_CAR}": "Unlock the car that stands near this computer.",
            f"driveway unlock {_CAR} --timeout 20": "Try for longer than usual.",
        },
        exits=_COMMANDED,
        files=_DATA_FILES,
        environment=_DATA_PLACE,
    ),
    "status": Page(
        examples={
            f"driveway status {_CONFIG}": "See how the bridge is that runs with this configuration.",
            f"driveway status {_CONFIG} --json": "All that it tells of itself, for a program.",
            f"driveway status {_CAR}": "Ask a car, without broker and bridge.",
        },
        exits={
            0: "the bridge runs; the car answered",
            1: "the bridge or the broker is away; the car or the link said no",
            2: "wrong use or configuration",
        },
        environment=_PASSWORD,
    ),
    "send": Page(
        examples={
            f"driveway send charge_limit percent=80 {_CAR}": "Charge to 80 % and no further.",
            f"driveway send charge {_CAR} --wake": "Read what the car says of its charging, and wake it for that.",
        },
        exits=_COMMANDED,
        files=_DATA_FILES,
        environment=_DATA_PLACE,
    ),
    "demo": Page(
        examples={"driveway demo": "Watch a virtual car being read, unlocked and locked."},
        exits={0: "it went as it should", 1: "it did not: please report that"},
    ),
    "signal": Page(
        examples={
            "driveway signal --vin 5YJ30123456789ABC": "Walk about with this computer and watch; Ctrl-C ends it.",
            f"driveway signal {_CONFIG} --seconds 30": "The car and the adapter of a configuration, for 30 s.",
            f"driveway signal {_CONFIG} --car Anna --json": "Of several cars this one; a line a second for a program.",
        },
        exits={0: "the car was heard", 1: "it was not, or the radio cannot be used", 2: "wrong use or configuration"},
    ),
    "pair": Page(
        examples={
            f"driveway pair {_CAR}": "Pair with the car; have a key card at hand.",
            f"driveway pair {_CAR} --role charging_manager": "With a key that may charge, but not open the car.",
        },
        exits={
            0: "the car has proved that it knows the key",
            1: "the car or the link said no",
            2: "wrong use or configuration",
            3: "it is not known",
            130: "stopped by Ctrl-C",
        },
        files=_DATA_FILES,
        environment=_DATA_PLACE,
    ),
    "keys": Page(
        examples={
            f"driveway keys {_CAR}": "See which keys the car knows, and which of them is this bridge's.",
            f"driveway keys remove 0a1b2c3d {_CAR}": "Take a key away; an owner's key is needed for that.",
        },
        exits=_ASKED,
        environment=_DATA_PLACE,
    ),
    "key": Page(
        examples={
            "driveway key show": "Show the key of the bridge that you run yourself.",
            "driveway key show --data /var/lib/driveway": "Show that of the service.",
            "driveway key import private.pem": "Take over the key of another program that the car knows.",
            "driveway key import flash.bin --replace": "The same from an ESP32; the key that is here is put aside.",
        },
        files=_DATA_FILES,
        environment=_DATA_PLACE,
    ),
    "code": Page(
        examples={
            "driveway code": "Show the code, to type it into Home Assistant.",
            "driveway code --new": "It got into wrong hands: make another one.",
        },
        files={"code": "in the data folder: the code"},
        environment=_DATA_PLACE,
    ),
    "clients": Page(
        examples={
            "driveway clients": "See who may give commands beside Home Assistant.",
            "driveway clients add wallbox --commands charging,reading": "A client for the wallbox:",
            "driveway clients add nanny --commands locking,unlock --hours 07:00-19:00 --per-minute 6": (
                "One that may lock and unlock by day:"
            ),
            "driveway clients revoke nanny": "Take its right away, at once.",
        },
        files={"clients": "in the data folder: their names, limits and keys, but no code"},
        environment=_DATA_PLACE,
    ),
    "audit": Page(
        examples={
            "driveway audit --last 50": "See the last 50 lines.",
            "driveway audit verify": "See whether all is as it was written.",
        },
        exits={0: "done, and whole", 1: "it is not whole", 2: "wrong use"},
        files={
            "audit.log": "in the data folder: the lines, one a command",
            "audit-NUMBER.log": "there too: older ones; the oldest of more than eight go",
            "memory.db": "there too: how far the audit goes, so that a missing end is noticed",
        },
        environment=_DATA_PLACE,
    ),
    "completion": Page(
        examples={
            "driveway completion bash": "See the script; put it where it belongs with > and that place.",
        },
        exits={0: "done", 2: "wrong use"},
    ),
    "doctor": Page(
        examples={
            f"driveway doctor {_CONFIG}": "Look along the whole chain.",
            f"driveway doctor {_CONFIG} --car Anna": "Of the cars look at this one only.",
            "driveway doctor --config /etc/driveway/driveway.yaml --data /var/lib/driveway": "The service's chain.",
            f"driveway doctor {_CONFIG} --json": "All findings for a program.",
        },
        exits={0: "all is well, or needs a look at most", 1: "something is broken", 2: "wrong use"},
        files=_DATA_FILES,
        environment=_PASSWORD | _DATA_PLACE,
    ),
    "check-config": Page(
        examples={f"driveway check-config {_CONFIG}": "See every problem of the file at once."},
        environment=_PASSWORD,
    ),
    "run": Page(
        examples={
            f"driveway run {_CONFIG}": "Run it here, until Ctrl-C.",
            "driveway run --config /etc/driveway/driveway.yaml --data /var/lib/driveway": "As the service does.",
        },
        exits={
            0: "it was told to stop",
            1: "it could not go on: see its last words",
            2: "wrong use or configuration",
            75: "start it again: the radio comes back by nothing else",
        },
        files=_DATA_FILES,
        environment=_PASSWORD | _DATA_PLACE,
    ),
    "simulate": Page(
        examples={
            "driveway simulate --vin 5YJ30123456789ABC --listen tcp://127.0.0.1:4711": "A car that knows no key yet.",
            "driveway simulate --vin 5YJ30123456789ABC --listen tcp://127.0.0.1:0 --fault busy": "A difficult one.",
            "driveway simulate --list-faults": "All difficulties.",
        },
    ),
}
"""By name of the command; the nameless one is `driveway` itself."""
