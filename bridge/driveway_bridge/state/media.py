"""What plays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driveway_bridge.state.reading import State, flag, moment, number, numbered, text


class Playback(StrEnum):
    """What the player does."""

    STOPPED = "stopped"
    PLAYING = "playing"
    PAUSED = "paused"


class Source(StrEnum):
    """Where the music comes from."""

    NONE = "none"
    AM = "am"
    FM = "fm"
    XM = "xm"
    SLACKER = "slacker"
    LOCAL_FILES = "local_files"
    IPOD = "ipod"
    BLUETOOTH = "bluetooth"
    AUX_IN = "aux_in"
    DAB = "dab"
    RDIO = "rdio"
    SPOTIFY = "spotify"
    US_RADIO = "us_radio"
    EU_RADIO = "eu_radio"
    MEDIA_FILE = "media_file"
    TUNE_IN = "tune_in"
    STINGRAY = "stingray"
    SIRIUS_XM = "sirius_xm"
    TIDAL = "tidal"
    QQ_MUSIC = "qq_music"
    XIMALAYA = "ximalaya"
    ONLINE_RADIO = "online_radio"
    NET_EASE_MUSIC = "net_ease_music"
    APPLE_MUSIC = "apple_music"
    BROWSER = "browser"
    THEATER = "theater"
    GAME = "game"
    TUTORIAL = "tutorial"
    TOYBOX = "toybox"
    RECENTS_FAVORITES = "recents_favorites"
    HOME_APPS = "home_apps"
    SEARCH = "search"
    APPLE_PODCASTS = "apple_podcasts"
    AUDIBLE = "audible"
    AMAZON_MUSIC = "amazon_music"
    YOU_TUBE_MUSIC = "you_tube_music"


_SOURCES = {
    0: Source.NONE,
    1: Source.AM,
    2: Source.FM,
    3: Source.XM,
    5: Source.SLACKER,
    6: Source.LOCAL_FILES,
    7: Source.IPOD,
    8: Source.BLUETOOTH,
    9: Source.AUX_IN,
    10: Source.DAB,
    11: Source.RDIO,
    12: Source.SPOTIFY,
    13: Source.US_RADIO,
    14: Source.EU_RADIO,
    16: Source.MEDIA_FILE,
    17: Source.TUNE_IN,
    18: Source.STINGRAY,
    19: Source.SIRIUS_XM,
    20: Source.TIDAL,
    21: Source.QQ_MUSIC,
    22: Source.QQ_MUSIC,
    23: Source.XIMALAYA,
    24: Source.ONLINE_RADIO,
    25: Source.ONLINE_RADIO,
    26: Source.NET_EASE_MUSIC,
    27: Source.APPLE_MUSIC,
    28: Source.BROWSER,
    29: Source.THEATER,
    30: Source.GAME,
    31: Source.TUTORIAL,
    32: Source.TOYBOX,
    33: Source.RECENTS_FAVORITES,
    34: Source.HOME_APPS,
    35: Source.SEARCH,
    36: Source.APPLE_PODCASTS,
    37: Source.AUDIBLE,
    38: Source.AMAZON_MUSIC,
    39: Source.YOU_TUBE_MUSIC,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Media(State):
    """One answer about what plays; some sources name neither title nor artist."""

    playback: Playback | None = numbered("media_playback_status", dict(enumerate(Playback)))
    source: Source | None = numbered("now_playing_source", _SOURCES)
    title: str | None = text("now_playing_title")
    artist: str | None = text("now_playing_artist")
    volume: float | None = number("audio_volume")
    """From 0 to `maximum_volume`."""
    volume_step: float | None = number("audio_volume_increment")
    maximum_volume: float | None = number("audio_volume_max")
    remote_control: bool | None = flag("remote_control_enabled")
    at: float | None = moment("timestamp")


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaDetail(State):
    """The rest about what plays. The car counts in milliseconds, as far as is known."""

    album: str | None = text("now_playing_album")
    station: str | None = text("now_playing_station")
    source_name: str | None = text("now_playing_source_string")
    phone_name: str | None = text("a2dp_source_name")
    duration_seconds: float | None = number("now_playing_duration", times=0.001)
    elapsed_seconds: float | None = number("now_playing_elapsed", times=0.001)
    at: float | None = moment("timestamp")
