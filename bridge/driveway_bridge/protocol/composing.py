"""From a request to the message that goes out, and what its answers will be recognised by."""

from __future__ import annotations

from collections.abc import Callable

from driveway_bridge.protocol import messages
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import NONCE_SIZE, PrivateKey
from driveway_bridge.protocol.messages import ID_SIZE
from driveway_bridge.protocol.requests import Attempt, Lane, Request
from driveway_bridge.protocol.session import Signature


def compose(
    lane: Lane, request: Request, now: float, *, handshake: bool, key: PrivateKey, random: Callable[[int], bytes]
) -> tuple[Attempt, bytes]:
    """Make a handshake request, the signed command or the plain question; RuntimeError when no session allows it."""
    command = request.command
    if command.domain is Domain.VEHICLE_SECURITY:
        address = random(ID_SIZE)
    else:
        address = lane.address = lane.address or random(ID_SIZE)
    uuid = random(ID_SIZE)
    signature: Signature | None = None
    if handshake:
        message = messages.session_info_request(command.domain, address, uuid, key.public)
    elif command.authenticated:
        nonce = random(NONCE_SIZE)
        message, signature = lane.session.sign(
            command.payload, now, address=address, uuid=uuid, nonce=nonce, kind=request.kind
        )
    else:
        message = messages.plain_request(command.domain, address, uuid, command.payload)
    return Attempt(request, command.domain, address, uuid, now, handshake, signature), message
