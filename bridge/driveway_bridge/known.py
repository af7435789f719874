"""What the car has said of itself, value by value, and when it was heard. Only the car's own reports come in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # the state classes bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.state.body import Body

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


@dataclass(frozen=True, slots=True)
class Known:
    """One value, with when it was heard (seconds on the clock of this boot) and from where (`read`, `push`)."""

    value: str | bool | None = None
    at: float | None = None
    source: str | None = None


class KnownBody:
    """The last word on each value of the body.

    A sleeping car leaves its doors and lids out: they keep the value that was heard last, and its age. A value that
    the car names but does not know, or in a word that we do not know, is None as of now.
    """

    def __init__(self) -> None:
        self._values: dict[str, Known] = {name: Known() for name in (*BODY_FIELDS, *CLOSURES)}

    def __getitem__(self, name: str) -> Known:
        """The last word on one value."""
        return self._values[name]

    def take(self, body: Body, source: str, at: float) -> bool:
        """Note a report; whether any value differs from before."""
        said = {field.name: getattr(body, field.name) for field in fields(body)}
        if all(said[name] is None for name in CLOSURES):
            for name in CLOSURES:
                del said[name]
        before = self._values
        self._values = before | {name: Known(value, round(at, 3), source) for name, value in said.items()}
        return any(before[name].at is None or before[name].value != value for name, value in said.items())

    def document(self) -> Mapping[str, Any]:
        """All values as they are published; what was never heard has the value null and no time."""
        return {
            name: {"value": known.value, "at": known.at, "source": known.source} for name, known in self._values.items()
        }
