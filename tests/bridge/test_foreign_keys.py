"""Keys of other programs, in the forms in which those keep them; and what is none, said so that it helps."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from driveway_bridge import esp32_nvs
from driveway_bridge.foreign_keys import Form, NotTakenError, PassphraseError, find

MEMORIES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors/nvs.json").read_text())
"""Made by the chip maker's generator (esp-idf-nvs-partition-gen 0.3.0), with keys that are no secret."""
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
SEC1, PKCS8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8


def pem(form: PrivateFormat = SEC1, key: Any = KEY, passphrase: bytes | None = None) -> bytes:
    lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    data: bytes = key.private_bytes(Encoding.PEM, form, lock)
    return data


RSA = pem(key=rsa.generate_private_key(65537, 2048))


def public_pem() -> bytes:
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def memory(name: str) -> bytes:
    return zlib.decompress(base64.b64decode(MEMORIES[name]["image"]))


def refused(content: bytes, passphrase: str | None = None) -> str:
    with pytest.raises(NotTakenError) as caught:
        find(content, passphrase)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (pem(SEC1), Form.PEM),  # tesla-control, tesla-keygen, tesla_ble_mqtt, TeslaBleHttpProxy
        (pem(PKCS8), Form.PEM),  # openssl genpkey
        (pem(SEC1).replace(b"\n", b"\r\n"), Form.PEM),  # by way of Windows
        (b"\xef\xbb\xbf" + pem(PKCS8), Form.PEM),
        (b"# key of the garage\n\n" + pem(SEC1).rstrip(), Form.PEM),
        (pem(SEC1) + b"\0", Form.PEM),  # as mbedtls writes it
        (b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + pem(SEC1), Form.PEM),
        (public_pem() + pem(SEC1), Form.PEM),
        (pem(SEC1) + pem(PKCS8), Form.PEM),  # the same key twice is one
        (RSA + pem(SEC1), Form.PEM),
        (KEY.private_bytes(Encoding.DER, SEC1, NoEncryption()), Form.DER),
        (KEY.private_bytes(Encoding.DER, PKCS8, NoEncryption()), Form.DER),
    ],
)
def test_the_forms_of_a_key(content: bytes, form: Form) -> None:
    found = find(content)
    assert (found.key.public, found.form) == (PUBLIC, form)


@pytest.mark.parametrize("form", [SEC1, PKCS8])
def test_with_a_passphrase(form: PrivateFormat) -> None:
    content = pem(form, passphrase=b"secret")
    assert find(content, "secret").key.public == PUBLIC
    with pytest.raises(PassphraseError, match="protected by a passphrase"):
        find(content)
    with pytest.raises(PassphraseError, match="not the passphrase"):
        find(content, "guess")
    assert find(pem(form), "not needed").key.public == PUBLIC


@pytest.mark.parametrize(
    "content",
    [
        pem(key=ec.generate_private_key(ec.SECP384R1())),
        pem(key=ec.generate_private_key(ec.SECP256K1())),
        pem(PKCS8, key=ed25519.Ed25519PrivateKey.generate()),
        RSA,
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    ],
)
def test_another_kind_of_key(content: bytes) -> None:
    assert "P-256" in refused(content)


@pytest.mark.parametrize("form", [SEC1, PKCS8])
def test_a_curve_that_the_library_does_not_know(form: PrivateFormat) -> None:
    der = KEY.private_bytes(Encoding.DER, form, NoEncryption())
    p256 = bytes.fromhex("06082a8648ce3d030107")
    assert p256 in der
    assert "P-256" in refused(der.replace(p256, p256[:-1] + b"\x7f"))


def test_a_file_with_many_beginnings_is_read_as_fast_as_any() -> None:
    """A thousand kilobytes; each beginning was once looked through to the end of the file."""
    begin = b"-----BEGIN EC PRIVATE KEY-----\n"
    assert find(begin * 32_000 + pem()).key.public == PUBLIC
    assert "damaged" in refused(begin * 32_000)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (public_pem(), "only the public half"),
        (b"", "no key in this file"),
        (b'{"role": "owner"}', "no key in this file"),  # TeslaBleHttpProxy's active_key.json
        (pem().replace(b"-----END", b"END"), "damaged or incomplete"),
        (pem()[:120] + b"\n-----END EC PRIVATE KEY-----\n", "damaged or incomplete"),
        (b"\x30\x02\x01\x00", "damaged or incomplete"),
        (b"eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJjcmVhdGVkIjo", "tesla-keygen"),
        (bytes(range(256)) * 64, "memory of an ESP32"),
    ],
)
def test_what_is_no_key(content: bytes, said: str) -> None:
    assert said in refused(content)


def test_several_keys_in_a_file() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert "2 keys" in refused(pem() + pem(key=other))


class TestMemoryOfAnEsp32:
    @pytest.mark.parametrize("name", list(MEMORIES))
    def test_as_the_makers_generator_writes_it(self, name: str) -> None:
        found = find(memory(name))
        assert found.form is Form.ESP32
        assert found.key.public.hex() == MEMORIES[name]["public_key"]

    def test_in_the_whole_flash(self) -> None:
        flash = b"\xff" * 0x9000 + memory("whole") + bytes(0x10000)
        assert find(flash).key.public.hex() == MEMORIES["whole"]["public_key"]

    def test_other_values_are_there_too(self) -> None:
        assert b"house\0" in esp32_nvs.values(memory("whole"))

    def test_a_key_that_was_made_anew_leaves_the_old_one_behind(self) -> None:
        """The bits of an erased value are cleared, its bytes stay: "Regenerate key" does this."""
        image = bytearray(memory("first_version"))
        at = image.index(b"private_key\0") - 8
        number = (at - 64) // esp32_nvs.ENTRY
        for entry in range(number, number + image[at + 2]):
            image[32 + entry // 4] &= ~(0b11 << (entry % 4 * 2)) & 0xFF
        assert b"BEGIN EC PRIVATE KEY" in image
        assert "no key can be read" in refused(bytes(image))

    @pytest.mark.parametrize("name", list(MEMORIES))
    def test_no_bit_may_be_wrong(self, name: str) -> None:
        image = bytearray(memory(name))
        image[image.index(b"BEGIN EC PRIVATE KEY") + 30] ^= 1
        assert "no key can be read" in refused(bytes(image))

    def test_half_of_it(self) -> None:
        whole = memory("across_two_pages")
        assert "no key can be read" in refused(whole[: esp32_nvs.PAGE])

    def test_encrypted(self) -> None:
        """What is in the pages is noise; their headers are not encrypted with the values."""
        image = bytearray(memory("whole"))
        for at in range(64, esp32_nvs.PAGE):
            image[at] ^= at * 7 % 251
        assert "encrypted" in refused(bytes(image))

    def test_a_page_that_makes_no_sense_ends(self) -> None:
        image = bytearray(memory("whole"))
        image[64:4096] = bytes(4032)
        assert esp32_nvs.values(bytes(image)) == []
