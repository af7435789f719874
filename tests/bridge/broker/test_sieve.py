"""What is too long is cut while it is read if it is a message, else dropped, and nothing else is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.mqtt.sieve import Sieve
from tests.bridge.broker.old_broker import packet

LONGEST = 300
packets = st.builds(packet, st.integers(0, 255), st.binary(min_size=0, max_size=2 * LONGEST))


def shortened(one: bytes) -> bytes:
    if len(one) - (2 if len(one) < 130 else 3) <= LONGEST:
        return one
    return packet(one[0], one[3 : 3 + LONGEST]) if one[0] >> 4 == 3 else b""


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
    assert out == b"".join(map(shortened, stream))
    assert len(sieve) == 0


@pytest.mark.parametrize("length", [0, 127, 128, 16_383, 16_384, 65_536])
def test_the_limits_of_a_length(length: int) -> None:
    sieve = Sieve(65_536)
    whole = packet(0x30, bytes(length))
    sieve.feed(whole)
    assert sieve.take(len(whole) + 1) == whole


@pytest.mark.parametrize(("kind", "kept"), [(0x30, 65_536), (0x90, 0)])
def test_of_the_longest_packet_there_is_no_more_is_kept(kind: int, kept: int) -> None:
    sieve = Sieve(65_536)
    sieve.feed(bytes((kind, 0xFF, 0xFF, 0xFF, 0x7F)))  # 268,435,455 bytes
    for _ in range(16_383):
        sieve.feed(bytes(16_384))
        assert len(sieve) <= kept + 4
    sieve.feed(bytes(16_383) + packet(0x31, b"next"))
    assert sieve.take(1 << 20) == (packet(kind, bytes(kept)) if kept else b"") + packet(0x31, b"next")


@pytest.mark.parametrize(("kind", "kept"), [(0x30, 10), (0x90, 0)])
def test_what_follows_a_packet_that_was_too_long_is_whole(kind: int, kept: int) -> None:
    sieve = Sieve(10)
    sieve.feed(packet(kind, bytes(1000)) + packet(0x31, b"next"))
    assert sieve.take(100) == (packet(kind, bytes(kept)) if kept else b"") + packet(0x31, b"next")


def test_a_length_that_cannot_be_is_left_to_whoever_reads_it() -> None:
    sieve = Sieve(2**40)
    sieve.feed(b"\x30\xff\xff\xff\xff\x01")
    assert sieve.take(100).startswith(b"\x30\xff\xff\xff\xff")
