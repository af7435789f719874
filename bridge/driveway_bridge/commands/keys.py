"""The keys that the car knows: list them, add and remove them, and ask for our own to be enrolled.

Source: the vehicle-command protocol, "key enrolment and key management".
"""

from __future__ import annotations

import hashlib
from typing import Final

from driveway_bridge.commands import reply
from driveway_bridge.commands.base import Command, when
from driveway_bridge.commands.parameter import choice, hexadecimal, integer
from driveway_bridge.commands.specification import EVERYBODY, OWNING, Specification
from driveway_bridge.errors import NotAdmitted
from driveway_bridge.proto import InformationRequest, InformationRequestType, UnsignedMessage, vcsec
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.keys import FORM_FACTOR_NUMBERS, ROLE_NUMBERS, SLOTS, FormFactor, KeyEntry, KeyList, Role

PUBLIC_KEY_SIZE: Final = 65
_UNCOMPRESSED: Final = 4
PUBLIC_KEY: Final = hexadecimal("public_key", PUBLIC_KEY_SIZE)
ROLE: Final = choice("role", (Role.DRIVER, Role.CHARGING_MANAGER, Role.VEHICLE_MONITOR, Role.GUEST, Role.OWNER))
FORM_FACTOR: Final = choice("form_factor", FormFactor, default=FormFactor.CLOUD_KEY.value)
SLOT: Final = integer("slot", "", 0, SLOTS - 1)


def key_id(public_key: bytes) -> bytes:
    """Name a key as the car does: the SHA-1 of its 65 bytes, which cars cut to the first four."""
    return hashlib.sha1(public_key, usedforsecurity=False).digest()


def keys_list() -> Command:
    """Read which keys there are; needs none."""
    return Command(
        name="keys_list",
        domain=Domain.VEHICLE_SECURITY,
        payload=_question(
            InformationRequest(
                informationRequestType=InformationRequestType.INFORMATION_REQUEST_TYPE_GET_WHITELIST_INFO
            )
        ),
        authenticated=False,
        reads=True,
        state=_key_list,
    )


def key_entry(slot: int) -> Command:
    """Read one key by its slot, from 0; needs none."""
    SLOT.check(slot)
    return Command(
        name="key_entry",
        domain=Domain.VEHICLE_SECURITY,
        payload=_question(
            InformationRequest(
                informationRequestType=InformationRequestType.INFORMATION_REQUEST_TYPE_GET_WHITELIST_ENTRY_INFO,
                slot=slot,
            )
        ),
        authenticated=False,
        reads=True,
        state=_key_entry,
    )


def key_add(public_key: bytes, role: str, form_factor: str = FormFactor.CLOUD_KEY.value) -> Command:
    """Add a key with ours, which must be an owner's. ROLE and FORM_FACTOR hold the words."""
    wanted = key_id(public_key)
    return Command(
        name="key_add",
        domain=Domain.VEHICLE_SECURITY,
        payload=_addition(public_key, role, form_factor).SerializeToString(),
        done=when(KeyList, lambda keys: keys.holds(wanted)),
        read_back=keys_list(),
    )


def key_remove(public_key: bytes) -> Command:
    """Remove a key with ours, which must be an owner's and another."""
    _check_point(public_key)
    operation = vcsec.WhitelistOperation(removePublicKeyFromWhitelist=vcsec.PublicKey(PublicKeyRaw=public_key))
    unwanted = key_id(public_key)
    return Command(
        name="key_remove",
        domain=Domain.VEHICLE_SECURITY,
        payload=UnsignedMessage(WhitelistOperation=operation).SerializeToString(),
        done=when(KeyList, lambda keys: not keys.holds(unwanted)),
        read_back=keys_list(),
    )


def enrolment_request(
    public_key: bytes, role: str = Role.DRIVER.value, form_factor: str = FormFactor.CLOUD_KEY.value
) -> bytes:
    """Ask for a key to be enrolled by card: a bare ToVCSECMessage, to be framed and sent once, without envelope.

    Each copy raises a new question in the car, so it is never repeated.
    """
    signed = vcsec.SignedMessage(
        protobufMessageAsBytes=_addition(public_key, role, form_factor).SerializeToString(),
        signatureType=vcsec.SIGNATURE_TYPE_PRESENT_KEY,
    )
    return vcsec.ToVCSECMessage(signedMessage=signed).SerializeToString()


def _addition(public_key: bytes, role: str, form_factor: str) -> UnsignedMessage:
    _check_point(public_key)
    ROLE.check(role)
    FORM_FACTOR.check(form_factor)
    change = vcsec.PermissionChange(key=vcsec.PublicKey(PublicKeyRaw=public_key))
    change.keyRole = ROLE_NUMBERS[Role(role)]  # type: ignore[assignment]  # its number
    operation = vcsec.WhitelistOperation(addKeyToWhitelistAndAddPermissions=change)
    operation.metadataForKey.keyFormFactor = FORM_FACTOR_NUMBERS[FormFactor(form_factor)]  # type: ignore[assignment]
    return UnsignedMessage(WhitelistOperation=operation)


def _check_point(public_key: bytes) -> None:
    """Some firmware drops requests with an impossible key without a word."""
    if len(public_key) != PUBLIC_KEY_SIZE or public_key[0] != _UNCOMPRESSED:
        raise NotAdmitted("bad_arguments", "public_key must be an uncompressed point: 65 bytes that begin with 04")


def _question(request: InformationRequest) -> bytes:
    return UnsignedMessage(InformationRequest=request).SerializeToString()


def _key_list(answer: bytes) -> KeyList:
    return KeyList.from_message(reply.body_answer(answer, "whitelistInfo").whitelistInfo)


def _key_entry(answer: bytes) -> KeyEntry:
    return KeyEntry.from_message(reply.body_answer(answer, "whitelistEntryInfo").whitelistEntryInfo)


def _add(public_key: str, role: str, form_factor: str = FormFactor.CLOUD_KEY.value) -> Command:
    PUBLIC_KEY.check(public_key)
    return key_add(bytes.fromhex(public_key), role, form_factor)


def _remove(public_key: str) -> Command:
    PUBLIC_KEY.check(public_key)
    return key_remove(bytes.fromhex(public_key))


SPECIFICATIONS: Final = (
    Specification(
        name="keys_list",
        subject="keys",
        summary="List the keys that the car knows; needs none.",
        build=keys_list,
        domain=Domain.VEHICLE_SECURITY,
        roles=EVERYBODY,
        authenticated=False,
        reads=True,
    ),
    Specification(
        name="key_entry",
        subject="keys",
        summary="Read role and kind of one key; needs none.",
        build=key_entry,
        parameters=(SLOT,),
        domain=Domain.VEHICLE_SECURITY,
        roles=EVERYBODY,
        authenticated=False,
        reads=True,
    ),
    Specification(
        name="key_add",
        subject="keys",
        summary="Add a key, with the bridge's key being an owner's.",
        build=_add,
        parameters=(PUBLIC_KEY, ROLE, FORM_FACTOR),
        domain=Domain.VEHICLE_SECURITY,
        roles=OWNING,
        verified_by="keys_list",
        opens=True,
    ),
    Specification(
        name="key_remove",
        subject="keys",
        summary="Remove a key, with the bridge's key being an owner's.",
        build=_remove,
        parameters=(PUBLIC_KEY,),
        domain=Domain.VEHICLE_SECURITY,
        roles=OWNING,
        verified_by="keys_list",
        opens=True,
    ),
)
