"""The help of every command: it fits, has examples that work, and speaks the owner's language."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from driveway_bridge.cli import main
from driveway_bridge.cli.manual import PAGES

COMMANDS = main.list_commands(click.Context(main))
_OUR_WORDS = (
    "vcsec", "infotainment", "domain", "epoch", "whitelist", "hmac", "sans", "protobuf", "payload", "handshake",
    "rssi", "closure", "asyncio", "bleak", "paho", "click", "whitelisted", "signer", "errand",
)  # fmt: skip
_FOR_DEVELOPERS = {"simulate"}


def shown(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(main, [*arguments, "--help"], prog_name="driveway")
    assert result.exit_code == 0
    return result.output


def test_every_command_has_a_page() -> None:
    assert set(PAGES) == {"", *COMMANDS}


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_it_fits_into_80_columns_and_has_all_its_parts(name: str) -> None:
    text = shown(*([name] if name else []))
    assert not [line for line in text.splitlines() if len(line) > 80]
    assert re.search(r"^Usage: driveway", text)
    assert "\nExamples:\n" in text
    assert "\nExit status:\n" in text
    body = text.split("\n\n")[1]
    assert body.strip()[0].isupper()


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - _FOR_DEVELOPERS))
def test_it_speaks_the_owners_language(name: str) -> None:
    words = set(re.findall("[a-z]+", shown(name).lower()))
    assert not words & set(_OUR_WORDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_tell_their_defaults(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    text = shown(name)
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, f"{name} {option.name}"
            if isinstance(option.default, int | float) and not isinstance(option.default, bool):
                assert re.search(rf"default:\s+{option.default:g}", text), f"{name} {option.name}"


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, page in PAGES.items() for line in page.examples])
def test_each_example_is_understood(name: str, line: str) -> None:
    program, *words = shlex.split(line)
    assert program == "driveway"
    assert not name or words[0] == name
    with main.make_context("driveway", words) as context:
        found, command, rest = main.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        if "--list-faults" in rest:  # shows and ends at once
            return
        with command.make_context(found, list(rest), parent=context) as made:
            assert not made.args


def test_the_list_is_in_groups() -> None:
    text = shown()
    subjects = re.findall(r"^(Everyday|Setting up|Finding faults|Running|For developers):$", text, re.MULTILINE)
    assert subjects == ["Everyday", "Setting up", "Finding faults", "Running", "For developers"]
