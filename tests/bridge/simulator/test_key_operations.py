"""Changes of the list of keys that a session asks for."""

from __future__ import annotations

from typing import Any

import pytest

from driveway_bridge.proto import (
    FromVCSECMessage,
    InformationRequest,
    InformationRequestType,
    Role,
    RoutableMessage,
    UnsignedMessage,
    vcsec,
)
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.key_operations import information_name
from driveway_bridge.simulator.profiles import Profile
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.simulator.whitelist import key_id
from tests.bridge.simulator.raw_client import VIN, Bench, RawClient

NEW = PrivateKey.generate().public
OWNER, DRIVER = Role.ROLE_OWNER, Role.ROLE_DRIVER


class Keys:
    """The holder of a key who changes the list."""

    def __init__(self, bench: Bench, role: Role = OWNER) -> None:
        self.bench = bench
        self.client = RawClient(PrivateKey.generate())
        bench.virtual.enrol(self.client.key.public, role)
        bench.start_session(self.client)
        self.whitelist = bench.virtual.whitelist

    def ask(self, **operation: Any) -> str:
        """Ask for a change; gives the name of what comes of it."""
        message = UnsignedMessage(WhitelistOperation=vcsec.WhitelistOperation(**operation))
        request = self.client.signed(message.SerializeToString())
        answer = FromVCSECMessage.FromString(self.client.open(self.bench.one(request), request))
        status = answer.commandStatus.whitelistOperationStatus
        assert status.signerOfOperation.publicKeySHA1 == key_id(self.client.key.public)
        failed = status.whitelistOperationInformation != 0
        assert (answer.commandStatus.operationStatus == 2) == failed
        return information_name(status.whitelistOperationInformation)

    def add(self, public: bytes = NEW, role: Role = DRIVER, kind: str = "addKeyToWhitelistAndAddPermissions") -> str:
        return self.ask(**{kind: change(public, role)})


def change(public: bytes, role: Role) -> vcsec.PermissionChange:
    return vcsec.PermissionChange(key=vcsec.PublicKey(PublicKeyRaw=public), keyRole=role)


def key(public: bytes) -> vcsec.PublicKey:
    return vcsec.PublicKey(PublicKeyRaw=public)


@pytest.fixture
def owner(bench: Bench) -> Keys:
    return Keys(bench)


def role_of(keys: Keys, public: bytes) -> Role | None:
    entry = keys.whitelist.find(public)
    return entry.role if entry else None


def test_add_and_remove(owner: Keys, events: list[dict[str, Any]]) -> None:
    assert owner.add(role=Role.ROLE_CHARGING_MANAGER) == "NONE"
    assert role_of(owner, NEW) == Role.ROLE_CHARGING_MANAGER
    assert owner.add() == "ATTEMPTING_TO_ADD_KEY_THAT_IS_ALREADY_ON_THE_WHITELIST"
    assert owner.ask(removePublicKeyFromWhitelist=key(NEW)) == "NONE"
    assert owner.ask(removePublicKeyFromWhitelist=key(NEW)) == "PUBLIC_KEY_NOT_ON_WHITELIST"
    assert events[-1] == {"event": "refused", "fault": "PUBLIC_KEY_NOT_ON_WHITELIST", "code": 12}


def test_own_key_stays(owner: Keys) -> None:
    mine = owner.client.key.public
    assert owner.ask(removePublicKeyFromWhitelist=key(mine)) == "NO_PERMISSION_TO_REMOVE_ONESELF"
    assert owner.ask(updateKeyAndPermissions=change(mine, DRIVER)) == "ATTEMPTING_TO_REMOVE_OWN_PERMISSIONS"
    assert role_of(owner, mine) == OWNER


def test_only_an_owner(bench: Bench, owner: Keys) -> None:
    driver = Keys(bench, DRIVER)
    other = owner.client.key.public
    assert driver.add() == "NO_PERMISSION_TO_ADD"
    assert driver.ask(removePublicKeyFromWhitelist=key(other)) == "NO_PERMISSION_TO_REMOVE"
    mine = driver.client.key.public
    assert driver.ask(removePublicKeyFromWhitelist=key(mine)) == "NO_PERMISSION_TO_REMOVE_ONESELF"
    assert driver.ask(updateKeyAndPermissions=change(other, DRIVER)) == "NO_PERMISSION_TO_CHANGE_PERMISSIONS"
    assert driver.ask(removeAllImpermanentKeys=True) == "NO_PERMISSION_TO_REMOVE"
    replace = vcsec.ReplaceKey(publicKeyToReplace=key(other), keyToAdd=key(NEW), keyRole=DRIVER)
    assert driver.ask(replaceKey=replace) == "NO_PERMISSION_TO_ADD"


@pytest.mark.parametrize(
    ("public", "role", "name"),
    [
        (b"short", DRIVER, "INVALID_PUBLIC_KEY"),
        (b"\x04" + bytes(64), DRIVER, "INVALID_PUBLIC_KEY"),
        (NEW, Role.ROLE_NONE, "ATTEMPTING_TO_ADD_KEY_WITHOUT_ROLE"),
        (NEW, Role.ROLE_SERVICE, "ATTEMPTING_TO_ADD_KEY_WITH_SERVICE_ROLE"),
    ],
)
def test_keys_that_are_not_added(owner: Keys, public: bytes, role: Role, name: str) -> None:
    assert owner.add(public, role) == name
    assert owner.whitelist.find(public) is None


def test_full(owner: Keys) -> None:
    while not owner.whitelist.full:
        owner.bench.virtual.enrol(PrivateKey.generate().public)
    assert len(list(owner.whitelist)) == 32
    assert owner.add() == "WHITELIST_FULL"


def test_roles_change(owner: Keys) -> None:
    owner.add()
    assert owner.ask(updateKeyAndPermissions=change(NEW, Role.ROLE_VEHICLE_MONITOR)) == "NONE"
    assert role_of(owner, NEW) == Role.ROLE_VEHICLE_MONITOR
    assert owner.ask(addPermissionsToPublicKey=change(NEW, DRIVER)) == "NONE"
    assert role_of(owner, NEW) == DRIVER
    assert owner.ask(removePermissionsFromPublicKey=change(NEW, DRIVER)) == "NONE"
    assert role_of(owner, NEW) == Role.ROLE_NONE
    assert owner.ask(updateKeyAndPermissions=change(b"?", DRIVER)) == "PUBLIC_KEY_NOT_ON_WHITELIST"


def test_keys_for_a_while(owner: Keys) -> None:
    other = PrivateKey.generate().public
    assert owner.add(NEW, kind="addImpermanentKey") == "NONE"
    assert owner.add(other, kind="addImpermanentKeyAndRemoveExisting") == "NONE"
    assert (role_of(owner, NEW), role_of(owner, other)) == (None, DRIVER)
    assert owner.ask(removeAllImpermanentKeys=True) == "NONE"
    assert len(list(owner.whitelist)) == 1


def test_replacing(owner: Keys) -> None:
    owner.add()
    other = PrivateKey.generate().public
    slot = owner.whitelist.find(NEW)
    assert slot is not None
    replace = vcsec.ReplaceKey(slotToReplace=slot.slot, keyToAdd=key(other), keyRole=DRIVER)
    assert owner.ask(replaceKey=replace) == "NONE"
    assert (role_of(owner, NEW), role_of(owner, other)) == (None, DRIVER)
    unknown = vcsec.ReplaceKey(publicKeyToReplace=key(NEW), keyToAdd=key(NEW), keyRole=DRIVER)
    assert owner.ask(replaceKey=unknown) == "PUBLIC_KEY_NOT_ON_WHITELIST"
    bad = vcsec.ReplaceKey(publicKeyToReplace=key(other), keyToAdd=key(b"bad"), keyRole=DRIVER)
    assert owner.ask(replaceKey=bad) == "INVALID_PUBLIC_KEY"
    assert role_of(owner, other) == DRIVER, "the old one is still there"


def test_unknown_operation(owner: Keys) -> None:
    request = owner.client.signed(UnsignedMessage(WhitelistOperation=vcsec.WhitelistOperation()).SerializeToString())
    reply = owner.bench.one(request)
    assert reply.signedMessageStatus.signed_message_fault == 9


def test_the_verifiers_published_payload(owner: Keys) -> None:
    """A request with fields that nobody has published: it adds a key that is valid."""
    payload = bytes.fromhex(
        "82014a2a480a430a41044b96809e66821b4553ff2b427a52d50843a2f718fd56f2ad93d46a8b1db74dd6190f20b6b82e85a8eac40e867b"
        "9a0cf74f364f03e9946e25ceee9934b19cb603120102ca01090a077465737476696e"
    )
    request = owner.client.signed(payload)
    answer = FromVCSECMessage.FromString(owner.client.open(owner.bench.one(request), request))
    information = answer.commandStatus.whitelistOperationStatus.whitelistOperationInformation
    assert information_name(information) == "ATTEMPTING_TO_ADD_KEY_WITHOUT_ROLE"


def test_removed_key_is_unknown_at_once(owner: Keys) -> None:
    driver = Keys(owner.bench, DRIVER)
    owner.ask(removePublicKeyFromWhitelist=key(driver.client.key.public))
    reply = owner.bench.one(driver.client.signed(b"\x10\x01"))
    assert reply.signedMessageStatus.signed_message_fault == 3


def test_added_key_reaches_infotainment_later() -> None:
    bench = Bench(VirtualCar(VIN, profile=Profile(key_sync_s=2.0)))
    new = PrivateKey.generate()
    assert Keys(bench).add(new.public) == "NONE"
    media = RawClient(new, domain=Domain.INFOTAINMENT)
    assert bench.one(media.handshake()).signedMessageStatus.signed_message_fault == 3
    bench.wait(2.1)
    bench.start_session(media)


def test_entry_by_name_and_by_key(owner: Keys) -> None:
    owner.add()
    question = InformationRequest
    entry = InformationRequestType.INFORMATION_REQUEST_TYPE_GET_WHITELIST_ENTRY_INFO

    def ask(message: InformationRequest) -> RoutableMessage:
        payload = UnsignedMessage(InformationRequest=message).SerializeToString()
        return owner.bench.one(owner.client.unsigned(payload))

    by_name = question(informationRequestType=entry, keyId=vcsec.KeyIdentifier(publicKeySHA1=key_id(NEW)))
    for message in (by_name, question(informationRequestType=entry, publicKey=NEW)):
        told = FromVCSECMessage.FromString(ask(message).protobuf_message_as_bytes).whitelistEntryInfo
        assert told.publicKey.PublicKeyRaw == NEW
    assert ask(question(informationRequestType=entry)).signedMessageStatus.signed_message_fault == 13
