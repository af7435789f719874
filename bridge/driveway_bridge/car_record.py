"""What became of one car's commands since the start: counts, reasons, latencies, lasting obstacles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge.car import Car, Observer
from driveway_bridge.latency import Latency

if TYPE_CHECKING:
    from driveway_bridge.commands.base import Command
    from driveway_bridge.errand import Execution
    from driveway_bridge.link.base import Sighting

LASTING: Final = frozenset(
    {
        "key_not_enrolled",
        "not_synchronised",
        "wrong_car",
        "car_key_changed",
        "remote_access_off",
        "key_refused",
    }
)
"""Reasons that do not go away by trying again: they hold until the same part of the car gives a good answer to a
request that our key has signed. What anybody may ask proves nothing of the key."""
_CONFIRMED: Final = "confirmed"
_FAILURES: Final = 8
"""Reasons that are told, the most frequent first."""


class CarRecord(Observer):
    """Listens to a car; `news` is called when something may have changed that people should see soon."""

    def __init__(self, car: Car, news: Callable[[], None]) -> None:
        """Listen from now on: the caller appends it to the car's observers."""
        self.car = car
        self._news = news
        self._latency = Latency()
        self._commands: Counter[str] = Counter()
        self._polls: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._links: Counter[str] = Counter()
        self._linked = False
        self._seen: object = None
        self._lasting: dict[object, str] = {}

    @property
    def lasting(self) -> list[str]:
        """Codes of what lastingly stands in the way; each ends with the next good answer to a signed request."""
        return sorted(set(self._lasting.values()))

    def executed(self, command: Command, execution: Execution, *, asked: bool) -> None:
        """Count it; latencies only of what somebody asked for and got."""
        good = execution.outcome == _CONFIRMED
        (self._commands if asked else self._polls)[execution.outcome] += 1
        if not good:
            self._failures[execution.reason] += 1
        elif asked:
            self._latency.note(execution.phases_ms)
        if good and command.authenticated:
            self._lasting.pop(command.domain, None)
        elif not good and execution.reason in LASTING:
            self._lasting[command.domain] = execution.reason
        self._news()

    def paired(self) -> None:
        """The key is known: what was said of it before counts no more."""
        self._lasting = {part: reason for part, reason in self._lasting.items() if reason != "key_not_enrolled"}
        self._news()

    def heard_link(self, linked: bool, reason: str | None) -> None:  # noqa: FBT001 - the observer's shape
        """Count what became of links."""
        if linked:
            self._links["opened"] += 1
        elif reason is not None:
            self._links["lost" if self._linked else "failed"] += 1
        self._linked = linked
        self._news()

    def sighted(self, sighting: Sighting) -> None:  # noqa: ARG002 - the observer's shape
        """It is near, every second or so: only what is new in it is news."""
        seen = (self.car.link.in_range, self.car.link.places_free)
        if seen != self._seen:
            self._seen = seen
            self._news()

    def document(self, now: float) -> dict[str, Any]:
        """All of it, with `now` on the clock of the boot; ages in seconds."""
        link = self.car.link
        return {
            "in_range": link.in_range,
            "reachable": link.reachable,
            "linked": link.linked,
            "contact_s_ago": None if link.contact_at is None else round(now - link.contact_at, 1),
            "queue": self.car.lane.waiting,
            "commands": dict(self._commands),
            "polls": dict(self._polls),
            "failures": dict(self._failures.most_common(_FAILURES)),
            "latency_ms": self._latency.document(),
            "links": self._links["opened"],
            "links_lost": self._links["lost"],
            "links_failed": self._links["failed"],
        }
