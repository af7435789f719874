"""What follows for people from the table of options: the documentation's tables, and whether the example file fits."""

from __future__ import annotations

import re
from typing import Final

from driveway_bridge import config_options
from driveway_bridge.config_options import OPTIONS, Option
from driveway_bridge.config_values import Wrong
from driveway_bridge.yaml_file import Tree, parse

BEGIN: Final = "<!-- Made by scripts/configuration_table from here on; do not edit. -->"
END: Final = "<!-- Made by scripts/configuration_table up to here. -->"
_HEADINGS: Final = {
    "mqtt": "`mqtt`: the broker",
    "cars": "`cars`: a list, one entry for each car",
    "": "At the top of the file",
    "bluetooth": "`bluetooth`: the radio",
    "bluetooth.proxies": "`proxies` in `bluetooth`: a list, one entry for each ESPHome Bluetooth proxy",
    "web": "`web`: the bridge's own page; there is none without this section",
}


def markdown() -> str:
    """All options, a table for each section."""
    parts = []
    for section, heading in _HEADINGS.items():
        rows = [_row(option) for option in config_options.of(section).values()]
        head = ["| Option | What it is for | Values | Default |", "| --- | --- | --- | --- |"]
        parts.append("\n".join([f"### {heading}", "", *head, *rows]))
    return "\n\n".join(parts)


def _row(option: Option) -> str:
    default = option.kind.show(option.default)
    otherwise = "none: it has to be given" if option.required else option.otherwise or ""
    told = f"`{default}`" if default else otherwise
    return f"| `{option.key}` | {option.sentence} | {option.kind.words} | {told} |"


def put_into(page: str) -> str:
    """The page with the table as it is now between its marks; ValueError when they are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the marks for the table are missing")
    return f"{before}{BEGIN}\n\n{markdown()}\n\n{END}{after}"


def switched_on(example: str) -> str:
    """The example file with everything that is switched off in it switched on."""
    return re.sub(r"(?m)^( *)# ?( *)(?:# )?(?=(?:- )?[a-z_]+:(?: |$))", r"\1\2", example)


def example_faults(example: str) -> list[str]:
    """In which options the example file is not as the table says; none when it is."""
    document = parse(switched_on(example))
    if not isinstance(document.tree, dict):
        return ["it is not a mapping"]
    return [f"{option.path} {fault}" for option in OPTIONS if (fault := _fault(option, document.tree)) is not None]


def _fault(option: Option, tree: dict[str, Tree]) -> str | None:
    section: Tree | None = tree
    for key in option.section.split(".") if option.section else ():
        section = section.get(key) if isinstance(section, dict) else None
    if isinstance(section, list):
        section = section[0]
    if not isinstance(section, dict) or option.key not in section:
        return "is missing"
    try:
        shown = option.kind.show(option.kind.read(section[option.key]))
    except Wrong as error:
        return error.error_message
    wanted = option.example if option.example is not None else option.kind.show(option.default)
    return None if shown == wanted else f"should be `{wanted}`"
