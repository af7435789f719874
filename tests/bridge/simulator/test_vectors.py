"""The published examples, held against the car alone."""

from __future__ import annotations

import pytest

from driveway_bridge.proto import Response, RoutableMessage, SessionInfo
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.computer import Answer
from driveway_bridge.simulator.verifier import RejectedError, Verifier
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.simulator.whitelist import key_id
from driveway_bridge.simulator.window import Window
from tests.bridge.simulator.raw_client import VIN, Bench
from tests.vectors import VECTORS, raw

CLIENT = raw("keys", "client_public")
HANDSHAKE_CLOCK = VECTORS["handshake"]["clock"]


class Script:
    """Randomness that is read from a list; other lengths are zeros."""

    def __init__(self, *values: bytes) -> None:
        self._values = list(values)

    def __call__(self, size: int) -> bytes:
        for value in self._values:
            if len(value) == size:
                self._values.remove(value)
                return value
        return bytes(size)


def published_car() -> tuple[VirtualCar, Verifier]:
    """The car of the examples, 2650 s after its infotainment computer booted, with counter 6 used."""
    virtual = VirtualCar(VIN)
    virtual.infotainment.replace_key(PrivateKey.from_scalar(raw("keys", "car_private")))
    entry = virtual.enrol(CLIENT)
    verifier = virtual.infotainment.verifier(entry, 0.0)
    verifier.begin_epoch(0.0, raw("handshake", "epoch"))
    verifier.window = Window(VECTORS["handshake"]["counter"])
    return virtual, verifier


def test_handshake() -> None:
    virtual, _verifier = published_car()

    reply = Bench(virtual, now=HANDSHAKE_CLOCK).one(RoutableMessage.FromString(raw("handshake", "request")))

    assert reply == RoutableMessage.FromString(raw("handshake", "reply"))
    assert reply.session_info == raw("handshake", "session_info")


def test_session_info_tag() -> None:
    _virtual, verifier = published_car()
    info, tag = verifier.session_info(raw("handshake", "uuid"), HANDSHAKE_CLOCK)
    assert (info, tag) == (raw("handshake", "session_info"), raw("handshake", "tag"))
    assert verifier.session_info(bytes(16), HANDSHAKE_CLOCK)[1] != tag


@pytest.mark.parametrize("name", ["command_plain_flags", "command_encrypted_reply"])
def test_command_is_understood(name: str) -> None:
    _virtual, verifier = published_car()
    proof = verifier.verify(RoutableMessage.FromString(raw(name, "frame")), HANDSHAKE_CLOCK)
    assert (proof.plaintext, proof.counter) == (raw(name, "payload"), 7)
    assert verifier.window.counter == 7


def test_command_as_hmac_is_understood() -> None:
    _virtual, verifier = published_car()
    request = RoutableMessage.FromString(raw("command_plain_flags", "frame"))
    request.protobuf_message_as_bytes = raw("command_hmac", "payload")
    request.signature_data.HMAC_Personalized_data.epoch = raw("handshake", "epoch")
    request.signature_data.HMAC_Personalized_data.counter = VECTORS["command_hmac"]["counter"]
    request.signature_data.HMAC_Personalized_data.expires_at = VECTORS["command_hmac"]["expires_at"]
    request.signature_data.HMAC_Personalized_data.tag = raw("command_hmac", "tag")
    assert verifier.verify(request, HANDSHAKE_CLOCK).plaintext == raw("command_hmac", "payload")


def test_lock_for_vcsec_is_understood() -> None:
    vector = VECTORS["vcsec_lock"]
    secret = PrivateKey.from_scalar(raw("keys", "car_private")).shared_secret(CLIENT)
    verifier = Verifier(VIN, Domain.VEHICLE_SECURITY, raw("keys", "car_public"), secret, bytes, 0.0, strict=True)
    verifier.begin_epoch(0.0, raw("handshake", "epoch"))
    request = RoutableMessage(protobuf_message_as_bytes=raw("vcsec_lock", "ciphertext"), flags=vector["flags"])
    request.to_destination.domain = 2  # type: ignore[assignment]
    gcm = request.signature_data.AES_GCM_Personalized_data
    gcm.counter, gcm.expires_at = vector["counter"], vector["expires_at"]
    gcm.nonce, gcm.tag = raw("vcsec_lock", "nonce"), raw("vcsec_lock", "tag")

    assert verifier.verify(request, 2650.0).plaintext == raw("vcsec_lock", "payload")


def test_encrypted_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    virtual = VirtualCar(VIN)
    computer = virtual.infotainment
    computer.replace_key(PrivateKey.from_scalar(raw("keys", "car_private")))
    computer._random = Script(raw("handshake", "epoch"), raw("reply", "nonce"))
    computer.verifier(virtual.enrol(CLIENT), 0.0)
    done = Response()
    done.actionStatus.SetInParent()
    monkeypatch.setattr(computer, "execute", lambda signed: Answer(computer.sealed(signed, [done]), executed=True))

    reply = Bench(virtual, now=HANDSHAKE_CLOCK).one(RoutableMessage.FromString(raw("command_encrypted_reply", "frame")))

    assert reply == RoutableMessage.FromString(raw("reply", "frame"))


def test_replayed_command_is_answered_with_session_info() -> None:
    virtual, _verifier = published_car()
    bench = Bench(virtual, now=VECTORS["error_reply"]["clock"])
    command = RoutableMessage.FromString(raw("command_plain_flags", "frame"))
    bench.say(command)

    reply = bench.one(command)

    assert reply == RoutableMessage.FromString(raw("error_reply", "frame"))


def test_unknown_key() -> None:
    handshake = RoutableMessage.FromString(raw("handshake", "request"))
    bench = Bench(VirtualCar(VIN))
    assert bench.one(handshake) == RoutableMessage.FromString(raw("unknown_key_reply", "frame"))

    handshake.to_destination.domain = 2  # type: ignore[assignment]
    reply = bench.one(handshake)
    assert reply.session_info == raw("vcsec_key_unknown_info")
    assert SessionInfo.FromString(reply.session_info).publicKey == b""
    assert not reply.HasField("signature_data")
    assert reply.request_uuid == handshake.uuid


def known_answer_verifier() -> Verifier:
    key = PrivateKey.from_scalar(raw("verifier", "private"))
    assert key.public == raw("verifier", "public")
    secret = key.shared_secret(raw("verifier", "signer_public"))
    verifier = Verifier("testvin", Domain.VEHICLE_SECURITY, key.public, secret, bytes, 0.0, strict=True)
    verifier.begin_epoch(0.0, raw("verifier", "epoch"))
    return verifier


def test_known_answer_of_the_makers_verifier() -> None:
    verifier = known_answer_verifier()
    proof = verifier.verify(RoutableMessage.FromString(raw("verifier", "frame")), 0.0)
    assert proof.plaintext == raw("verifier", "plaintext")
    assert proof.counter == 0xFFFFFFFF


def test_counters_that_are_used_up_end_the_epoch() -> None:
    verifier = known_answer_verifier()
    frame = RoutableMessage.FromString(raw("verifier", "frame"))
    verifier.verify(frame, 0.0)

    with pytest.raises(RejectedError, match="INCORRECT_EPOCH"):
        verifier.verify(frame, 1.0)
    info = SessionInfo.FromString(verifier.session_info(bytes(16), 3.0)[0])
    assert info.epoch != raw("verifier", "epoch")
    assert (info.counter, info.clock_time) == (0, 2)


@pytest.mark.parametrize("case", VECTORS["window"]["cases"], ids=lambda case: str(case["new"]))
def test_sliding_window(case: dict[str, int | list[int]]) -> None:
    window = Window(VECTORS["window"]["counter"], sum(1 << bit for bit in VECTORS["window"]["seen"]))
    new = case["new"]
    assert isinstance(new, int)
    before = (window.counter, window.history)

    assert window.is_new(new) == case["accepted"]
    if window.is_new(new):
        window.take(new)
        seen = [bit for bit in range(64) if window.history >> bit & 1]
        assert (window.counter, seen) == (case["counter"], case["seen"])
    else:
        assert (window.counter, window.history) == before


def test_key_id() -> None:
    assert key_id(CLIENT) == raw("keys", "sha1_client_public")[:4]


def test_captured_broadcast_has_the_form_of_ours(bench: Bench) -> None:
    real = RoutableMessage.FromString(raw("captured_broadcast", "framed")[2:])
    ours = bench.virtual.call_for_phones()
    assert ours.ByteSize() == real.ByteSize()
    assert (ours.to_destination, ours.from_destination) == (real.to_destination, real.from_destination)


def test_whitelist_info_request_of_the_makers_tool(bench: Bench) -> None:
    bench.virtual.enrol(CLIENT)
    for name in ("frame", "frame_with_flags"):
        reply = bench.one(RoutableMessage.FromString(raw("whitelist_info_request", name)))
        assert not reply.HasField("signature_data")
        assert reply.protobuf_message_as_bytes.endswith(bytes.fromhex("1801"))  # slot mask 1
