"""Which car a VIN belongs to, as far as the VIN tells: its fourth character, for the maker's own numbers."""

from __future__ import annotations

from typing import Final

_MAKERS: Final = frozenset({"5YJ", "7SA", "7G2", "LRW", "XP7"})
"""The maker's own: passenger cars, others and trucks built in America, Shanghai, Grünheide."""
_MODELS: Final = {
    "S": "Model S",
    "3": "Model 3",
    "X": "Model X",
    "Y": "Model Y",
    "C": "Cybertruck",
    "T": "Semi",
}


def model(vin: str) -> str | None:
    """Give the model's name, as `Model 3`; None for a number that is not the maker's, or of a model not known here."""
    return _MODELS.get(vin[3:4]) if vin[:3] in _MAKERS else None
