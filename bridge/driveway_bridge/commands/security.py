"""Commands to the body controller: locks, state, waking. All of them work while the car sleeps."""

from __future__ import annotations

from collections.abc import Callable

from driveway_bridge.commands.base import Command
from driveway_bridge.proto import InformationRequest, InformationRequestType, RKEAction_E, UnsignedMessage
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.body import Body


def lock() -> Command:
    """Lock all doors and lids."""
    return _remote_key("lock", RKEAction_E.RKE_ACTION_LOCK, lambda body: body.locked)


def unlock() -> Command:
    """Unlock; done when anybody gets in, also where the car is set to open the driver's door only."""
    return _remote_key(
        "unlock", RKEAction_E.RKE_ACTION_UNLOCK, lambda body: None if body.locked is None else not body.locked
    )


def wake() -> Command:
    """Wake the rest of the car; the answer comes before it is awake."""
    return _remote_key(
        "wake", RKEAction_E.RKE_ACTION_WAKE_VEHICLE, lambda body: None if body.asleep is None else not body.asleep
    )


def status() -> Command:
    """Read the body's state; needs no key and wakes nobody."""
    request = InformationRequest(informationRequestType=InformationRequestType.INFORMATION_REQUEST_TYPE_GET_STATUS)
    return Command(
        name="status",
        domain=Domain.VEHICLE_SECURITY,
        payload=UnsignedMessage(InformationRequest=request).SerializeToString(),
        authenticated=False,
        reads=True,
    )


def _remote_key(name: str, action: RKEAction_E, done: Callable[[Body], bool | None]) -> Command:
    """A button of the remote key."""
    return Command(
        name=name,
        domain=Domain.VEHICLE_SECURITY,
        payload=UnsignedMessage(RKEAction=action).SerializeToString(),
        done=done,
    )
