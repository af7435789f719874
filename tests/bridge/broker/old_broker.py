"""A broker of the years before MQTT 5, written from the specification of 3.1.1 (numbers are its sections)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14
LEVEL: Final = 4
"""3.1.2.2: the protocol level of 3.1.1."""


def text(data: bytes, at: int) -> tuple[bytes, int]:
    """1.5.3: a string and where it ends."""
    end = at + 2 + int.from_bytes(data[at : at + 2])
    return data[at + 2 : end], end


def packet(first: int, body: bytes) -> bytes:
    length, left = bytearray(), len(body)
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | (0x80 if left else 0))
        if not left:
            return bytes((first, *length)) + body


def published(topic: bytes, payload: bytes, *, retain: bool) -> bytes:
    return packet(PUBLISH << 4 | retain, len(topic).to_bytes(2) + topic + payload)


def fits(wanted: str, topic: str) -> bool:
    """4.7: whether a filter takes a topic."""
    parts, levels = wanted.split("/"), topic.split("/")
    for number, part in enumerate(parts):
        if part == "#":
            return True
        if number >= len(levels) or part not in ("+", levels[number]):
            return False
    return len(parts) == len(levels)


class OldBroker:
    """Serves until it is left; `connects` holds the protocol levels that it was asked for.

    `answer` to whoever asks for another one: `refuse` (CONNACK with 1, 3.1.2.2), `close` (hang up), `silent`.
    """

    def __init__(self, answer: str = "refuse") -> None:
        self.answer = answer
        self.connects: list[int] = []
        self.retained: dict[bytes, bytes] = {}
        self.port = 0
        self._clients: dict[asyncio.StreamWriter, list[str]] = {}
        self._with_will: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[OldBroker]:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End, and all connections with it."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hang_up(self) -> None:
        """Lose the connection of whoever has a will: the bridge."""
        for writer in self._with_will:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        will: bytes | None = None
        try:
            _first, body = await self._read(reader)
            level, flags = body[6], body[7]
            self.connects.append(level)
            if level != LEVEL:
                await self._turn_away(reader, writer)
                return
            will = self._will(body, flags)
            if will is not None:
                self._with_will.add(writer)
            self._clients[writer] = []
            writer.write(packet(CONNACK << 4, b"\0\0"))
            while True:
                first, body = await self._read(reader)
                if first >> 4 == DISCONNECT:
                    will = None
                    return
                self._take(writer, first, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # gone without leave
        finally:
            self._clients.pop(writer, None)
            self._with_will.discard(writer)
            if will is not None:
                topic, end = text(will, 0)
                self._publish(topic, will[end:], retain=True)
            writer.close()

    def _take(self, writer: asyncio.StreamWriter, first: int, body: bytes) -> None:
        match first >> 4:
            case kind if kind == PUBLISH:
                topic, at = text(body, 0)
                if first & 0x06:
                    writer.write(packet(PUBACK << 4, body[at : at + 2]))
                    at += 2
                self._publish(topic, body[at:], retain=bool(first & 1))
            case kind if kind == SUBSCRIBE:
                at, wanted = 2, []
                while at < len(body):
                    one, at = text(body, at)
                    wanted.append(one.decode())
                    at += 1
                writer.write(packet(SUBACK << 4, body[:2] + bytes(len(wanted))))
                self._clients[writer] = [*dict.fromkeys((*self._clients[writer], *wanted))]
                for topic, payload in self.retained.items():
                    if any(fits(one, topic.decode()) for one in wanted):
                        writer.write(published(topic, payload, retain=True))
            case kind if kind == PINGREQ:
                writer.write(packet(PINGRESP << 4, b""))

    def _publish(self, topic: bytes, payload: bytes, *, retain: bool) -> None:
        if retain:
            self.retained[topic] = payload
            if not payload:
                del self.retained[topic]
        for writer, wanted in self._clients.items():
            if not writer.is_closing() and any(fits(one, topic.decode()) for one in wanted):
                writer.write(published(topic, payload, retain=False))  # 3.3.1.3: to those who are there it is not

    async def _turn_away(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.answer == "refuse":
            writer.write(packet(CONNACK << 4, b"\0\1"))
        elif self.answer == "silent":
            await reader.read()

    @staticmethod
    def _will(body: bytes, flags: int) -> bytes | None:
        if not flags & 0x04:
            return None
        _client, at = text(body, 10)
        topic, at = text(body, at)
        payload, _ = text(body, at)
        return len(topic).to_bytes(2) + topic + payload

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
        first = (await reader.readexactly(1))[0]
        length = place = 0
        while True:
            digit = (await reader.readexactly(1))[0]
            length |= (digit & 0x7F) << 7 * place
            place += 1
            if not digit & 0x80:
                return first, await reader.readexactly(length)
