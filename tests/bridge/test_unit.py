"""The service for systemd: right in systemd's own eyes, closed as promised, and fit for this daemon."""

from __future__ import annotations

import faulthandler
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from driveway_bridge import app, data_folder, journal
from driveway_bridge.cli.run import START_ME_AGAIN, run
from driveway_bridge.config_secrets import SECTIONS
from driveway_bridge.link.healing import RadioGivenUp
from driveway_bridge.reasons import REASONS

FOLDER = Path(__file__).parents[2] / "bridge/systemd"
UNIT = FOLDER / "driveway.service"
MOST_EXPOSED = 1.5
ANALYZE = shutil.which("systemd-analyze")
with_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def service() -> dict[str, list[str]]:
    """The directives of the section [Service], each with all its values."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, timeout=50, check=False)


@with_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text, count = re.subn(r"(?m)^ExecStart=/opt/driveway/bin/driveway", f"ExecStart={sys.executable}", UNIT.read_text())
    assert count == 1
    unit.write_text(text)
    checked = analyze("verify", "--recursive-errors=no", unit)
    assert (checked.returncode, checked.stderr, checked.stdout) == (0, "", "")


@with_systemd
def test_it_is_closed_as_promised(capsys: pytest.CaptureFixture[str]) -> None:
    checked = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", UNIT)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", checked.stdout)
    assert found is not None, checked.stderr
    with capsys.disabled():
        sys.stderr.write(f"exposure of the service: {found[1]} of 10\n")
    assert checked.returncode == 0
    assert float(found[1]) <= MOST_EXPOSED


@with_systemd
@pytest.mark.parametrize("directive", ["CapabilityBoundingSet=", "ProtectSystem=strict", "PrivateUsers=yes"])
def test_the_judgement_would_notice_a_hole(tmp_path: Path, directive: str) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(f"\n{directive}\n", "\n"))
    before = analyze("security", "--offline=true", "--json=short", UNIT).stdout
    assert analyze("security", "--offline=true", "--json=short", unit).stdout != before


def test_the_daemon_may_write_where_it_keeps_its_things() -> None:
    """Everything else is read-only for it: the data folder has to be the one that systemd makes and opens."""
    directives = service()
    (name,) = directives["StateDirectory"]
    state = Path("/var/lib") / name
    assert data_folder.default({"STATE_DIRECTORY": str(state)}) == state
    assert directives["ProtectSystem"] == ["strict"]
    assert "--data" not in directives["ExecStart"][0]
    assert directives["StateDirectoryMode"] == ["0700"]


def test_it_is_started_again_when_that_helps_and_only_then() -> None:
    """Pains 26, 77: what a restart mends is restarted, and a wrong configuration is not tried for ever."""
    directives = service()
    assert directives["Restart"] == ["on-failure"]
    not_again = directives["RestartPreventExitStatus"][0].split()
    assert "2" in not_again
    assert str(START_ME_AGAIN) not in not_again
    assert int(directives["RestartSec"][0]) >= 5
    assert directives["Type"] == ["notify"]
    assert int(directives["WatchdogSec"][0]) >= 10
    assert directives["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_a_bridge_whose_radio_is_given_up_asks_to_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Pains 15, 26."""

    async def give_up(*_arguments: object, **_options: object) -> None:
        raise RadioGivenUp("radio_deaf", "nothing has helped")

    monkeypatch.setattr(app, "run", give_up)
    monkeypatch.setattr(journal, "open_log", lambda _level: None)
    monkeypatch.setattr(faulthandler, "enable", lambda _file: None)
    file = tmp_path / "driveway.yaml"
    file.write_text("cars: [{vin: 5YJ30123456789ABC}]\n")
    ended = CliRunner().invoke(run, ["--config", str(file), "--data", str(tmp_path / "data")])
    assert ended.exit_code == START_ME_AGAIN == 75
    assert caplog.messages == [f"{' '.join(REASONS['radio_deaf'])} nothing has helped"]


def test_no_memory_dump_holds_the_key() -> None:
    assert service()["LimitCORE"] == ["0"]


def test_bluetooth_may_be_away_for_a_while() -> None:
    head = UNIT.read_text().partition("[Service]")[0]
    assert "bluetooth.service" in re.findall(r"(?m)^After=(.*)$", head)[0].split()
    assert not re.search(r"(?m)^(Requires|BindsTo|PartOf)=", head)


def test_secrets_are_named_as_the_bridge_looks_for_them() -> None:
    text = UNIT.read_text()
    for place in SECTIONS.values():
        assert f"\n#LoadCredential={place.credential}:" in text
        assert place.variable in text
        assert f"#{place.variable}=" in (FOLDER / "driveway.env.example").read_text()


def test_the_user_is_one_that_the_whole_computer_knows() -> None:
    """The D-Bus daemon throws a user that it does not know off the bus."""
    directives = service()
    assert "DynamicUser" not in directives
    (user,) = directives["User"]
    assert re.search(rf"(?m)^u {user} - ", (FOLDER / "driveway.sysusers").read_text())
