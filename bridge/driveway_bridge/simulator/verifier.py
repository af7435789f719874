"""The car's half of a session: epoch, clock, counters, and the checks that a command has to pass, in their order.

One verifier for each client key and domain, as in the maker's own implementation. Source: the vehicle-command
protocol, "verifying commands".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from driveway_bridge.proto import MessageFault_E, RoutableMessage, SessionInfo
from driveway_bridge.protocol import metadata
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import NONCE_SIZE, SharedSecret
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.simulator.window import Window

EPOCH_SIZE = 16
MAX_COUNTER = 0xFFFFFFFF
MAX_CLOCK = 1 << 30
"""Seconds; a clock beyond it ends the epoch, an expiry beyond it is no expiry."""
MAX_LIFETIME_OUT_OF_ORDER = 30
"""Seconds that a message may live when its counter does not protect it from being replayed."""

BAD_PARAMETER = MessageFault_E.MESSAGEFAULT_ERROR_BAD_PARAMETER
INVALID_DOMAINS = MessageFault_E.MESSAGEFAULT_ERROR_INVALID_DOMAINS
INCORRECT_EPOCH = MessageFault_E.MESSAGEFAULT_ERROR_INCORRECT_EPOCH
TIME_EXPIRED = MessageFault_E.MESSAGEFAULT_ERROR_TIME_EXPIRED
TIME_TO_LIVE_TOO_LONG = MessageFault_E.MESSAGEFAULT_ERROR_TIME_TO_LIVE_TOO_LONG
INVALID_SIGNATURE = MessageFault_E.MESSAGEFAULT_ERROR_INVALID_SIGNATURE
INVALID_TOKEN_OR_COUNTER = MessageFault_E.MESSAGEFAULT_ERROR_INVALID_TOKEN_OR_COUNTER
IV_INCORRECT_LENGTH = MessageFault_E.MESSAGEFAULT_ERROR_IV_INCORRECT_LENGTH


class RejectedError(Exception):
    """A request is not acceptable; `with_info`: a fresh session info goes with the answer, so that the client heals."""

    def __init__(self, fault: MessageFault_E, *, with_info: bool = False) -> None:
        super().__init__(MessageFault_E.Name(fault))
        self.fault = fault
        self.with_info = with_info


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """What is left of a request that passed all checks."""

    plaintext: bytes
    counter: int
    request_hash: bytes
    """Binds replies to this request."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the signature of a request says, whichever of the two kinds it is."""

    kind: SignatureType
    epoch: bytes
    counter: int
    expires_at: int
    tag: bytes
    nonce: bytes | None


class Verifier:
    """The session of one client key with one domain; `now` is in seconds, monotonic."""

    def __init__(
        self,
        vin: str,
        domain: Domain,
        own_public: bytes,
        secret: SharedSecret,
        random: Callable[[int], bytes],
        now: float,
        *,
        strict: bool,
    ) -> None:
        """`strict`: counters must increase, as VCSEC wants it; otherwise a window of 32 allows some disorder."""
        self.secret = secret
        self.strict = strict
        self._vin = vin
        self._domain = domain
        self._own_public = own_public
        self._random = random
        self.begin_epoch(now)

    def replace_key(self, own_public: bytes, secret: SharedSecret) -> None:
        """Go on with another key pair of the car."""
        self.secret, self._own_public = secret, own_public

    def begin_epoch(self, now: float, epoch: bytes | None = None) -> None:
        """Start from nothing, as after a reboot."""
        self.epoch = epoch or self._random(EPOCH_SIZE)
        self.started_at = now
        self.window = Window()

    def clock(self, now: float) -> int:
        """Whole seconds since the epoch began."""
        return int(now - self.started_at)

    def session_info(self, challenge: bytes, now: float) -> tuple[bytes, bytes]:
        """Serialize the session's state; gives it with its tag, which binds it to the request `challenge`."""
        self._renew(now)
        info = SessionInfo(
            counter=self.window.counter, publicKey=self._own_public, epoch=self.epoch, clock_time=self.clock(now)
        ).SerializeToString()
        return info, self.secret.info_tag(metadata.session_info(self._vin, challenge), info)

    def verify(self, request: RoutableMessage, now: float) -> Authenticated:
        """Check a request and remember its counter. Raises RejectedError with the first reason against it."""
        claim = _claim(request)
        if claim is None:
            raise RejectedError(BAD_PARAMETER)
        destination = request.to_destination
        if destination.WhichOneof("sub_destination") != "domain" or int(destination.domain) != self._domain:
            raise RejectedError(INVALID_DOMAINS)
        self._renew(now)
        self._check_freshness(claim, self.clock(now))
        plaintext = self._open(claim, request)
        if plaintext is None:
            raise RejectedError(INVALID_SIGNATURE, with_info=True)
        # Only now is the claim the client's: nothing before may change the session.
        if claim.counter and not self._is_new(claim.counter):
            raise RejectedError(INVALID_TOKEN_OR_COUNTER, with_info=True)
        if claim.counter:
            self.window.take(claim.counter)
        return Authenticated(
            plaintext=plaintext,
            counter=claim.counter,
            request_hash=metadata.request_hash(claim.kind, claim.tag, self._domain),
        )

    def _check_freshness(self, claim: _Claim, clock: int) -> None:
        if claim.epoch and claim.epoch != self.epoch:
            raise RejectedError(INCORRECT_EPOCH, with_info=True)
        if claim.expires_at and claim.expires_at < clock:
            raise RejectedError(TIME_EXPIRED, with_info=True)
        if claim.expires_at > MAX_CLOCK:
            raise RejectedError(BAD_PARAMETER, with_info=True)
        lives_long = claim.expires_at == 0 or claim.expires_at - clock > MAX_LIFETIME_OUT_OF_ORDER
        if (claim.counter == 0 or claim.counter < self.window.counter) and lives_long:
            raise RejectedError(TIME_TO_LIVE_TOO_LONG, with_info=True)

    def _open(self, claim: _Claim, request: RoutableMessage) -> bytes | None:
        """The payload, if the tag is right; the epoch is the session's own, whether the request named it or not."""
        payload = request.protobuf_message_as_bytes
        authenticated = metadata.request(
            claim.kind, self._domain, self._vin, self.epoch, claim.expires_at, claim.counter, request.flags
        )
        if claim.nonce is None:
            expected = self.secret.command_tag(authenticated, payload)
            return payload if hmac.compare_digest(expected, claim.tag) else None
        if len(claim.nonce) != NONCE_SIZE:
            raise RejectedError(IV_INCORRECT_LENGTH)
        return self.secret.open(claim.nonce, payload, claim.tag, authenticated)

    def _is_new(self, counter: int) -> bool:
        return counter > self.window.counter if self.strict else self.window.is_new(counter)

    def _renew(self, now: float) -> None:
        """Begin an epoch when the old one has no counters or no seconds left."""
        if self.window.counter >= MAX_COUNTER or self.clock(now) > MAX_CLOCK:
            self.begin_epoch(now)


def _claim(request: RoutableMessage) -> _Claim | None:
    kind = request.signature_data.WhichOneof("sig_type")
    if kind == "AES_GCM_Personalized_data":
        gcm = request.signature_data.AES_GCM_Personalized_data
        return _Claim(
            SignatureType.AES_GCM_PERSONALIZED, gcm.epoch, gcm.counter, gcm.expires_at, gcm.tag, bytes(gcm.nonce)
        )
    if kind == "HMAC_Personalized_data":
        mac = request.signature_data.HMAC_Personalized_data
        return _Claim(SignatureType.HMAC_PERSONALIZED, mac.epoch, mac.counter, mac.expires_at, mac.tag, None)
    return None
