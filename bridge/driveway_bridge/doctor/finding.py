"""What was found at one link of the chain, in the owner's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.reasons import REASONS


class State(StrEnum):
    """How a link of the chain is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and somebody should look at it all the same."""
    BROKEN = "broken"
    SKIPPED = "skipped"
    """It was not looked at, because a link before it is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look at one link; `because` names the link whose fault a skipped one is."""

    state: State
    found: str
    remedy: str = ""
    because: str | None = None
    """Name of a check, as `broker`."""
    reason: str | None = None
    """A code of `reasons.REASONS`, where there is one."""

    @property
    def holds(self) -> bool:
        """Whether the chain goes on behind this link."""
        return self.state in (State.OK, State.WARNING)


def ok(found: str) -> Finding:
    """All is well."""
    return Finding(state=State.OK, found=found)


def warning(found: str, remedy: str) -> Finding:
    """It works, but."""
    return Finding(state=State.WARNING, found=found, remedy=remedy)


def broken(found: str, remedy: str, *, reason: str | None = None) -> Finding:
    """Here the chain is broken."""
    return Finding(state=State.BROKEN, found=found, remedy=remedy, reason=reason)


def skipped(because: str) -> Finding:
    """Not to be looked at before the named check has become well."""
    return Finding(state=State.SKIPPED, found="not looked at", because=because)


def by_reason(reason: str, detail: str = "") -> Finding:
    """Broken, in the words of the table of reasons; `detail` is added for those who help."""
    entry = REASONS[reason]
    found = f"{entry.meaning} ({detail})" if detail else entry.meaning
    return broken(found, entry.remedy, reason=reason)
