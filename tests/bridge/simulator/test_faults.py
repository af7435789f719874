"""Each fault does what its line of explanation says, and nothing once it is off."""

from __future__ import annotations

import pytest

from driveway_bridge.proto import FromVCSECMessage, OperationStatus_E, Role, RoutableMessage, SessionInfo
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.faults import Fault, Faults, parse
from driveway_bridge.simulator.profiles import Profile
from driveway_bridge.simulator.virtual_car import PlacesTaken, VirtualCar
from tests.bridge.simulator.raw_client import GET_STATUS, LOCK, PING, REMOTE_DRIVE, UNLOCK, VIN, WAKE, Bench, RawClient


def switch(bench: Bench, fault: Fault, *, on: bool = True, once: bool = False) -> None:
    bench.virtual.switch(fault, on=on, once=once)


def locked(bench: Bench) -> bool:
    return bench.virtual.car.locked


def test_every_fault_is_explained() -> None:
    assert len(Fault) >= 25
    for fault in Fault:
        assert len(fault.explanation) > 15
        assert parse(fault.value) is fault


def test_unknown_fault() -> None:
    with pytest.raises(ValueError, match="--list-faults"):
        parse("gremlins")


def test_once() -> None:
    faults = Faults()
    faults.switch(Fault.LOST_ACK, on=True, once=True)
    assert faults.strikes(Fault.LOST_ACK)
    assert not faults.strikes(Fault.LOST_ACK)
    faults.switch(Fault.LOST_ACK, on=True)
    assert faults.strikes(Fault.LOST_ACK)
    assert faults.strikes(Fault.LOST_ACK)
    faults.switch(Fault.LOST_ACK, on=False)
    assert not faults.strikes(Fault.LOST_ACK)


@pytest.mark.parametrize("fault", list(Fault))
def test_switched_on_and_off_again_the_car_is_well(bench: Bench, client: RawClient, fault: Fault) -> None:
    switch(bench, fault)
    switch(bench, fault, on=False)
    bench.start_session(client)
    assert len(bench.say(client.signed(UNLOCK))) == 1
    assert not locked(bench)


# The link


def test_silent(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.SILENT)
    assert bench.say(session.signed(UNLOCK)) == []
    assert locked(bench)
    bench.virtual.car.unlock("hand")
    bench.virtual.settle(bench.now)
    bench.wait(5)
    assert bench.pushes == []


def test_hang_up_on_request(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.HANG_UP_ON_REQUEST)
    assert len(bench.say(session.unsigned(GET_STATUS))) == 1
    assert bench.say(session.signed(UNLOCK)) == []
    assert bench.endpoint.hung_up
    assert locked(bench)


def test_hang_up_after_execute(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.HANG_UP_AFTER_EXECUTE)
    assert bench.say(session.signed(UNLOCK)) == []
    assert bench.endpoint.hung_up
    assert not locked(bench)
    assert bench.endpoint.next_deadline() is None


def test_hang_up_after_execute_leaves_refusals_alone(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.HANG_UP_AFTER_EXECUTE)
    assert len(bench.say(session.signed(REMOTE_DRIVE))) == 1
    assert not bench.endpoint.hung_up


def test_places_full(bench: Bench) -> None:
    switch(bench, Fault.PLACES_FULL)
    with pytest.raises(PlacesTaken):
        bench.virtual.connect(0.0)
    assert not bench.endpoint.hung_up


def test_fragment_one_byte(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.FRAGMENT_ONE_BYTE)
    bench.endpoint.receive_data(_framed(session.signed(UNLOCK)), bench.now)
    pieces = bench.endpoint.data_to_send()
    assert {len(piece) for piece in pieces} == {1}
    assert len(pieces) > 43
    bench.wait(1.0)
    assert bench.pushes[-1].HasField("authenticationRequest")


def test_garbage_before_reply(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.GARBAGE_BEFORE_REPLY, once=True)
    bench.endpoint.receive_data(_framed(session.unsigned(GET_STATUS)), bench.now)
    garbage, good = bench.endpoint.data_to_send()
    with pytest.raises(Exception, match="parsing"):
        RoutableMessage.FromString(garbage[2:])
    RoutableMessage.FromString(good[2:])


def test_foreign_reply(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.FOREIGN_REPLY)
    foreign, own = bench.say(session.signed(UNLOCK))
    assert foreign.to_destination.routing_address == bytes(16)
    assert own.to_destination.routing_address == session.address


def test_no_push(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.NO_PUSH)
    bench.one(session.signed(UNLOCK))
    assert bench.pushes == []


def test_no_broadcasts(bench: Bench) -> None:
    switch(bench, Fault.NO_BROADCASTS)
    bench.wait(5)
    assert bench.pushes == []
    switch(bench, Fault.NO_BROADCASTS, on=False)
    bench.wait(2)
    assert bench.pushes


# Replies


def test_lost_ack(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.LOST_ACK)
    assert bench.say(session.signed(UNLOCK)) == []
    assert not locked(bench)
    assert not bench.endpoint.hung_up
    assert bench.pushes, "the state still gets through"
    assert len(bench.say(session.unsigned(GET_STATUS))) == 1


def test_duplicate_reply(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.DUPLICATE_REPLY)
    first, second = bench.say(session.signed(REMOTE_DRIVE))
    assert first == second
    assert first.signature_data.AES_GCM_Response_data.counter == 1


def test_three_part_reply(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.THREE_PART_REPLY)
    request = session.signed(UNLOCK)
    fine, in_order, ack = bench.say(request)
    message = FromVCSECMessage.FromString(session.open(fine, request))
    assert message.commandStatus.signedMessageStatus.counter == session.counter
    message = FromVCSECMessage.FromString(session.open(in_order, request))
    assert message.HasField("commandStatus")
    assert message.commandStatus.operationStatus == 0
    assert not ack.HasField("protobuf_message_as_bytes")
    counters = [reply.signature_data.AES_GCM_Response_data.counter for reply in (fine, in_order)]
    assert counters == [1, 2]


def test_encrypted_ack(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.ENCRYPTED_ACK)
    request = session.signed(UNLOCK)
    reply = bench.one(request)
    assert reply.HasField("protobuf_message_as_bytes")
    assert session.open(reply, request) == b""


def test_plaintext_replies(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.PLAINTEXT_REPLIES)
    reply = bench.one(session.signed(REMOTE_DRIVE))
    assert not reply.HasField("signature_data")
    assert FromVCSECMessage.FromString(reply.protobuf_message_as_bytes).HasField("nominalError")


def test_wrong_tag_reply(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.WRONG_TAG_REPLY)
    request = session.signed(REMOTE_DRIVE)
    reply = bench.one(request)
    with pytest.raises(AssertionError, match="not genuine"):
        session.open(reply, request)


def test_no_uuid_echo(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.NO_UUID_ECHO)
    reply = bench.one(session.signed(UNLOCK))
    assert reply.request_uuid == b""
    assert reply.ByteSize() == 24, "as seen in the field"
    bench.start_session(session)  # which asserts that session information still names its request


def test_response_too_large(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.RESPONSE_TOO_LARGE)
    assert _fault(bench.one(session.signed(UNLOCK))) == 25
    assert not locked(bench)


# Sessions


def test_late_session_info(bench: Bench, client: RawClient) -> None:
    switch(bench, Fault.LATE_SESSION_INFO)
    assert bench.say(client.handshake()) == []
    assert bench.wait(4.5) == []
    assert len(bench.say(client.unsigned(GET_STATUS))) == 1, "other replies are in time"
    assert len(bench.wait(1.0)) == 1


def test_wrong_tag_session_info(bench: Bench, client: RawClient) -> None:
    switch(bench, Fault.WRONG_TAG_SESSION_INFO)
    with pytest.raises(AssertionError, match="not genuine"):
        bench.start_session(client)


def test_reboot_on_next(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.REBOOT_ON_NEXT)
    assert len(bench.say(session.unsigned(GET_STATUS))) == 1
    refused = session.signed(UNLOCK)
    reply = bench.one(refused)
    assert _fault(reply) == 15
    info = session.accept_from(reply, refused)
    assert (info.counter, info.clock_time) == (0, 0)
    bench.one(session.signed(UNLOCK))
    assert not locked(bench)


def test_changed_car_key(bench: Bench, session: RawClient) -> None:
    before = bench.virtual.public_key
    switch(bench, Fault.CHANGED_CAR_KEY)
    assert bench.virtual.public_key != before
    assert _fault(bench.one(session.signed(UNLOCK))) == 15
    assert bench.start_session(session).publicKey == bench.virtual.public_key
    bench.one(session.signed(UNLOCK))
    assert not locked(bench)
    switch(bench, Fault.CHANGED_CAR_KEY, on=False)
    assert bench.virtual.public_key == before


def test_key_removed(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.KEY_REMOVED)
    assert _fault(bench.one(session.signed(UNLOCK))) == 3
    assert SessionInfo.FromString(bench.one(session.handshake()).session_info).status == 1
    assert locked(bench)


# Refusals


def test_busy(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.BUSY, once=True)
    request = session.signed(UNLOCK)
    message = FromVCSECMessage.FromString(session.open(bench.one(request), request))
    assert message.SerializeToString() == bytes.fromhex("22020801")
    assert locked(bench)

    media = RawClient(session.key, domain=Domain.INFOTAINMENT)
    bench.start_session(media)
    switch(bench, Fault.BUSY, once=True)
    assert _fault(bench.one(media.signed(PING))) == 1


@pytest.mark.parametrize(("fault", "number"), [(Fault.INTERNAL_ERROR, 11), (Fault.MOBILE_ACCESS_OFF, 21)])
def test_refused_by_number(bench: Bench, session: RawClient, fault: Fault, number: int) -> None:
    switch(bench, fault)
    assert _fault(bench.one(session.signed(UNLOCK))) == number
    assert locked(bench)


def test_error_without_reason(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.ERROR_WITHOUT_REASON)
    reply = bench.one(session.signed(UNLOCK))
    assert reply.signedMessageStatus.operation_status == OperationStatus_E.OPERATIONSTATUS_ERROR
    assert _fault(reply) == 0
    assert locked(bench)


# State


def test_status_without_closures(bench: Bench, client: RawClient) -> None:
    switch(bench, Fault.STATUS_WITHOUT_CLOSURES)
    reply = bench.one(client.unsigned(GET_STATUS))
    status = FromVCSECMessage.FromString(reply.protobuf_message_as_bytes).vehicleStatus
    assert status.vehicleSleepStatus == 1
    assert not status.HasField("closureStatuses")


def test_stuck_lock(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.STUCK_LOCK)
    assert bench.one(session.signed(UNLOCK)).request_uuid
    assert locked(bench)
    bench.virtual.car.unlock("hand")
    bench.one(session.signed(LOCK))
    assert not locked(bench)


# The whole car


def test_bare_frames(bench: Bench) -> None:
    switch(bench, Fault.BARE_FRAMES)
    bench.endpoint.handle_deadline(bench.now + 1)
    (piece,) = bench.endpoint.data_to_send()
    assert FromVCSECMessage.FromString(piece[2:]).HasField("authenticationRequest")


def test_merged_frames(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.MERGED_FRAMES)
    bench.endpoint.receive_data(_framed(session.signed(UNLOCK)), bench.now)
    (piece,) = bench.endpoint.data_to_send()
    assert len(piece) > 2 + int.from_bytes(piece[:2], "big"), "the acknowledgement, and the news behind it"


def test_half_reply(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.HALF_REPLY, once=True)
    bench.endpoint.receive_data(_framed(session.unsigned(GET_STATUS)), bench.now)
    (piece,) = bench.endpoint.data_to_send()
    assert len(piece) < 2 + int.from_bytes(piece[:2], "big")
    assert bench.wait(2) == []
    assert len(bench.say(session.unsigned(GET_STATUS))) == 1


def test_wait_but_done(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.WAIT_BUT_DONE)
    request = session.signed(UNLOCK)
    assert session.open(bench.one(request), request) == bytes.fromhex("22020801")
    assert not locked(bench)


def test_legacy_error(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.LEGACY_ERROR)
    for payload, terminal in ((UNLOCK, b""), (REMOTE_DRIVE, bytes.fromhex("f202020807"))):
        request = session.signed(payload)
        legacy, last = bench.say(request)
        status = FromVCSECMessage.FromString(session.open(legacy, request)).commandStatus
        assert (status.operationStatus, status.HasField("signedMessageStatus")) == (2, True)
        assert last.protobuf_message_as_bytes == b"" if not terminal else session.open(last, request) == terminal


def test_future_values(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.FUTURE_VALUES)
    reply = bench.one(session.unsigned(GET_STATUS))
    message = FromVCSECMessage.FromString(reply.protobuf_message_as_bytes)
    assert (message.vehicleStatus.vehicleLockState, message.vehicleStatus.vehicleSleepStatus) == (42, 42)
    assert bytes.fromhex("ba3e0568656c6c6f") in reply.protobuf_message_as_bytes


def test_infotainment_key_changed(bench: Bench, session: RawClient) -> None:
    media = RawClient(session.key, domain=Domain.INFOTAINMENT)
    before = bench.start_session(media).publicKey
    switch(bench, Fault.INFOTAINMENT_KEY_CHANGED)
    refused = media.signed(PING)
    assert _fault(bench.one(refused)) == 5
    assert len(bench.say(session.signed(UNLOCK))) == 1, "the body controller is as before"
    assert not locked(bench)
    assert bench.start_session(media).publicKey != before
    assert _fault(bench.one(media.signed(PING))) == 0


def test_old_session_info(bench: Bench, client: RawClient) -> None:
    bench.start_session(client)
    bench.now += 10
    switch(bench, Fault.OLD_SESSION_INFO)
    with pytest.raises(AssertionError, match="not genuine"):
        bench.start_session(client)


def test_clock_behind(bench: Bench, client: RawClient) -> None:
    bench.start_session(client)
    bench.now += 100
    switch(bench, Fault.CLOCK_BEHIND)
    assert bench.start_session(client).clock_time == 0
    switch(bench, Fault.CLOCK_BEHIND, on=False)
    assert bench.start_session(client).clock_time == 100


@pytest.mark.parametrize(("fault", "number"), [(Fault.TIMEOUT, 2), (Fault.KEY_INACTIVE, 4)])
def test_more_refusals_by_number(bench: Bench, session: RawClient, fault: Fault, number: int) -> None:
    switch(bench, fault)
    assert _fault(bench.one(session.signed(UNLOCK))) == number
    assert locked(bench)


def test_encryption_required(bench: Bench, session: RawClient) -> None:
    switch(bench, Fault.ENCRYPTION_REQUIRED)
    assert _fault(bench.one(session.signed(UNLOCK, flags=0))) == 28
    assert _fault(bench.one(session.signed(UNLOCK))) == 0


@pytest.mark.parametrize(("fault", "number"), [(Fault.BOOT_BUSY, 1), (Fault.BOOT_INTERNAL, 11)])
def test_while_infotainment_starts(client: RawClient, fault: Fault, number: int) -> None:
    virtual = VirtualCar(VIN, profile=Profile(boot_s=7.0), car=Car(asleep=True))
    virtual.enrol(client.key.public)
    bench = Bench(virtual)
    switch(bench, fault)
    media = RawClient(client.key, domain=Domain.INFOTAINMENT)
    assert bench.say(media.handshake()) == [], "asleep it says nothing at all"
    bench.do(lambda: virtual.car.wake("hand"))
    assert _fault(bench.one(media.handshake())) == number
    bench.wait(7.1)
    bench.start_session(media)


def test_old_wake(bench: Bench, client: RawClient) -> None:
    bench.virtual.enrol(client.key.public, Role.ROLE_CHARGING_MANAGER)
    bench.start_session(client)
    switch(bench, Fault.OLD_WAKE)
    request = client.signed(WAKE)
    assert client.open(bench.one(request), request) == bytes.fromhex("f202020806")
    switch(bench, Fault.OLD_WAKE, on=False)
    assert bench.one(client.signed(WAKE)).protobuf_message_as_bytes == b""


def test_wake_ignored(bench: Bench, session: RawClient) -> None:
    bench.virtual.car.sleep("hand")
    switch(bench, Fault.WAKE_IGNORED, once=True)
    bench.one(session.signed(WAKE))
    assert bench.virtual.car.facts()["asleep"] is True
    bench.one(session.signed(WAKE))
    assert bench.virtual.car.facts()["asleep"] is False


def test_what_the_status_says_about_sleep(bench: Bench, client: RawClient) -> None:
    bench.virtual.car.sleep("hand")
    switch(bench, Fault.SAYS_AWAKE)
    assert bench.status(client).vehicleSleepStatus == 1
    assert not bench.status(client).HasField("closureStatuses")
    switch(bench, Fault.SLEEP_UNKNOWN)
    assert bench.status(client).vehicleSleepStatus == 0


def _fault(reply: RoutableMessage) -> int:
    return reply.signedMessageStatus.signed_message_fault


def _framed(message: RoutableMessage) -> bytes:
    data = message.SerializeToString()
    return len(data).to_bytes(2, "big") + data
