"""Updates of the car's software."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.state.reading import State, choice, integer, moment, number, text


class UpdateStatus(StrEnum):
    """How far an update has come."""

    INSTALLING = "installing"
    SCHEDULED = "scheduled"
    AVAILABLE = "available"
    DOWNLOADING_WIFI_WAIT = "downloading_wifi_wait"
    DOWNLOADING = "downloading"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareUpdate(State):
    """One answer about updates; without any, hardly anything is told."""

    status: UpdateStatus | None = choice("status", UpdateStatus)
    version: str | None = text("version")
    download_percent: int | None = integer("download_perc")
    install_percent: int | None = integer("install_perc")
    expected_seconds: int | None = integer("expected_duration_sec")
    scheduled_at: float | None = number("scheduled_time_ms", times=0.001)
    """Seconds since 1970."""
    warning_seconds: float | None = number("warning_time_remaining_ms", times=0.001)
    """Until it begins."""
    at: float | None = moment("timestamp")
