"""What the car has said of itself, value by value, and when it was heard. Only the car's own reports come in here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # the state classes bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.state.body import Body
    from driveway_bridge.state.reading import State

BODY: Final = "body"
BODY_FIELDS: Final = ("lock", "asleep", "user_present")
CLOSURES: Final = (
    "front_driver_door",
    "front_passenger_door",
    "rear_driver_door",
    "rear_passenger_door",
    "rear_trunk",
    "front_trunk",
    "charge_port",
    "tonneau",
)
SUBJECTS: Final[Mapping[str, str]] = {
    "Charge": "charge",
    "ChargeSchedules": "charge_schedules",
    "Climate": "climate",
    "Closures": "closures",
    "Drive": "drive",
    "Location": "location",
    "Media": "media",
    "MediaDetail": "media_detail",
    "ParentalControls": "parental_controls",
    "PreconditionSchedules": "precondition_schedules",
    "SoftwareUpdate": "software",
    "Tyres": "tyres",
}
"""The subject of each class of infotainment's states: the last level of its topic."""
FROM_MEMORY: Final = "memory"
"""The source of a value that was heard before the bridge's last start."""


@dataclass(frozen=True, slots=True)
class Known:
    """One value, with when it was heard (seconds on the clock of this boot) and from where (`read`, `push`, `memory`).

    `value` is what JSON can hold. From memory `at` is negative, or None when the clocks cannot tell how old it is.
    """

    value: Any = None
    at: float | None = None
    source: str | None = None

    @property
    def heard(self) -> bool:
        """Whether the car has ever told it."""
        return self.source is not None


class Knowledge:
    """The last word on each value of each subject.

    A report of a subject is whole: a value that the car names but does not know, or in a word that we do not know, is
    None as of now. But a sleeping car leaves its doors and lids out of the body's report: they keep the value that was
    heard last, and its age.
    """

    def __init__(self) -> None:
        self._subjects: dict[str, dict[str, Known]] = {BODY: {name: Known() for name in (*BODY_FIELDS, *CLOSURES)}}

    def __iter__(self) -> Iterator[str]:
        """The subjects of which anything is known, the body always."""
        return iter(self._subjects)

    def get(self, subject: str, name: str) -> Known:
        """The last word on one value; of what was never heard an empty one."""
        return self._subjects.get(subject, {}).get(name, Known())

    def values(self, subject: str) -> Mapping[str, Known]:
        """The last word on each value of a subject."""
        return self._subjects.get(subject, {})

    def take_body(self, body: Body, source: str, at: float) -> bool:
        """Note a report of the body controller; whether any value is news."""
        said = {field.name: plain(getattr(body, field.name)) for field in fields(body)}
        if all(said[name] is None for name in CLOSURES):
            for name in CLOSURES:
                del said[name]
        return self._take(BODY, said, source, at)

    def take(self, subject: str, state: State, source: str, at: float) -> bool:
        """Note an answer of infotainment; whether any value is news."""
        said = {field.name: plain(getattr(state, field.name)) for field in fields(state)}
        return self._take(subject, said, source, at)

    def restore(self, subject: str, values: Mapping[str, Known]) -> None:
        """Note what was remembered, unless the car has spoken since."""
        known = self._subjects.setdefault(subject, {})
        for name, value in values.items():
            if known.get(name, Known()).source in (None, FROM_MEMORY):
                known[name] = value

    def _take(self, subject: str, said: Mapping[str, Any], source: str, at: float) -> bool:
        before = self._subjects.get(subject, {})
        self._subjects[subject] = before | {name: Known(value, round(at, 3), source) for name, value in said.items()}
        return any(_is_news(before.get(name, Known()), value) for name, value in said.items())

    def document(self, subject: str) -> dict[str, Any]:
        """All values as they are published; what was never heard has the value null and no time."""
        return {
            name: {"value": known.value, "at": known.at, "source": known.source}
            for name, known in self._subjects.get(subject, {}).items()
        }


def _is_news(before: Known, value: Any) -> bool:
    """Also what the car confirms of what was only remembered."""
    return not before.heard or before.source == FROM_MEMORY or before.value != value


def plain(value: Any) -> Any:
    """Make a value fit for JSON: enums become their words, bytes hexadecimal digits, dataclasses objects."""
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value.value if isinstance(value, Enum) else value
