"""The bridge's code and id in the data folder."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from driveway_bridge import code_store, contract, contract_topics, data_folder
from driveway_bridge.errors import ConfigurationError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def test_a_code_is_made_once_and_kept(tmp_path: Path) -> None:
    data = tmp_path / "new" / "folder"
    code = code_store.load_or_create_code(data)
    assert contract.Signer.from_code(code) == contract.Signer.from_code(code_store.load_or_create_code(data))
    assert (mode(data), mode(data / "code")) == (0o700, 0o600)
    assert names(data) == ["code"]


def test_an_id_is_made_once_and_kept(tmp_path: Path) -> None:
    bridge = code_store.load_or_create_bridge_id(tmp_path)
    assert bridge == code_store.load_or_create_bridge_id(tmp_path)
    assert bridge.startswith("bridge-")
    assert contract_topics.valid_name(bridge)


def test_a_new_code_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    old = code_store.load_or_create_code(tmp_path)
    new = code_store.replace_code(tmp_path)
    assert new != old
    assert code_store.load_or_create_code(tmp_path) == new
    assert mode(tmp_path / "code") == 0o600
    assert names(tmp_path) == ["code"]


def test_several_programs_at_once_get_the_same_code(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as programs:
        codes = set(programs.map(lambda _: code_store.load_or_create_code(tmp_path / "data"), range(32)))
    assert len(codes) == 1
    assert names(tmp_path / "data") == ["code"]


def test_a_code_typed_by_hand_is_understood(tmp_path: Path) -> None:
    (tmp_path / "code").write_text(" abcd efgh jkmn pqrs tvwx \n")
    assert code_store.load_or_create_code(tmp_path) == "ABCD-EFGH-JKMN-PQRS-TVWX"


def test_a_code_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    code_store.load_or_create_code(tmp_path)
    (tmp_path / "code").chmod(0o644)
    code_store.load_or_create_code(tmp_path)
    assert mode(tmp_path / "code") == 0o600


@pytest.mark.parametrize("content", [b"", b"hunter2", b"\xff" * 300])
def test_a_file_without_a_code_is_not_replaced_silently(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "code").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"this is not a code; make a new one with `driveway code --new`") as e:
        code_store.load_or_create_code(tmp_path)
    assert "hunter2" not in str(e.value)
    assert (tmp_path / "code").read_bytes() == content


def test_a_file_without_an_id(tmp_path: Path) -> None:
    (tmp_path / "bridge_id").write_text("a/b\n")
    with pytest.raises(ConfigurationError, match="this is not the id of a bridge; delete the file"):
        code_store.load_or_create_bridge_id(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"Not a directory.*choose another folder with --data"):
        code_store.load_or_create_code(tmp_path / "file" / "data")


def test_where_the_data_folder_is() -> None:
    home = Path.home() / ".local" / "share" / "driveway"
    assert data_folder.default({}) == home
    assert data_folder.default({"XDG_DATA_HOME": "/data"}) == Path("/data/driveway")
    assert data_folder.default({"XDG_DATA_HOME": "relative"}) == home
    assert data_folder.default({"XDG_DATA_HOME": "/data", "STATE_DIRECTORY": "/var/lib/driveway:/x"}) == Path(
        "/var/lib/driveway"
    )
