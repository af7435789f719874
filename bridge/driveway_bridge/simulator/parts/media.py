"""What is played."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

VOLUME_MAX = 11.0
VOLUME_STEP = 1 / 3


@dataclass(frozen=True, slots=True)
class Track:
    """One piece of music."""

    title: str
    artist: str
    album: str
    duration_s: int


TRACKS = (
    Track("Driveway at Dawn", "The Quiet Motors", "Kilowatts", 214),
    Track("Second Key", "The Quiet Motors", "Kilowatts", 187),
    Track("No Signal Blues", "Garage Choir", "Underground", 251),
)
STATIONS = ("Radio One", "Radio Two", "Night Radio")


class Playback(Enum):
    """By the numbers of the messages."""

    STOPPED = 0
    PLAYING = 1
    PAUSED = 2


class Media:
    """A player with three tracks and three favourites."""

    def __init__(self) -> None:
        self.playback = Playback.PAUSED
        self.volume = 4.0
        self.position = 0
        self.favourite = 0
        self.elapsed_s = 0.0

    @property
    def track(self) -> Track:
        """The piece that plays or would."""
        return TRACKS[self.position]

    @property
    def station(self) -> str:
        """The favourite that is chosen."""
        return STATIONS[self.favourite]

    def toggle(self) -> None:
        """Play or pause."""
        self.playback = Playback.PAUSED if self.playback is Playback.PLAYING else Playback.PLAYING

    def skip(self, by: int) -> None:
        """Go to another track."""
        self.position = (self.position + by) % len(TRACKS)
        self.elapsed_s = 0.0

    def skip_favourite(self, by: int) -> None:
        """Go to another favourite."""
        self.favourite = (self.favourite + by) % len(STATIONS)

    def set_volume(self, volume: float) -> None:
        """Between silence and VOLUME_MAX."""
        self.volume = min(max(volume, 0.0), VOLUME_MAX)

    def advance(self, elapsed_s: float) -> None:
        """Play on."""
        if self.playback is Playback.PLAYING:
            self.elapsed_s = (self.elapsed_s + elapsed_s) % self.track.duration_s
