"""The list of commands as a page of the documentation. It is made from the table, so it cannot say anything else."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from driveway_bridge.commands.omissions import OMITTED
from driveway_bridge.commands.parameter import Kind, Parameter
from driveway_bridge.commands.specification import CHARGING, DRIVING, EVERYBODY, OWNING, Specification
from driveway_bridge.commands.table import SPECIFICATIONS
from driveway_bridge.state.keys import Role

_HEAD: Final = """\
# Commands

<!-- Made by scripts/commands_table; do not edit. -->

All that the bridge can ask of a car over Bluetooth. A key's role decides what the car lets it do; what is said here of
roles is what is known, the car has the last word.

- **Key**: the roles that are enough. *Any* is owner, driver, charging manager or vehicle monitor; *charging* is owner,
  driver or charging manager; *driver* is owner or driver; *none* needs no key at all.
- **Asleep**: works while the car sleeps. For the rest the car has to be awake.
- **Twice**: giving it twice is the same as once. What is not so is never sent a second time, even if nobody knows
  whether it was done.
- **Checked by**: what the bridge reads when no answer came, to learn whether the command was done.
- 🔑 opens, unlocks or starts something, or changes keys, PINs or what others may do.
- ⚠ is not in the maker's public definitions: some cars do nothing."""
_TITLES: Final = {
    "security": "Locks and waking",
    "closures": "Lids, doors, windows",
    "charging": "Charging",
    "schedules": "Schedules",
    "climate": "Climate",
    "seats": "Seats and wheel",
    "media": "Media",
    "signals": "Lights and horn",
    "homelink": "Garage door",
    "sentry": "Sentry",
    "restrictions": "Valet, guests, limits, PINs",
    "settings": "Settings",
    "software": "Software",
    "navigation": "Navigation",
    "keys": "Keys",
    "read": "Reading",
}
_ROLES: Final[dict[frozenset[Role], str]] = {
    EVERYBODY: "any",
    CHARGING: "charging",
    DRIVING: "driver",
    OWNING: "owner",
}


def markdown() -> str:
    """Write the page."""
    parts = [_HEAD]
    for subject, rows in groupby(SPECIFICATIONS.values(), lambda row: row.subject):
        parts.append(f"\n## {_TITLES[subject]}\n")
        parts.append("| Command | What it does | Arguments | Part of the car | Key | Asleep | Twice | Checked by |")
        parts.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
        parts += [_row(row) for row in rows]
    parts.append("\n## Not offered\n")
    parts += [f"- {reason} {', '.join(f'`{name}`' for name in names)}" for reason, names in sorted(OMITTED.items())]
    return "\n".join(parts) + "\n"


def _row(row: Specification) -> str:
    marks = " 🔑" * row.opens + " ⚠" * row.unofficial
    part = "body" if row.works_asleep else "infotainment"
    key = _ROLES[row.roles] if row.authenticated else "none"
    checked = f"`{row.verified_by}`" if row.verified_by else ""
    arguments = "<br>".join(_argument(parameter) for parameter in row.parameters)
    cells = (
        f"`{row.name}`{marks}",
        row.summary,
        arguments,
        part,
        key,
        _yes(yes=row.works_asleep),
        _yes(yes=row.idempotent),
        checked,
    )
    return f"| {' | '.join(cells)} |"


def _argument(parameter: Parameter) -> str:
    listed = ", ".join(f"`{choice}`" for choice in parameter.choices)
    allowed = {
        Kind.CHOICE: f"one of {listed}",
        Kind.CHOICES: f"a list of {listed}",
        Kind.BOOLEAN: "`true` or `false`",
    }.get(parameter.kind, parameter.allowed)
    return f"`{parameter.name}`: {allowed}{_absence(parameter)}"


def _absence(parameter: Parameter) -> str:
    if parameter.required:
        return ""
    if parameter.default is None or parameter.default == "":
        return "; may be left out"
    default = "all" if parameter.kind is Kind.CHOICES else f"`{parameter.default}`".lower()
    return f"; {default} if left out"


def _yes(*, yes: bool) -> str:
    return "yes" if yes else "no"
