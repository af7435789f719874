"""The car's own software: an update that is offered, scheduled, installed."""

from __future__ import annotations

from enum import Enum

INSTALL_S = 1500


class Update(Enum):
    """Named as the messages do; no update has no name there."""

    NONE = ""
    AVAILABLE = "Available"
    SCHEDULED = "Scheduled"
    INSTALLING = "Installing"


class Software:
    """Times in seconds of the car's own calendar (Unix)."""

    def __init__(self, version: str = "2026.38.4") -> None:
        self.version = version
        self.update = Update.NONE
        self.new_version = ""
        self.due = 0.0
        """When the installation begins, or ends once it has begun."""

    def offer(self, version: str) -> None:
        """There is something new."""
        self.update, self.new_version = Update.AVAILABLE, version

    def schedule(self, unix_s: float) -> str | None:
        """Install at that time; gives the reason when there is nothing to install."""
        if self.update not in (Update.AVAILABLE, Update.SCHEDULED):
            return "no_update_available"
        self.update, self.due = Update.SCHEDULED, unix_s
        return None

    def cancel(self) -> str | None:
        """Do not install after all."""
        if self.update is not Update.SCHEDULED:
            return "no_update_scheduled"
        self.update = Update.AVAILABLE
        return None

    def advance(self, unix_s: float) -> bool:
        """Begin and end installing; tells whether anything happened."""
        happened = False
        if self.update is Update.SCHEDULED and unix_s >= self.due:
            self.update, self.due, happened = Update.INSTALLING, self.due + INSTALL_S, True
        if self.update is Update.INSTALLING and unix_s >= self.due:
            self.version, self.update, self.new_version, happened = self.new_version, Update.NONE, "", True
        return happened

    def installed_percent(self, unix_s: float) -> int:
        """How far the installation is."""
        if self.update is not Update.INSTALLING:
            return 0
        return min(100, max(0, round(100 - (self.due - unix_s) / INSTALL_S * 100)))
