"""The command as a whole, and the small commands that ask no car."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import driveway_bridge
from driveway_bridge.cli import main
from driveway_bridge.protocol.keys import PrivateKey
from tests.bridge.cli.programs import DRIVEWAY, PATIENCE_S, VIN, environment


def run(*arguments: str | Path, **options: str) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), prog_name="driveway", **options)  # type: ignore[arg-type]


# The whole ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_command(flag: str) -> None:
    shown = run(flag)
    assert shown.exit_code == 0
    for name in main.commands or main.list_commands(None):  # type: ignore[arg-type]
        assert f"\n  {name} " in shown.output


def test_help_imports_nothing_that_is_slow() -> None:
    code = (
        "import sys\nfrom driveway_bridge.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'asyncio', 'bleak', 'cryptography', 'google', 'paho', 'rich', 'ruamel', 'voluptuous'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("name", ["run", "check-config", "key", "code", "lock", "unlock", "status", "demo", "simulate"])
def test_every_command_explains_itself(name: str) -> None:
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: driveway {name}")
    assert len(shown.output.splitlines()) > 6


def test_the_version() -> None:
    assert run("--version").output == f"driveway {driveway_bridge.__version__}\n"


@pytest.mark.parametrize(
    ("typed", "said"),
    [("unlok", "Is `unlock` meant?"), ("Lock", "Is `lock` meant?"), ("zzz", "`driveway --help` lists all commands.")],
)
def test_a_near_miss_is_suggested(typed: str, said: str) -> None:
    shown = run(typed)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert said in shown.stderr


def test_the_shell_can_complete() -> None:
    done = subprocess.run(
        DRIVEWAY, env=environment(_DRIVEWAY_COMPLETE="bash_complete", COMP_WORDS="driveway un", COMP_CWORD="1"),
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.stdout == "plain,unlock\n"


# check-config ---------------------------------------------------------------------------------------------------------


def test_a_fine_configuration(tmp_path: Path) -> None:
    file = tmp_path / "driveway.yaml"
    file.write_text(f"cars:\n  - vin: {VIN}\n")
    shown = run("check-config", "--config", file)
    assert shown.exit_code == 0
    of_car = "by Bluetooth; asked for locks and doors every 30 s; for details too, not where it is; "
    of_car += "idle connection kept 10 s; at most 20 wake-ups and 60 minutes awake a day"
    assert shown.output.splitlines() == [
        "fine: 1 car, broker 127.0.0.1:1883",
        "  broker: without a user, without a password, in the clear",
        "  everything below the topic driveway, as Driveway",
        f"  Car: {of_car}",
        "  Bluetooth adapter: the system's first, brought back when it goes deaf",
        "  plain topics: unsigned words may do this: locking, closing, charging, climate, media, signals",
        "  Home Assistant's discovery: off",
        "  page: none",
    ]
    file.write_text(f"mqtt: {{host: b, port: 1}}\ncars: [{{vin: {VIN}, name: A}}, {{vin: 5YJ30123456789ABD}}]\n")
    shown = run("check-config", "--config", file)
    assert shown.output.splitlines()[0] == "fine: 2 cars, broker b:1"
    assert shown.output.splitlines()[-1].startswith("weak: mqtt: the broker is on another computer")
    told = json.loads(run("check-config", "--config", file, "--json").output)
    assert (told["fine"], told["cars"], told["broker"], len(told["remarks"])) == (True, 2, "b:1", 1)
    assert [car["name"] for car in told["understood"]["cars"]] == ["A", "Car"]


def test_what_was_understood_holds_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "driveway.yaml"
    (tmp_path / "web.password").write_text("correct horse")
    file.write_text(
        f"mqtt: {{host: b, username: hunter1, password: hunter2}}\nweb: {{host: '::', password_file: web.password}}\n"
        f"cars: [{{vin: {VIN}, name: Anna, link: 'tcp://[::1]:4711', hold: keep, location: yes, details: no}}]\n"
    )
    file.chmod(0o600)
    plain, as_json = (
        run("check-config", "--config", file).output,
        run("check-config", "--config", file, "--json").output,
    )
    assert "  Anna: at tcp://[::1]:4711; " in plain
    assert "for no details, and where it is; connection kept for ever" in plain
    assert "  page: [::]:8095, password from password_file\n" in plain
    understood = json.loads(as_json)["understood"]
    assert understood["passwords_from"] == {"mqtt": "password", "web": "password_file"}
    assert understood["cars"][0]["hold"] == "keep"
    assert understood["cars"][0]["link"] == "tcp://[::1]:4711"
    for secret in ("hunter", "correct horse", VIN):
        assert secret not in plain + as_json


def test_a_broken_configuration(tmp_path: Path) -> None:
    file = tmp_path / "driveway.yaml"
    file.write_text("cars:\n  - vin: 1\nzoo: hunter2\n")
    shown = run("check-config", "--config", file)
    assert (shown.exit_code, shown.stdout) == (2, "")
    first, second = shown.stderr.splitlines()
    assert first.startswith(f"{file}:2:5 cars.vin: ")
    assert second.startswith(f"{file}:3:1 zoo: unknown key")
    assert "hunter2" not in shown.stderr
    as_json = run("check-config", "--config", file, "--json")
    assert as_json.exit_code == 2
    assert json.loads(as_json.stdout)["reason"] == "configuration_wrong"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("text", ["", "\t- x", "cars: [", "- a", "cars: x", f"cars: [{{vin: {VIN}x}}]", "\x00"])
def test_the_daemon_refuses_the_same(tmp_path: Path, text: str) -> None:
    file, data = tmp_path / "driveway.yaml", tmp_path / "data"
    file.write_text(text)
    checked = run("check-config", "--config", file)
    started = run("run", "--config", file, "--data", data)
    assert (started.exit_code, started.stderr) == (2, checked.stderr)
    assert not data.exists()


# key ------------------------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_shown(tmp_path: Path) -> None:
    shown = run("key", "show", "--data", tmp_path / "data")
    assert shown.exit_code == 0
    private = PrivateKey.from_pem((tmp_path / "data" / "key.pem").read_bytes())
    assert private.public_pem().decode() in shown.output
    assert private.public.hex() in shown.output
    assert "PRIVATE" not in shown.output
    as_json = json.loads(run("key", "--data", tmp_path / "data", "--json").output)
    assert as_json["public_key"] == private.public.hex()
    assert as_json["public_key"].startswith("04")
    assert as_json["fingerprint"] == hashlib.sha1(private.public).hexdigest()[:8]


def test_a_key_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shown = run("key", "--data", tmp_path / "file" / "data", "--json")
    assert shown.exit_code == 2
    assert f"{tmp_path}/file is not a folder; choose another one." in shown.stderr.replace("\n", "")
    assert json.loads(shown.stdout)["reason"] == "configuration_wrong"


def test_a_key_file_that_holds_none(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nonsense")
    shown = run("key", "--data", tmp_path)
    assert shown.exit_code == 2
    assert "this is no usable key" in shown.stderr
    assert (tmp_path / "key.pem").read_text() == "nonsense"


def test_the_default_folder_is_the_service_managers(tmp_path: Path) -> None:
    shown = CliRunner(env={"STATE_DIRECTORY": str(tmp_path / "state")}).invoke(main, ["key", "--json"])
    assert shown.exit_code == 0
    assert (tmp_path / "state" / "key.pem").exists()


# code -----------------------------------------------------------------------------------------------------------------


def test_the_code_is_shown_again(tmp_path: Path) -> None:
    code = json.loads(run("code", "--data", tmp_path, "--json").output)["code"]
    assert f"The code of this bridge: {code}\n" in run("code", "--data", tmp_path).output


def test_a_new_code_only_after_a_yes(tmp_path: Path) -> None:
    old = json.loads(run("code", "--data", tmp_path, "--json").output)["code"]
    refused = run("code", "--data", tmp_path, "--new", input="n\n")
    assert (refused.exit_code, refused.stdout) == (130, "")
    assert "must be given the new one" in refused.stderr.replace("\n", " ")
    assert old in run("code", "--data", tmp_path).output
    assert run("code", "--data", tmp_path, "--new", "--json").exit_code == 2
    assert old in run("code", "--data", tmp_path).output

    agreed = run("code", "--data", tmp_path, "--new", input="y\n")
    assert agreed.exit_code == 0
    assert old not in agreed.output
    assert "Restart the bridge" in agreed.output
    again = json.loads(run("code", "--data", tmp_path, "--new", "--yes", "--json").output)
    assert again["new"] is True
    assert again["code"] in run("code", "--data", tmp_path).output


# demo -----------------------------------------------------------------------------------------------------------------


def test_the_demonstration_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DRIVEWAY, "demo"], env=environment(TMPDIR=str(tmp_path), HOME=str(tmp_path)),
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for sentence in ("Unlocked. (", "Nothing is repeated blindly", "It was unlocked by somebody else.", "Locked. ("):
        assert sentence in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_demonstration_without_a_network(tmp_path: Path) -> None:
    """It must not even try: every socket that is not the event loop's own is refused."""
    code = (
        "import socket, sys\n"
        "class Refused(socket.socket):\n"
        "    def __init__(self, family=-1, *rest, **more):\n"
        "        if family in (-1, socket.AF_INET, socket.AF_INET6):\n"
        "            raise AssertionError('a network socket')\n"
        "        super().__init__(family, *rest, **more)\n"
        "socket.socket = Refused\n"
        "from driveway_bridge.cli import main\n"
        "main(['demo'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr) == (0, "")
