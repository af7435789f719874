"""Lids, doors, windows, roof and charge port. "Done" is what was wished or is on the way there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from driveway_bridge.commands.base import Command, unless, when
from driveway_bridge.commands.infotainment import CLOSURES, act_and_look, act_and_read
from driveway_bridge.commands.parameter import choice
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import ClosureMoveRequest, UnsignedMessage, car_server, common, vcsec
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.body import Body, ClosureState

DOOR: Final = choice("door", ("front_driver", "front_passenger", "rear_driver", "rear_passenger"))
_MOVE, _STOP = vcsec.CLOSURE_MOVE_TYPE_MOVE, vcsec.CLOSURE_MOVE_TYPE_STOP
_OPEN, _CLOSE = vcsec.CLOSURE_MOVE_TYPE_OPEN, vcsec.CLOSURE_MOVE_TYPE_CLOSE
_DOORS: Final = {
    "front_driver": "frontDriverDoor",
    "front_passenger": "frontPassengerDoor",
    "rear_driver": "rearDriverDoor",
    "rear_passenger": "rearPassengerDoor",
}


def trunk_open() -> Command:
    """Open the trunk. It is the button's toggle: a powered lid that is open closes, so no state proves it."""
    return _toggle("trunk_open", ClosureMoveRequest(rearTrunk=_MOVE))


def trunk_close() -> Command:
    """Close the trunk, where its lid has a motor."""
    return _move("trunk_close", ClosureMoveRequest(rearTrunk=_CLOSE), lambda body: _closed(body.rear_trunk))


def frunk_open() -> Command:
    """Open the frunk; it cannot be closed from afar. A toggle like the trunk's."""
    return _toggle("frunk_open", ClosureMoveRequest(frontTrunk=_MOVE))


def tonneau_open() -> Command:
    """Open the cover of the bed."""
    return _move("tonneau_open", ClosureMoveRequest(tonneau=_OPEN), lambda body: _open(body.tonneau))


def tonneau_close() -> Command:
    """Close the cover of the bed."""
    return _move("tonneau_close", ClosureMoveRequest(tonneau=_CLOSE), lambda body: _closed(body.tonneau))


def tonneau_stop() -> Command:
    """Stop the cover of the bed where it is."""
    return _move("tonneau_stop", ClosureMoveRequest(tonneau=_STOP), lambda body: _still(body.tonneau))


def door_open(door: str) -> Command:
    """Open one door, where it has a motor. `door` is one of `front_driver`, `front_passenger`, `rear_driver`, ...."""
    DOOR.check(door)
    request = ClosureMoveRequest()
    setattr(request, _DOORS[door], _OPEN)
    return _move("door_open", request, lambda body: _open(getattr(body, f"{door}_door")))


def door_close(door: str) -> Command:
    """Close one door, where it has a motor; others answer yes and stay as they are."""
    DOOR.check(door)
    request = ClosureMoveRequest()
    setattr(request, _DOORS[door], _CLOSE)
    return _move("door_close", request, lambda body: _closed(getattr(body, f"{door}_door")))


def charge_port_open() -> Command:
    """Open the charge port or let go of the cable, as the maker's app does it: through infotainment."""
    action = car_server.VehicleAction(chargePortDoorOpen=car_server.ChargePortDoorOpen())
    return act_and_look("charge_port_open", action, lambda body: _open(body.charge_port))


def charge_port_close() -> Command:
    """Close the charge port through infotainment."""
    action = car_server.VehicleAction(chargePortDoorClose=car_server.ChargePortDoorClose())
    return act_and_look("charge_port_close", action, lambda body: _closed(body.charge_port))


def charge_port_open_direct() -> Command:
    """Open the charge port through the body controller: also while the car sleeps."""
    request = ClosureMoveRequest(chargePort=_OPEN)
    return _move("charge_port_open_direct", request, lambda body: _open(body.charge_port))


def charge_port_close_direct() -> Command:
    """Close the charge port through the body controller: also while the car sleeps."""
    request = ClosureMoveRequest(chargePort=_CLOSE)
    return _move("charge_port_close_direct", request, lambda body: _closed(body.charge_port))


def windows_vent() -> Command:
    """Open all windows a little."""
    action = car_server.VehicleControlWindowAction(vent=common.Void())
    return act_and_read(
        "windows_vent",
        car_server.VehicleAction(vehicleControlWindowAction=action),
        CLOSURES,
        lambda closures: closures.window_open,
    )


def windows_close() -> Command:
    """Close all windows."""
    action = car_server.VehicleControlWindowAction(close=common.Void())
    return act_and_read(
        "windows_close",
        car_server.VehicleAction(vehicleControlWindowAction=action),
        CLOSURES,
        lambda closures: unless(closures.window_open),
    )


def sunroof_vent() -> Command:
    """Tilt the roof."""
    return _sunroof("sunroof_vent", car_server.VehicleControlSunroofOpenCloseAction(vent=common.Void()), "vent")


def sunroof_open() -> Command:
    """Open the roof."""
    return _sunroof("sunroof_open", car_server.VehicleControlSunroofOpenCloseAction(open=common.Void()), "open")


def sunroof_close() -> Command:
    """Close the roof."""
    return _sunroof("sunroof_close", car_server.VehicleControlSunroofOpenCloseAction(close=common.Void()), "closed")


def _sunroof(name: str, action: car_server.VehicleControlSunroofOpenCloseAction, wished: str) -> Command:
    return act_and_read(
        name,
        car_server.VehicleAction(vehicleControlSunroofOpenCloseAction=action),
        CLOSURES,
        lambda closures: None if closures.sun_roof in (None, "moving", "calibrating") else closures.sun_roof == wished,
    )


def _move(name: str, request: ClosureMoveRequest, shown: Callable[[Body], bool | None]) -> Command:
    return Command(
        name=name,
        domain=Domain.VEHICLE_SECURITY,
        payload=UnsignedMessage(closureMoveRequest=request).SerializeToString(),
        done=when(Body, shown),
    )


def _toggle(name: str, request: ClosureMoveRequest) -> Command:
    return Command(
        name=name,
        domain=Domain.VEHICLE_SECURITY,
        payload=UnsignedMessage(closureMoveRequest=request).SerializeToString(),
        idempotent=False,
    )


def _open(state: ClosureState | None) -> bool | None:
    return None if state is None else state in (ClosureState.OPEN, ClosureState.AJAR, ClosureState.OPENING)


def _closed(state: ClosureState | None) -> bool | None:
    return None if state is None else state in (ClosureState.CLOSED, ClosureState.CLOSING)


def _still(state: ClosureState | None) -> bool | None:
    return None if state is None else state not in (ClosureState.OPENING, ClosureState.CLOSING)


def _by_body(name: str, summary: str, build: Callable[..., Command], *, opens: bool = False) -> Specification:
    """Most of these: a body controller's move that its status shows."""
    return Specification(
        name=name,
        subject="closures",
        summary=summary,
        build=build,
        parameters=(DOOR,) if name.startswith("door_") else (),
        domain=Domain.VEHICLE_SECURITY,
        verified_by="status",
        opens=opens,
    )


def _by_infotainment(
    name: str, summary: str, build: Callable[..., Command], verified_by: str, *, opens: bool = False
) -> Specification:
    return Specification(
        name=name, subject="closures", summary=summary, build=build, verified_by=verified_by, opens=opens
    )


SPECIFICATIONS: Final = (
    Specification(
        name="trunk_open",
        subject="closures",
        summary="Open the trunk; a powered lid that is open closes instead.",
        build=trunk_open,
        domain=Domain.VEHICLE_SECURITY,
        idempotent=False,
        opens=True,
    ),
    _by_body("trunk_close", "Close the trunk, if its lid has a motor.", trunk_close),
    Specification(
        name="frunk_open",
        subject="closures",
        summary="Open the frunk; only a hand can close it.",
        build=frunk_open,
        domain=Domain.VEHICLE_SECURITY,
        idempotent=False,
        opens=True,
    ),
    _by_body("tonneau_open", "Open the cover of the bed (Cybertruck).", tonneau_open, opens=True),
    _by_body("tonneau_close", "Close the cover of the bed (Cybertruck).", tonneau_close),
    _by_body("tonneau_stop", "Stop the cover of the bed where it is (Cybertruck).", tonneau_stop),
    _by_body("door_open", "Open one door, if it has a motor (Model X).", door_open, opens=True),
    _by_body("door_close", "Close one door, if it has a motor (Model X).", door_close),
    _by_infotainment("charge_port_open", "Open the charge port.", charge_port_open, "status", opens=True),
    _by_infotainment("charge_port_close", "Close the charge port.", charge_port_close, "status"),
    _by_body(
        "charge_port_open_direct",
        "Open the charge port without waking the car; not every car obeys.",
        charge_port_open_direct,
        opens=True,
    ),
    _by_body(
        "charge_port_close_direct",
        "Close the charge port without waking the car; not every car obeys.",
        charge_port_close_direct,
    ),
    _by_infotainment("windows_vent", "Open all windows a little.", windows_vent, "read_closures", opens=True),
    _by_infotainment("windows_close", "Close all windows.", windows_close, "read_closures"),
    _by_infotainment("sunroof_vent", "Tilt the sunroof.", sunroof_vent, "read_closures", opens=True),
    _by_infotainment("sunroof_open", "Open the sunroof.", sunroof_open, "read_closures", opens=True),
    _by_infotainment("sunroof_close", "Close the sunroof.", sunroof_close, "read_closures"),
)
