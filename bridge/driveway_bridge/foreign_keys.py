"""Finds the private key in a file of another program that talks to the car; the form is known by the content. Pure.

| Program | Its key |
| --- | --- |
| tesla-control and tesla-keygen (vehicle-command), tesla_ble_mqtt, TeslaBleHttpProxy, openssl | PEM: SEC 1 or PKCS #8 |
| the components for ESPHome (yoziru, PedroKTFC and those made from them) | PEM in the memory of the ESP32 |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from driveway_bridge import esp32_nvs
from driveway_bridge.protocol.keys import PrivateKey, ProtectedError, WrongKindError

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of a file; the largest memories of an ESP32 have half of it."""
_BEGIN: Final = b"-----BEGIN "
_PRIVATE: Final = frozenset({b"PRIVATE KEY", b"EC PRIVATE KEY", b"ENCRYPTED PRIVATE KEY"})
_FOREIGN: Final = frozenset({b"RSA PRIVATE KEY", b"DSA PRIVATE KEY", b"OPENSSH PRIVATE KEY"})
_PUBLIC: Final = frozenset({b"PUBLIC KEY", b"CERTIFICATE"})
_SEQUENCE: Final = b"\x30"
"""The first byte of a DER key."""
_KEYRING: Final = b"eyJ"
"""The first letters of a file of tesla-control's own keyring, which is encrypted."""


class Form(StrEnum):
    """In which form a key was found."""

    PEM = "pem"
    DER = "der"
    ESP32 = "esp32"


class NotTakenError(Exception):
    """There is no key to take over; the text is for the owner: what is there, and what to do."""


class PassphraseError(NotTakenError):
    """The key is protected by a passphrase: by one that was not given, or another one than was."""


@dataclass(frozen=True, slots=True)
class Found:
    """A key of another program."""

    key: PrivateKey
    form: Form


def find(content: bytes, passphrase: str | None = None) -> Found:
    """Find the one private key in a file; NotTakenError when there is none, several, or one that cars do not take."""
    if esp32_nvs.is_memory(content):
        return _the_one(_pem_keys(b"\n".join(esp32_nvs.values(content)), passphrase), Form.ESP32, _EMPTY_MEMORY)
    keys = _pem_keys(content, passphrase)
    if not keys and content.startswith(_SEQUENCE):
        return Found(_read_der(content, passphrase), Form.DER)
    return _the_one(keys, Form.PEM, _what_else(content))


def _the_one(keys: list[PrivateKey], form: Form, otherwise: str) -> Found:
    distinct = {key.public: key for key in keys}
    if not distinct:
        raise NotTakenError(otherwise)
    if len(distinct) > 1:
        ids = ", ".join(sorted(key.id.hex() for key in distinct.values()))
        raise NotTakenError(
            f"There are {len(distinct)} keys in this file ({ids}). `driveway keys` shows which of them the car knows: "
            "put that one alone into a file."
        )
    [key] = distinct.values()
    return Found(key, form)


def _pem_keys(content: bytes, passphrase: str | None) -> list[PrivateKey]:
    return [_read_pem(block, passphrase) for label, block in _blocks(content) if label in _PRIVATE]


def _blocks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Label and text of each PEM that is whole; one that breaks off takes nothing from the next."""
    for part in content.split(_BEGIN)[1:]:
        label, _, rest = part.partition(b"-----")
        body, end, _ = rest.partition(b"-----END " + label + b"-----")
        if end:
            yield label, _BEGIN + label + b"-----" + body + end + b"\n"


def _read_pem(pem: bytes, passphrase: str | None) -> PrivateKey:
    try:
        return PrivateKey.from_pem(pem, passphrase)
    except ValueError as error:
        raise _refusal(error, passphrase) from error


def _read_der(content: bytes, passphrase: str | None) -> PrivateKey:
    try:
        return PrivateKey.from_der(content, passphrase)
    except ValueError as error:
        raise _refusal(error, passphrase) from error


def _refusal(error: ValueError, passphrase: str | None) -> NotTakenError:
    if isinstance(error, ProtectedError):
        return PassphraseError(_PROTECTED if passphrase is None else _NOT_THIS_ONE)
    return NotTakenError(_WRONG_KIND if isinstance(error, WrongKindError) else _DAMAGED)


def _what_else(content: bytes) -> str:
    labels = {label for label, _ in _blocks(content)}
    if labels & _FOREIGN:
        return _WRONG_KIND
    if labels & _PUBLIC:
        return _ONLY_PUBLIC
    if _BEGIN in content:
        return _DAMAGED
    if content.lstrip().startswith(_KEYRING):
        return _IN_A_KEYRING
    if len(content) >= esp32_nvs.PAGE and len(content) % esp32_nvs.PAGE == 0:
        return _NO_MEMORY
    return _NOTHING


_WRONG_KIND: Final = (
    "This key is of a kind that cars do not take: they know keys on the curve P-256 (prime256v1) only. So it is not "
    "the one that your car knows. Look for the file that the other program really uses, or pair anew: `driveway pair`."
)
_PROTECTED: Final = (
    "This key is protected by a passphrase. Type it when you are asked, at a terminal; or take the protection off "
    "first: openssl ec -in FILE -out key.pem"
)
_NOT_THIS_ONE: Final = "That is not the passphrase of this key."
_DAMAGED: Final = (
    "There is a key in this file, but it is damaged or incomplete. Copy the whole file once more, from the line with "
    "BEGIN to the line with END."
)
_ONLY_PUBLIC: Final = (
    "This is only the public half of a key, which can not sign anything. The private half is mostly beside it: "
    "`private.pem`, or a name that ends with `_private.pem`."
)
_IN_A_KEYRING: Final = (
    "This file belongs to a keyring of tesla-control and is encrypted. Have the key written out first: "
    "tesla-keygen -key-name NAME -keyring-type file export > key.pem"
)
_EMPTY_MEMORY: Final = (
    "This is the memory of an ESP32, but no key can be read in it. Either the device has not made one yet, or its "
    "memory is encrypted: then nobody can take the key out, and the bridge has to be paired anew with `driveway pair`."
)
_NO_MEMORY: Final = (
    "There is no key in this file. If it is the memory of an ESP32: read all of it, from address 0; if you did, it is "
    "encrypted, and nobody can take the key out: pair anew with `driveway pair`."
)
_NOTHING: Final = (
    "There is no key in this file. Keys are in files that have a line like BEGIN EC PRIVATE KEY in them, mostly with a "
    "name that ends with `.pem`; those of ESPHome are in the memory of the ESP32."
)
