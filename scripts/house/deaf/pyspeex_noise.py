"""Stands in for the library that takes noise out of sound; see pymicro_vad.py beside it."""

from __future__ import annotations


class AudioProcessor:
    """Cannot be made."""

    def __init__(self, *_settings: object) -> None:
        """Say so."""
        raise NotImplementedError("the demo house has no microphone")
