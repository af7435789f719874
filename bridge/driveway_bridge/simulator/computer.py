"""What all computers of the car have in common: a key pair, sessions, handshakes, checked requests, sealed replies.

A subclass says what the requests of its domain mean. Source: the vehicle-command protocol, "handshake" and
"verifying commands".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from driveway_bridge.proto import (
    Flags,
    Message,
    MessageFault_E,
    OperationStatus_E,
    RoutableMessage,
    Session_Info_Status,
    SessionInfo,
    vcsec,
)
from driveway_bridge.protocol import metadata
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import NONCE_SIZE, PrivateKey
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.faults import Fault, Faults
from driveway_bridge.simulator.verifier import Authenticated, RejectedError, Verifier
from driveway_bridge.simulator.whitelist import Entry, Whitelist, key_id

ENCRYPT_RESPONSE = 1 << Flags.FLAG_ENCRYPT_RESPONSE

UNKNOWN_KEY_ID = MessageFault_E.MESSAGEFAULT_ERROR_UNKNOWN_KEY_ID
INVALID_KEY_HANDLE = MessageFault_E.MESSAGEFAULT_ERROR_INVALID_KEY_HANDLE
INVALID_COMMAND = MessageFault_E.MESSAGEFAULT_ERROR_INVALID_COMMAND
INSUFFICIENT_PRIVILEGES = MessageFault_E.MESSAGEFAULT_ERROR_INSUFFICIENT_PRIVILEGES
INTERNAL = MessageFault_E.MESSAGEFAULT_ERROR_INTERNAL
BUSY = MessageFault_E.MESSAGEFAULT_ERROR_BUSY
DECODING = MessageFault_E.MESSAGEFAULT_ERROR_DECODING
REQUIRES_RESPONSE_ENCRYPTION = MessageFault_E.MESSAGEFAULT_ERROR_REQUIRES_RESPONSE_ENCRYPTION
INACTIVE_KEY = MessageFault_E.MESSAGEFAULT_ERROR_INACTIVE_KEY
TIMEOUT = MessageFault_E.MESSAGEFAULT_ERROR_TIMEOUT
REMOTE_ACCESS_DISABLED = MessageFault_E.MESSAGEFAULT_ERROR_REMOTE_ACCESS_DISABLED
RESPONSE_MTU_EXCEEDED = MessageFault_E.MESSAGEFAULT_ERROR_RESPONSE_MTU_EXCEEDED
FUTURE_FIELD = bytes.fromhex("ba3e0568656c6c6f")
"""Field 999 of a message, with five bytes in it: nobody knows it yet."""


class Report(Protocol):
    """Whoever watches the car: told of every event by name, with its facts."""

    def __call__(self, event: str, /, **facts: Any) -> None:
        """Take one event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboard:
    """What the computers of one car share."""

    vin: str
    car: Car
    whitelist: Whitelist
    faults: Faults
    report: Report
    key_sync_s: float = 0.0
    """From a key's enrolment until infotainment knows it too."""


@dataclass(slots=True)
class Answer:
    """What a computer gives back for one request."""

    replies: list[RoutableMessage] = field(default_factory=list)
    executed: bool = False
    """The request was signed, accepted and done."""
    enrolment: vcsec.WhitelistOperation | None = None
    """Somebody without a signature wants a key to be added: that takes a card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A request that passed the checks: by whom, on which session."""

    request: RoutableMessage
    entry: Entry
    verifier: Verifier
    proof: Authenticated

    @property
    def by(self) -> str:
        """The signer, as events name it."""
        return f"key {self.entry.key_id.hex()}"


class Computer(ABC):
    """One domain of the car."""

    domain: ClassVar[Domain]
    strict: ClassVar[bool]
    """Whether counters must increase."""

    def __init__(self, onboard: Onboard, key: PrivateKey, random: Callable[[int], bytes]) -> None:
        self.key = key
        self._onboard = onboard
        self._faults = onboard.faults
        self._random = random
        self._verifiers: dict[bytes, Verifier] = {}
        self._first_infos: dict[bytes, tuple[bytes, bytes]] = {}
        """The first session information that each key was given, with its tag."""

    def reboot(self) -> None:
        """Forget all sessions; each begins anew, with another epoch, when its key is heard again."""
        self._verifiers.clear()

    def replace_key(self, key: PrivateKey, *, same_epochs: bool = False) -> None:
        """Have another key pair from now on; with `same_epochs` the sessions go on, and no signature fits any more."""
        self.key = key
        if not same_epochs:
            self.reboot()
            return
        for public, verifier in self._verifiers.items():
            verifier.replace_key(key.public, key.shared_secret(public))

    def verifier(self, entry: Entry, now: float) -> Verifier:
        """The session of an enrolled key."""
        if entry.public not in self._verifiers:
            secret = self.key.shared_secret(entry.public)
            self._verifiers[entry.public] = Verifier(
                self._onboard.vin, self.domain, self.key.public, secret, self._random, now, strict=self.strict
            )
        return self._verifiers[entry.public]

    def answer(self, request: RoutableMessage, now: float) -> Answer:
        """Deal with one request; an answer without replies is silence."""
        if request.WhichOneof("payload") == "session_info_request":
            return Answer([self._shake_hands(request, now)])
        if not request.HasField("signature_data"):
            answer = self.read_unsigned(request)
            if answer is not None:
                return answer
        verifier: Verifier | None = None
        try:
            entry = self._signer(request, now)
            verifier = self.verifier(entry, now)
            proof = verifier.verify(request, now)
            return self._execute(Signed(request=request, entry=entry, verifier=verifier, proof=proof))
        except RejectedError as rejection:
            self._onboard.report("refused", fault=MessageFault_E.Name(rejection.fault), code=rejection.fault)
            informed = verifier if rejection.with_info else None
            return Answer([self.error(request, rejection.fault, informed, now)])

    def read_unsigned(self, request: RoutableMessage) -> Answer | None:  # noqa: ARG002 - for subclasses
        """Answer a request that needs no signature; None when it needs one."""
        return None

    @abstractmethod
    def execute(self, signed: Signed) -> Answer:
        """Do what an authenticated request wants. Raises RejectedError."""

    @abstractmethod
    def unknown_key(self, request: RoutableMessage) -> RoutableMessage:
        """The answer to a handshake with a key that is not enrolled."""

    @abstractmethod
    def busy(self, signed: Signed) -> RoutableMessage:
        """The request to wait."""

    # Replies.

    def reply(self, request: RoutableMessage) -> RoutableMessage:
        """An answer that is addressed and names its request, and holds nothing yet."""
        reply = RoutableMessage()
        reply.to_destination.CopyFrom(request.from_destination)
        reply.from_destination.domain = self.domain  # type: ignore[assignment]
        if not self._faults.strikes(Fault.NO_UUID_ECHO):
            reply.request_uuid = request.uuid
        return reply

    def error(
        self,
        request: RoutableMessage,
        fault: MessageFault_E,
        informed: Verifier | None = None,
        now: float = 0.0,
    ) -> RoutableMessage:
        """A refusal by number, never encrypted; with fresh session info for `informed`."""
        reply = self.reply(request)
        reply.signedMessageStatus.operation_status = OperationStatus_E.OPERATIONSTATUS_ERROR
        reply.signedMessageStatus.signed_message_fault = fault
        if informed:
            self._attach_info(reply, informed, request, now)
        return reply

    def plain(self, request: RoutableMessage, message: Message) -> RoutableMessage:
        """An answer that everybody can read."""
        reply = self.reply(request)
        future = FUTURE_FIELD if self._faults.strikes(Fault.FUTURE_VALUES) else b""
        reply.protobuf_message_as_bytes = message.SerializeToString() + future
        return reply

    def sealed(self, signed: Signed, messages: Iterable[Message | None]) -> list[RoutableMessage]:
        """Answers to a signed request, None being the bare acknowledgement; encrypted if the request wants that."""
        replies = []
        counter = 0
        for message in messages:
            if message is None and not self._faults.strikes(Fault.ENCRYPTED_ACK):
                replies.append(self.reply(signed.request))
                continue
            counter += 1
            replies.append(self._seal(signed, message.SerializeToString() if message else b"", counter))
        return replies

    def _seal(self, signed: Signed, payload: bytes, counter: int) -> RoutableMessage:
        reply = self.reply(signed.request)
        if self._faults.strikes(Fault.FUTURE_VALUES):
            payload += FUTURE_FIELD
        reply.protobuf_message_as_bytes = payload
        if not signed.request.flags & ENCRYPT_RESPONSE or self._faults.strikes(Fault.PLAINTEXT_REPLIES):
            return reply
        associated = metadata.response(
            self.domain, self._onboard.vin, counter, reply.flags, signed.proof.request_hash, fault=0
        )
        nonce = self._random(NONCE_SIZE)
        ciphertext, tag = signed.verifier.secret.seal(nonce, payload, associated)
        reply.protobuf_message_as_bytes = ciphertext
        signature = reply.signature_data.AES_GCM_Response_data
        signature.nonce, signature.counter = nonce, counter
        signature.tag = _spoil(tag) if self._faults.strikes(Fault.WRONG_TAG_REPLY) else tag
        return reply

    # Requests.

    def _shake_hands(self, request: RoutableMessage, now: float) -> RoutableMessage:
        public = request.session_info_request.public_key
        entry = self.enrolled(public, now)
        self._onboard.report(
            "handshake", key=key_id(public).hex(), domain=self.domain.name.lower(), known=entry is not None
        )
        if entry is None:
            return self.unknown_key(request)
        reply = self.reply(request)
        self._attach_info(reply, self.verifier(entry, now), request, now)
        return reply

    def _attach_info(self, reply: RoutableMessage, verifier: Verifier, request: RoutableMessage, now: float) -> None:
        behind = self._faults.strikes(Fault.CLOCK_BEHIND)
        info, tag = verifier.session_info(request.uuid, verifier.started_at if behind else now)
        public = next(public for public, known in self._verifiers.items() if known is verifier)
        first = self._first_infos.setdefault(public, (info, tag))
        if self._faults.strikes(Fault.OLD_SESSION_INFO):
            info, tag = first
        reply.session_info = info
        tag = _spoil(tag) if self._faults.strikes(Fault.WRONG_TAG_SESSION_INFO) else tag
        reply.signature_data.session_info_tag.tag = tag
        reply.request_uuid = request.uuid  # always: it is what the tag is bound to

    def not_on_whitelist(self, request: RoutableMessage) -> RoutableMessage:
        """A session info that says only that: no key, no tag."""
        reply = self.reply(request)
        status = Session_Info_Status.SESSION_INFO_STATUS_KEY_NOT_ON_WHITELIST
        reply.session_info = SessionInfo(status=status).SerializeToString()
        reply.request_uuid = request.uuid
        return reply

    def _signer(self, request: RoutableMessage, now: float) -> Entry:
        """Who claims to have signed; raises RejectedError when that key is not enrolled, or none can be looked up."""
        signature = request.signature_data
        if signature.WhichOneof("sig_type") not in ("AES_GCM_Personalized_data", "HMAC_Personalized_data"):
            raise RejectedError(MessageFault_E.MESSAGEFAULT_ERROR_BAD_PARAMETER)
        if signature.signer_identity.WhichOneof("identity_type") == "handle":
            raise RejectedError(INVALID_KEY_HANDLE)  # none is given out
        entry = self.enrolled(signature.signer_identity.public_key, now)
        if entry is None:
            raise RejectedError(UNKNOWN_KEY_ID)
        if self._faults.strikes(Fault.KEY_INACTIVE):
            raise RejectedError(INACTIVE_KEY)
        if self._faults.strikes(Fault.TIMEOUT):
            raise RejectedError(TIMEOUT)
        if self._faults.strikes(Fault.INTERNAL_ERROR):
            raise RejectedError(INTERNAL)
        return entry

    def enrolled(self, public: bytes, now: float) -> Entry | None:  # noqa: ARG002 - for subclasses
        """Look a key up, as far as this computer knows it now."""
        return None if Fault.KEY_REMOVED in self._faults else self._onboard.whitelist.find(public)

    def _execute(self, signed: Signed) -> Answer:
        """Execute, unless something keeps this computer from it."""
        faults = self._faults
        if not signed.request.flags & ENCRYPT_RESPONSE and faults.strikes(Fault.ENCRYPTION_REQUIRED):
            raise RejectedError(REQUIRES_RESPONSE_ENCRYPTION)
        if faults.strikes(Fault.BUSY):
            return Answer([self.busy(signed)])
        if faults.strikes(Fault.MOBILE_ACCESS_OFF):
            raise RejectedError(REMOTE_ACCESS_DISABLED)
        if faults.strikes(Fault.ERROR_WITHOUT_REASON):
            return Answer([self.error(signed.request, MessageFault_E.MESSAGEFAULT_ERROR_NONE)])
        answer = self.execute(signed)
        if answer.executed and faults.strikes(Fault.WAIT_BUT_DONE):
            answer.replies = [self.busy(signed)]
        if answer.executed and faults.strikes(Fault.RESPONSE_TOO_LARGE):
            answer.replies = [self.error(signed.request, RESPONSE_MTU_EXCEEDED)]
        return answer


def _spoil(tag: bytes) -> bytes:
    return bytes((tag[0] ^ 1,)) + tag[1:]
