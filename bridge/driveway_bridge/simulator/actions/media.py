"""Media: play, skip, volume."""

from __future__ import annotations

from driveway_bridge.proto import car_server
from driveway_bridge.simulator.actions.row import DRIVERS, Asked, Row
from driveway_bridge.simulator.parts.media import VOLUME_STEP


def _volume(asked: Asked, message: car_server.MediaUpdateVolume) -> None:
    media = asked.car.media
    if message.WhichOneof("media_volume") == "volume_absolute_float":
        media.set_volume(message.volume_absolute_float)
    elif message.volume_delta:  # of which only the sign counts
        media.set_volume(media.volume + (VOLUME_STEP if message.volume_delta > 0 else -VOLUME_STEP))


ROWS = (
    Row("mediaPlayAction", DRIVERS, lambda asked, _message: asked.car.media.toggle()),
    Row("mediaNextTrack", DRIVERS, lambda asked, _message: asked.car.media.skip(1)),
    Row("mediaPreviousTrack", DRIVERS, lambda asked, _message: asked.car.media.skip(-1)),
    Row("mediaNextFavorite", DRIVERS, lambda asked, _message: asked.car.media.skip_favourite(1)),
    Row("mediaPreviousFavorite", DRIVERS, lambda asked, _message: asked.car.media.skip_favourite(-1)),
    Row("mediaUpdateVolume", DRIVERS, _volume),
)
