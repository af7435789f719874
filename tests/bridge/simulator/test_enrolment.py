"""A new key by card: bare and in an envelope, and every way in which it can end."""

from __future__ import annotations

from typing import Any

import pytest

from driveway_bridge.proto import CommandStatus, FromVCSECMessage, Role, UnsignedMessage, vcsec
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.framing import Unframer, frame
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.car import CannotError
from driveway_bridge.simulator.enrolment import PROMPTS, Stage
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.key_operations import information_name
from driveway_bridge.simulator.profiles import Profile
from driveway_bridge.simulator.virtual_car import VirtualCar
from tests.bridge.simulator.raw_client import UNLOCK, VIN, Bench, RawClient

WAIT = bytes.fromhex("22020801")
CLOUD_KEY = vcsec.KeyFormFactor.KEY_FORM_FACTOR_CLOUD_KEY


def request(public: bytes, role: Role = Role.ROLE_DRIVER) -> UnsignedMessage:
    operation = vcsec.WhitelistOperation(metadataForKey=vcsec.KeyMetadata(keyFormFactor=CLOUD_KEY))
    change = operation.addKeyToWhitelistAndAddPermissions
    change.key.PublicKeyRaw, change.keyRole = public, role
    return UnsignedMessage(WhitelistOperation=operation)


def bare(payload: UnsignedMessage, kind: int = 2) -> bytes:
    message = vcsec.ToVCSECMessage()
    message.signedMessage.protobufMessageAsBytes = payload.SerializeToString()
    message.signedMessage.signatureType = kind  # type: ignore[assignment]
    return message.SerializeToString()


class Reader(Bench):
    """A bench that also understands answers without an envelope."""

    def ask(self, message: bytes) -> list[bytes]:
        self.endpoint.receive_data(frame(message), self.now)
        return self.bare_replies()

    def bare_replies(self) -> list[bytes]:
        self.virtual.settle(self.now)
        self.endpoint.handle_deadline(self.now)
        unframer = Unframer()
        messages = [data for piece in self.endpoint.data_to_send() for data in unframer.feed(piece, self.now)]
        return [data for data in messages if data[0] == 0x22]

    @property
    def enrolment(self) -> Any:
        return self.virtual.enrolment


@pytest.fixture
def reader(virtual: VirtualCar) -> Reader:
    return Reader(virtual)


@pytest.fixture
def public(stranger: RawClient) -> bytes:
    return stranger.key.public


def information(reply: bytes) -> str:
    status = FromVCSECMessage.FromString(reply).commandStatus.whitelistOperationStatus
    return information_name(status.whitelistOperationInformation)


def test_the_message_is_the_published_one() -> None:
    key = bytes.fromhex(
        "04b2b6bc68c2da0665ce656815594996c62394edd8bea905fe781a754fe6a845a7"
        "14330902f225e9269d466e05b349981fda9d85cc23c6fb444aa73b629105dc6e"
    )
    expected = "0a54125082014d2a470a430a41" + key.hex() + "2003320208091802"
    assert vcsec.ToVCSECMessage.FromString(bytes.fromhex(expected)) == vcsec.ToVCSECMessage.FromString(
        bare(request(key))
    )


def test_card_and_confirmation(
    reader: Reader, public: bytes, stranger: RawClient, events: list[dict[str, Any]]
) -> None:
    assert reader.ask(bare(request(public))) == [WAIT]
    assert reader.enrolment.stage is Stage.CARD
    reader.enrolment.tap(reader.now)
    assert reader.bare_replies() == []
    reader.enrolment.confirm(reader.now)
    (reply,) = reader.bare_replies()
    assert len(reply) == 12, "as captured from a car"
    assert reply.startswith(bytes.fromhex("220a1a0812060a04"))
    assert [event["stage"] for event in events if event["event"] == "enrolment"] == [
        "waiting_for_card",
        "waiting_for_confirmation",
        "enrolled",
    ]
    (entry,) = reader.virtual.whitelist
    assert (entry.public, entry.role, entry.form_factor, entry.slot) == (public, Role.ROLE_DRIVER, CLOUD_KEY, 0)
    reader.start_session(stranger)
    reader.one(stranger.signed(UNLOCK))
    assert not reader.virtual.car.locked


def test_in_an_envelope(reader: Reader, public: bytes, stranger: RawClient) -> None:
    asked = stranger.unsigned(request(public).SerializeToString())
    reply = reader.one(asked)
    assert reply.request_uuid == asked.uuid
    assert reply.protobuf_message_as_bytes == WAIT
    reader.do(lambda: reader.enrolment.tap(reader.now))
    reader.do(lambda: reader.enrolment.confirm(reader.now))
    (reply,) = reader.hear()
    assert reply.request_uuid == asked.uuid
    assert information(reply.protobuf_message_as_bytes) == "NONE"
    assert reader.virtual.whitelist.find(public)


def test_card_wakes_the_car(reader: Reader, public: bytes) -> None:
    reader.virtual.car.sleep("hand")
    reader.ask(bare(request(public)))
    assert reader.virtual.car.asleep
    reader.enrolment.tap(reader.now)
    assert not reader.virtual.car.asleep


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (["tap", "deny"], "LOCAL_ENTITY_AUTH_FAILED_UI_DENIED"),
        (["cancel"], "LOCAL_ENTITY_AUTH_FAILED_CANCELLED"),
        (["tap", "cancel"], "LOCAL_ENTITY_AUTH_FAILED_CANCELLED"),
        (["61"], "LOCAL_ENTITY_AUTH_FAILED_TIMED_OUT_WAITING_FOR_TAP"),
        (["30", "tap", "61"], "LOCAL_ENTITY_AUTH_FAILED_TIMED_OUT_WAITING_FOR_UI_ACK"),
    ],
)
def test_ways_to_fail(reader: Reader, public: bytes, steps: list[str], name: str, events: list[dict[str, Any]]) -> None:
    reader.ask(bare(request(public)))
    for step in steps:
        if step.isdigit():
            reader.now += int(step)
            reader.virtual.settle(reader.now)
        else:
            getattr(reader.enrolment, step)(reader.now)
    (reply,) = reader.bare_replies()
    assert information(reply) == name
    assert FromVCSECMessage.FromString(reply).commandStatus.operationStatus == 2
    assert not list(reader.virtual.whitelist)
    failed = [event for event in events if event["event"] == "enrolment"][-1]
    assert (failed["stage"], failed["reason"]) == ("failed", name)
    assert reader.enrolment.stage is None


def test_no_tap_in_time_as_published(reader: Reader, public: bytes) -> None:
    reader.ask(bare(request(public)))
    reader.now += 61
    (reply,) = reader.bare_replies()
    expected = FromVCSECMessage.FromString(bytes.fromhex("220808021a0408191802"))
    assert FromVCSECMessage.FromString(reply) == expected


@pytest.mark.parametrize(
    ("role", "name"),
    [
        (Role.ROLE_NONE, "ATTEMPTING_TO_ADD_KEY_WITHOUT_ROLE"),
        (Role.ROLE_SERVICE, "ATTEMPTING_TO_ADD_KEY_WITH_SERVICE_ROLE"),
    ],
)
def test_role_that_no_key_may_have(reader: Reader, public: bytes, role: Role, name: str) -> None:
    (reply,) = reader.ask(bare(request(public, role)))
    assert information(reply) == name


def test_key_without_permissions(reader: Reader, public: bytes) -> None:
    operation = vcsec.WhitelistOperation()
    operation.addPublicKeyToWhitelist.PublicKeyRaw = public
    (reply,) = reader.ask(bare(UnsignedMessage(WhitelistOperation=operation)))
    assert information(reply) == "ATTEMPTING_TO_ADD_KEY_WITHOUT_ROLE"


def test_key_that_is_known(reader: Reader, client: RawClient) -> None:
    (reply,) = reader.ask(bare(request(client.key.public)))
    assert information(reply) == "ATTEMPTING_TO_ADD_KEY_THAT_IS_ALREADY_ON_THE_WHITELIST"


def test_full_list(reader: Reader, public: bytes) -> None:
    for _ in range(32):
        reader.virtual.enrol(PrivateKey.generate().public)
    (reply,) = reader.ask(bare(request(public)))
    assert information(reply) == "WHITELIST_FULL"


def test_valet_mode(reader: Reader, public: bytes) -> None:
    reader.virtual.car.settings.valet.activate("1234")
    (reply,) = reader.ask(bare(request(public)))
    assert information(reply) == "LOCAL_ENTITY_AUTH_FAILED_VALET_MODE"


def test_malformed_requests_are_ignored(reader: Reader, public: bytes) -> None:
    for nonsense in (
        bare(request(b"")),
        bare(request(public[:-1])),
        bare(request(b"\x04" + bytes(64))),
        bare(request(public), kind=0),
        bare(UnsignedMessage.FromString(bytes.fromhex("1000"))),
        bytes.fromhex("0a06120282ff1802"),
    ):
        assert reader.ask(nonsense) == []
    assert reader.enrolment.stage is None
    assert reader.ask(bare(request(public))) == [WAIT]


def test_every_copy_raises_a_prompt_of_its_own(reader: Reader, public: bytes) -> None:
    assert reader.ask(bare(request(public))) == [WAIT]
    assert reader.ask(bare(request(public))) == [WAIT]
    reader.enrolment.tap(reader.now)
    reader.enrolment.confirm(reader.now)
    assert reader.enrolment.stage is Stage.CARD
    reader.enrolment.tap(reader.now)
    reader.enrolment.confirm(reader.now)
    first, second = reader.bare_replies()
    assert (information(first), information(second)) == (
        "NONE",
        "ATTEMPTING_TO_ADD_KEY_THAT_IS_ALREADY_ON_THE_WHITELIST",
    )
    assert len(list(reader.virtual.whitelist)) == 1


def test_prompts_are_counted(reader: Reader) -> None:
    replies = [reader.ask(bare(request(PrivateKey.generate().public))) for _ in range(PROMPTS + 2)]
    assert replies == [[WAIT]] * PROMPTS + [[], []]


def test_card_that_nobody_waits_for(reader: Reader, public: bytes) -> None:
    for step in ("tap", "confirm", "deny", "cancel"):
        with pytest.raises(CannotError, match="no key waits"):
            getattr(reader.enrolment, step)(reader.now)
    reader.ask(bare(request(public)))
    with pytest.raises(CannotError, match="no key waits for a confirmation"):
        reader.enrolment.confirm(reader.now)


def test_newer_cars_say_less(reader: Reader, public: bytes) -> None:
    reader.virtual.switch(Fault.NO_CARD_WAIT, on=True)
    assert reader.ask(bare(request(public))) == []
    reader.virtual.switch(Fault.SILENT_ENROLMENT, on=True)
    reader.enrolment.tap(reader.now)
    reader.enrolment.confirm(reader.now)
    assert reader.bare_replies() == []
    assert reader.virtual.whitelist.find(public)


def test_answer_to_a_link_that_is_gone(reader: Reader, public: bytes) -> None:
    reader.ask(bare(request(public)))
    reader.endpoint.hang_up()
    reader.enrolment.tap(reader.now)
    reader.enrolment.confirm(reader.now)
    assert reader.bare_replies() == []
    assert reader.virtual.whitelist.find(public)


def test_infotainment_knows_the_key_a_little_later(stranger: RawClient) -> None:
    virtual = VirtualCar(VIN, profile=Profile(key_sync_s=2.0))
    reader = Reader(virtual)
    reader.ask(bare(request(stranger.key.public)))
    reader.enrolment.tap(reader.now)
    reader.enrolment.confirm(reader.now)
    reader.bare_replies()
    media = RawClient(stranger.key, domain=Domain.INFOTAINMENT)
    reader.start_session(stranger)
    assert reader.one(media.handshake()).signedMessageStatus.signed_message_fault == 3
    reader.wait(2.1)
    reader.start_session(media)


def test_wait_is_not_an_error() -> None:
    assert FromVCSECMessage.FromString(WAIT) == FromVCSECMessage(
        commandStatus=CommandStatus(operationStatus=1)  # type: ignore[arg-type]
    )
