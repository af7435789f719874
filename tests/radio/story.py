"""What happens between a fault's beginning and its end: what the owner was told, and what the car did of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from driveway_bridge.contract import Outcome, Result
from tests.radio.owner import PATIENCE_S, Owner
from tests.radio.street import Street

LOCKS = ("lock", "unlock")
AT_WORK = frozenset({"ok", "starting"})


@dataclass(frozen=True)
class Given:
    """A command, its result, and which of the car's deeds fall into its time."""

    name: str
    result: Result
    deeds: list[str]


class Story:
    """Begins when it is made; commands are given through it, and at the end it is whole or wrong."""

    def __init__(self, street: Street, owner: Owner) -> None:
        self.given: list[Given] = []
        self._street = street
        self._owner = owner
        self._since = len(owner.house.heard)
        self._first = len(street.events)
        self._seen = self._first

    async def command(self, name: str) -> Result:
        """Give a command; its final result."""
        self._nothing_by_itself()
        result = await self._owner.command(name)
        self.given.append(Given(name, result, self._deeds(self._seen)))
        self._seen = len(self._street.events)
        if result.outcome is Outcome.CONFIRMED and name in LOCKS:
            assert self._street.locked() is (name == "lock"), result
        return result

    async def until_done(self, name: str = "lock") -> float:
        """Give a lock command until it is confirmed, and the car is so; seconds until then."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(PATIENCE_S):
            while (await self.command(name)).outcome is not Outcome.CONFIRMED:
                pass
        self.holds()
        return loop.time() - began

    async def until_told(self, reason: str, name: str = "unlock") -> None:
        """Give a command again and again until it fails for this reason; TimeoutError if it never does."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.command(name)).reason != reason:
                pass

    @property
    def reasons(self) -> set[str]:
        """All that the owner was told in this time: of commands, of the link, of the radio, as problems."""
        told: set[str | None] = {one.result.reason for one in self.given if one.result.outcome is not Outcome.CONFIRMED}
        for kind, document in self.documents():
            if kind == "link":
                told.add(document["why_not"])
            else:
                told.add(document.get("radio", {}).get("reason"))  # which a bridge that has just begun has not yet
                told.update(problem["reason"] for problem in document["problems"])
        return {reason for reason in told if reason is not None}

    def documents(self) -> list[tuple[str, dict[str, Any]]]:
        """All `link` and `health` documents since the beginning, in order."""
        heard = [(one.topic.rpartition("/")[2], one.payload) for one in self._owner.house.heard[self._since :]]
        return [(kind, json.loads(payload)) for kind, payload in heard if kind in ("link", "health") and payload]

    def holds(self) -> None:
        """Every command was done once at most, none that failed was, and nothing happened without one."""
        self._nothing_by_itself()
        for one in self.given:
            assert one.deeds in ([], [one.name]), one
            if one.result.outcome in (Outcome.FAILED, Outcome.EXPIRED, Outcome.REFUSED):
                assert not one.deeds, one
        for domain in ("vehicle_security", "infotainment"):
            counters = [event["counter"] for event in self._commands(self._first) if event["domain"] == domain]
            assert counters == sorted(set(counters))

    def _nothing_by_itself(self) -> None:
        assert not self._deeds(self._seen), "the car has done what nobody wanted any more"

    def _deeds(self, since: int) -> list[str]:
        return [event["name"] for event in self._commands(since) if event["name"] in LOCKS]

    def _commands(self, since: int) -> list[dict[str, Any]]:
        return [event for event in self._street.events[since:] if event["event"] == "command"]
