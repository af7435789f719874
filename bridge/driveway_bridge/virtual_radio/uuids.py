"""UUIDs as bleak writes them."""

from __future__ import annotations

from bumble.core import UUID

_BASE = "00000000-0000-1000-8000-00805f9b34fb"  # Core specification: short UUIDs are the beginning of this one
_SHORT_DIGITS = 8
_LONG_DIGITS = 32


def long_form(uuid: UUID) -> str:
    """The 36 characters of a UUID of 16, 32 or 128 bits, in lower case."""
    digits = uuid.to_hex_str().lower()
    if len(digits) < _LONG_DIGITS:
        return digits.zfill(_SHORT_DIGITS) + _BASE[_SHORT_DIGITS:]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
