"""Keys of the conversation: a long-lived P-256 key on each side, and what both derive from their shared secret.

K = SHA-1(X coordinate of the shared point)[:16]; commands and replies are AES-128-GCM under K, session infos carry an
HMAC under a key derived from K. Source: the vehicle-command protocol, "key agreement" and "authentication".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

PUBLIC_KEY_SIZE = 65
TAG_SIZE = 16
NONCE_SIZE = 12


class ProtectedError(ValueError):
    """The key needs a passphrase, or another one."""


class WrongKindError(ValueError):
    """It is a private key, and none that a car takes."""


class PrivateKey:
    """A P-256 private key; its repr shows nothing."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(key.curve, ec.SECP256R1):
            raise WrongKindError("the key is not on the curve P-256")
        self._key = key
        self.public: bytes = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        """The public half: 65 bytes, uncompressed point."""

    @property
    def id(self) -> bytes:
        """By which the car lists it: the first 4 bytes of the public half's SHA-1."""
        return hashlib.sha1(self.public, usedforsecurity=False).digest()[:4]

    @classmethod
    def generate(cls) -> PrivateKey:
        """Make a new key from the system's randomness."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_scalar(cls, scalar: bytes) -> PrivateKey:
        """Make the key of a private scalar (big-endian), for published test vectors."""
        return cls(ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: str | None = None) -> PrivateKey:
        """Read a PEM (SEC 1 or PKCS #8); a ValueError when it is none, and its own kind as `ProtectedError` says."""
        return cls._read(load_pem_private_key, pem, passphrase)

    @classmethod
    def from_der(cls, der: bytes, passphrase: str | None = None) -> PrivateKey:
        """Read the same without the letters around it."""
        return cls._read(load_der_private_key, der, passphrase)

    @classmethod
    def _read(cls, load: Callable[..., object], data: bytes, passphrase: str | None) -> PrivateKey:
        try:
            key = cls._load(load, data, passphrase)
        except UnsupportedAlgorithm as error:
            raise WrongKindError(f"the key is of a kind that is not known here: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise WrongKindError("the key is not an elliptic-curve key")
        return cls(key)

    @staticmethod
    def _load(load: Callable[..., object], data: bytes, passphrase: str | None) -> object:
        try:
            return load(data, password=None)
        except TypeError as error:
            if passphrase is None:
                raise ProtectedError("the key is protected by a password") from error
        try:
            return load(data, password=passphrase.encode())
        except ValueError as error:
            raise ProtectedError("the key is protected by another password") from error

    def to_pem(self) -> bytes:
        """The private key as PEM (PKCS #8), unencrypted: write it where only its owner can read."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_pem(self) -> bytes:
        """The public half as PEM."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def shared_secret(self, peer_public: bytes) -> SharedSecret:
        """Agree with a peer's public key (65 bytes); ValueError when that is not a point on the curve."""
        if len(peer_public) != PUBLIC_KEY_SIZE or peer_public[0] != 4:
            raise ValueError("a public key is an uncompressed point of 65 bytes")
        peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), peer_public)
        shared_x = self._key.exchange(ec.ECDH(), peer)  # 32 bytes, leading zeros kept
        return SharedSecret(hashlib.sha1(shared_x, usedforsecurity=False).digest()[:16])


class SharedSecret:
    """The 16 bytes K that one client and one domain share, and what is done with them."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 16:
            raise ValueError("the shared key has 16 bytes")
        self._key = key
        self._cipher = AESGCM(key)
        self._info_key = self._derive(b"session info")
        self._command_key = self._derive(b"authenticated command")

    def info_tag(self, metadata: bytes, info: bytes) -> bytes:
        """The 32-byte HMAC of a serialized session info, over the very bytes that are sent."""
        return hmac.digest(self._info_key, metadata + info, "sha256")

    def command_tag(self, metadata: bytes, payload: bytes) -> bytes:
        """The 32-byte HMAC of a command that is sent in clear."""
        return hmac.digest(self._command_key, metadata + payload, "sha256")

    def seal(self, nonce: bytes, plaintext: bytes, metadata: bytes) -> tuple[bytes, bytes]:
        """Encrypt and authenticate; gives ciphertext and 16-byte tag. The nonce: 12 bytes, never used twice."""
        sealed = self._cipher.encrypt(nonce, plaintext, _digest(metadata))
        return sealed[:-TAG_SIZE], sealed[-TAG_SIZE:]

    def open(self, nonce: bytes, ciphertext: bytes, tag: bytes, metadata: bytes) -> bytes | None:
        """Decrypt what `seal` made; None when anything about it is not genuine."""
        if len(nonce) != NONCE_SIZE or len(tag) != TAG_SIZE:
            return None
        try:
            return self._cipher.decrypt(nonce, ciphertext + tag, _digest(metadata))
        except InvalidTag:
            return None

    def _derive(self, label: bytes) -> bytes:
        return hmac.digest(self._key, label, "sha256")


def _digest(metadata: bytes) -> bytes:
    """Associated data of the cipher: the SHA-256 of the metadata."""
    return hashlib.sha256(metadata).digest()
