"""Routable messages: ours as bytes, the car's as one flat value.

Source: the vehicle-command protocol, `RoutableMessage`, "addressing and correlation".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from driveway_bridge.proto import (
    DecodeError,
    Destination,
    Flags,
    FromVCSECMessage,
    RoutableMessage,
    SessionInfoRequest,
)
from driveway_bridge.protocol.domain import Domain

_SENDERS: Mapping[int, Domain] = {2: Domain.VEHICLE_SECURITY, 3: Domain.INFOTAINMENT}
ID_SIZE = 16
"""Bytes of a routing address and of a uuid."""
ENCRYPT_RESPONSE = 1 << Flags.FLAG_ENCRYPT_RESPONSE
"""The mask; the enum holds the number of the bit."""


@dataclass(slots=True)
class Sealed:
    """What is needed, beside the ciphertext, to open an encrypted reply."""

    nonce: bytes
    counter: int
    tag: bytes


@dataclass(slots=True, kw_only=True)
class Received:
    """A message of the car, in shape but not yet in truth: nothing of it is proved. Nobody changes it."""

    sender: Domain
    address: bytes | None
    """The routing address that it is for; None when it is for everybody."""
    request_uuid: bytes = b""
    """16 bytes, or none: the body controller often leaves it out."""
    payload: bytes = b""
    session_info: bytes | None = None
    info_tag: bytes = b""
    sealed: Sealed | None = None
    status: int = 0
    """`OperationStatus_E`."""
    fault: int = 0
    """`MessageFault_E`."""
    flags: int = 0


def session_info_request(domain: Domain, address: bytes, uuid: bytes, public_key: bytes) -> bytes:
    """Build a handshake request; its uuid is the challenge that the car's tag must cover."""
    message = _request(domain, address, uuid)
    message.session_info_request.CopyFrom(SessionInfoRequest(public_key=public_key))
    return message.SerializeToString()


def plain_request(domain: Domain, address: bytes, uuid: bytes, payload: bytes) -> bytes:
    """Build a request without signature, for what the body controller tells everybody."""
    message = _request(domain, address, uuid)
    message.protobuf_message_as_bytes = payload
    message.flags = ENCRYPT_RESPONSE  # as the maker's client does; without a signature it has no effect
    return message.SerializeToString()


def signed_request(
    domain: Domain,
    address: bytes,
    uuid: bytes,
    payload: bytes,
    *,
    public_key: bytes,
    epoch: bytes,
    nonce: bytes | None,
    counter: int,
    expires_at: int,
    tag: bytes,
) -> bytes:
    """Build an authenticated request that wants an encrypted answer; without a nonce it is authenticated by HMAC."""
    message = RoutableMessage(uuid=uuid, protobuf_message_as_bytes=payload, flags=ENCRYPT_RESPONSE)
    message.to_destination.domain = domain  # type: ignore[assignment]  # the same numbers
    message.from_destination.routing_address = address
    signed = message.signature_data
    signed.signer_identity.public_key = public_key
    if nonce is None:
        readable = signed.HMAC_Personalized_data
        readable.epoch, readable.counter, readable.expires_at, readable.tag = epoch, counter, expires_at, tag
    else:
        sealed = signed.AES_GCM_Personalized_data
        sealed.epoch, sealed.counter, sealed.expires_at, sealed.tag = epoch, counter, expires_at, tag
        sealed.nonce = nonce
    return message.SerializeToString()


def parse(data: bytes) -> Received | None:
    """Read a message of the car; None for what cannot be one, is foreign, or is not addressed to a client."""
    try:
        message = RoutableMessage.FromString(data)
    except DecodeError:
        return None
    if not message.HasField("from_destination") and not message.HasField("to_destination"):
        return _bare(data)
    if message.from_destination.WhichOneof("sub_destination") != "domain":
        return None
    sender = _SENDERS.get(message.from_destination.domain)
    if sender is None:
        return None
    address = _address(message.to_destination)
    if (address is not None and len(address) != ID_SIZE) or len(message.request_uuid) not in (0, ID_SIZE):
        return None
    signature = message.signature_data
    sealed = None
    if signature.HasField("AES_GCM_Response_data"):
        reply = signature.AES_GCM_Response_data
        sealed = Sealed(reply.nonce, reply.counter, reply.tag)
    return Received(
        sender=sender,
        address=address,
        request_uuid=message.request_uuid,
        payload=message.protobuf_message_as_bytes,
        session_info=message.session_info if message.HasField("session_info") else None,
        info_tag=signature.session_info_tag.tag,
        sealed=sealed,
        status=message.signedMessageStatus.operation_status,
        fault=message.signedMessageStatus.signed_message_fault,
        flags=message.flags,
    )


def parse_vcsec(payload: bytes) -> FromVCSECMessage | None:
    """Read an application message of the body controller; None when it is none."""
    try:
        return FromVCSECMessage.FromString(payload)
    except DecodeError:
        return None


def _request(domain: Domain, address: bytes, uuid: bytes) -> RoutableMessage:
    return RoutableMessage(
        to_destination=Destination(domain=domain),  # type: ignore[arg-type]  # the same numbers
        from_destination=Destination(routing_address=address),
        uuid=uuid,
    )


def _address(destination: Destination) -> bytes | None:
    """Where it goes: None for everybody, an impossible b"" for a domain of the car or for nowhere."""
    if destination.WhichOneof("sub_destination") == "routing_address":
        return destination.routing_address
    if destination.WhichOneof("sub_destination") == "domain" and int(destination.domain) == Domain.BROADCAST:
        return None
    return b""


def _bare(data: bytes) -> Received | None:
    """Messages without an envelope: a status of old firmware, and what becomes of a key that is to be added."""
    message = parse_vcsec(data)
    # An empty status would read as "unlocked": two bytes of rubbish must not say that.
    if message is None or not (message.vehicleStatus.ByteSize() or message.commandStatus.ByteSize()):
        return None
    return Received(sender=Domain.VEHICLE_SECURITY, address=None, payload=data)
