"""ESPHome's native API, the device's end: frames in the clear and frames encrypted by Noise, with protobuf inside."""

from __future__ import annotations

import asyncio
import base64
import importlib
from typing import Any, Protocol

from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from cryptography.exceptions import InvalidTag
from noise.connection import NoiseConnection  # type: ignore[import-untyped]

api_pb2: Any = importlib.import_module("aioesphomeapi.api_pb2")
"""The messages; generated code without types."""
TYPES = {message.__name__: number for number, message in MESSAGE_TYPE_TO_PROTO.items()}
PROLOGUE = b"NoiseAPIInit\x00\x00"


class HungUp(Exception):
    """The client is no longer there, or not understood."""


class Wire(Protocol):
    """Carries whole messages: their type's number and their bytes."""

    async def read(self) -> tuple[int, bytes]: ...

    def write(self, number: int, body: bytes) -> None: ...


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Plain:
    """Each message: a zero, the length and the type as varints, the bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def greet(self) -> None:
        """There is nothing to agree on."""

    async def read(self) -> tuple[int, bytes]:
        if await self._reader.readexactly(1) != b"\0":
            self._writer.write(b"\0Bad indicator byte")
            raise HungUp
        length, number = await self._varint(), await self._varint()
        return number, await self._reader.readexactly(length)

    async def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def write(self, number: int, body: bytes) -> None:
        self._writer.write(b"\0" + varint(len(body)) + varint(number) + body)


class Encrypted:
    """Each frame: a one, its length in two bytes, the content; in it a message's type and length, two bytes each."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str, name: str) -> None:
        self._reader, self._writer, self._name = reader, writer, name
        self._noise = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        self._noise.set_as_responder()
        self._noise.set_psks(base64.b64decode(key))
        self._noise.set_prologue(PROLOGUE)
        self._noise.start_handshake()

    async def greet(self) -> None:
        """Agree on the session's keys, which needs the key that both know."""
        await self._frame()
        self._send(b"\x01" + self._name.encode() + b"\0" + b"\0")
        first = await self._frame()
        try:
            self._noise.read_message(first[1:])
        except InvalidTag:
            self._send(b"\x01Handshake MAC failure")
            raise HungUp from None
        self._send(b"\0" + self._noise.write_message())

    async def read(self) -> tuple[int, bytes]:
        plain = self._noise.decrypt(await self._frame())
        return int.from_bytes(plain[:2], "big"), bytes(plain[4 : 4 + int.from_bytes(plain[2:4], "big")])

    def write(self, number: int, body: bytes) -> None:
        self._send(self._noise.encrypt(number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body))

    async def _frame(self) -> bytes:
        if await self._reader.readexactly(1) != b"\x01":
            self._send(b"\x01Bad indicator byte")
            raise HungUp
        return await self._reader.readexactly(int.from_bytes(await self._reader.readexactly(2), "big"))

    def _send(self, content: bytes) -> None:
        self._writer.write(b"\x01" + len(content).to_bytes(2, "big") + content)


def encode(message: Any) -> tuple[int, bytes]:
    """A message as type and bytes."""
    return TYPES[type(message).__name__], message.SerializeToString()


def decode(number: int, body: bytes) -> Any:
    """The message with that type; one that is not known cannot be answered, and is a mistake of the test."""
    return MESSAGE_TYPE_TO_PROTO[number].FromString(body)
