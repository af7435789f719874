"""The doctor as the owner calls him: real processes all along the chain."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bridge.cli.programs import BRIDGE, DRIVEWAY, PATIENCE_S, VIN, Done, SimulatedCar, environment
from tests.bridge.daemon.mosquitto import Mosquitto, find_mosquitto

Simulate = Callable[..., SimulatedCar]


def examine(*arguments: str | Path) -> Done:
    done = subprocess.run(
        [*DRIVEWAY, "doctor", *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(find_mosquitto(), tmp_path / "broker") as mosquitto:
        mosquitto.start()
        yield mosquitto


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "driveway.yaml"


def configure(file: Path, port: int, link: str) -> None:
    file.write_text(f"mqtt: {{port: {port}}}\ncars: [{{vin: {VIN}, name: Anna, link: '{link}'}}]\n")


def until_online(bridge: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while "Connected to the MQTT broker" not in log.read_text():
        assert bridge.poll() is None, log.read_text()
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.timeout(180)
def test_a_whole_real_chain_is_well(
    simulate: Simulate, broker: Mosquitto, data: Path, public_key: str, file: Path, tmp_path: Path
) -> None:
    car = simulate("--enrol", public_key)
    configure(file, broker.port, car.link)
    log = tmp_path / "bridge.log"
    with log.open("wb") as opened:
        bridge = subprocess.Popen(
            [*DRIVEWAY, "run", "--config", file, "--data", data], env=environment(), stderr=opened
        )
    try:
        until_online(bridge, log)
        done = examine("--config", file, "--data", data, "--without-home-assistant", "--json")
        assert (done.status, done.json["well"], done.json["first_broken"]) == (0, True, None), done.out
        assert {check["state"] for check in done.json["checks"]} == {"ok"}, done.out
        assert VIN not in done.out

        in_words = examine("--config", file, "--data", data)
        assert in_words.status == 1
        assert "The chain is broken at: Home Assistant. " in in_words.out
        assert car.is_locked()
    finally:
        bridge.terminate()
        assert bridge.wait(PATIENCE_S) == 0

    without = examine("--config", file, "--data", data, "--json")
    assert (without.status, without.json["first_broken"]) == (1, "bridge")
    assert [check["because"] for check in without.json["checks"] if check["state"] == "skipped"] == ["bridge"]


def test_every_problem_is_a_line_with_a_remedy(data: Path, file: Path) -> None:
    """Pains 20, 43."""
    configure(file, 1, "tcp://127.0.0.1:1")
    done = examine("--config", file, "--data", data)
    assert (done.status, done.err) == (1, "")
    lines = done.out.splitlines()
    assert [line.split("  ")[0] for line in lines if line.startswith("BROKEN")] == ["BROKEN"] * 3
    for title in ("Data folder", "Anna: there", "MQTT broker"):
        number = next(number for number, line in enumerate(lines) if line.startswith(f"BROKEN   {title}"))
        assert lines[number + 1].startswith("   ")
        assert lines[number + 1].strip()
    assert lines[-1].startswith("The chain is broken at: Data folder. ")


def test_a_broken_configuration_is_a_finding_and_not_wrong_use(data: Path, file: Path) -> None:
    done = examine("--config", file, "--data", data, "--json")
    assert (done.status, done.json["first_broken"]) == (1, "configuration")
    assert done.out.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("--config", "FILE", "--car", "Bert"), ("--config", "FILE", "--zoo")])
def test_wrong_use(data: Path, file: Path, arguments: tuple[str, ...]) -> None:
    configure(file, 1, "tcp://127.0.0.1:1")
    done = examine(*(argument.replace("FILE", str(file)) for argument in arguments), "--data", data)
    assert done.status == 2
    assert "BROKEN" not in done.out
    if "Bert" in arguments:
        assert "there are: Anna" in done.err


def test_a_slow_link_says_what_is_being_done(data: Path, file: Path) -> None:
    """A broker that takes the call and says nothing is waited for; meanwhile a line tells so."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        configure(file, deaf.getsockname()[1], "tcp://127.0.0.1:1")
        done = examine("--config", file, "--data", data)
    assert "...      MQTT broker: " in done.out
    assert "BROKEN   MQTT broker" in done.out
    assert "does not answer" in done.out or "did not answer" in done.out


def test_on_a_terminal(data: Path, file: Path) -> None:
    configure(file, 1, "tcp://127.0.0.1:1")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*DRIVEWAY, "doctor", "--config", str(file), "--data", str(data)],
        env=environment(TERM="xterm", COLUMNS="80"), stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            piece = os.read(ours, 65536)
        except OSError:  # its other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(PATIENCE_S) == 1
    text = shown.decode()
    assert "Traceback" not in text
    # The moving lines name what is being looked at, in any order; what was found stands in the order of the chain.
    found = re.findall(r"(?:ok|look|BROKEN|skipped) *(?:\x1b\[0m)? +(Configuration|Data folder|MQTT broker)", text)
    assert list(dict.fromkeys(found)) == ["Configuration", "Data folder", "MQTT broker"], text
    assert "The chain is broken at: Data folder." in text


@pytest.mark.timeout(180)
def test_over_a_virtual_radio(simulate: Simulate, data: Path, public_key: str, file: Path) -> None:
    """Pains 18, 27, 96: a car that calls, and one that is out of reach, told apart by what was heard."""
    car = simulate("--listen", "hci://127.0.0.1:0", "--enrol", public_key)
    radio = next(one for one in car.events[0]["listen"] if one.startswith("hci"))
    hci = f"tcp-client:{radio.removeprefix('hci://')}"
    file.write_text(f"mqtt: {{port: 1}}\nbluetooth: {{hci: '{hci}'}}\ncars: [{{vin: {VIN}, name: Anna}}]\n")
    near = {
        check["name"].rpartition(".")[2]: check
        for check in examine("--config", file, "--data", data, "--json").json["checks"]
        if check["car"]
    }
    assert {name: check["state"] for name, check in near.items()} == dict.fromkeys(
        ("heard", "place", "answer", "key", "signed"), "ok"
    ), near
    assert "dBm" in near["heard"]["found"]
    assert car.is_locked()

    car.do("vanish")
    away = examine("--config", file, "--data", data, "--json").json
    assert away["first_broken"].endswith(".heard")
    heard = next(check for check in away["checks"] if check["name"] == away["first_broken"])
    assert heard["reason"] == "not_in_range"
    assert "signal" in heard["remedy"]


def test_nothing_slow_is_loaded_for_the_list() -> None:
    code = (
        "import sys\nfrom driveway_bridge.cli import main\nimport click\n"
        "main.get_command(click.Context(main), 'doctor')\n"
        "print(sorted({'bleak', 'cryptography', 'google', 'paho', 'rich', 'ruamel'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [DRIVEWAY[0], "-c", code], env={**os.environ, "PYTHONPATH": str(BRIDGE)}, capture_output=True, text=True,
        timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.replace("'", '"')) == []
