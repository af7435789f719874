"""What a car would not do, or only once in its life: it must not confuse the conversation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from driveway_bridge.commands import security
from driveway_bridge.proto import RoutableMessage, SessionInfo
from driveway_bridge.protocol import framing, messages
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import Refused, Reply
from driveway_bridge.protocol.messages import Received
from driveway_bridge.protocol.requests import MAX_ATTEMPTS, Greeting
from driveway_bridge.protocol.session import MAX_COUNTER, Lesson, Session, Signature
from tests.bridge.protocol.scripted_car import CAR, CLIENT, EPOCH, LOCKED, VIN, broadcast, status
from tests.bridge.protocol.test_connection import REMEMBERED, Story


def info(**changes: object) -> bytes:
    values = {"counter": 6, "publicKey": CAR.public, "epoch": EPOCH, "clock_time": 2650, **changes}
    return SessionInfo(**values).SerializeToString()  # type: ignore[arg-type]


def test_a_remembered_key_that_is_no_key() -> None:
    story = Story(saved=replace(REMEMBERED, public_key=bytes(65)))
    assert story.connection.saved() == {}
    story.ask(security.lock())
    assert story.one().handshake


@pytest.mark.parametrize("text", [b"\xff", info(epoch=b"short"), info(status=7)])
def test_a_session_info_that_is_none(text: bytes) -> None:
    story = Story(saved=None)
    story.ask(security.lock())
    story.hear(story.car.session_info(story.one(), info=text))
    assert story.connection.dropped["session info malformed"] == 1
    assert not story.connection.ready(Domain.VEHICLE_SECURITY)


def test_a_car_whose_counter_is_used_up() -> None:
    story = Story(saved=None)
    lock = story.ask(security.lock())
    story.hear(story.car.session_info(story.one(), info=info(counter=MAX_COUNTER)))
    assert story.outcomes() == [Refused(id=lock, reason="refused_by_car", detail="the counter is used up")]


def test_a_fault_whose_session_info_says_that_the_key_is_gone() -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.hear(story.car.session_info(story.one(), info=b"\x28\x01", fault=15))
    assert story.outcomes() == [Refused(id=lock, reason="key_not_enrolled", detail="KEY_UNKNOWN")]


def test_a_session_info_that_nobody_asked_for() -> None:
    story = Story()
    lock = story.ask(security.lock())
    command = story.one()
    story.hear(story.car.session_info(command))
    assert story.connection.dropped["not understood"] == 1
    story.hear(story.car.plain(command))
    assert story.outcomes() == [Reply(id=lock)]


def test_an_answer_to_a_handshake_that_says_nothing() -> None:
    story = Story(saved=None)
    story.ask(security.lock())
    hello = story.one()
    story.hear(story.car.plain(hello))
    assert story.connection.dropped["not understood"] == 1
    story.hear(story.car.session_info(hello))
    assert story.one().signed


def test_infotainment_tells_everybody_something() -> None:
    story = Story()
    message = RoutableMessage.FromString(framing.Unframer().feed(broadcast(LOCKED), 0.0)[0])
    message.from_destination.domain = 3  # type: ignore[assignment]
    story.hear(framing.frame(message.SerializeToString()))
    message.from_destination.domain = 2  # type: ignore[assignment]
    message.protobuf_message_as_bytes = b"\xff"
    story.hear(framing.frame(message.SerializeToString()))
    assert story.events == []
    assert story.connection.dropped["foreign"] == 2


def test_a_part_of_the_car_that_we_do_not_know() -> None:
    message = RoutableMessage()
    message.from_destination.domain = 7  # type: ignore[assignment]
    message.to_destination.routing_address = bytes(16)
    assert messages.parse(message.SerializeToString()) is None


def test_only_so_many_frames_are_remembered() -> None:
    story = Story(saved=None)
    story.ask(Greeting(domain=Domain.VEHICLE_SECURITY), timeout_s=100.0)
    first = story.one()
    story.wait(float(MAX_ATTEMPTS))
    story.hear(story.car.session_info(first))
    assert story.outcomes() == []
    assert story.connection.dropped["unknown address"] == 1


def test_counters_that_come_when_nobody_waits_for_them() -> None:
    story = Story(saved=replace(REMEMBERED, granted=6), counters_on_request=True)
    story.connection.grant(Domain.VEHICLE_SECURITY, replace(REMEMBERED, granted=22), story.now)
    assert story.sent() == []
    story.ask(security.lock())
    assert story.one().counter == 7


def test_words_about_requests_that_are_over() -> None:
    story = Story()
    reading = story.ask(security.status())
    story.hear(story.car.plain(story.one(), status(LOCKED)))
    story.connection.hasten(reading, 0.0)
    story.connection.cancel(reading, story.now)
    assert [outcome.id for outcome in story.outcomes()] == [reading]
    story.connection.handle_deadline(100.0)
    assert story.connection.next_deadline() is None


def test_a_session_signs_nothing_before_it_may() -> None:
    def sign(session: Session) -> Signature:
        _message, signature = session.sign(b"\x10\x01", 0.0, address=bytes(16), uuid=bytes(16), nonce=bytes(12))
        return signature

    session = Session(VIN, Domain.VEHICLE_SECURITY, CLIENT)
    session.allow(5)
    with pytest.raises(RuntimeError, match="session"):
        sign(session)
    assert (session.counters_left, session.grant(REMEMBERED)) == (0, False)
    session = Session(VIN, Domain.VEHICLE_SECURITY, CLIENT, replace(REMEMBERED, granted=6))
    with pytest.raises(RuntimeError, match="counter"):
        sign(session)
    session.allow(1)
    assert session.open(Received(sender=Domain.VEHICLE_SECURITY, address=None), sign(session)) is None


def test_a_tag_that_is_missing_proves_nothing() -> None:
    session = Session(VIN, Domain.VEHICLE_SECURITY, CLIENT)
    received = Received(sender=Domain.VEHICLE_SECURITY, address=bytes(16), session_info=info())
    assert session.learn(received, bytes(16), asked_at=0.0, now=0.1, handshake=True) is Lesson.WRONG_TAG


def test_a_piece_has_at_least_one_byte() -> None:
    with pytest.raises(ValueError, match="one byte"):
        list(framing.split(b"abc", 0))
