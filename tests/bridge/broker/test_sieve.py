"""What is too long is dropped while it is read, and nothing else is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.mqtt.sieve import Sieve
from tests.bridge.broker.old_broker import packet

LONGEST = 300
packets = st.builds(packet, st.integers(0, 255), st.integers(0, 2 * LONGEST).map(bytes))


def is_long(one: bytes) -> bool:
    return len(one) - (2 if len(one) < 130 else 3) > LONGEST


@given(st.lists(packets, max_size=8), st.lists(st.integers(1, 500), min_size=1, max_size=8), st.integers(1, 400))
def test_in_whatever_pieces_it_comes_and_is_taken(stream: list[bytes], pieces: list[int], most: int) -> None:
    sieve, data, out, number = Sieve(LONGEST), b"".join(stream), b"", 0
    while data:
        size = pieces[number % len(pieces)]
        sieve.feed(data[:size])
        data, number = data[size:], number + 1
        while taken := sieve.take(most):
            assert len(taken) <= most
            out += taken
    assert out == b"".join(one for one in stream if not is_long(one))
    assert sieve.dropped == sum(map(is_long, stream))
    assert len(sieve) == 0


@pytest.mark.parametrize("length", [0, 127, 128, 16_383, 16_384, 65_536])
def test_the_limits_of_a_length(length: int) -> None:
    sieve = Sieve(65_536)
    whole = packet(0x30, bytes(length))
    sieve.feed(whole)
    assert sieve.take(len(whole) + 1) == whole
    assert sieve.dropped == 0


def test_of_the_longest_packet_there_is_nothing_is_kept() -> None:
    sieve = Sieve(65_536)
    sieve.feed(b"\x30\xff\xff\xff\x7f")  # 268,435,455 bytes
    for _ in range(16_383):
        sieve.feed(bytes(16_384))
        assert len(sieve) == 0
    sieve.feed(bytes(16_383) + packet(0x31, b"next"))
    assert sieve.take(100) == packet(0x31, b"next")
    assert sieve.dropped == 1


def test_what_follows_a_packet_that_was_dropped_is_whole() -> None:
    sieve = Sieve(10)
    sieve.feed(packet(0x30, bytes(1000)) + packet(0x31, b"next"))
    assert sieve.take(100) == packet(0x31, b"next")


def test_a_length_that_cannot_be_is_left_to_whoever_reads_it() -> None:
    sieve = Sieve(2**40)
    sieve.feed(b"\x30\xff\xff\xff\xff\x01")
    assert sieve.take(100).startswith(b"\x30\xff\xff\xff\xff")
