"""The error tree. Every error says what happened, whether it may have moved the car, and what the owner can do.

    DrivewayError
    ├── NotReached        the car was not reached: nothing was sent
    ├── LinkLost          the link went away; may_have_happened tells whether a command was under way
    ├── Refused           the car answered no
    ├── Unanswered        a command was sent and its fate is not known
    ├── NotAdmitted       the bridge did not let the command through
    └── ConfigurationError  a file or an argument is wrong

`reason` is a code of `reasons.REASONS`, which holds the sentences for people. `detail` is for the log and for those
who help: it never holds a key, a VIN or text that came from a stranger.
"""

from __future__ import annotations

from typing import ClassVar

from driveway_bridge.reasons import REASONS


class DrivewayError(Exception):
    """The root: reason code, sentence, and the two questions."""

    may_have_happened_by_default: ClassVar[bool] = False
    temporary_by_default: ClassVar[bool] = False

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        may_have_happened: bool | None = None,
        temporary: bool | None = None,
    ) -> None:
        """Take a code of REASONS (KeyError for any other) and, where it differs from the class, the two answers."""
        entry = REASONS[reason]
        super().__init__(f"{entry.meaning} {entry.remedy}".strip())
        self.reason = reason
        self.detail = detail
        self.may_have_happened = self.may_have_happened_by_default if may_have_happened is None else may_have_happened
        self.temporary = self.temporary_by_default if temporary is None else temporary


class NotReached(DrivewayError):
    """The car was not reached and nothing was sent."""

    temporary_by_default = True


class LinkLost(DrivewayError):
    """The link went away. Raised by links without a claim; whoever had a command under way adds it."""

    temporary_by_default = True


class Refused(DrivewayError):
    """The car understood and said no."""


class Unanswered(DrivewayError):
    """A command left and no answer told its fate."""

    may_have_happened_by_default = True
    temporary_by_default = True


class NotAdmitted(DrivewayError):
    """The bridge did not pass the command on: stale, forged, malformed, unknown."""


class ConfigurationError(DrivewayError):
    """A file or an argument is wrong; `problems` holds one line for each: place, what, remedy."""

    def __init__(self, problems: list[str]) -> None:
        """Take the problems as they shall be printed."""
        super().__init__("configuration_wrong", "; ".join(problems))
        self.problems = problems

    def __str__(self) -> str:
        """All problems, one a line."""
        return "\n".join(self.problems)
