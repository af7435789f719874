"""A key is brought along: nothing is lost, nothing of the old one stays in use, and the car obeys at once."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from driveway_bridge import data_lock, database, key_store, private_file
from driveway_bridge.cli import main
from driveway_bridge.memory import Batch, Memory, Note
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import SessionStore
from driveway_bridge.wall_clock import Moment
from tests.bridge.cli.programs import DRIVEWAY, PATIENCE_S, VIN, Done, SimulatedCar, environment
from tests.bridge.cli.terminal import Terminal


def run(data: Path, *arguments: str | Path) -> Result:
    given = ["key", "import", *map(str, arguments), "--data", str(data)]
    return CliRunner().invoke(main, given, prog_name="driveway")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """As openssl and the other programs write it."""
    path = tmp_path / "private.pem"
    subprocess.run(
        ["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", path],
        check=True,
        capture_output=True,
    )
    return path


def public(file: Path) -> bytes:
    return PrivateKey.from_pem(file.read_bytes()).public


def ours(data: Path) -> bytes:
    key = key_store.load(data)
    assert key is not None
    return key.public


def test_the_car_obeys_without_pairing(
    driveway: Callable[..., Done], simulate: Callable[..., SimulatedCar], data: Path, file: Path
) -> None:
    """Pain 44."""
    car = simulate("--enrol", public(file).hex())
    told = driveway("key", "import", file, "--data", data, "--json").json
    assert told == {
        "public_key": public(file).hex(),
        "fingerprint": PrivateKey.from_pem(file.read_bytes()).id.hex(),
        "path": str(data),
        "form": "pem",
        "changed": True,
        "kept": None,
    }
    unlocked = driveway("unlock", "--vin", VIN, "--link", car.link, "--data", data, "--json")
    assert (unlocked.status, unlocked.json["outcome"]) == (0, "confirmed")
    assert not car.is_locked()
    listed = driveway("keys", "--vin", VIN, "--link", car.link, "--data", data, "--json").json["keys"]
    assert [key["id"] for key in listed if key["own"]] == [told["fingerprint"]]


def test_another_key_is_kept_and_its_sessions_are_forgotten(
    driveway: Callable[..., Done], simulate: Callable[..., SimulatedCar], data: Path, file: Path
) -> None:
    before = key_store.load_or_create(data).public
    old = (data / "key.pem").read_bytes()
    car = simulate("--enrol", before.hex(), "--enrol", public(file).hex())
    way = ("--vin", VIN, "--link", car.link, "--data", data, "--json")
    assert driveway("lock", *way).json["handshakes"] == 1
    assert driveway("lock", *way).json["handshakes"] == 0

    refused = driveway("key", "import", file, "--data", data, "--json")
    assert refused.status == 2
    assert "--replace" in refused.json["message"]
    assert ours(data) == before

    kept = Path(driveway("key", "import", file, "--data", data, "--replace", "--json").json["kept"])
    assert ours(data) == public(file)
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (old, 0o600)
    assert (data / "key.pem").stat().st_mode & 0o777 == 0o600
    unlocked = driveway("unlock", *way).json
    assert (unlocked["outcome"], unlocked["handshakes"]) == ("confirmed", 1)

    # And back again.
    back = driveway("key", "import", kept, "--data", data, "--replace", "--json").json
    assert back["changed"]
    assert ours(data) == before
    assert len(list(data.glob("key-*.pem"))) == 2


def test_what_the_old_key_might_do_is_not_believed_of_the_new_one(data: Path, file: Path) -> None:
    key_store.load_or_create(data)
    kept = Memory(data)
    moment = Moment("start", 1.0)
    known = {"address": "AA:BB", "role": "charging_manager", "slot": 3}
    other = Note('{"spent": 1}', moment)
    notes = {("car-1", "identity"): Note(json.dumps(known), moment), ("car-1", "budget"): other}
    assert kept.keep(Batch(notes=notes))
    kept.close()
    assert run(data, file, "--replace").exit_code == 0
    again = Memory(data)
    remembered = again.recall().notes
    again.close()
    assert json.loads(remembered["car-1", "identity"].document) == {"address": "AA:BB", "role": None, "slot": None}
    assert remembered["car-1", "budget"] == other


@pytest.mark.parametrize("held", ["sessions.db", "memory.db"])
def test_what_cannot_be_forgotten_keeps_the_key_that_it_belongs_to(
    held: str, data: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = key_store.load_or_create(data).public
    SessionStore(data).close()
    kept = Memory(data)
    assert kept.keep(Batch(notes={("car-1", "identity"): Note('{"role": "owner"}', Moment("start", 1.0))}))
    kept.close()
    monkeypatch.setattr(database, "_BUSY_S", 0.05)
    with contextlib.closing(sqlite3.connect(data / held, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = run(data, file, "--replace")
    assert done.exit_code == 2
    assert "the key stays" in done.output
    assert ours(data) == before
    assert run(data, file, "--replace").exit_code == 0


def test_in_words(data: Path, file: Path) -> None:
    shown = run(data, file)
    assert shown.exit_code == 0
    assert "in a PEM file and is this bridge's from now on" in shown.output
    assert "1. Switch the other program off" in shown.output
    assert "2. See what the key may do" in shown.output
    assert f"3. When all works, remove {file}" in shown.output
    assert sorted(path.name for path in data.iterdir()) == ["key.pem"]
    again = run(data, file, "--replace")
    assert again.output.startswith("This is the bridge's key already")
    assert "is kept as" in run(data, _another(file), "--replace").output


def _another(file: Path) -> Path:
    other = file.with_name("other.pem")
    other.write_bytes(PrivateKey.generate().to_pem())
    return other


def test_a_damaged_key_is_kept_too(data: Path, file: Path) -> None:
    data.mkdir(mode=0o700)
    (data / "key.pem").write_bytes(b"not a key")
    assert run(data, file).exit_code == 2
    assert run(data, file, "--replace").exit_code == 0
    [kept] = data.glob("key-unreadable-*.pem")
    assert kept.read_bytes() == b"not a key"
    assert ours(data) == public(file)


def test_a_bridge_that_runs_keeps_its_key(data: Path, file: Path) -> None:
    with data_lock.hold(data):
        refused = run(data, file)
        assert refused.exit_code == 2
        assert "another bridge" in refused.output
        assert key_store.load(data) is None
    assert run(data, file).exit_code == 0


def test_from_a_pipe(data: Path, file: Path) -> None:
    done = subprocess.run(
        [*DRIVEWAY, "key", "import", "-", "--data", data, "--json"],
        input=file.read_bytes(),
        env=environment(),
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert json.loads(done.stdout)["form"] == "pem"
    empty = run(data, "-")
    assert empty.exit_code == 2
    assert "standard input: There is no key" in empty.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("key", "import"), "Which file?"),
        (("key", "show", "private.pem"), "`driveway key import`"),
        (("key", "--replace"), "`driveway key import`"),
        (("key", "import", "missing.pem"), "No such file"),
        (("key", "import", "."), "this is a folder"),
    ],
)
def test_wrong_use(data: Path, arguments: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(main, [*arguments, "--data", str(data)], prog_name="driveway")
    assert result.exit_code == 2
    assert said in result.output


def test_a_folder_of_keys_is_looked_through(data: Path, file: Path) -> None:
    """As TeslaBleHttpProxy has it since it knows roles."""
    owner = file.with_name("key") / "owner"
    owner.mkdir(parents=True)
    file.rename(owner / "private.pem")
    assert "owner/private.pem" in run(data, owner.parent).output


def test_what_is_far_too_large(data: Path, tmp_path: Path) -> None:
    with (tmp_path / "disk.img").open("wb") as image:
        image.truncate(65 * 1024 * 1024)
    assert "far too large" in run(data, tmp_path / "disk.img").output


def test_a_key_that_is_a_folder(file: Path, data: Path) -> None:
    (data / "key.pem").mkdir(parents=True)
    assert "key.pem: Is a directory" in run(data, file, "--replace").output


def test_another_program_makes_a_key_meanwhile(data: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(path: Path, _content: bytes, **_: bool) -> None:
        path.parent.mkdir(mode=0o700)
        path.write_bytes(PrivateKey.generate().to_pem())

    monkeypatch.setattr(private_file, "put", first)
    assert "has just made a key here" in run(data, file).output


def test_a_passphrase_is_asked_for_at_a_terminal(data: Path, file: Path) -> None:
    protected = file.with_name("protected.pem")
    subprocess.run(
        ["openssl", "ec", "-in", file, "-aes256", "-passout", "pass:secret", "-out", protected],
        check=True,
        capture_output=True,
    )
    assert "protected by a passphrase" in run(data, protected).output  # nobody can be asked
    with Terminal("key", "import", protected, "--data", data) as terminal:
        terminal.until("Passphrase of the key")
        terminal.press("guess\n")
        terminal.until("not the passphrase of this key.\nPassphrase of the key")
        terminal.press("secret\n")
        screen = terminal.until("3. When all works")
    assert "secret" not in screen
    assert ours(data) == public(file)
