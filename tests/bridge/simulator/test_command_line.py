"""`driveway simulate` as a process, seen from outside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from driveway_bridge.errors import LinkLost, NotReached
from driveway_bridge.link.air import Air as Radio
from driveway_bridge.link.base import Link
from driveway_bridge.link.bluetooth import BluetoothDialer
from driveway_bridge.proto import RoutableMessage
from driveway_bridge.protocol.framing import Unframer, frame
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.faults import Fault
from tests.bridge.simulator.raw_client import GET_STATUS, UNLOCK, VIN, RawClient

COMMAND = [sys.executable, "-c", "from driveway_bridge.cli.simulate import simulate; simulate()"]
BRIDGE = Path(__file__).parents[3] / "bridge"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(BRIDGE)}
ANY_PORT = ["--vin", VIN, "--listen", "tcp://127.0.0.1:0"]


class Process:
    """The car, its events as they come, its ears."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [*COMMAND, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            text=True,
        )
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.listening = self.next("listening")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._events.put(json.loads(line))

    def next(self, name: str) -> dict[str, Any]:
        """The next event of that name."""
        while True:
            event = self._events.get(timeout=20)
            if event["event"] == name:
                return event

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.stdin = None

    def tell(self, line: str) -> dict[str, Any]:
        """Say a line; gives the event that answers it."""
        self.say(line)
        while True:
            event = self._events.get(timeout=20)
            if event["event"] in ("did", "error"):
                return event

    @property
    def port(self) -> int:
        return int(self.listening["listen"][0].rpartition(":")[2])

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to end; gives exit status and what it complained of."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        status = self._process.wait(timeout=20)
        self._reader.join(timeout=20)
        assert self._process.stderr is not None
        complaint = self._process.stderr.read()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return status, complaint

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self.wait()


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Process] = []

    def start(*options: str) -> Process:
        started.append(Process(*options))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture(scope="module")
def car() -> Iterator[Process]:
    """One car for many words."""
    car = Process(*ANY_PORT)
    car.next("state")
    yield car
    assert car.end() == (0, "")


class Call:
    """A blocking TCP connection to it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._unframer = Unframer()

    def ask(self, message: RoutableMessage) -> RoutableMessage:
        self.socket.sendall(frame(message.SerializeToString()))
        while True:
            data = self.socket.recv(4096)
            assert data, "the car hung up"
            for piece in self._unframer.feed(data, 0.0):
                reply = RoutableMessage.FromString(piece)
                if reply.request_uuid == message.uuid:
                    return reply


def refused(*options: str) -> str:
    """Start it with options that are wrong; gives its complaint."""
    result = subprocess.run(
        [*COMMAND, *options], capture_output=True, env=ENVIRONMENT, text=True, timeout=20, check=False
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_car_s_day(start: Start) -> None:
    key = PrivateKey.generate()
    car = start(*ANY_PORT, "--enrol", key.public.hex().upper(), "--asleep")
    assert car.listening["vin"] == VIN
    assert len(bytes.fromhex(car.listening["public_key"])) == 65
    state = car.next("state")
    assert (state["locked"], state["asleep"], state["user_present"]) == (True, True, False)
    assert set(state["closures"].values()) == {"closed"}

    client = RawClient(key)
    call = Call(car.port)
    assert car.next("connected")["places_free"] == 2
    handshake = client.handshake()
    client.accept_from(call.ask(handshake), handshake)
    name = car.next("handshake")["key"]
    call.ask(client.signed(UNLOCK))
    command = car.next("command")
    assert (command["name"], command["key"], command["counter"]) == ("unlock", name, 1)
    assert car.next("state")["locked"] is False

    assert car.tell("lock by anna") == {"event": "did", "command": "lock by anna"}
    assert call.ask(client.unsigned(GET_STATUS)).protobuf_message_as_bytes == bytes.fromhex("0a06100118022001")
    call.socket.close()
    assert car.next("disconnected")["places_free"] == 3
    assert car.end() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly_with_a_client_on_the_line(start: Start, number: signal.Signals) -> None:
    car = start(*ANY_PORT)
    call = Call(car.port)
    car.next("connected")
    assert car.end(number) == (0, "")
    call.socket.close()


@pytest.mark.parametrize(
    ("before", "line", "fact", "value", "by"),
    [
        ("lock", "unlock", "locked", False, "hand"),
        ("unlock", "lock by the neighbour", "locked", True, "the neighbour"),
        ("leave", "enter", "user_present", True, "hand"),
        ("enter", "leave", "user_present", False, "hand"),
        ("wake", "sleep", "asleep", True, "hand"),
        ("sleep", "wake", "asleep", False, "hand"),
    ],
)
def test_words(car: Process, before: str, line: str, fact: str, value: bool, by: str) -> None:
    car.tell(before)
    car.say(line)
    state = car.next("state")
    assert (state[fact], state["by"]) == (value, by)
    assert car.next("did")["command"] == line
    car.say("state")
    assert car.next("state")[fact] == value
    car.next("did")


def test_doors_and_lids(car: Process) -> None:
    for line, expected in (("open rear_trunk", "open"), ("close rear_trunk", "closed")):
        car.say(line)
        assert car.next("state")["closures"]["rear_trunk"] == expected
        assert car.next("did")["command"] == line


def test_words_that_are_wrong(car: Process) -> None:
    for line in ("dance", "open", "open window", "fault", "fault lost_ack", "fault gremlins on", "x" * 5000):
        answer = car.tell(line)
        assert answer["event"] == "error"
        assert answer["message"]
    car.tell("open front_driver_door")
    assert car.tell("lock") == {"event": "error", "message": "a door is open"}
    assert car.tell("close front_driver_door")["event"] == "did"


def test_faults_can_be_switched(start: Start) -> None:
    key = PrivateKey.generate()
    car = start(*ANY_PORT, "--enrol", key.public.hex(), "--fault", "key_removed", "--enrol-role", "owner")
    client, call = RawClient(key), Call(car.port)
    assert call.ask(client.handshake()).session_info == bytes.fromhex("2801")
    car.tell("fault key_removed off")
    handshake = client.handshake()
    client.accept_from(call.ask(handshake), handshake)
    car.tell("reboot")
    assert call.ask(client.signed(UNLOCK)).signedMessageStatus.signed_message_fault == 15
    call.socket.close()


def test_drop_vanish_and_return(start: Start) -> None:
    car = start(*ANY_PORT)
    client = RawClient(PrivateKey.generate())
    call = Call(car.port)
    car.next("connected")
    assert car.tell("drop")["event"] == "did"
    assert gone(call)

    call = Call(car.port)
    call.ask(client.unsigned(GET_STATUS))
    assert car.tell("vanish")["event"] == "did"
    assert gone(call)
    with pytest.raises(ConnectionRefusedError):
        Call(car.port)

    assert car.tell("return")["event"] == "did"
    call = Call(car.port)
    call.ask(client.unsigned(GET_STATUS))
    call.socket.close()
    assert car.tell("quit")["event"] == "did"
    assert car.wait() == (0, "")


def gone(call: Call) -> bool:
    try:
        while call.socket.recv(4096):
            pass
    except ConnectionResetError:
        return True
    finally:
        call.socket.close()
    return True


def test_end_of_input_is_ignored(start: Start) -> None:
    car = start(*ANY_PORT)
    car.close_input()
    call = Call(car.port)
    call.ask(RawClient(PrivateKey.generate()).unsigned(GET_STATUS))
    call.socket.close()
    assert car.end() == (0, "")


def test_ends_when_nobody_reads_its_events() -> None:
    process = subprocess.Popen(
        [*COMMAND, *ANY_PORT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["event"] == "listening"
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()


def test_seed(start: Start) -> None:
    first, second, third = (start(*ANY_PORT, "--seed", number) for number in ("7", "7", "8"))
    assert first.listening["public_key"] == second.listening["public_key"] != third.listening["public_key"]


def test_scenario(start: Start, tmp_path: Path) -> None:
    evening = tmp_path / "evening"
    evening.write_text("# Somebody comes home.\n0 drive_off\n0.1 drive_home\n0.2 plug_in 10\n0.2 quit\n")
    car = start(*ANY_PORT, "--scenario", str(evening), "--equipment", "3")
    assert [car.next("did")["command"] for _ in range(4)] == ["drive_off", "drive_home", "plug_in 10", "quit"]
    assert car.wait() == (0, "")


def test_scenario_that_is_wrong(tmp_path: Path) -> None:
    evening = tmp_path / "evening"
    evening.write_text("0 lock\nsoon unlock\n")
    complaint = " ".join(refused(*ANY_PORT, "--scenario", str(evening)).split())
    assert "line 2: a line begins with seconds from the start, and 'soon' is no such number" in complaint


def test_list_of_faults() -> None:
    result = subprocess.run(
        [*COMMAND, "--list-faults"], capture_output=True, env=ENVIRONMENT, text=True, timeout=20, check=True
    )
    lines = result.stdout.splitlines()
    assert len(lines) == len(Fault)
    assert any(line.startswith("lost_ack ") for line in lines)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--vin", "short", "--listen", "tcp://127.0.0.1:0"], "17 letters"),
        (["--vin", VIN], "--listen"),
        (["--vin", VIN, "--listen", "127.0.0.1:4711"], "looks like tcp://127.0.0.1:4711"),
        (["--vin", VIN, "--listen", "tcp://127.0.0.1:99999"], "no address"),
        (["--vin", VIN, "--listen", "tcp://127.0.0.1"], "no address"),
        (["--vin", VIN, "--listen", "tcp://127.0.0.1:1/x"], "no address"),
        ([*ANY_PORT, "--enrol", "zz"], "65 bytes"),
        ([*ANY_PORT, "--enrol", "04" * 64], "65 bytes"),
        ([*ANY_PORT, "--enrol", "04" * 65], "cannot know the key"),
        ([*ANY_PORT, "--fault", "gremlins"], "no fault 'gremlins'"),
        ([*ANY_PORT, "--profile", "warp"], "instant"),
        ([*ANY_PORT, "--scenario", "/nowhere/to/be/found"], "No such file"),
        ([*ANY_PORT, "--equipment", "submarine"], "cybertruck"),
        ([*ANY_PORT, "--mtu", "12"], "23<=x<=517"),
    ],
)
def test_wrong_options(options: list[str], words: str) -> None:
    assert words in refused(*options)


def test_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        complaint = refused("--vin", VIN, "--listen", f"tcp://127.0.0.1:{port}")
    assert f"cannot listen on tcp://127.0.0.1:{port}" in complaint


def test_public_key_with_white_space(start: Start) -> None:
    public = PrivateKey.generate().public.hex(" ", 4)
    assert start(*ANY_PORT, "--enrol", f"  {public}\n").end() == (0, "")


async def listen_to(link: Link) -> None:
    while True:
        await link.receive()


async def test_over_the_virtual_radio(start: Start) -> None:
    key = PrivateKey.generate()
    car = start("--vin", VIN, "--listen", "hci://127.0.0.1:0", "--enrol", key.public.hex())
    assert car.listening["listen"] == [f"hci://127.0.0.1:{car.port}"]
    client = RawClient(key)
    unframer = Unframer()
    dialer = BluetoothDialer(VIN, Radio(hci=f"tcp-client:127.0.0.1:{car.port}"))
    try:
        link = await dialer.connect(20)
        handshake = client.handshake()
        await link.send(frame(handshake.SerializeToString()))
        reply = None
        async with asyncio.timeout(20):
            while reply is None or reply.request_uuid != handshake.uuid:
                for message in unframer.feed(await link.receive(), 0.0):
                    reply = RoutableMessage.FromString(message)
        client.accept_from(reply, handshake)
        await link.send(frame(client.signed(UNLOCK).SerializeToString()))
        assert (await asyncio.to_thread(car.next, "command"))["name"] == "unlock"

        assert (await asyncio.to_thread(car.tell, "vanish"))["event"] == "did"
        async with asyncio.timeout(20):
            with pytest.raises(LinkLost):
                await listen_to(link)
        await link.close()
        with pytest.raises(NotReached):
            await dialer.connect(1)
        assert (await asyncio.to_thread(car.tell, "return"))["event"] == "did"
        link = await dialer.connect(20)
        await link.close()
    finally:
        await dialer.close()
    assert await asyncio.to_thread(car.end) == (0, "")
