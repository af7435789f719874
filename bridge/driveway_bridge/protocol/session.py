"""The client's half of a session with one domain: shared key, epoch, counter and clock.

Source: the vehicle-command protocol, "session handshake", "command authentication", "decrypting the reply".
"""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from driveway_bridge.proto import DecodeError, Session_Info_Status, SessionInfo
from driveway_bridge.protocol import messages, metadata
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey, SharedSecret
from driveway_bridge.protocol.messages import ENCRYPT_RESPONSE, Received
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.protocol.window import SlidingWindow

LIFETIME_S = 5.0
"""A command that arrives later than this is refused by the car."""
MAX_EXPIRY = 1 << 30
"""Seconds of a domain's clock; the car begins a new epoch before it gets there."""
INFO_PATIENCE_S = 4.0
"""A session info that comes later after its request says too little about the car's clock."""
MAX_COUNTER = 0xFFFFFFFF
LOW = 8
"""With so many counters left, the next ones are asked for: a disk may take as long as some commands."""
_EPOCH_SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSession:
    """What is worth remembering of a session; nothing of it is secret."""

    public_key: bytes
    """The domain's, 65 bytes."""
    epoch: bytes
    counter: int
    """The last one that may have been used."""
    granted: int
    """The last one that may be used without asking for more."""
    clock_time: int
    """Seconds of the domain's clock, as last told."""
    heard_at: float | None
    """When it was told, in seconds of our monotonic clock; None when that clock has begun anew since."""


class Lesson(Enum):
    """What a session info was worth."""

    ACCEPTED = auto()
    KEY_UNKNOWN = auto()
    """The car does not know our key."""
    KEY_CHANGED = auto()
    """Genuine, but from another key than the session's: begin anew with a handshake."""
    WRONG_TAG = auto()
    STALE = auto()
    """Genuine, but older than what we know."""
    LATE = auto()
    MALFORMED = auto()


@dataclass(slots=True)
class Signature:
    """What ties replies to one signed request."""

    secret: SharedSecret = field(repr=False)
    request_hash: bytes
    replies: SlidingWindow = field(default_factory=SlidingWindow)


class Session:
    """One domain of one car; `learn` first, then `sign`."""

    def __init__(self, vin: str, domain: Domain, key: PrivateKey, saved: SavedSession | None = None) -> None:
        """Begin with what is remembered; a public key that is no point is as good as nothing."""
        self._vin = vin
        self._domain = domain
        self._key = key
        self._saved: SavedSession | None = None
        """As last told or granted; the counters of now are beside it."""
        self._counter = self._granted = 0
        self._secret: SharedSecret | None = None
        self._trusted = saved is not None
        if saved is not None:
            try:
                self._secret = key.shared_secret(saved.public_key)
            except ValueError:
                return
            self._keep(saved)

    @property
    def saved(self) -> SavedSession | None:
        """The session as it should be remembered; None before the first handshake."""
        if self._saved is None:
            return None
        return replace(self._saved, counter=self._counter, granted=self._granted)

    @property
    def ready(self) -> bool:
        """Whether a command can be signed without asking the car first."""
        saved = self._saved
        return (
            self._trusted
            and saved is not None
            and saved.heard_at is not None
            and len(saved.epoch) == _EPOCH_SIZE
            and self._counter < MAX_COUNTER
        )

    @property
    def counters_left(self) -> int:
        """How many commands can be signed before more counters must be granted."""
        return 0 if self._saved is None else self._granted - self._counter

    @property
    def running_low(self) -> bool:
        """Whether it is time to have the next block written down, so that no command has to wait for it."""
        return self.counters_left == LOW

    def grant(self, block: SavedSession) -> bool:
        """Take the block of counters (counter, granted] that is written down; False when it is for another session."""
        saved = self._saved
        if saved is None or (block.epoch, block.public_key) != (saved.epoch, saved.public_key):
            return False
        if block.counter < self._counter:  # the car told a higher one in the meantime
            return False
        if block.counter != self._granted:  # else it follows on ours, which is used up first
            self._counter = block.counter
        self._granted = block.granted
        return True

    def allow(self, count: int) -> None:
        """Grant the next counters without writing them down."""
        if self._saved is not None:
            self._granted = min(self._counter + count, MAX_COUNTER)

    def distrust(self) -> None:
        """Keep what is known, but ask the car before the next command."""
        self._trusted = False

    def forget(self) -> None:
        """Drop everything, the car's key included."""
        self._saved = self._secret = None
        self._trusted = False

    def learn(self, received: Received, challenge: bytes, *, asked_at: float, now: float, handshake: bool) -> Lesson:
        """Judge the session info of a message that answers our request `challenge` (its uuid), and take it over.

        Whether the car knows our key is looked at first: then there is no key of its own to agree with.
        """
        if now - asked_at > INFO_PATIENCE_S:
            return Lesson.LATE
        info_bytes = received.session_info or b""
        try:
            info = SessionInfo.FromString(info_bytes)
        except DecodeError:
            return Lesson.MALFORMED
        if info.status == Session_Info_Status.SESSION_INFO_STATUS_KEY_NOT_ON_WHITELIST:
            return Lesson.KEY_UNKNOWN
        secret = self._agree(info.publicKey)
        if info.status != Session_Info_Status.SESSION_INFO_STATUS_OK or secret is None:
            return Lesson.MALFORMED
        # Over the bytes as received and over our own uuid, whatever uuid the reply claims to answer.
        expected = secret.info_tag(metadata.session_info(self._vin, challenge), info_bytes)
        if not hmac.compare_digest(expected, received.info_tag):
            return Lesson.WRONG_TAG
        return self._take_over(info, secret, now, handshake=handshake)

    def sign(
        self,
        payload: bytes,
        now: float,
        *,
        address: bytes,
        uuid: bytes,
        nonce: bytes,
        kind: SignatureType = SignatureType.AES_GCM_PERSONALIZED,
    ) -> tuple[bytes, Signature]:
        """Authenticate a command under the next counter; gives the message and what opens its replies.

        AES_GCM_PERSONALIZED encrypts it under the nonce; HMAC_PERSONALIZED leaves it readable and needs no nonce.
        RuntimeError when the session is not ready or no counter is granted: that is the caller's to see to.
        """
        saved = self._saved
        if not self.ready or saved is None or saved.heard_at is None or self._secret is None:
            raise RuntimeError("no session to sign with")
        if self._counter >= self._granted:
            raise RuntimeError("no counter is granted")
        self._counter = counter = self._counter + 1
        clock = now - saved.heard_at + saved.clock_time
        expires_at = max(0, min(math.floor(clock + LIFETIME_S), MAX_EXPIRY))
        described = metadata.request(kind, self._domain, self._vin, saved.epoch, expires_at, counter, ENCRYPT_RESPONSE)
        if kind is SignatureType.HMAC_PERSONALIZED:
            tag = self._secret.command_tag(described, payload)
        else:
            payload, tag = self._secret.seal(nonce, payload, described)
        message = messages.signed_request(
            self._domain,
            address,
            uuid,
            payload,
            public_key=self._key.public,
            epoch=saved.epoch,
            nonce=None if kind is SignatureType.HMAC_PERSONALIZED else nonce,
            counter=counter,
            expires_at=expires_at,
            tag=tag,
        )
        return message, Signature(self._secret, metadata.request_hash(kind, tag, self._domain))

    def open(self, received: Received, signature: Signature) -> bytes | None:
        """Decrypt a sealed reply to a signed request; None when it is not genuine. Says nothing about repetition."""
        sealed = received.sealed
        if sealed is None:
            return None
        described = metadata.response(
            received.sender, self._vin, sealed.counter, received.flags, signature.request_hash, received.fault
        )
        return signature.secret.open(sealed.nonce, received.payload, sealed.tag, described)

    def _take_over(self, info: SessionInfo, secret: SharedSecret, now: float, *, handshake: bool) -> Lesson:
        """Judge and take over an info that is genuine."""
        saved = self._saved
        same_key = saved is not None and saved.public_key == info.publicKey
        if len(info.epoch) != _EPOCH_SIZE:
            return Lesson.MALFORMED
        if saved is not None and not same_key and not handshake:
            return Lesson.KEY_CHANGED
        counter = granted = info.counter
        if saved is not None and same_key and saved.epoch == info.epoch:
            if info.clock_time < saved.clock_time:
                return Lesson.STALE
            counter = max(self._counter, info.counter)
            granted = max(self._granted, counter)
        self._secret = secret
        self._keep(
            SavedSession(
                public_key=info.publicKey,
                epoch=info.epoch,
                counter=counter,
                granted=granted,
                clock_time=info.clock_time,
                heard_at=now,
            )
        )
        self._trusted = True
        return Lesson.ACCEPTED

    def _agree(self, public_key: bytes) -> SharedSecret | None:
        if self._saved is not None and self._secret is not None and self._saved.public_key == public_key:
            return self._secret
        try:
            return self._key.shared_secret(public_key)
        except ValueError:
            return None

    def _keep(self, saved: SavedSession) -> None:
        self._saved = saved
        self._counter, self._granted = saved.counter, saved.granted
