"""A link to the car, spoken to in bytes."""

from __future__ import annotations

from typing import Any

import pytest

from driveway_bridge.proto import (
    ClosureMoveRequest,
    ClosureState_E,
    FromVCSECMessage,
    GenericError_E,
    MessageFault_E,
    OperationStatus_E,
    Response,
    Role,
    RoutableMessage,
    SessionInfo,
    UnsignedMessage,
    VehicleStatus,
)
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.framing import frame
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.car import CLOSED, OPEN, Car
from driveway_bridge.simulator.endpoint import INBOX
from driveway_bridge.simulator.profiles import PROFILES, Profile
from driveway_bridge.simulator.virtual_car import PlacesTaken, VirtualCar
from tests.bridge.simulator.raw_client import (
    AUTO_SECURE,
    CLIMATE_ON,
    GET_STATUS,
    LOCK,
    PING,
    REMOTE_DRIVE,
    UNLOCK,
    VIN,
    WAKE,
    Bench,
    RawClient,
)

WHITELIST_INFO = bytes.fromhex("0a020805")


def fault_of(reply: RoutableMessage) -> str:
    status = reply.signedMessageStatus
    assert status.operation_status == OperationStatus_E.OPERATIONSTATUS_ERROR
    return MessageFault_E.Name(status.signed_message_fault).removeprefix("MESSAGEFAULT_ERROR_")


def vehicle_status(bench: Bench, client: RawClient) -> VehicleStatus:
    message = FromVCSECMessage.FromString(bench.one(client.unsigned(GET_STATUS)).protobuf_message_as_bytes)
    assert message.HasField("vehicleStatus")
    return message.vehicleStatus


def nominal_error(bench: Bench, client: RawClient, payload: bytes) -> str:
    request = client.signed(payload)
    message = FromVCSECMessage.FromString(client.open(bench.one(request), request))
    assert message.HasField("nominalError")
    return GenericError_E.Name(message.nominalError.genericError).removeprefix("GENERICERROR_")


def is_bare_ack(reply: RoutableMessage, request: RoutableMessage) -> bool:
    expected = RoutableMessage(request_uuid=request.uuid)
    expected.to_destination.CopyFrom(request.from_destination)
    expected.from_destination.CopyFrom(request.to_destination)
    return reply == expected


# Locks


def test_unlock_and_lock(bench: Bench, session: RawClient) -> None:
    unlock = session.signed(UNLOCK)
    assert is_bare_ack(bench.one(unlock), unlock)
    assert not bench.virtual.car.locked

    lock = session.signed(LOCK)
    assert is_bare_ack(bench.one(lock), lock)
    assert bench.virtual.car.locked


def test_bare_acknowledgement_has_the_size_seen_in_the_field(bench: Bench, session: RawClient) -> None:
    assert bench.one(session.signed(UNLOCK)).ByteSize() == 43


def test_unlock_signed_in_clear(bench: Bench, session: RawClient) -> None:
    bench.one(session.signed(UNLOCK, hmac_tag=True))
    assert not bench.virtual.car.locked


def test_unsigned_unlock_is_refused(bench: Bench, client: RawClient) -> None:
    assert fault_of(bench.one(client.unsigned(UNLOCK))) == "BAD_PARAMETER"
    assert bench.virtual.car.locked


def test_replayed_unlock_does_nothing(bench: Bench, session: RawClient) -> None:
    unlock = session.signed(UNLOCK)
    bench.one(unlock)
    bench.virtual.car.lock("hand")

    reply = bench.one(unlock)

    assert fault_of(reply) == "INVALID_TOKEN_OR_COUNTER"
    assert bench.virtual.car.locked
    assert session.accept_from(reply, unlock).counter == session.counter


def test_all_three_parts_of_a_healing(bench: Bench, session: RawClient) -> None:
    """After a reboot the refusal carries all that the next request needs."""
    bench.virtual.reboot()
    bench.now += 100
    refused = session.signed(UNLOCK)
    reply = bench.one(refused)
    assert fault_of(reply) == "INCORRECT_EPOCH"

    session.accept_from(reply, refused)
    again = session.signed(UNLOCK)
    assert is_bare_ack(bench.one(again), again)
    assert not bench.virtual.car.locked


def test_lock_with_an_open_door(bench: Bench, session: RawClient) -> None:
    car = bench.virtual.car
    car.unlock("hand")
    car.move("rear_driver_door", OPEN, "hand")
    assert nominal_error(bench, session, LOCK) == "CLOSURES_OPEN"
    assert car.facts()["locked"] is False

    bench.one(session.signed(AUTO_SECURE))
    assert car.facts()["locked"] is True
    assert car.closures["rear_driver_door"] == CLOSED


def test_lock_with_an_open_trunk(bench: Bench, session: RawClient) -> None:
    bench.virtual.car.unlock("hand")
    bench.virtual.car.move("rear_trunk", OPEN, "hand")
    bench.one(session.signed(LOCK))
    assert bench.virtual.car.locked


def test_remote_drive_does_not_work_over_bluetooth(bench: Bench, session: RawClient) -> None:
    assert nominal_error(bench, session, REMOTE_DRIVE) == "NOT_ALLOWED_OVER_TRANSPORT"


def test_nominal_error_is_plain_if_encryption_was_not_asked_for(bench: Bench, session: RawClient) -> None:
    reply = bench.one(session.signed(REMOTE_DRIVE, flags=0))
    assert not reply.HasField("signature_data")
    assert FromVCSECMessage.FromString(reply.protobuf_message_as_bytes).HasField("nominalError")


# Doors and lids


def move(**closures: int) -> bytes:
    request = ClosureMoveRequest(**closures)  # type: ignore[arg-type]
    return UnsignedMessage(closureMoveRequest=request).SerializeToString()


@pytest.mark.parametrize(
    ("payload", "closure", "state"),
    [
        (move(rearTrunk=1), "rear_trunk", OPEN),
        (move(rearTrunk=3), "rear_trunk", OPEN),
        (move(frontTrunk=1), "front_trunk", OPEN),
        (move(chargePort=3), "charge_port", OPEN),
        (move(tonneau=3), "tonneau", OPEN),
        (move(tonneau=2), "tonneau", CLOSED),
        (move(frontDriverDoor=3), "front_driver_door", CLOSED),
    ],
)
def test_moving_a_lid(bench: Bench, session: RawClient, payload: bytes, closure: str, state: int) -> None:
    request = session.signed(payload)
    assert is_bare_ack(bench.one(request), request)
    assert bench.virtual.car.closures[closure] == state


def test_trunk_is_a_toggle(bench: Bench, session: RawClient) -> None:
    states = []
    for _ in range(3):
        bench.one(session.signed(move(rearTrunk=1)))
        states.append(bench.virtual.car.closures["rear_trunk"])
    assert states == [OPEN, CLOSED, OPEN]


def test_frunk_cannot_be_closed_from_afar(bench: Bench, session: RawClient) -> None:
    assert nominal_error(bench, session, move(frontTrunk=4)) == "DISABLED_FOR_USER_COMMAND"


# State


def test_status_needs_no_key(bench: Bench, stranger: RawClient) -> None:
    request = stranger.unsigned(GET_STATUS)
    reply = bench.one(request)
    assert reply.request_uuid == request.uuid
    assert reply.to_destination.routing_address == stranger.address
    assert int(reply.from_destination.domain) == Domain.VEHICLE_SECURITY
    status = FromVCSECMessage.FromString(reply.protobuf_message_as_bytes).vehicleStatus
    assert (status.vehicleLockState, status.vehicleSleepStatus, status.userPresence) == (1, 1, 1)
    assert status.HasField("closureStatuses")
    assert status.closureStatuses.ByteSize() == 0


def test_doors_are_left_out_while_asleep(bench: Bench, client: RawClient) -> None:
    bench.virtual.car.sleep("hand")
    status = vehicle_status(bench, client)
    assert status.vehicleSleepStatus == 2
    assert not status.HasField("closureStatuses")
    assert bench.virtual.car.asleep, "the question must not wake it"


def test_open_door_is_told(bench: Bench, client: RawClient) -> None:
    bench.virtual.car.move("front_passenger_door", OPEN, "hand")
    closures = vehicle_status(bench, client).closureStatuses
    assert closures.frontPassengerDoor == ClosureState_E.CLOSURESTATE_OPEN


def test_signed_status_is_acknowledged_and_then_sealed(bench: Bench, session: RawClient) -> None:
    request = session.signed(GET_STATUS)
    ack, data = bench.say(request)
    assert is_bare_ack(ack, request)
    assert FromVCSECMessage.FromString(session.open(data, request)).vehicleStatus.vehicleLockState == 1


def test_whitelist_is_told_to_everybody(bench: Bench, client: RawClient, stranger: RawClient) -> None:
    bench.virtual.enrol(stranger.key.public, Role.ROLE_VEHICLE_MONITOR)
    info = FromVCSECMessage.FromString(bench.one(client.unsigned(WHITELIST_INFO)).protobuf_message_as_bytes)
    assert info.whitelistInfo.numberOfEntries == 2
    assert info.whitelistInfo.slotMask == 0b11

    for slot, key, role in ((0, client.key, Role.ROLE_DRIVER), (1, stranger.key, Role.ROLE_VEHICLE_MONITOR)):
        asked = bytes.fromhex("0a04080620") + bytes((slot,))
        entry = FromVCSECMessage.FromString(bench.one(client.unsigned(asked)).protobuf_message_as_bytes)
        assert entry.whitelistEntryInfo.publicKey.PublicKeyRaw == key.public
        assert entry.whitelistEntryInfo.slot == slot
        assert entry.whitelistEntryInfo.keyRole == role
        assert entry.whitelistEntryInfo.keyId == info.whitelistInfo.whitelistEntries[slot]

    assert fault_of(bench.one(client.unsigned(bytes.fromhex("0a0408062005")))) == "BAD_PARAMETER"


# Told by itself


def test_every_link_hears_of_a_change(bench: Bench, session: RawClient) -> None:
    other = bench.virtual.connect(bench.now)
    bench.one(session.signed(UNLOCK))
    other.handle_deadline(bench.now)

    assert [push.vehicleStatus.vehicleLockState for push in bench.pushes] == [0]
    assert len(other.data_to_send()) == 1


def test_reply_comes_before_the_news(bench: Bench, session: RawClient) -> None:
    bench.endpoint.receive_data(frame(session.signed(UNLOCK).SerializeToString()), bench.now)
    first, second = bench.endpoint.data_to_send()
    assert RoutableMessage.FromString(first[2:]).to_destination.routing_address == session.address
    assert int(RoutableMessage.FromString(second[2:]).to_destination.domain) == Domain.BROADCAST


def test_nothing_is_told_when_nothing_changes(bench: Bench, session: RawClient) -> None:
    bench.one(session.signed(LOCK))
    assert bench.pushes == []


def test_phones_are_called_about_once_a_second(bench: Bench) -> None:
    assert bench.wait(10.5) == []
    assert len(bench.pushes) == 10
    assert all(push.authenticationRequest.requestedLevel == 2 for push in bench.pushes)
    assert len({push.authenticationRequest.sessionInfo.token for push in bench.pushes}) == 10


# Sleep


def test_lock_works_while_asleep(bench: Bench, session: RawClient) -> None:
    bench.virtual.car.sleep("hand")
    bench.one(session.signed(UNLOCK))
    assert not bench.virtual.car.locked


def test_infotainment_is_silent_until_it_has_booted(client: RawClient) -> None:
    virtual = VirtualCar(VIN, profile=Profile(boot_s=7.0), car=Car(asleep=True))
    virtual.enrol(client.key.public)
    bench = Bench(virtual)
    bench.start_session(client)
    media = RawClient(client.key, domain=Domain.INFOTAINMENT)
    assert bench.say(media.handshake()) == []

    bench.one(client.signed(WAKE))
    assert not virtual.car.asleep
    bench.wait(6.9)
    assert bench.say(media.handshake()) == []
    bench.wait(0.2)
    bench.start_session(media)


# Infotainment


def test_domains_have_keys_and_sessions_of_their_own(bench: Bench, session: RawClient) -> None:
    media = RawClient(session.key, domain=Domain.INFOTAINMENT)
    mine, theirs = bench.start_session(session), bench.start_session(media)
    assert mine.publicKey == bench.virtual.public_key
    assert mine.publicKey != theirs.publicKey
    assert mine.epoch != theirs.epoch

    ping = media.signed(PING)
    assert Response.FromString(media.open(bench.one(ping), ping)).ping.ping_id == 1
    climate = media.signed(CLIMATE_ON)
    assert media.open(bench.one(climate), climate) == bytes.fromhex("0a00")
    assert bench.last_size == 85, "as seen in the field"
    assert bench.start_session(session).counter == 0


# Keys and roles


def test_stranger_gets_no_session(bench: Bench, stranger: RawClient, events: list[dict[str, Any]]) -> None:
    reply = bench.one(stranger.handshake())
    assert SessionInfo.FromString(reply.session_info) == SessionInfo(status="SESSION_INFO_STATUS_KEY_NOT_ON_WHITELIST")
    assert not reply.HasField("signature_data")
    assert events[-1]["known"] is False

    stranger.domain = Domain.INFOTAINMENT
    assert fault_of(bench.one(stranger.handshake())) == "UNKNOWN_KEY_ID"


def test_command_of_a_stranger(bench: Bench, session: RawClient, stranger: RawClient) -> None:
    stranger.secret, stranger.epoch = session.secret, session.epoch
    reply = bench.one(stranger.signed(UNLOCK))
    assert fault_of(reply) == "UNKNOWN_KEY_ID"
    assert not reply.session_info
    assert bench.virtual.car.locked


def test_command_with_the_name_of_another(bench: Bench, session: RawClient, stranger: RawClient) -> None:
    """Somebody who knows an enrolled public key, but not its private half."""
    stranger.secret = stranger.key.shared_secret(bench.virtual.public_key)
    stranger.epoch = session.epoch
    forged = stranger.signed(UNLOCK, counter=1000)
    forged.signature_data.signer_identity.public_key = session.key.public
    assert fault_of(bench.one(forged)) == "INVALID_SIGNATURE"
    bench.one(session.signed(UNLOCK))
    assert not bench.virtual.car.locked


def test_key_handles_are_not_given_out(bench: Bench, session: RawClient) -> None:
    request = session.signed(UNLOCK)
    request.signature_data.signer_identity.handle = 0
    assert fault_of(bench.one(request)) == "INVALID_KEY_HANDLE"


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.ROLE_OWNER, {"unlock", "lock", "wake", "secure"}),
        (Role.ROLE_DRIVER, {"unlock", "lock", "wake", "secure"}),
        (Role.ROLE_CHARGING_MANAGER, {"wake"}),
        (Role.ROLE_VEHICLE_MONITOR, set()),
        (Role.ROLE_SERVICE, {"unlock", "lock"}),
        (Role.ROLE_NONE, set()),
    ],
)
def test_roles(bench: Bench, client: RawClient, role: Role, may: set[str]) -> None:
    bench.virtual.enrol(client.key.public, role)
    bench.start_session(client)
    for name, payload in (("unlock", UNLOCK), ("lock", LOCK), ("wake", WAKE), ("secure", AUTO_SECURE)):
        if name in may:
            request = client.signed(payload)
            assert is_bare_ack(bench.one(request), request)
        else:
            assert nominal_error(bench, client, payload) == "UNAUTHORIZED"
    assert bench.virtual.car.locked


def test_refused_by_role_still_uses_the_counter(bench: Bench, client: RawClient) -> None:
    bench.virtual.enrol(client.key.public, Role.ROLE_VEHICLE_MONITOR)
    bench.start_session(client)
    request = client.signed(UNLOCK)
    bench.one(request)
    assert fault_of(bench.one(request)) == "INVALID_TOKEN_OR_COUNTER"


# Requests that make no sense


@pytest.mark.parametrize("domain", [0, 1, 4, 77])
def test_unknown_domain(bench: Bench, client: RawClient, domain: int) -> None:
    request = client.unsigned(GET_STATUS)
    request.to_destination.domain = domain  # type: ignore[assignment]
    assert fault_of(bench.one(request)) == "INVALID_DOMAINS"


def test_request_to_an_address(bench: Bench, client: RawClient) -> None:
    request = client.unsigned(GET_STATUS)
    request.to_destination.routing_address = bytes(16)
    assert fault_of(bench.one(request)) == "INVALID_DOMAINS"


def test_signed_nonsense(bench: Bench, session: RawClient) -> None:
    assert fault_of(bench.one(session.signed(b"\x0a\x7f"))) == "DECODING"
    assert fault_of(bench.one(session.signed(b"\x10\x63"))) == "INVALID_COMMAND"
    assert fault_of(bench.one(session.signed(b""))) == "INVALID_COMMAND"


def test_unsigned_nonsense(bench: Bench, client: RawClient) -> None:
    assert fault_of(bench.one(client.unsigned(b"\x0a\x7f"))) == "DECODING"
    assert fault_of(bench.one(client.unsigned(b"\x0a\x02\x08\x63"))) == "INVALID_COMMAND"
    assert fault_of(bench.one(client.request())) == "BAD_PARAMETER"


@pytest.mark.parametrize("address", [b"", b"short", b"x" * 17])
def test_request_without_a_way_back_is_dropped(bench: Bench, client: RawClient, address: bytes) -> None:
    client.address = address
    assert bench.say(client.unsigned(GET_STATUS)) == []
    assert bench.endpoint.dropped == 1


def test_garbage_is_dropped_and_the_next_message_works(bench: Bench, client: RawClient) -> None:
    bench.endpoint.receive_data(frame(b"\xff\xff\xff"), bench.now)
    assert bench.endpoint.dropped == 1
    vehicle_status(bench, client)


def test_frame_that_is_too_long_is_dropped(bench: Bench, client: RawClient) -> None:
    bench.endpoint.receive_data((1025).to_bytes(2, "big") + bytes(100), bench.now)
    assert bench.endpoint.dropped == 1
    vehicle_status(bench, client)


def test_longest_frame_is_taken(bench: Bench, client: RawClient) -> None:
    data = client.unsigned(GET_STATUS).SerializeToString()
    filler = 1024 - len(data) - 4  # in a field that nobody knows, number 100
    data += b"\xa2\x06" + bytes((filler & 0x7F | 0x80, filler >> 7)) + bytes(filler)
    bench.endpoint.receive_data(frame(data), bench.now)
    assert len(bench.hear()) == 1


def test_one_byte_at_a_time(bench: Bench, client: RawClient) -> None:
    for byte in frame(client.unsigned(GET_STATUS).SerializeToString()):
        assert bench.hear() == []
        bench.endpoint.receive_data(bytes((byte,)), bench.now)
    assert len(bench.hear()) == 1


def test_two_requests_in_one_piece(bench: Bench, client: RawClient) -> None:
    data = b"".join(frame(client.unsigned(GET_STATUS).SerializeToString()) for _ in range(2))
    bench.endpoint.receive_data(data, bench.now)
    assert len(bench.hear()) == 2


def test_half_a_frame_is_given_up_after_a_second(bench: Bench, client: RawClient) -> None:
    framed = frame(client.unsigned(GET_STATUS).SerializeToString())
    bench.endpoint.receive_data(framed[:20], bench.now)
    bench.now += 1.1
    vehicle_status(bench, client)
    assert bench.endpoint.dropped == 1


# Places


def test_three_places(virtual: VirtualCar, events: list[dict[str, Any]]) -> None:
    links = [virtual.connect(0.0) for _ in range(3)]
    with pytest.raises(PlacesTaken) as refusal:
        virtual.connect(0.0)
    assert refusal.value.reason == "places_full"
    assert [event["places_free"] for event in events] == [2, 1, 0]

    virtual.disconnect(links[1])
    assert virtual.places_free == 1
    virtual.connect(0.0)


# Speed


def test_field_speed(client: RawClient, virtual: VirtualCar) -> None:
    virtual.profile = PROFILES["field"]
    bench = Bench(virtual, now=0.0)
    assert bench.say(client.handshake()) == []
    assert bench.wait(0.85) == []
    assert len(bench.wait(0.1)) == 1, "0.9 s for a new link"

    assert bench.say(client.handshake()) == []
    assert bench.wait(0.29) == []
    assert len(bench.wait(0.02)) == 1


def test_idle_link_is_dropped(virtual: VirtualCar) -> None:
    virtual.profile = PROFILES["field"]
    lives = []
    for _ in range(40):
        bench = Bench(virtual, now=0.0)
        while not bench.endpoint.hung_up:
            bench.wait(1.0)
        lives.append(bench.now)
        virtual.disconnect(bench.endpoint)
    assert min(lives) >= 30
    assert max(lives) <= 55
    assert 38 < sum(lives) / len(lives) < 46


def test_link_in_use_is_kept(virtual: VirtualCar, client: RawClient) -> None:
    virtual.profile = PROFILES["field"]
    bench = Bench(virtual, now=0.0)
    for _ in range(10):
        bench.say(client.unsigned(GET_STATUS))
        bench.wait(25.0)
    assert not bench.endpoint.hung_up


def test_flood_is_bounded(virtual: VirtualCar, client: RawClient) -> None:
    virtual.profile = PROFILES["field"]
    bench = Bench(virtual, now=0.0)
    for _ in range(200):
        bench.say(client.unsigned(GET_STATUS))
    assert bench.endpoint.dropped == 200 - INBOX
    assert len(bench.wait(5.0)) == INBOX


# Seeds


def test_seed_makes_a_car_repeat_itself() -> None:
    def life(seed: int | None) -> list[bytes]:
        virtual = VirtualCar(VIN, seed=seed)
        client = RawClient(PrivateKey.from_scalar(b"\x01" * 32))
        virtual.enrol(client.key.public)
        bench = Bench(virtual)
        info = bench.start_session(client)
        request = client.signed(REMOTE_DRIVE)
        return [virtual.public_key, info.epoch, bench.one(request).SerializeToString()]

    assert life(5) == life(5)
    assert not set(life(5)) & set(life(6))
    assert not set(life(None)) & set(life(None))


def test_events(bench: Bench, session: RawClient, events: list[dict[str, Any]]) -> None:
    events.clear()
    bench.one(session.signed(UNLOCK))
    key = session.key.public
    short = bench.virtual.whitelist.find(key)
    assert short is not None
    name = short.key_id.hex()
    assert events[0] == {
        "event": "command",
        "name": "unlock",
        "key": name,
        "counter": 1,
        "domain": "vehicle_security",
    }
    assert events[1]["event"] == "state"
    assert (events[1]["locked"], events[1]["by"]) == (False, f"key {name}")
    bench.one(session.signed(UNLOCK, counter=1))
    assert events[-1]["event"] == "refused"
    assert events[-1]["fault"] == "MESSAGEFAULT_ERROR_INVALID_TOKEN_OR_COUNTER"
