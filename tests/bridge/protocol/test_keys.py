"""What is no key, or not genuine, is refused by name; what is one survives a file."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from driveway_bridge.protocol.keys import PrivateKey, SharedSecret

METADATA = b"metadata"


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def test_a_key_survives_a_file() -> None:
    key = PrivateKey.generate()
    again = PrivateKey.from_pem(key.to_pem())
    assert again.public == key.public
    assert again.shared_secret(PrivateKey.from_scalar(b"\x07").public).info_tag(b"", b"") == key.shared_secret(
        PrivateKey.from_scalar(b"\x07").public
    ).info_tag(b"", b"")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "elliptic-curve"),
        (pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), "password"),
    ],
)
def test_another_kind_of_key_is_refused_by_name(file: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PrivateKey.from_pem(file)


@pytest.mark.parametrize("junk", [b"", b"no key", b"-----BEGIN NOTHING-----\n"])
def test_what_is_no_key_file_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PrivateKey.from_pem(junk)


@pytest.mark.parametrize(
    "public", [b"", bytes(65), b"\x04" + bytes(64), b"\x02" + bytes(32), b"\x04" + b"\xff" * 64, b"\x04" * 66]
)
def test_a_public_key_that_is_no_point_is_refused(public: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PrivateKey.generate().shared_secret(public)


def test_a_shared_key_has_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        SharedSecret(bytes(32))


def test_what_was_sealed_opens_only_unaltered() -> None:
    secret = SharedSecret(bytes(range(16)))
    nonce = bytes(12)
    ciphertext, tag = secret.seal(nonce, b"unlock", METADATA)
    assert secret.open(nonce, ciphertext, tag, METADATA) == b"unlock"
    assert secret.open(nonce, ciphertext, bytes(16), METADATA) is None
    assert secret.open(nonce, b"other!", tag, METADATA) is None
    assert secret.open(nonce, ciphertext, tag, b"other") is None
    assert secret.open(bytes(11), ciphertext, tag, METADATA) is None
    assert secret.open(nonce, ciphertext, tag[:15], METADATA) is None
    assert SharedSecret(bytes(16)).open(nonce, ciphertext, tag, METADATA) is None
