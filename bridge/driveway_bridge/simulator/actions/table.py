"""All actions that this car's firmware knows; any other is an unknown command."""

from __future__ import annotations

from collections.abc import Mapping

from driveway_bridge.proto import Response, car_server
from driveway_bridge.simulator.actions import body, charging, climate, media, navigation, schedules, security_settings
from driveway_bridge.simulator.actions.row import DRIVERS, READERS, Asked, RefusedError, Row
from driveway_bridge.simulator.states.stamp import stamp


def _ping(asked: Asked, message: car_server.Ping) -> Response:
    response = Response()
    response.actionStatus.SetInParent()
    response.ping.ping_id = message.ping_id
    response.ping.local_timestamp.CopyFrom(stamp(asked.car))
    if message.HasField("local_timestamp"):
        response.ping.last_remote_timestamp.CopyFrom(message.local_timestamp)
    return response


def _remote_start(_asked: Asked, _message: car_server.RemoteStartDrive) -> None:
    raise RefusedError("not_supported")  # as from the body controller: not over Bluetooth


ROWS: Mapping[str, Row] = {
    row.name: row
    for row in (
        *charging.ROWS,
        *climate.ROWS,
        *media.ROWS,
        *body.ROWS,
        *security_settings.ROWS,
        *schedules.ROWS,
        *navigation.ROWS,
        Row("ping", READERS, _ping),
        Row("remoteStartDrive", DRIVERS, _remote_start),
    )
}
"""By the name of the action in the messages; reading is `getVehicleData`, see `states`."""
