"""Who may sign beside Home Assistant: the file, and how the running bridge follows it."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from driveway_bridge import clients
from driveway_bridge.clients import FILE, Client, Register, changing, load, new
from driveway_bridge.contract import Signer
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.permissions import Hours


def add(data: Path, name: str = "wallbox", words: tuple[str, ...] = ("charging",)) -> tuple[Client, str]:
    client, code = new(name, words, per_minute=6, hours=Hours.parse("06:00-22:00"))
    with changing(data) as known:
        known.append(client)
    return client, code


def revoke(data: Path, name: str) -> None:
    with changing(data) as known:
        known[:] = [client for client in known if client.name != name]


def test_a_client_is_kept_without_its_code(tmp_path: Path) -> None:
    client, code = add(tmp_path)
    assert load(tmp_path) == (client,)
    assert client.signer == Signer.from_code(code)
    content = (tmp_path / FILE).read_text()
    for group in code.split("-"):
        assert group not in content
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_no_file_is_no_client(tmp_path: Path) -> None:
    assert load(tmp_path) == ()
    assert Register(tmp_path).look() == {}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    add(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    load(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_several_programs_at_once_lose_nobody(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as programs:
        list(programs.map(lambda number: add(tmp_path, f"client-{number}"), range(24)))
    assert {client.name for client in load(tmp_path)} == {f"client-{number}" for number in range(24)}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_whoever_is_broken_off_changes_nothing(tmp_path: Path) -> None:
    client, _ = add(tmp_path)

    def be_broken_off() -> None:
        with changing(tmp_path) as known:
            known.clear()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        be_broken_off()
    assert load(tmp_path) == (client,)


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 33, "\u0445", "a/b", "a\n", "home", "HOME", "page"])
def test_names_that_nobody_may_have(name: str) -> None:
    assert not clients.valid_name(name)


def test_names_that_one_may_have() -> None:
    assert all(map(clients.valid_name, ("wallbox", "Node-RED", "x", "7", "x" * 32)))


# The running bridge ---------------------------------------------------------------------------------------------------


def test_who_is_added_may_sign_at_once_and_who_is_revoked_may_not(tmp_path: Path) -> None:
    register = Register(tmp_path)
    told: list[tuple[list[str], list[str]]] = []
    register.on_change = lambda added, removed: told.append((list(added), list(removed)))
    one, _ = add(tmp_path)
    assert register.look() == {one.id: one}
    two, _ = add(tmp_path, "nanny")
    assert register.look() == {one.id: one, two.id: two}
    revoke(tmp_path, "wallbox")
    assert register.look() == {two.id: two}
    assert told == [(["wallbox"], []), (["nanny"], []), ([], ["wallbox"])]


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path)
    register = Register(tmp_path)
    register.look()  # closing it to others would be seen as a change
    monkeypatch.setattr(clients, "load", lambda _data: pytest.fail("it was read"))
    for _ in range(100):
        assert len(register.look()) == 1


def test_a_file_that_is_taken_away_takes_all_away(tmp_path: Path) -> None:
    add(tmp_path)
    register = Register(tmp_path)
    (tmp_path / FILE).unlink()
    assert register.look() == {}
    assert not register.broken


GOOD = {
    "name": "wallbox",
    "id": "0" * 16,
    "key": "0" * 64,
    "commands": ["charging"],
    "per_minute": None,
    "hours": None,
    "added": None,
}


def document(*told: object, version: object = 1) -> str:
    return json.dumps({"version": version, "clients": list(told)})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        "null",
        "\x00" * 100,
        "[" * 10_000,
        document(GOOD, version=2),
        document("wallbox"),
        document(None),
        document({name: value for name, value in GOOD.items() if name != "hours"}),
        document(GOOD | {"name": "home"}),
        document(GOOD | {"name": 7}),
        document(GOOD | {"id": "x"}),
        document(GOOD | {"key": "00"}),
        document(GOOD | {"key": "zz" * 32}),
        document(GOOD | {"commands": "everything"}),
        document(GOOD | {"commands": [1]}),
        document(GOOD | {"per_minute": 0}),
        document(GOOD | {"per_minute": True}),
        document(GOOD | {"hours": "always"}),
        document(GOOD | {"hours": 6}),
        document(GOOD | {"added": "yesterday"}),
        document(GOOD, GOOD | {"id": "1" * 16}),
        document(GOOD, GOOD | {"name": "other"}),
        document(GOOD, GOOD | {"name": "WALLBOX", "id": "1" * 16}),
        document(GOOD) + " " * clients.MAX_BYTES,
    ],
)
def test_a_broken_file_lets_nobody_in_and_says_so(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    client, _ = add(tmp_path)
    good = (tmp_path / FILE).read_text()
    register = Register(tmp_path)
    assert register.look() == {client.id: client}
    (tmp_path / FILE).write_text(content)
    assert register.look() == {}
    assert register.look() == {}
    assert register.report() == {"readable": False, "count": 0}
    assert caplog.text.count("No client but Home Assistant may give commands now") == 1
    with pytest.raises(ConfigurationError, match="this is not a list of clients"), changing(tmp_path):
        pytest.fail("nothing may be written over what the owner has to put right")
    (tmp_path / FILE).write_text(good)
    assert register.look() == {client.id: client}
    assert register.report() == {"readable": True, "count": 1}


def test_the_good_one_beside_the_broken_ones(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(document(GOOD))
    assert [client.name for client in load(tmp_path)] == ["wallbox"]


def test_a_file_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    add(tmp_path)
    register = Register(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    assert register.look() == {}
    assert register.broken


def test_commands_of_another_version_are_no_right_and_no_fault(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(document(GOOD | {"commands": ["teleport", "lock"]}))
    [client] = load(tmp_path)
    assert client.may("lock")
    assert not client.may("unlock")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_adds_the_bridges_own_user_can_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 12345, 12345)
    add(data)
    assert (data / FILE).stat().st_uid == 12345
