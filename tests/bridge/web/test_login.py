"""One password, few attempts, sessions that end; and which requests are let through at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from driveway_bridge.errors import ConfigurationError
from driveway_bridge.web.guard import Pace, is_from_our_page, is_our_name, own_names
from driveway_bridge.web.login import (
    ALL_PER_MINUTE,
    FORGOTTEN_S,
    FREE_ATTEMPTS,
    IDLE_S,
    LIFE_S,
    LONGEST_PAUSE_S,
    MOST_SESSIONS,
    Attempts,
    Password,
    Sessions,
    household,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_only_the_password_is_right() -> None:
    password = Password("correct horse")
    assert await password.is_right("correct horse")
    for wrong in ("", "correct horsf", "correct horse ", "CORRECT HORSE", "\udcff"):
        assert not await password.is_right(wrong)


async def test_the_password_itself_is_not_kept() -> None:
    password = Password("correct horse")
    assert "horse" not in repr(vars(password))


CHECKING = """
import asyncio
from pathlib import Path
from driveway_bridge.web.login import Password

def used_kb():
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1])

async def check():
    password = Password("correct horse")
    before = used_kb()
    for _ in range(6):
        await password.is_right("wrong password")
    print(used_kb() - before)

asyncio.run(check())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory is in use")
def test_checking_passwords_leaves_no_memory_behind() -> None:
    # In a process of its own: one that has done a lot has large blocks to give away.
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", CHECKING], env=environment, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 8_000, "scrypt takes 16 MB each time"


def test_a_short_password_is_refused_with_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="fewer than 8 characters"):
        Password("1234567")


def test_five_attempts_then_growing_pauses_of_a_minute_at_most(clock: Clock) -> None:
    attempts = Attempts(clock)
    for _ in range(FREE_ATTEMPTS):
        assert attempts.begin("192.168.1.7") == 0
    waits = []
    for _ in range(8):
        waits.append(attempts.begin("192.168.1.7"))
        clock.now += waits[-1]
        assert attempts.begin("192.168.1.7") == 0
    assert waits == [5, 10, 20, 40, 60, 60, 60, 60]
    assert max(waits) <= LONGEST_PAUSE_S


def test_attempts_within_a_pause_do_not_make_it_longer(clock: Clock) -> None:
    attempts = Attempts(clock)
    for _ in range(50):
        attempts.begin("192.168.1.7")
    assert attempts.begin("192.168.1.7") == 5


def test_another_address_does_not_wait(clock: Clock) -> None:
    attempts = Attempts(clock)
    for _ in range(10):
        attempts.begin("192.168.1.7")
    assert attempts.begin("192.168.1.8") == 0


def test_the_right_password_forgives(clock: Clock) -> None:
    attempts = Attempts(clock)
    for _ in range(FREE_ATTEMPTS - 1):
        attempts.begin("192.168.1.7")
    attempts.succeeded("192.168.1.7")
    for _ in range(FREE_ATTEMPTS):
        assert attempts.begin("192.168.1.7") == 0


def test_an_old_sin_is_forgotten(clock: Clock) -> None:
    attempts = Attempts(clock)
    for _ in range(FREE_ATTEMPTS):
        attempts.begin("192.168.1.7")
    clock.now += FORGOTTEN_S + LONGEST_PAUSE_S
    for _ in range(FREE_ATTEMPTS):
        assert attempts.begin("192.168.1.7") == 0


def test_many_addresses_together_are_limited_but_not_the_owners(clock: Clock) -> None:
    attempts = Attempts(clock)
    attempts.begin("192.168.1.2")
    attempts.succeeded("192.168.1.2")
    for number in range(ALL_PER_MINUTE):
        assert attempts.begin(f"10.0.0.{number}") == 0
    assert 0 < attempts.begin("10.0.1.1") <= 60
    assert attempts.begin("192.168.1.2") == 0
    clock.now += 60
    assert attempts.begin("10.0.1.1") == 0


def test_a_whole_ipv6_network_counts_as_one() -> None:
    assert household("2001:db8::1") == household("2001:db8::ffff:2") != household("2001:db8:0:1::1")
    assert household("::ffff:192.168.1.7") == household("192.168.1.7")
    assert household("fe80::1%eth0") == household("fe80::2%eth0")
    assert household("") == household("nonsense")


def test_a_session_ends_after_eight_hours_without_use(clock: Clock) -> None:
    sessions = Sessions(clock)
    name = sessions.begin()
    clock.now += IDLE_S - 1
    assert sessions.use(name)
    clock.now += IDLE_S - 1
    assert sessions.use(name)
    clock.now += IDLE_S
    assert not sessions.use(name)
    assert not sessions.use(name)


def test_a_session_ends_after_a_week_in_any_case(clock: Clock) -> None:
    sessions = Sessions(clock)
    name = sessions.begin()
    for _ in range(int(LIFE_S // 3600) - 1):
        clock.now += 3600
        assert sessions.use(name)
    clock.now += 3600
    assert not sessions.use(name)


def test_logging_out_ends_it_for_good(clock: Clock) -> None:
    sessions = Sessions(clock)
    name, other = sessions.begin(), sessions.begin()
    sessions.end(name)
    sessions.end(None)
    assert not sessions.use(name)
    assert sessions.use(other)
    assert not sessions.use("made up")


def test_there_are_only_so_many_sessions(clock: Clock) -> None:
    sessions = Sessions(clock)
    first, second = sessions.begin(), sessions.begin()
    assert sessions.use(first)
    for _ in range(MOST_SESSIONS - 1):
        sessions.begin()
    assert sessions.use(first)
    assert not sessions.use(second)


# Which requests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8095",
        "127.0.0.1:8095",
        "192.168.1.20",
        "[::1]:8095",
        "[fe80::1]",
        "pi",
        "PI:8095",
        "pi.local",
        "pi.fritz.box:8095",
        "pi.local.",
    ],
)
def test_the_computers_own_names_are_answered(host: str) -> None:
    assert is_our_name(host, own_names("pi"))


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "pi.evil.example",
        "127.0.0.1.evil.example",
        "xlocalhost",
        "pi.local.evil.example",
        "[::1",
    ],
)
def test_other_names_are_not(host: str | None) -> None:
    """Else anybody could give the bridge a name of his own, and his page would be "the same site"."""
    assert not is_our_name(host, own_names("pi"))


HOST = {"Host": "pi.local:8095"}


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"Origin": "http://pi.local:8095"}, True),
        ({"Origin": "http://PI.local:8095", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://pi.local"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://pi.local:8095", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
    ],
)
def test_a_post_has_to_come_from_our_own_page(headers: dict[str, str], ours: bool) -> None:
    assert is_from_our_page(HOST | headers) is ours


def test_commands_one_a_second_and_ten_a_minute(clock: Clock) -> None:
    pace = Pace(clock)
    taken = 0
    for _ in range(120):
        taken += pace.take() == 0
        clock.now += 0.25
    assert taken == 10
    clock.now += 30
    assert pace.take() == 0
    assert 0 < pace.take() <= 1
