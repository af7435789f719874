"""How often each subject of infotainment is asked about, by what keeps the car awake meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from driveway_bridge.judgement.phase import Hold

QUESTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "charge": "read_charge",
        "climate": "read_climate",
        "drive": "read_drive",
        "closures": "read_closures",
        "location": "read_location",
        "software": "read_software_update",
        "tyres": "read_tyres",
        "media": "read_media",
        "media_detail": "read_media_detail",
        "charge_schedules": "read_charge_schedules",
        "precondition_schedules": "read_precondition_schedules",
        "parental_controls": "read_parental_controls",
    }
)
"""The command that asks about a subject of `known.SUBJECTS`; of two that are due at once the first goes first."""
SUBJECT_OF: Final[Mapping[str, str]] = MappingProxyType({question: subject for subject, question in QUESTIONS.items()})
REVEALING: Final = ("charge", "climate", "closures", "software")
"""What shows why a car is awake that nobody touches."""

_HALF_HOUR_S: Final = 1800.0
_HOUR_S: Final = 3600.0
_INSIDE: Final = {
    "drive": 30.0,
    "climate": 60.0,
    "location": 60.0,
    "media": 60.0,
    "media_detail": 60.0,
    "charge": 120.0,
    "closures": 120.0,
    "tyres": 300.0,
}
_PACES: Final[Mapping[Hold, tuple[Mapping[str, float], float]]] = MappingProxyType(
    {
        Hold.OCCUPANT: (_INSIDE, _HALF_HOUR_S),
        Hold.DRIVE: (_INSIDE | {"location": 30.0, "charge": 60.0}, _HALF_HOUR_S),
        Hold.CHARGE: ({"charge": 60.0, "climate": 600.0, "closures": 600.0}, _HOUR_S),
        Hold.CLIMATE: ({"climate": 60.0, "charge": 600.0}, _HOUR_S),
        Hold.UPDATE: ({"software": 300.0}, _HOUR_S),
        # A guard can stand for days. When it leaves, a question within the next eleven minutes delays the car's sleep,
        # and the rarer they are the less likely that is.
        Hold.SENTRY: ({}, _HOUR_S),
    }
)
"""For each hold seconds between two questions about a subject, and about all others."""


def every_s(subject: str, holds: Iterable[Hold]) -> float | None:
    """Seconds between two questions about a subject; None when nothing holds the car."""
    paces = [_PACES[hold] for hold in holds]
    return min((subjects.get(subject, rest) for subjects, rest in paces), default=None)
