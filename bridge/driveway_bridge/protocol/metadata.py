"""What is authenticated beside the payload, as bytes: tag, length, value, in ascending order of tags, ended by FF.

Source: the vehicle-command protocol, "metadata serialization". Integers are four bytes, big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache

from driveway_bridge.protocol.domain import Domain

_END = b"\xff"
_ITEM = struct.Struct(">BBI")
"""Tag, length, number."""
_TWO_ITEMS = struct.Struct(">BBIBBI")


class SignatureType(IntEnum):
    """Which kind of signature the metadata is for."""

    AES_GCM_PERSONALIZED = 5
    HMAC = 6
    HMAC_PERSONALIZED = 8
    AES_GCM_RESPONSE = 9


class Tag(IntEnum):
    """Names of the items."""

    SIGNATURE_TYPE = 0
    DOMAIN = 1
    PERSONALIZATION = 2
    EPOCH = 3
    EXPIRES_AT = 4
    COUNTER = 5
    CHALLENGE = 6
    FLAGS = 7
    REQUEST_HASH = 8
    FAULT = 9


def serialize(items: Iterable[tuple[Tag, bytes | None]]) -> bytes:
    """Serialize items that are in ascending order; those without a value are left out. ValueError when they are not."""
    out = bytearray()
    last = -1
    for tag, value in items:
        if value is None:
            continue
        if tag <= last:
            raise ValueError("metadata tags must ascend")
        if len(value) > 255:
            raise ValueError(f"metadata item {tag.name} has {len(value)} bytes, more than 255")
        last = tag
        out += bytes((tag, len(value))) + value
    return bytes(out) + _END


def request(
    kind: SignatureType, domain: Domain, vin: str, epoch: bytes, expires_at: int, counter: int, flags: int
) -> bytes:
    """Metadata of a command; `expires_at` in seconds of the domain's clock. Flags count only when there are any."""
    out = _start(kind, domain, vin, epoch) + _TWO_ITEMS.pack(Tag.EXPIRES_AT, 4, expires_at, Tag.COUNTER, 4, counter)
    return out + _ITEM.pack(Tag.FLAGS, 4, flags) + _END if flags else out + _END


def response(domain: Domain, vin: str, counter: int, flags: int, request_hash: bytes, fault: int) -> bytes:
    """Metadata of an encrypted reply; here the flags always count."""
    out = _start(SignatureType.AES_GCM_RESPONSE, domain, vin, None)
    out += _TWO_ITEMS.pack(Tag.COUNTER, 4, counter, Tag.FLAGS, 4, flags)
    return out + bytes((Tag.REQUEST_HASH, len(request_hash))) + request_hash + _ITEM.pack(Tag.FAULT, 4, fault) + _END


@lru_cache(maxsize=16)
def _start(kind: SignatureType, domain: Domain, vin: str, epoch: bytes | None) -> bytes:
    """The items that stay the same for a whole session."""
    return serialize(
        (
            (Tag.SIGNATURE_TYPE, bytes((kind,))),
            (Tag.DOMAIN, bytes((domain,))),
            (Tag.PERSONALIZATION, vin.encode()),
            (Tag.EPOCH, epoch),
        )
    )[: -len(_END)]


def session_info(vin: str, challenge: bytes) -> bytes:
    """Metadata of a session info; the challenge is the uuid of the request that it answers."""
    return serialize(
        (
            (Tag.SIGNATURE_TYPE, bytes((SignatureType.HMAC,))),
            (Tag.PERSONALIZATION, vin.encode()),
            (Tag.CHALLENGE, challenge),
        )
    )


def request_hash(kind: SignatureType, tag: bytes, domain: Domain) -> bytes:
    """What ties a reply to its request: signature type and tag, cut to 17 bytes for VCSEC."""
    whole = bytes((kind,)) + tag
    return whole[:17] if domain is Domain.VEHICLE_SECURITY else whole
