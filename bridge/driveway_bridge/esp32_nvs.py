"""What the memory of an ESP32 holds by name: its "non-volatile storage", as ESPHome's devices keep their keys. Pure.

Source: Espressif's ESP-IDF, "Non-Volatile Storage Library". A page has 4096 bytes: a header, two bits for each of 126
entries that say whether it is in use, and the entries of 32 bytes. A value that was replaced stays in the memory until
its page is cleared; those bits say that it counts no more. A long value may lie across pages. All has checksums.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PAGE: Final = 4096
ENTRY: Final = 32
_ENTRIES: Final = 126
_BITMAP_AT: Final = 32
_ENTRIES_AT: Final = 64
_IN_USE: Final = 0b10
_PAGE_STATES: Final = frozenset({0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8})
"""Active, full, and being cleared after what counts was copied."""
_TEXT: Final = 0x21
_BLOB: Final = 0x41
_BLOB_PART: Final = 0x42
_BLOB_INDEX: Final = 0x48
_SEED: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    part: int
    name: tuple[int, bytes]
    """Number of the namespace, and the key in it."""
    fields: bytes
    content: bytes


def is_memory(image: bytes) -> bool:
    """Whether this is such a memory, or has one in it."""
    return next(_pages(image), None) is not None


def values(image: bytes) -> list[bytes]:
    """All texts and blobs that count; nothing of a memory that is encrypted."""
    whole: list[bytes] = []
    parts: dict[tuple[tuple[int, bytes], int], bytes] = {}
    indexes: list[_Entry] = []
    for page in _pages(image):
        for entry in _entries(page):
            if entry.kind in (_TEXT, _BLOB):
                whole.append(entry.content)
            elif entry.kind == _BLOB_PART:
                parts[entry.name, entry.part] = entry.content
            elif entry.kind == _BLOB_INDEX:
                indexes.append(entry)
    for index in indexes:
        size, count, first = struct.unpack_from("<IBB", index.fields)
        pieces = [parts.get((index.name, number), b"") for number in range(first, first + count)]
        if sum(map(len, pieces)) == size:
            whole.append(b"".join(pieces))
    return whole


def _pages(image: bytes) -> Iterator[bytes]:
    for start in range(0, len(image) - PAGE + 1, PAGE):
        (state,) = struct.unpack_from("<I", image, start)
        if state in _PAGE_STATES:
            page = image[start : start + PAGE]
            if _sound(page[4:28], page[28:32]):
                yield page


def _entries(page: bytes) -> Iterator[_Entry]:
    number = 0
    while number < _ENTRIES:
        bits = page[_BITMAP_AT + number // 4] >> (number % 4 * 2) & 0b11
        at = _ENTRIES_AT + number * ENTRY
        head = page[at : at + ENTRY]
        span = head[2]
        number += 1
        if bits != _IN_USE or not _sound(head[:4] + head[8:], head[4:8]) or not 1 <= span <= _ENTRIES + 1 - number:
            continue
        number += span - 1
        kind, fields, content = head[1], head[24:], b""
        if kind in (_TEXT, _BLOB, _BLOB_PART):
            (size,) = struct.unpack_from("<H", fields)
            content = page[at + ENTRY : at + span * ENTRY][:size]
            if len(content) != size or not _sound(content, fields[4:8]):
                continue
        yield _Entry(kind, head[3], (head[0], head[8:24].split(b"\0")[0]), fields, content)


def _sound(data: bytes, checksum: bytes) -> bool:
    return zlib.crc32(data, _SEED) == int.from_bytes(checksum, "little")
