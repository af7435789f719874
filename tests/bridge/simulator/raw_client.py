"""A client made by hand for the car's tests: it knows messages, keys and metadata, and nothing of the bridge's session.

It signs whatever it is told to sign, right or wrong, and believes nothing it has not checked.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from driveway_bridge.proto import FromVCSECMessage, RoutableMessage, SessionInfo, VehicleStatus
from driveway_bridge.protocol import metadata
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.framing import Unframer, frame
from driveway_bridge.protocol.keys import PrivateKey, SharedSecret
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.simulator.endpoint import Endpoint
from driveway_bridge.simulator.virtual_car import VirtualCar

VIN = "5YJ30123456789ABC"

GET_STATUS = bytes.fromhex("0a00")
UNLOCK = bytes.fromhex("1000")
LOCK = bytes.fromhex("1001")
WAKE = bytes.fromhex("101e")
REMOTE_DRIVE = bytes.fromhex("1014")
AUTO_SECURE = bytes.fromhex("101d")
PING = bytes.fromhex("1205f202020801")
CLIMATE_ON = bytes.fromhex("120452020801")


@dataclass
class RawClient:
    """One key that talks to one domain."""

    key: PrivateKey
    domain: Domain = Domain.VEHICLE_SECURITY
    vin: str = VIN
    address: bytes = b"client's address"
    secret: SharedSecret | None = None
    epoch: bytes = b""
    counter: int = 0
    clock: int = 0
    _uuids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def request(self) -> RoutableMessage:
        message = RoutableMessage(uuid=next(self._uuids).to_bytes(16, "big"))
        message.to_destination.domain = int(self.domain)  # type: ignore[assignment]
        message.from_destination.routing_address = self.address
        return message

    def handshake(self) -> RoutableMessage:
        message = self.request()
        message.session_info_request.public_key = self.key.public
        return message

    def unsigned(self, payload: bytes) -> RoutableMessage:
        message = self.request()
        message.protobuf_message_as_bytes = payload
        return message

    def accept(self, info_bytes: bytes, tag: bytes, challenge: bytes) -> SessionInfo:
        """Check a session info and use it from now on."""
        info = SessionInfo.FromString(info_bytes)
        self.secret = self.key.shared_secret(info.publicKey)
        expected = self.secret.info_tag(metadata.session_info(self.vin, challenge), info_bytes)
        assert hmac.compare_digest(expected, tag), "the session info is not genuine"
        self.epoch, self.counter, self.clock = info.epoch, info.counter, info.clock_time
        return info

    def accept_from(self, reply: RoutableMessage, request: RoutableMessage) -> SessionInfo:
        assert reply.request_uuid == request.uuid
        return self.accept(reply.session_info, reply.signature_data.session_info_tag.tag, request.uuid)

    def signed(
        self,
        payload: bytes,
        *,
        counter: int | None = None,
        expires_at: int | None = None,
        flags: int = 2,
        hmac_tag: bool = False,
        name_epoch: bool = True,
        nonce: bytes | None = None,
        signed_vin: str | None = None,
    ) -> RoutableMessage:
        """A signed request with the next counter, unless told otherwise."""
        assert self.secret is not None, "no session yet"
        if counter is None:
            self.counter += 1
            counter = self.counter
        expires_at = self.clock + 5 if expires_at is None else expires_at
        kind = SignatureType.HMAC_PERSONALIZED if hmac_tag else SignatureType.AES_GCM_PERSONALIZED
        associated = metadata.request(kind, self.domain, signed_vin or self.vin, self.epoch, expires_at, counter, flags)
        message = self.request()
        message.flags = flags
        message.signature_data.signer_identity.public_key = self.key.public
        if hmac_tag:
            mac = message.signature_data.HMAC_Personalized_data
            message.protobuf_message_as_bytes = payload
            mac.counter, mac.expires_at = counter, expires_at
            mac.tag = self.secret.command_tag(associated, payload)
            mac.epoch = self.epoch if name_epoch else b""
        else:
            gcm = message.signature_data.AES_GCM_Personalized_data
            used = nonce if nonce is not None else counter.to_bytes(12, "big")
            sealed = self.secret.seal(used if len(used) == 12 else bytes(12), payload, associated)
            message.protobuf_message_as_bytes, gcm.tag = sealed
            gcm.nonce, gcm.counter, gcm.expires_at = used, counter, expires_at
            gcm.epoch = self.epoch if name_epoch else b""
        return message

    def open(self, reply: RoutableMessage, request: RoutableMessage) -> bytes:
        """Decrypt a reply."""
        assert self.secret is not None
        signature = reply.signature_data.AES_GCM_Response_data
        kind, tag = SignatureType.AES_GCM_PERSONALIZED, request.signature_data.AES_GCM_Personalized_data.tag
        if request.signature_data.HasField("HMAC_Personalized_data"):
            kind, tag = SignatureType.HMAC_PERSONALIZED, request.signature_data.HMAC_Personalized_data.tag
        request_hash = metadata.request_hash(kind, tag, self.domain)
        fault = reply.signedMessageStatus.signed_message_fault
        associated = metadata.response(self.domain, self.vin, signature.counter, reply.flags, request_hash, fault)
        plaintext = self.secret.open(signature.nonce, reply.protobuf_message_as_bytes, signature.tag, associated)
        assert plaintext is not None, "the reply is not genuine"
        return plaintext


class Watch(list[dict[str, Any]]):
    """The car's events, which can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def append(self, event: dict[str, Any]) -> None:
        super().append(event)
        self._more.set()

    async def until(self, name: str, count: int) -> None:
        """Wait until an event has happened that often."""
        async with asyncio.timeout(10):
            while sum(event["event"] == name for event in self) < count:
                self._more.clear()
                await self._more.wait()


class Bench:
    """A car and one link to it, with a clock that is turned by hand."""

    def __init__(self, virtual: VirtualCar, now: float = 1000.0) -> None:
        self.virtual = virtual
        self.now = now
        self.endpoint: Endpoint = virtual.connect(now)
        self._unframer = Unframer()
        self.pushes: list[FromVCSECMessage] = []
        self.last_size = 0
        """Bytes of the last reply."""

    def say(self, message: RoutableMessage) -> list[RoutableMessage]:
        """Send a request; gives the replies to it that come at once."""
        self.endpoint.receive_data(frame(message.SerializeToString()), self.now)
        return self.hear()

    def wait(self, seconds: float) -> list[RoutableMessage]:
        """Let time pass; gives what is addressed to somebody."""
        end = self.now + seconds
        heard: list[RoutableMessage] = []
        while (due := self._next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.virtual.settle(self.now)
            self.endpoint.handle_deadline(self.now)
            heard += self.hear()
        self.now = end
        return heard

    def _next_deadline(self) -> float | None:
        times = (self.endpoint.next_deadline(), self.virtual.next_deadline())
        return min((time for time in times if time is not None), default=None)

    def do(self, verb: Callable[[], None]) -> None:
        """Let something happen to the car now."""
        self.virtual.settle(self.now)
        verb()
        self.virtual.settle(self.now)
        self.endpoint.handle_deadline(self.now)

    def hear(self) -> list[RoutableMessage]:
        replies = []
        for piece in self.endpoint.data_to_send():
            for data in self._unframer.feed(piece, self.now):
                message = RoutableMessage.FromString(data)
                if message.to_destination.WhichOneof("sub_destination") == "domain":
                    assert int(message.to_destination.domain) == Domain.BROADCAST
                    self.pushes.append(FromVCSECMessage.FromString(message.protobuf_message_as_bytes))
                else:
                    self.last_size = len(data)
                    replies.append(message)
        return replies

    def one(self, message: RoutableMessage) -> RoutableMessage:
        """Send a request that has exactly one reply."""
        replies = self.say(message)
        assert len(replies) == 1, replies
        return replies[0]

    def status(self, client: RawClient) -> VehicleStatus:
        """Ask the body controller for its state."""
        reply = self.one(client.unsigned(GET_STATUS))
        message = FromVCSECMessage.FromString(reply.protobuf_message_as_bytes)
        assert message.HasField("vehicleStatus")
        return message.vehicleStatus

    def start_session(self, client: RawClient) -> SessionInfo:
        request = client.handshake()
        return client.accept_from(self.one(request), request)
