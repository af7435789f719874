"""One command in one process, a virtual car in another."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bridge.cli.programs import DRIVEWAY, PATIENCE_S, VIN, Done, SimulatedCar, environment

Driveway = Callable[..., Done]
Simulate = Callable[..., SimulatedCar]


def test_unlock_and_lock_with_one_handshake_in_all(
    driveway: Driveway, simulate: Simulate, data: Path, public_key: str
) -> None:
    car = simulate("--enrol", public_key)
    way = ("--vin", VIN, "--link", car.link, "--data", data)

    unlocked = driveway("unlock", *way, "--json")
    assert unlocked.status == 0
    assert unlocked.json["outcome"] == "confirmed"
    assert (unlocked.json["handshakes"], unlocked.json["exchanges"]) == (1, 2)
    assert unlocked.json["phases_ms"].keys() >= {"link", "session", "car", "total"}
    assert unlocked.json["ms"] > 0
    assert not car.is_locked()

    locked = driveway("lock", *way, "--json")
    assert (locked.status, locked.json["outcome"]) == (0, "confirmed")
    assert (locked.json["handshakes"], locked.json["exchanges"]) == (0, 1)
    assert car.is_locked()

    in_words = driveway("unlock", *way)
    assert in_words.out.startswith("Unlocked. (")
    assert in_words.err == ""
    assert not car.is_locked()
    assert {stat.S_IMODE(file.stat().st_mode) for file in data.iterdir()} == {0o600}


def test_status_tells_what_the_car_tells(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    car = simulate("--unlocked")
    way = ("--vin", VIN, "--link", car.link, "--data", data)
    car.do("enter")
    car.do("open front_trunk")
    told = driveway("status", *way)
    assert told.status == 0
    assert told.out.splitlines() == [
        "Locks:          unlocked",
        "Doors and lids: frunk open",
        "Car:            awake",
        "Inside:         somebody",
    ]
    car.do("leave")
    car.do("close front_trunk")
    car.do("sleep")
    asleep = driveway("status", *way)
    assert "Doors and lids: unknown (the car sleeps)" in asleep.out.splitlines()
    state = driveway("status", *way, "--json").json
    assert (state["outcome"], state["handshakes"]) == ("confirmed", 0)
    assert (state["state"]["locked"], state["state"]["asleep"], state["state"]["front_trunk"]) == (False, True, None)


def test_a_lost_answer_is_settled_by_reading(
    driveway: Driveway, simulate: Simulate, data: Path, public_key: str
) -> None:
    car = simulate("--enrol", public_key, "--fault", "lost_ack")
    done = driveway("unlock", "--vin", VIN, "--link", car.link, "--data", data, "--json")
    assert (done.status, done.json["outcome"]) == (0, "confirmed")
    assert not car.is_locked()


@pytest.mark.parametrize(
    ("fault", "status", "outcome", "reason", "said"),
    [
        ("key_removed", 1, "refused", "key_not_enrolled", "Pair the bridge with the car"),
        ("places_full", 1, "failed", None, "Not unlocked."),
        ("busy", 1, "refused", "car_busy", "Try again in a few seconds"),
        ("mobile_access_off", 1, "refused", "remote_access_off", "Switch it on in the car's menu"),
        ("error_without_reason", 1, "refused", "refused_by_car", "Look at the car's screen"),
        ("hang_up_on_request", 3, "unconfirmed", "link_lost", "It is not known whether the car is unlocked."),
    ],
)
def test_a_car_that_does_not_do_it(
    driveway: Driveway,
    simulate: Simulate,
    data: Path,
    public_key: str,
    fault: str,
    status: int,
    outcome: str,
    reason: str | None,
    said: str,
) -> None:
    car = simulate("--enrol", public_key, "--fault", fault)
    way = ("--vin", VIN, "--link", car.link, "--data", data, "--timeout", "2")
    as_json = driveway("unlock", *way, "--json")
    assert (as_json.status, as_json.json["outcome"]) == (status, outcome)
    assert reason is None or as_json.json["reason"] == reason
    assert said in as_json.json["message"]
    in_words = driveway("unlock", *way)
    assert (in_words.status, in_words.out) == (status, "")
    assert said in in_words.err
    assert car.is_locked()


def test_a_key_that_was_never_enrolled(driveway: Driveway, simulate: Simulate, data: Path) -> None:
    car = simulate()
    done = driveway("unlock", "--vin", VIN, "--link", car.link, "--data", data, "--json")
    assert (done.status, done.json["reason"]) == (1, "key_not_enrolled")
    assert car.is_locked()


def test_another_car_than_the_one_that_is_meant(
    driveway: Driveway, simulate: Simulate, data: Path, public_key: str
) -> None:
    car = simulate("--enrol", public_key)
    way = ("--vin", "5YJ30123456789ABD", "--link", car.link, "--data", data, "--timeout", "3")
    done = driveway("unlock", *way, "--json")
    assert (done.status, done.json["reason"]) == (1, "wrong_car")
    assert "Check the VIN" in done.json["message"]
    assert "5YJ30123456789ABD" not in done.out + done.err
    assert car.is_locked()


def test_nobody_listens(driveway: Driveway, data: Path, unused_tcp_port: int) -> None:
    link = f"tcp://127.0.0.1:{unused_tcp_port}"
    done = driveway("lock", "--vin", VIN, "--link", link, "--data", data, "--json")
    assert (done.status, done.json["outcome"], done.json["reason"]) == (1, "failed", "nobody_listening")
    assert "Check the address and port" in done.json["message"]
    assert done.json["handshakes"] == 0


def test_a_car_that_takes_the_call_and_says_nothing(driveway: Driveway, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = driveway("lock", "--vin", VIN, "--link", link, "--data", data, "--json", "--timeout", "3")
    assert (done.status, done.json["outcome"], done.json["reason"]) == (1, "failed", "no_answer")
    assert "agreeing with it on a session" in done.err  # who waits is told why


def test_a_name_that_nobody_knows(driveway: Driveway, data: Path) -> None:
    done = driveway("lock", "--vin", VIN, "--link", "tcp://car.invalid:4711", "--data", data, "--json")
    assert done.status == 1
    assert done.json["outcome"] == "failed"


def test_ctrl_c_says_whether_the_command_may_have_been_sent(simulate: Simulate, data: Path, public_key: str) -> None:
    def stopped_after(line: str, link: str) -> tuple[int, str]:
        """Press Ctrl-C as soon as the command says this."""
        command = [*DRIVEWAY, "unlock", "--vin", VIN, "--link", link, "--data", str(data), "--timeout", "30"]
        with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for heard in process.stderr:
                if line in heard:
                    break
            process.send_signal(signal.SIGINT)
            last = process.stderr.read().splitlines()[-1]
            return process.wait(PATIENCE_S), last

    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        assert stopped_after("agreeing with it", link) == (130, "Stopped. The car was told nothing.")
    car = simulate("--enrol", public_key, "--fault", "silent")
    car.do("fault silent off")
    assert subprocess.run(  # a session, so that the next command is sent at once
        [*DRIVEWAY, "lock", "--vin", VIN, "--link", car.link, "--data", str(data)], env=environment(), check=False,
        capture_output=True,
    ).returncode == 0  # fmt: skip
    car.do("fault silent on")
    assert stopped_after("looking at the car's state", car.link) == (
        130,
        "Stopped. The command may have reached the car: look at it.",
    )


def test_a_terminal_shows_what_is_going_on(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        master, slave = pty.openpty()
        command = [*DRIVEWAY, "lock", "--vin", VIN, "--link", f"tcp://127.0.0.1:{silent.getsockname()[1]}"]
        process = subprocess.Popen(
            [*command, "--data", str(data), "--timeout", "2"], env=environment(TERM="xterm"), stderr=slave
        )
        os.close(slave)
        seen = b""
        until = time.monotonic() + PATIENCE_S
        while b"agreeing with it on a session" not in seen and time.monotonic() < until:
            if select.select([master], [], [], 0.1)[0]:
                seen += os.read(master, 4096)
        assert process.wait(PATIENCE_S) == 1
        os.close(master)
    assert b"agreeing with it on a session" in seen


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lock"], "Missing option '--vin'"),
        (["lock", "--vin", "5YJ3"], "a VIN has 17 letters and digits, this has 4"),
        (["lock", "--vin", "5YJ3O123456789ABC"], "the letters I, O and Q never occur in a VIN"),
        (["lock", "--vin", VIN, "--link", "wifi"], "must be `bluetooth` or `tcp://HOST:PORT`"),
        (["lock", "--vin", VIN, "--link", "tcp://h:99999"], "with a port from 1 to 65535"),
        (["lock", "--vin", VIN, "--link", "tcp://h:1", "--timeout", "0"], "0.0 is not in the range"),
        (["lock", "--vin", VIN, "--link", "tcp://h:1", "--hci", "usb:0"], "--hci is for --link bluetooth"),
        (["lock", "--vin", VIN, "--link", "tcp://h:1", "--data", "/dev/null/x"], "/dev/null is not a folder"),
        (["lock", "--vin", VIN, "--link", "tcp://h:1", "--data", "/dev/null"], "/dev/null is not a folder"),
        (["lock", "--vin", VIN, "--lnk", "tcp://h:1"], "Did you mean"),
    ],
)
def test_wrong_use(driveway: Driveway, arguments: list[str], said: str) -> None:
    done = driveway(*arguments, "--json")
    assert done.status == 2
    assert said in done.err
    assert (done.json["outcome"], done.json["reason"]) == ("failed", "configuration_wrong")
    assert said in done.json["message"]
    assert VIN not in done.err + done.out
    assert "5YJ3O123456789ABC" not in done.err + done.out


def test_nobody_reads_the_output(simulate: Simulate, data: Path) -> None:
    car = simulate()
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*DRIVEWAY, "status", "--vin", VIN, "--link", car.link, "--data", str(data)],
        env=environment(), stdout=writer, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_damaged_memory_does_not_keep_the_car_shut(
    driveway: Driveway, simulate: Simulate, data: Path, public_key: str
) -> None:
    car = simulate("--enrol", public_key)
    (data / "sessions.db").write_bytes(b"nonsense" * 1000)
    done = driveway("unlock", "--vin", VIN, "--link", car.link, "--data", data, "--json")
    assert (done.status, done.json["outcome"]) == (0, "confirmed")
    assert json.loads(done.out)["handshakes"] == 1
