"""The client half against published vectors, without a car of ours on the other side."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from driveway_bridge.commands import security
from driveway_bridge.commands.base import Command
from driveway_bridge.proto import RoutableMessage, SessionInfo
from driveway_bridge.protocol import faults, framing, messages, metadata
from driveway_bridge.protocol.connection import Connection
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import Broadcast, Event, Refused, Reply, Sent, SessionReady
from driveway_bridge.protocol.keys import PrivateKey, SharedSecret
from driveway_bridge.protocol.messages import Received
from driveway_bridge.protocol.metadata import SignatureType, Tag
from driveway_bridge.protocol.session import Lesson, SavedSession, Session
from driveway_bridge.protocol.window import SlidingWindow
from tests.vectors import VECTORS, raw

VIN: str = VECTORS["vin"]
CLIENT = PrivateKey.from_scalar(raw("keys", "client_private"))
SECRET = CLIENT.shared_secret(raw("keys", "car_public"))


def scripted(*pieces: bytes) -> Callable[[int], bytes]:
    """Give these "random" bytes, one after the other, and fail when more are asked for."""
    remaining = list(pieces)

    def draw(size: int) -> bytes:
        piece = remaining.pop(0)
        assert len(piece) == size
        return piece

    return draw


def events_of(connection: Connection) -> list[Event]:
    found = []
    while (event := connection.next_event()) is not None:
        found.append(event)
    return found


def test_keys() -> None:
    assert CLIENT.public == raw("keys", "client_public")
    assert PrivateKey.from_scalar(raw("keys", "car_private")).public == raw("keys", "car_public")
    same = SharedSecret(raw("keys", "k"))
    assert SECRET.seal(bytes(12), b"x", b"m") == same.seal(bytes(12), b"x", b"m")
    assert hashlib.sha1(raw("keys", "shared_x")).digest() == raw("keys", "sha1_shared_x")
    assert hashlib.sha1(CLIENT.public).digest() == raw("keys", "sha1_client_public")


def test_shared_point_keeps_its_leading_zeros() -> None:
    entry = VECTORS["ecdh_padding"]
    one = PrivateKey.from_scalar(bytes.fromhex(entry["private"]))
    other = PrivateKey.from_scalar(bytes.fromhex(entry["public_private"]))
    expected = SharedSecret(bytes.fromhex(entry["k"])).seal(bytes(12), b"x", b"m")
    assert other.public == bytes.fromhex(entry["public"])
    assert one.shared_secret(other.public).seal(bytes(12), b"x", b"m") == expected
    assert other.shared_secret(one.public).seal(bytes(12), b"x", b"m") == expected


@pytest.mark.parametrize("sample", VECTORS["metadata_samples"])
def test_metadata_samples(sample: dict[str, Any]) -> None:
    items = [(Tag(tag), bytes.fromhex(value)) for tag, value in sample["items"]]
    assert metadata.serialize(items) == bytes.fromhex(sample["bytes"])


def test_metadata_checksum() -> None:
    entry = VECTORS["metadata_checksum"]
    out = metadata.request(
        SignatureType(entry["kind"]),
        Domain(entry["domain"]),
        entry["vin"],
        bytes.fromhex(entry["epoch"]),
        entry["expires_at"],
        entry["counter"],
        0,
    )
    assert out == bytes.fromhex(entry["bytes"])
    assert hashlib.sha256(out).digest() == bytes.fromhex(entry["sha256"])


@pytest.mark.parametrize("name", ["command_plain_flags", "command_encrypted_reply", "vcsec_lock"])
def test_commands_are_sealed(name: str) -> None:
    entry = VECTORS[name]
    described = metadata.request(
        SignatureType.AES_GCM_PERSONALIZED,
        Domain(entry["domain"]),
        VIN,
        raw("handshake", "epoch"),
        entry["expires_at"],
        entry["counter"],
        entry["flags"],
    )
    assert described == raw(name, "metadata")
    assert hashlib.sha256(described).digest() == raw(name, "aad")
    assert SECRET.seal(raw(name, "nonce"), raw(name, "payload"), described) == (
        raw(name, "ciphertext"),
        raw(name, "tag"),
    )


def test_command_as_hmac() -> None:
    entry = VECTORS["command_hmac"]
    described = metadata.request(
        SignatureType.HMAC_PERSONALIZED,
        Domain.INFOTAINMENT,
        VIN,
        raw("handshake", "epoch"),
        entry["expires_at"],
        entry["counter"],
        0,
    )
    assert described == raw("command_hmac", "metadata")
    assert SECRET.command_tag(described, raw("command_hmac", "payload")) == raw("command_hmac", "tag")


def test_session_info_tag() -> None:
    described = metadata.session_info(VIN, raw("handshake", "uuid"))
    assert described == raw("handshake", "metadata")
    assert SECRET.info_tag(described, raw("handshake", "session_info")) == raw("handshake", "tag")
    described = metadata.session_info(VIN, raw("error_reply", "request_uuid"))
    assert SECRET.info_tag(described, raw("error_reply", "session_info")) == raw("error_reply", "tag")


def test_verifier_answer_opens() -> None:
    """The other direction: a command that somebody else sealed is read with the same functions."""
    entry = VECTORS["verifier"]
    message = RoutableMessage.FromString(raw("verifier", "frame"))
    data = message.signature_data.AES_GCM_Personalized_data
    described = metadata.request(
        SignatureType.AES_GCM_PERSONALIZED,
        Domain(entry["domain"]),
        entry["vin"],
        data.epoch,
        data.expires_at,
        data.counter,
        message.flags,
    )
    assert described == raw("verifier", "metadata")
    secret = PrivateKey.from_scalar(raw("verifier", "private")).shared_secret(raw("verifier", "signer_public"))
    assert secret.open(data.nonce, message.protobuf_message_as_bytes, data.tag, described) == raw(
        "verifier", "plaintext"
    )


@pytest.mark.parametrize("case", VECTORS["window"]["cases"], ids=lambda case: str(case["new"]))
def test_window(case: dict[str, Any]) -> None:
    window = SlidingWindow(VECTORS["window"]["counter"], sum(1 << bit for bit in VECTORS["window"]["seen"]))
    assert window.accept(case["new"]) is case["accepted"]
    assert (window.counter, window.seen) == (case["counter"], sum(1 << bit for bit in case["seen"]))


def test_whole_conversation_byte_for_byte() -> None:
    """Handshake, "climate on", its encrypted answer: our frames are the published ones, and theirs are understood."""
    climate_on = Command(
        name="climate_on", domain=Domain.INFOTAINMENT, payload=raw("command_encrypted_reply", "payload")
    )
    connection = Connection(
        VIN,
        CLIENT,
        random=scripted(
            raw("handshake", "routing_address"),
            raw("handshake", "uuid"),
            raw("command_encrypted_reply", "uuid"),
            raw("command_encrypted_reply", "nonce"),
        ),
    )
    request_id = connection.request(climate_on, 100.0)
    assert connection.data_to_send() == [framing.frame(raw("handshake", "request"))]
    connection.receive_data(framing.frame(raw("handshake", "reply")), 100.0)
    assert connection.data_to_send() == [framing.frame(raw("command_encrypted_reply", "frame"))]
    connection.receive_data(framing.frame(raw("reply", "frame")), 100.2)
    assert events_of(connection) == [
        Sent(request_id, Domain.INFOTAINMENT, handshake=True),
        SessionReady(Domain.INFOTAINMENT),
        Sent(request_id, Domain.INFOTAINMENT, handshake=False),
        Reply(id=request_id, payload=raw("reply", "plaintext")),
    ]
    connection.receive_data(framing.frame(raw("reply", "frame")), 100.3)
    assert events_of(connection) == []  # the same answer twice is one answer


def test_published_refusal_heals_the_session() -> None:
    saved = SavedSession(
        public_key=raw("keys", "car_public"),
        epoch=raw("handshake", "epoch"),
        counter=6,
        granted=6,
        clock_time=2650,
        heard_at=100.0,
    )
    climate_on = Command(
        name="climate_on", domain=Domain.INFOTAINMENT, payload=raw("command_encrypted_reply", "payload")
    )
    connection = Connection(
        VIN,
        CLIENT,
        sessions={Domain.INFOTAINMENT: saved},
        random=scripted(
            raw("command_encrypted_reply", "routing_address"),
            raw("command_encrypted_reply", "uuid"),
            raw("command_encrypted_reply", "nonce"),
            bytes(16),
            bytes(12),
        ),
    )
    connection.request(climate_on, 100.0)
    assert connection.data_to_send() == [framing.frame(raw("command_encrypted_reply", "frame"))]
    connection.receive_data(framing.frame(raw("error_reply", "frame")), 101.0)
    (again,) = connection.data_to_send()
    signature = RoutableMessage.FromString(again[2:]).signature_data.AES_GCM_Personalized_data
    assert signature.counter == 8
    assert signature.expires_at == 2652 + 5


def test_published_unknown_key() -> None:
    connection = Connection(VIN, CLIENT, random=scripted(raw("handshake", "routing_address"), raw("handshake", "uuid")))
    climate_on = Command(name="climate_on", domain=Domain.INFOTAINMENT, payload=b"\x12\x00")
    request_id = connection.request(climate_on, 0.0)
    connection.receive_data(framing.frame(raw("unknown_key_reply", "frame")), 0.1)
    assert events_of(connection)[-1] == Refused(id=request_id, reason="key_not_enrolled", detail="UNKNOWN_KEY_ID")


def test_body_controller_that_does_not_know_the_key_sends_nothing_but_that() -> None:
    received = Received(sender=Domain.VEHICLE_SECURITY, address=bytes(16), session_info=raw("vcsec_key_unknown_info"))
    session = Session(VIN, Domain.VEHICLE_SECURITY, CLIENT)
    assert session.learn(received, bytes(16), asked_at=0, now=0, handshake=True) is Lesson.KEY_UNKNOWN
    assert SessionInfo.FromString(raw("vcsec_key_unknown_info")).status == 1


def test_request_without_signature_is_the_logged_one() -> None:
    """Encoders differ in the order of fields, so the parsed messages are compared."""
    entry = VECTORS["whitelist_info_request"]
    ours = messages.plain_request(
        Domain.VEHICLE_SECURITY,
        bytes.fromhex(entry["routing_address"]),
        bytes.fromhex(entry["uuid"]),
        bytes.fromhex(entry["payload"]),
    )
    assert RoutableMessage.FromString(ours) == RoutableMessage.FromString(bytes.fromhex(entry["frame_with_flags"]))


def test_captured_poll_for_phones_is_ignored() -> None:
    connection = Connection(VIN, CLIENT, random=scripted())
    connection.receive_data(raw("captured_broadcast", "framed"), 0.0)
    assert events_of(connection) == []
    assert connection.dropped["not for us"] == 1


def test_payloads() -> None:
    assert security.lock().payload == raw("payloads", "lock")
    assert security.unlock().payload == raw("payloads", "unlock")
    assert security.wake().payload == raw("payloads", "wake")
    assert security.status().payload == raw("payloads", "get_status")


@pytest.mark.parametrize(
    ("name", "locked", "asleep", "front_trunk", "rear_trunk"),
    [
        ("status_locked_asleep_nobody", True, True, None, None),
        ("status_unlocked_closed_awake_present", False, False, "closed", "closed"),
        ("status_locked_awake_trunk_open", True, False, "closed", "open"),
    ],
)
def test_states(name: str, locked: bool, asleep: bool, front_trunk: str | None, rear_trunk: str | None) -> None:
    connection = Connection(VIN, CLIENT, random=scripted())
    envelope = bytes.fromhex("320208003a02080252") + bytes((len(raw("payloads", name)),)) + raw("payloads", name)
    connection.receive_data(framing.frame(envelope), 0.0)
    (event,) = events_of(connection)
    assert isinstance(event, Broadcast)
    body = event.body
    assert (body.locked, body.asleep, body.front_trunk, body.rear_trunk) == (locked, asleep, front_trunk, rear_trunk)


def test_every_fault_has_a_name_and_a_reason() -> None:
    named = {number: faults.message_fault(number) for number in range(1, 40)}
    assert named[3].reason == named[4].reason == "key_not_enrolled"
    assert named[7].reason == "not_permitted"
    assert named[12].reason == "wrong_car"
    assert named[21].reason == "remote_access_off"
    assert named[39].name == "FAULT_39"
    assert {number for number, fault in named.items() if fault.remedy is faults.Remedy.RESYNC} == {5, 6, 15, 17, 20}
    assert {number for number, fault in named.items() if fault.remedy is faults.Remedy.RETRY} == {1, 2, 11}
    assert {number for number, fault in named.items() if fault.remedy is faults.Remedy.UNKNOWN_FATE} == {25}


def test_what_a_client_sends_as_hmac() -> None:
    """The metadata of the published command with the flag that clients set, spelled out by hand."""
    saved = SavedSession(
        public_key=raw("keys", "car_public"),
        epoch=raw("handshake", "epoch"),
        counter=6,
        granted=22,
        clock_time=2650,
        heard_at=0.0,
    )
    session = Session(VIN, Domain.INFOTAINMENT, CLIENT, saved)
    payload = raw("command_hmac", "payload")
    message, _ = session.sign(
        payload, 0.0, address=bytes(16), uuid=bytes(16), nonce=bytes(12), kind=SignatureType.HMAC_PERSONALIZED
    )
    sent = RoutableMessage.FromString(message)
    described = raw("command_hmac", "metadata")[:-1] + bytes.fromhex("070400000002ff")
    expected = hmac.digest(raw("keys", "k_command"), described + payload, "sha256")
    assert sent.signature_data.HMAC_Personalized_data.tag == expected
    assert sent.protobuf_message_as_bytes == payload
    assert (sent.flags, sent.signature_data.HMAC_Personalized_data.counter) == (2, 7)


def test_a_sealed_answer_of_infotainment() -> None:
    """The published command with the flag goes out, and the derived answer to it is opened and judged."""
    entry = VECTORS["command_encrypted_reply"]
    saved = SavedSession(
        public_key=raw("keys", "car_public"),
        epoch=raw("handshake", "epoch"),
        counter=6,
        granted=22,
        clock_time=2650,
        heard_at=0.0,
    )
    address, uuid, nonce = (raw("command_encrypted_reply", part) for part in ("routing_address", "uuid", "nonce"))
    connection = Connection(VIN, CLIENT, sessions={Domain.INFOTAINMENT: saved}, random=scripted(address, uuid, nonce))
    climate_on = Command(name="climate_on", domain=Domain.INFOTAINMENT, payload=bytes.fromhex(entry["payload"]))
    asked = connection.request(climate_on, 0.0)
    connection.data_to_send()
    forged = bytearray(framing.frame(raw("reply", "frame")))
    connection.receive_data(framing.frame(raw("reply", "frame")), 0.1)
    assert [event for event in events_of(connection) if not isinstance(event, Sent)] == [
        Reply(id=asked, payload=raw("reply", "plaintext"))
    ]
    forged[-30] ^= 1
    connection.receive_data(bytes(forged), 0.2)
    assert events_of(connection) == []
