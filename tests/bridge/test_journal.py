"""The log: levels for the journal, no VIN, and no night's worth of the same line."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from driveway_bridge import code_store, journal, key_store
from driveway_bridge.contract import Outcome, Result, Signer, new_code
from driveway_bridge.contract_topics import Topics
from driveway_bridge.vin import car_id
from tests.bridge.daemon.house import House
from tests.bridge.daemon.mosquitto import Mosquitto, find_mosquitto
from tests.bridge.daemon.test_process import driveway, simulated_car

VIN = "5YJ30123456789ABC"
PIN = "8462"


class Log:
    """A log of its own, with a clock that stands still until it is moved."""

    def __init__(self, *, for_journal: bool = True) -> None:
        self.now = 0.0
        self._written = io.StringIO()
        self.handler = journal.FoldingHandler(self._written, clock=lambda: self.now)
        self.handler.setFormatter(journal.Formatter(for_journal=for_journal))
        self.logger = logging.getLogger(f"{__name__}.{id(self)}")
        self.logger.propagate = False
        self.logger.setLevel(logging.DEBUG)
        self.logger.addHandler(self.handler)

    def lines(self) -> list[str]:
        """What was written since the last time."""
        lines = self._written.getvalue().splitlines()
        self._written.seek(0)
        self._written.truncate()
        return lines


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    yield made
    made.handler.close()


def test_every_line_carries_the_level_that_systemd_knows(log: Log) -> None:
    log.logger.critical("one\ntwo")
    for level in (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG):
        log.logger.log(level, "x")
    assert log.lines() == ["<2>one", "<2>two", "<3>x", "<4>x", "<6>x", "<7>x"]


def test_on_a_terminal_lines_carry_time_and_level() -> None:
    log = Log(for_journal=False)
    log.logger.info("hello")
    (line,) = log.lines()
    assert line.endswith(" INFO    hello")


@pytest.mark.parametrize("vin", [VIN, VIN.lower()])
def test_a_vin_becomes_the_id_of_the_car_wherever_it_comes_from(log: Log, vin: str) -> None:
    """Pains 104."""
    log.logger.warning("no car %s, only %s", vin, [vin])
    log.logger.error("It failed", exc_info=LookupError(f"/data/{vin}.pem"))
    text = "\n".join(log.lines())
    assert text.startswith(f"<4>no car {car_id(VIN)}, only ['{car_id(VIN)}']\n")
    assert f"<3>LookupError: /data/{car_id(VIN)}.pem" in text
    assert VIN not in text.upper()


@pytest.mark.parametrize("word", ["S0123456789abcdefC", "a" * 17, "1" * 17, "0123456789abcdef", VIN + "0"])
def test_what_is_no_vin_stays(log: Log, word: str) -> None:
    log.logger.info("%s", word)
    assert log.lines() == [f"<6>{word}"]


def test_a_terminal_obeys_nobody_who_got_into_the_log(log: Log) -> None:
    log.logger.info("name \x1b[2J\x9b\r!")
    assert log.lines() == ["<6>name ?[2J??!"]


def test_a_line_that_comes_again_and_again_is_folded(log: Log) -> None:
    """Pains 15, 25: a broker or a car that is away for a night writes a line a minute."""
    for _ in range(12):
        log.now += 4
        log.logger.warning("No broker at %s", "home")
    assert log.lines() == ["<4>No broker at home"] * 3
    log.now += 60
    log.logger.info("Something else")
    assert log.lines() == ["<4>No broker at home (9 times more in the last minute)", "<6>Something else"]
    log.logger.warning("No broker at %s", "home")
    assert log.lines() == ["<4>No broker at home"]


def test_after_much_flapping_the_log_ends_with_how_it_is_now(log: Log) -> None:
    for _ in range(5):
        log.logger.info("reached")
        log.now += 1
        log.logger.info("not reached")
        log.now += 1
    log.lines()
    log.handler.close()
    assert log.lines() == [
        "<6>reached (2 times more in the last minute)",
        "<6>not reached (2 times more in the last minute)",
    ]


def test_debugging_sees_every_line_and_errors_keep_their_traces(log: Log) -> None:
    for _ in range(9):
        log.logger.debug("frame")
        log.logger.error("odd", exc_info=KeyError("x"))
    lines = log.lines()
    assert lines.count("<7>frame") == 9
    assert lines.count("<3>KeyError: 'x'") == 9


def test_many_different_lines_take_no_memory(log: Log) -> None:
    for number in range(10_000):
        log.logger.info("%s", number)
    assert len(log.lines()) == 10_000
    assert len(log.handler._repeated) <= 201


def test_libraries_are_quiet_below_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    chatty = {name: logging.getLogger(name).level for name in journal._CHATTY}
    try:
        journal.open_log("debug", {"JOURNAL_STREAM": "8:1"})
        assert logging.getLogger("driveway_bridge.x").isEnabledFor(logging.DEBUG)
        assert not logging.getLogger("bleak.backends").isEnabledFor(logging.INFO)
        assert logging.getLogger("bleak.backends").isEnabledFor(logging.WARNING)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, before in chatty.items():
            logging.getLogger(name).setLevel(before)


async def test_the_log_of_a_whole_day_holds_nothing_that_opens_a_car(tmp_path: Path, unused_tcp_port: int) -> None:
    """Pains 104: at debug level too, with commands, strangers, a broker that goes away and a wrong configuration."""
    data = tmp_path / "data"
    code = code_store.load_or_create_code(data)
    topics = Topics("driveway", code_store.load_or_create_bridge_id(data))
    key = key_store.load_or_create(data)
    signer, stranger = Signer.from_code(code), Signer.from_code(new_code())
    with Mosquitto(find_mosquitto(), tmp_path / "broker") as broker:
        broker.start()
        async with simulated_car(tmp_path, key.public) as (_, port), House(broker.port) as house:
            file = tmp_path / "driveway.yaml"
            text = f"{{vin: {VIN}, name: Anna, link: 'tcp://127.0.0.1:{port}'}}"
            mqtt = f"{{port: {broker.port}, username: u, password: correct horse}}"
            file.write_text(
                f"mqtt: {mqtt}\nweb: {{port: {unused_tcp_port}, password: battery staple}}\ncars: [{text}]\n"
            )

            async def give(by: Signer, command: str, **changes: Any) -> Result:
                command_id, payload = await house.signed(by, car_id(VIN), command, **changes)
                house.publish(topics.command(car_id(VIN)), payload)
                return await house.final(command_id)

            run = ("run", "--config", file, "--data", data, "--log-level", "debug")
            async with driveway(tmp_path, *run) as bridge:
                await house.wait(lambda heard: heard.payload == b"online")
                assert (await give(signer, "unlock")).outcome is Outcome.CONFIRMED
                assert (await give(signer, "valet_mode", arguments={"on": True, "pin": PIN})).reason == "done"
                assert (await give(stranger, "unlock")).outcome is Outcome.REFUSED
                house.publish(topics.command(car_id(VIN)), f"{code} {VIN} \x1b[2J")
                house.publish(topics.command(VIN), code)
                file.write_text(f"mqtt: {mqtt}\ncars: [{text}, {text}]\n")
                bridge.signal(signal.SIGHUP)
                await until(lambda: "the old one stays" in bridge.log)
                since = len(house.heard)
                broker.kill()
                await until(lambda: "keeps trying" in bridge.log)
                broker.start()
                await house.wait(lambda heard: heard.payload == b"online", since)
                assert (await give(signer, "lock")).outcome is Outcome.CONFIRMED
                bridge.signal(signal.SIGTERM)
                assert await bridge.end() == 0
                log = bridge.log
    assert "DEBUG" in log
    assert "valet_mode" in log
    assert "Traceback" not in log
    plain = log.upper()
    pem = (data / "key.pem").read_bytes()
    private = load_pem_private_key(pem, None)
    assert isinstance(private, EllipticCurvePrivateKey)
    number = f"{private.private_numbers().private_value:x}"
    words = [VIN, code, code.replace("-", ""), "correct horse", "battery staple"]
    secrets = [*words, number, *pem.decode().splitlines()[1:-1]]
    assert [secret for secret in secrets if secret.upper() in plain] == []
    assert not re.search(rf"(?<![0-9]){PIN}(?![0-9])", log)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
