"""The car's Bluetooth service: what a client writes to, what the car answers on, how much fits."""

from __future__ import annotations

SERVICE = "00000211-b2d1-43f0-9b88-960cebf8b91e"
TO_CAR = "00000212-b2d1-43f0-9b88-960cebf8b91e"
"""Written with response; frames in pieces."""
FROM_CAR = "00000213-b2d1-43f0-9b88-960cebf8b91e"
"""Indicated; frames in pieces."""
VERSION = "00000214-b2d1-43f0-9b88-960cebf8b91e"
"""Read: a number, big-endian."""
ATT_HEADER = 3
"""Bytes of a write or an indication that are not its value: a piece is at most the MTU less these."""
