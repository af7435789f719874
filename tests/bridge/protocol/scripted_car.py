"""The far end, played by hand: it can read what a client sends and build any answer, right or wrong.

It knows the wire format, keys and metadata only, decides nothing and keeps no rules: the stories do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from driveway_bridge.proto import (
    AES_GCM_Response_Signature_Data,
    CommandStatus,
    Destination,
    FromVCSECMessage,
    HMAC_Signature_Data,
    MessageStatus,
    NominalError,
    Response,
    RoutableMessage,
    SessionInfo,
    SignatureData,
    SignedMessage_status,
    VehicleStatus,
    WhitelistOperation_status,
    vehicle,
)
from driveway_bridge.protocol import framing, metadata
from driveway_bridge.protocol.connection import ANSWER_S, FRESH_S
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.protocol.metadata import SignatureType
from tests.vectors import VECTORS, raw

FIRST_ANSWER_S = ANSWER_S + FRESH_S
"""How long the client waits for the first answer on a link."""
VIN: str = VECTORS["vin"]
CLIENT = PrivateKey.from_scalar(raw("keys", "client_private"))
CAR = PrivateKey.from_scalar(raw("keys", "car_private"))
EPOCH = raw("handshake", "epoch")
OTHER_EPOCH = bytes(range(16))
LOCKED = VehicleStatus(vehicleLockState=1, vehicleSleepStatus=2, userPresence=1)  # type: ignore[arg-type]
UNLOCKED = VehicleStatus(vehicleLockState=0, vehicleSleepStatus=2, userPresence=1)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Request:
    """One message of the client, taken apart."""

    message: RoutableMessage

    @property
    def domain(self) -> Domain:
        return Domain(int(self.message.to_destination.domain))

    @property
    def address(self) -> bytes:
        return self.message.from_destination.routing_address

    @property
    def uuid(self) -> bytes:
        return self.message.uuid

    @property
    def handshake(self) -> bool:
        return self.message.HasField("session_info_request")

    @property
    def signed(self) -> bool:
        return self.encrypted or self.message.signature_data.HasField("HMAC_Personalized_data")

    @property
    def encrypted(self) -> bool:
        return self.message.signature_data.HasField("AES_GCM_Personalized_data")

    @property
    def kind(self) -> SignatureType:
        return SignatureType.AES_GCM_PERSONALIZED if self.encrypted else SignatureType.HMAC_PERSONALIZED

    @property
    def signature(self) -> Any:
        signature = self.message.signature_data
        return signature.AES_GCM_Personalized_data if self.encrypted else signature.HMAC_Personalized_data

    @property
    def counter(self) -> int:
        return int(self.signature.counter)

    @property
    def epoch(self) -> bytes:
        return bytes(self.signature.epoch)

    @property
    def expires_at(self) -> int:
        return int(self.signature.expires_at)

    @property
    def nonce(self) -> bytes:
        return bytes(self.signature.nonce)

    @property
    def tag(self) -> bytes:
        return bytes(self.signature.tag)


def read(framed: bytes) -> Request:
    """Take one frame of the client apart."""
    (message,) = framing.Unframer().feed(framed, 0.0)
    return Request(RoutableMessage.FromString(message))


@dataclass
class ScriptedCar:
    """One domain's keys and numbers, and answers made with them; change the fields to lie."""

    key: PrivateKey = CAR
    vin: str = VIN
    epoch: bytes = EPOCH
    counter: int = 6
    clock: int = 2650
    client: bytes = CLIENT.public
    _replies: int = 0

    def plaintext(self, request: Request) -> bytes | None:
        """What a signed request says, None when it is not genuine for this car, epoch and counter."""
        described = metadata.request(
            request.kind,
            request.domain,
            self.vin,
            self.epoch,
            request.expires_at,
            request.counter,
            request.message.flags,
        )
        secret = self.key.shared_secret(self.client)
        if not request.encrypted:
            payload = request.message.protobuf_message_as_bytes
            return payload if secret.command_tag(described, payload) == request.tag else None
        return secret.open(request.nonce, request.message.protobuf_message_as_bytes, request.tag, described)

    def answer(self, request: Request, *, echo: bool = True) -> RoutableMessage:
        """An empty message that goes back to where the request came from."""
        return RoutableMessage(
            to_destination=Destination(routing_address=request.address),
            from_destination=Destination(domain=request.domain),  # type: ignore[arg-type]
            request_uuid=request.uuid if echo else b"",
        )

    def info(self) -> bytes:
        return SessionInfo(
            counter=self.counter, publicKey=self.key.public, epoch=self.epoch, clock_time=self.clock
        ).SerializeToString()

    def session_info(
        self,
        request: Request,
        *,
        info: bytes | None = None,
        challenge: bytes | None = None,
        fault: int = 0,
        echo: bool = True,
    ) -> bytes:
        """A session info for a request, tagged; with a fault it is the refusal of a command."""
        info = self.info() if info is None else info
        described = metadata.session_info(self.vin, request.uuid if challenge is None else challenge)
        tag = self.key.shared_secret(self.client).info_tag(described, info)
        message = self.answer(request, echo=echo)
        message.session_info = info
        message.signature_data.CopyFrom(SignatureData(session_info_tag=HMAC_Signature_Data(tag=tag)))
        if fault:
            message.signedMessageStatus.CopyFrom(_status(2, fault))
        return _framed(message)

    def fault(self, request: Request, fault: int, *, status: int = 2) -> bytes:
        """A refusal without session info."""
        message = self.answer(request)
        message.signedMessageStatus.CopyFrom(_status(status, fault))
        return _framed(message)

    def plain(self, request: Request, payload: bytes = b"", *, echo: bool = True, status: int = 0) -> bytes:
        """An answer in clear; without a payload the usual acknowledgement."""
        message = self.answer(request, echo=echo)
        if payload:
            message.protobuf_message_as_bytes = payload
        if status:
            message.signedMessageStatus.CopyFrom(_status(status, 0))
        return _framed(message)

    def sealed(
        self, request: Request, payload: bytes = b"", *, counter: int | None = None, spoil: bool = False, fault: int = 0
    ) -> bytes:
        """An encrypted answer to a signed request."""
        self._replies += 1
        counter = self._replies if counter is None else counter
        request_hash = metadata.request_hash(request.kind, request.tag, request.domain)
        described = metadata.response(request.domain, self.vin, counter, 0, request_hash, fault)
        nonce = counter.to_bytes(12, "big")
        ciphertext, tag = self.key.shared_secret(self.client).seal(nonce, payload, described)
        if spoil:
            tag = bytes(16)
        message = self.answer(request)
        message.protobuf_message_as_bytes = ciphertext
        message.signature_data.CopyFrom(
            SignatureData(AES_GCM_Response_data=AES_GCM_Response_Signature_Data(nonce=nonce, counter=counter, tag=tag))
        )
        if fault:
            message.signedMessageStatus.CopyFrom(_status(2, fault))
        return _framed(message)


def status(body: VehicleStatus) -> bytes:
    """The application message that tells the body's state."""
    return FromVCSECMessage(vehicleStatus=body).SerializeToString()


def broadcast(body: VehicleStatus) -> bytes:
    """The same, told everybody."""
    return told_everybody(status(body))


def command_status(operation: int, *, signed: int | None = None) -> bytes:
    """A commandStatus: 0 OK, 1 WAIT, 2 ERROR; `signed` adds the older kind of detail."""
    message = CommandStatus(operationStatus=operation)  # type: ignore[arg-type]
    if signed is not None:
        message.signedMessageStatus.CopyFrom(SignedMessage_status(signedMessageInformation=signed))  # type: ignore[arg-type]
    return FromVCSECMessage(commandStatus=message).SerializeToString()


def whitelist_status(information: int, operation: int = 0) -> bytes:
    """What became of a change to the car's keys: 0 is done."""
    word = WhitelistOperation_status(whitelistOperationInformation=information, operationStatus=operation)  # type: ignore[arg-type]
    return FromVCSECMessage(commandStatus=CommandStatus(whitelistOperationStatus=word)).SerializeToString()


def told_everybody(payload: bytes) -> bytes:
    """A message of the body controller to everybody."""
    return _framed(
        RoutableMessage(
            to_destination=Destination(domain=0),  # type: ignore[arg-type]
            from_destination=Destination(domain=2),  # type: ignore[arg-type]
            protobuf_message_as_bytes=payload,
        )
    )


def response(reason: str | None = None) -> bytes:
    """An answer of infotainment to an action: yes, or no with a reason in its own words."""
    message = Response()
    message.actionStatus.SetInParent()
    if reason is not None:
        message.actionStatus.result = 1  # type: ignore[assignment]
        message.actionStatus.result_reason.plain_text = reason
    return message.SerializeToString()


def charge_limit(percent: int) -> bytes:
    """An answer of infotainment to a question about charging."""
    message = Response()
    message.vehicleData.charge_state.CopyFrom(vehicle.ChargeState(charge_limit_soc=percent))
    return message.SerializeToString()


def nominal_error(number: int) -> bytes:
    """An error that the body controller names."""
    return FromVCSECMessage(nominalError=NominalError(genericError=number)).SerializeToString()  # type: ignore[arg-type]


def _status(operation: int, fault: int) -> MessageStatus:
    return MessageStatus(operation_status=operation, signed_message_fault=fault)  # type: ignore[arg-type]


def _framed(message: RoutableMessage) -> bytes:
    return framing.frame(message.SerializeToString())
