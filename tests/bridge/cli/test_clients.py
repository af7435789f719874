"""Adding, listing and revoking clients from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from driveway_bridge import clients, code_store
from driveway_bridge.cli import main
from driveway_bridge.contract import Signer


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["clients", *arguments, "--data", str(data)], prog_name="driveway")


def told(data: Path, *arguments: str) -> dict[str, object]:
    result = run(data, *arguments, "--json")
    assert result.exit_code == 0, result.output
    [line] = result.stdout.splitlines()
    document = json.loads(line)
    assert isinstance(document, dict)
    return document


def test_a_client_is_added_with_a_code_that_is_shown_this_once(tmp_path: Path) -> None:
    shown = run(tmp_path, "add", "nanny", "--commands", "locking, unlock", "--hours", "7:00-19:00", "--per-minute", "6")
    assert shown.exit_code == 0
    found = re.search(r"The code of nanny: ((?:[0-9A-Z]{4}-){4}[0-9A-Z]{4})\n", shown.output)
    assert found
    assert "It may do locking, unlock, 6 a minute at most, 07:00-19:00 only." in shown.output
    [client] = clients.load(tmp_path)
    assert client.signer == Signer.from_code(found[1])
    listed = run(tmp_path).output
    assert found[1] not in listed
    assert "nanny" in listed
    assert "locking, unlock, 6 a minute at most, 07:00-19:00 only" in listed


def test_for_programs(tmp_path: Path) -> None:
    added = told(tmp_path, "add", "wallbox", "--commands", "charging")
    assert added.keys() == {"name", "id", "commands", "per_minute", "hours", "added", "code"}
    code_store.load_or_create_code(tmp_path)
    listed = told(tmp_path)["clients"]
    assert isinstance(listed, list)
    assert [(one["name"], one["commands"]) for one in listed] == [("home", ["everything"]), ("wallbox", ["charging"])]
    assert all("code" not in one and "key" not in one for one in listed)
    assert told(tmp_path, "revoke", "WALLBOX") == {"revoked": "wallbox", "id": added["id"]}
    assert clients.load(tmp_path) == ()


def test_whoever_is_not_told_otherwise_opens_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, "add", "script")["commands"] == ["everything-but-opening"]
    [client] = clients.load(tmp_path)
    assert client.may("lock")
    assert not client.may("unlock")
    assert not client.may("pair")


def test_to_look_makes_nothing(tmp_path: Path) -> None:
    assert run(tmp_path).output == "There are no clients yet.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add",), "Which client? `driveway clients add NAME`."),
        (("add", "home"), "a name of the bridge's own"),
        (("add", "Page"), "a name of the bridge's own"),
        (("add", "a b"), "A name has 1 to 32 letters"),
        (("add", "known"), "`driveway clients revoke known`, then add it anew"),
        (("add", "KNOWN"), "There is a client KNOWN already"),
        (("add", "x", "--commands", "unlok"), "Is `unlock`"),
        (("add", "x", "--commands", "charge-start"), "`charge_start`"),
        (("add", "x", "--commands", "lock,lockin"), "'lockin'"),
        (("add", "x", "--commands", " , "), "Name at least one command or group."),
        (("add", "x", "--hours", "morning"), "Give hours as 06:00-22:00"),
        (("add", "x", "--per-minute", "0"), "0 is not in the range"),
        (("revoke",), "Which client? `driveway clients revoke NAME`."),
        (("revoke", "home"), "`driveway code --new` replaces that code"),
        (("revoke", "knwon"), "Is known meant?"),
        (("revoke", "zzz"), "Clients are: known."),
        (("list", "known"), "takes no name"),
        (("revoke", "known", "--hours", "06:00-22:00"), "are for `driveway clients add`"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    run(tmp_path, "add", "known")
    before = (tmp_path / clients.FILE).read_bytes()
    shown = run(tmp_path, *arguments)
    assert shown.exit_code == 2
    assert said in shown.output
    assert (tmp_path / clients.FILE).read_bytes() == before


def test_there_is_a_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST", 2)
    assert [run(tmp_path, "add", name).exit_code for name in "abc"] == [0, 0, 2]


def test_a_list_that_is_broken_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / clients.FILE).write_text("{")
    for arguments in ((), ("add", "x"), ("revoke", "x")):
        shown = run(tmp_path, *arguments)
        assert shown.exit_code == 2
        assert "this is not a list of clients; put it right, or delete it" in shown.output
    assert (tmp_path / clients.FILE).read_text() == "{"
