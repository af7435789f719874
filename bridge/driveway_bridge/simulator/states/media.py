"""Media state and its details."""

from __future__ import annotations

from driveway_bridge.proto import vehicle
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.parts.media import VOLUME_MAX, VOLUME_STEP
from driveway_bridge.simulator.states.stamp import stamp

_LOCAL_FILES = 6
_SPOTIFY = 12


def media_state(car: Car, *, titles: bool = True) -> vehicle.MediaState:
    """What plays and how loud; without `titles`, as some sources are."""
    media = car.media
    state = vehicle.MediaState(
        timestamp=stamp(car),
        remote_control_enabled=True,
        audio_volume=media.volume,
        audio_volume_increment=VOLUME_STEP,
        audio_volume_max=VOLUME_MAX,
        now_playing_source=_LOCAL_FILES if titles else _SPOTIFY,  # type: ignore[arg-type]
        media_playback_status=media.playback.value,  # type: ignore[arg-type]
    )
    if titles:
        state.now_playing_artist, state.now_playing_title = media.track.artist, media.track.title
    return state


def media_detail_state(car: Car, *, titles: bool = True) -> vehicle.MediaDetailState:
    """How far it is, and which album and station."""
    media = car.media
    state = vehicle.MediaDetailState(timestamp=stamp(car), a2dp_source_name="")
    if titles:
        state.now_playing_duration = media.track.duration_s * 1000
        state.now_playing_elapsed = int(media.elapsed_s * 1000)
        state.now_playing_source_string = "USB"
        state.now_playing_album = media.track.album
        state.now_playing_station = media.station
    return state
