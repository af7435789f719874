"""Music. Most are buttons: pressed twice they do it twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from driveway_bridge.commands.base import Command, near
from driveway_bridge.commands.infotainment import MEDIA, act, act_and_read
from driveway_bridge.commands.parameter import number
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server

VOLUME: Final = number("volume", "", 0, 11)


def media_toggle() -> Command:
    """Play or pause, whichever it is not."""
    return _press("media_toggle", car_server.VehicleAction(mediaPlayAction=car_server.MediaPlayAction()))


def media_next_track() -> Command:
    """Play the next track."""
    action = car_server.VehicleAction(mediaNextTrack=car_server.MediaNextTrack())
    return _press("media_next_track", action)


def media_previous_track() -> Command:
    """Play the previous track."""
    action = car_server.VehicleAction(mediaPreviousTrack=car_server.MediaPreviousTrack())
    return _press("media_previous_track", action)


def media_next_favorite() -> Command:
    """Play the next favourite."""
    action = car_server.VehicleAction(mediaNextFavorite=car_server.MediaNextFavorite())
    return _press("media_next_favorite", action)


def media_previous_favorite() -> Command:
    """Play the previous favourite."""
    action = car_server.VehicleAction(mediaPreviousFavorite=car_server.MediaPreviousFavorite())
    return _press("media_previous_favorite", action)


def media_volume_up() -> Command:
    """Louder by one step: only the sign counts."""
    action = car_server.VehicleAction(mediaUpdateVolume=car_server.MediaUpdateVolume(volume_delta=1))
    return _press("media_volume_up", action)


def media_volume_down() -> Command:
    """Softer by one step."""
    action = car_server.VehicleAction(mediaUpdateVolume=car_server.MediaUpdateVolume(volume_delta=-1))
    return _press("media_volume_down", action)


def media_volume(volume: float) -> Command:
    """Set the volume; some cars end at 10."""
    VOLUME.check(volume)
    action = car_server.MediaUpdateVolume(volume_absolute_float=volume)
    return act_and_read(
        "media_volume",
        car_server.VehicleAction(mediaUpdateVolume=action),
        MEDIA,
        lambda media: near(media.volume, volume, 0.2),  # cars keep steps of a third
    )


def _press(name: str, action: car_server.VehicleAction) -> Command:
    return act(name, action, idempotent=False)


def _button(name: str, summary: str, build: Callable[[], Command]) -> Specification:
    return Specification(name=name, subject="media", summary=summary, build=build, idempotent=False)


SPECIFICATIONS: Final = (
    _button("media_toggle", "Play or pause.", media_toggle),
    _button("media_next_track", "Play the next track.", media_next_track),
    _button("media_previous_track", "Play the previous track.", media_previous_track),
    _button("media_next_favorite", "Play the next favourite.", media_next_favorite),
    _button("media_previous_favorite", "Play the previous favourite.", media_previous_favorite),
    _button("media_volume_up", "Turn the volume up by one step.", media_volume_up),
    _button("media_volume_down", "Turn the volume down by one step.", media_volume_down),
    Specification(
        name="media_volume",
        subject="media",
        summary="Set the volume.",
        build=media_volume,
        parameters=(VOLUME,),
        verified_by="read_media",
    ),
)
