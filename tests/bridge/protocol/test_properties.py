"""Framing and metadata hold for whatever comes, not only for examples; and no bytes break the conversation."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driveway_bridge.commands import security
from driveway_bridge.protocol import framing, metadata
from driveway_bridge.protocol.connection import MAX_EVENTS, Connection
from driveway_bridge.protocol.events import Broadcast, Reply
from driveway_bridge.protocol.metadata import Tag
from driveway_bridge.protocol.window import SlidingWindow
from tests.bridge.protocol.scripted_car import CLIENT, LOCKED, VIN, ScriptedCar, broadcast, read, status

MESSAGES = st.lists(st.binary(min_size=1, max_size=framing.MAX_SENT), max_size=8)


@given(messages=MESSAGES, sizes=st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_messages_survive_any_cutting(messages: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(framing.frame(message) for message in messages)
    unframer = framing.Unframer()
    out: list[bytes] = []
    turn = 0
    while stream:
        size = sizes[turn % len(sizes)]
        out += unframer.feed(stream[:size], turn * 0.01)
        stream = stream[size:]
        turn += 1
    assert out == messages
    assert unframer.dropped == 0


@given(message=st.binary(min_size=1, max_size=framing.MAX_SENT), size=st.integers(1, 300))
def test_pieces_put_together_are_the_frame(message: bytes, size: int) -> None:
    framed = framing.frame(message)
    pieces = list(framing.split(framed, size))
    assert b"".join(pieces) == framed
    assert all(len(piece) <= size for piece in pieces)


@given(rubbish=st.binary(max_size=400), message=st.binary(min_size=1, max_size=200))
def test_after_a_pause_rubbish_is_forgotten(rubbish: bytes, message: bytes) -> None:
    unframer = framing.Unframer()
    unframer.feed(rubbish, 0.0)
    assert unframer.feed(framing.frame(message), 1.1) == [message]


def test_half_a_frame_waits_for_one_second() -> None:
    unframer = framing.Unframer()
    assert unframer.feed(b"\x00\x02a", 0.0) == []
    assert unframer.feed(b"b", 1.0) == [b"ab"]
    unframer.feed(b"\x00\x02a", 2.0)
    assert unframer.feed(b"\x00\x01c", 3.1) == [b"c"]


@pytest.mark.parametrize("size", [0, framing.MAX_SENT + 1])
def test_impossible_sizes_are_not_sent(size: int) -> None:
    with pytest.raises(ValueError, match="a message has"):
        framing.frame(bytes(size))


@given(items=st.dictionaries(st.sampled_from(Tag), st.none() | st.binary(max_size=255)))
def test_metadata_says_everything_and_nothing_twice(items: dict[Tag, bytes | None]) -> None:
    raw = metadata.serialize(sorted(items.items()))
    found: dict[Tag, bytes] = {}
    position = 0
    while raw[position] != 0xFF:
        tag, length = raw[position], raw[position + 1]
        found[Tag(tag)] = raw[position + 2 : position + 2 + length]
        position += 2 + length
    assert position == len(raw) - 1
    assert found == {tag: value for tag, value in items.items() if value is not None}


def test_metadata_refuses_what_could_be_misread() -> None:
    with pytest.raises(ValueError, match="ascend"):
        metadata.serialize([(Tag.COUNTER, b""), (Tag.EPOCH, b"")])
    with pytest.raises(ValueError, match="255"):
        metadata.serialize([(Tag.EPOCH, bytes(256))])


@given(counters=st.lists(st.integers(0, 80), max_size=60))
def test_no_counter_is_accepted_twice(counters: list[int]) -> None:
    window = SlidingWindow()
    accepted: set[int] = set()
    for counter in counters:
        # Counters below the very first one count as not seen.
        expected = counter not in accepted and counter >= max(accepted, default=0) - 32
        assert window.accept(counter) is expected
        if expected:
            accepted.add(counter)


@settings(max_examples=200)
@given(rubbish=st.lists(st.binary(min_size=1, max_size=120), max_size=6))
def test_rubbish_never_breaks_the_next_good_message(rubbish: list[bytes]) -> None:
    connection = Connection(VIN, CLIENT, random=secrets.token_bytes)
    request_id = connection.request(security.status(), 0.0)
    (frame,) = connection.data_to_send()
    for piece in rubbish:
        connection.receive_data(framing.frame(piece), 0.1)
    connection.receive_data(ScriptedCar().plain(read(frame), status(LOCKED)), 0.2)
    events = []
    while (event := connection.next_event()) is not None:
        events.append(event)
    assert any(isinstance(event, Reply) and event.id == request_id for event in events)


@given(data=st.data())
def test_spoilt_answers_never_count(data: st.DataObject) -> None:
    """A sealed answer with any one bit turned over is dropped, or it was a bit that says nothing about it."""
    connection = Connection(VIN, CLIENT, random=secrets.token_bytes)
    car = ScriptedCar()
    connection.request(security.lock(), 0.0)
    (hello,) = connection.data_to_send()
    connection.receive_data(car.session_info(read(hello)), 0.1)
    (frame,) = connection.data_to_send()
    answer = bytearray(car.sealed(read(frame), status(LOCKED)))
    ciphertext = read(bytes(answer)).message.protobuf_message_as_bytes
    assert len(ciphertext) == 8
    ciphertext_at = answer.index(ciphertext)
    bit = data.draw(st.integers(0, 8 * 8 - 1))
    answer[ciphertext_at + bit // 8] ^= 1 << bit % 8
    connection.receive_data(bytes(answer), 0.2)
    while (event := connection.next_event()) is not None:
        assert not isinstance(event, Reply)
    assert connection.dropped["not genuine"] == 1


def test_a_flood_of_broadcasts_is_capped() -> None:
    connection = Connection(VIN, CLIENT, random=secrets.token_bytes)
    for _ in range(MAX_EVENTS + 10):
        connection.receive_data(broadcast(LOCKED), 0.0)
    count = 0
    while isinstance(connection.next_event(), Broadcast):
        count += 1
    assert count == MAX_EVENTS
    assert connection.dropped["too many"] == 10
