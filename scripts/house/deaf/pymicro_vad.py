"""Stands in for the library that finds speech in sound, which has no ready-made package for this Python.

Home Assistant's front end does not load where it cannot be imported, although nothing in the house has a microphone.
"""

from __future__ import annotations


class MicroVad:
    """Cannot be made."""

    def __init__(self) -> None:
        """Say so."""
        raise NotImplementedError("the demo house has no microphone")
