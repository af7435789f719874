"""Commands to the body controller: locks, state, waking. All of them work while the car sleeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from driveway_bridge.commands import reply
from driveway_bridge.commands.base import Command, unless, when
from driveway_bridge.commands.specification import CHARGING, EVERYBODY, Specification
from driveway_bridge.proto import InformationRequest, InformationRequestType, RKEAction_E, UnsignedMessage
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.body import Body


def lock() -> Command:
    """Lock all doors and lids."""
    return _remote_key("lock", RKEAction_E.RKE_ACTION_LOCK, lambda body: body.locked)


def unlock() -> Command:
    """Unlock; done when anybody gets in, also where the car is set to open the driver's door only."""
    return _remote_key("unlock", RKEAction_E.RKE_ACTION_UNLOCK, lambda body: unless(body.locked))


def wake() -> Command:
    """Wake the rest of the car; the answer comes before it is awake."""
    return _remote_key("wake", RKEAction_E.RKE_ACTION_WAKE_VEHICLE, lambda body: unless(body.asleep))


def auto_secure() -> Command:
    """Close the doors that have motors, then lock."""
    return _remote_key("auto_secure", RKEAction_E.RKE_ACTION_AUTO_SECURE_VEHICLE, lambda body: body.locked)


def status() -> Command:
    """Read the body's state; needs no key and wakes nobody."""
    request = InformationRequest(informationRequestType=InformationRequestType.INFORMATION_REQUEST_TYPE_GET_STATUS)
    return Command(
        name="status",
        domain=Domain.VEHICLE_SECURITY,
        payload=UnsignedMessage(InformationRequest=request).SerializeToString(),
        authenticated=False,
        reads=True,
        state=_body,
    )


def drill() -> Command:
    """Ask for the body's state with our key: the car checks the signature as of a lock command, and does nothing.

    A key that it does not know, it refuses. Cars with software of before 2024.38 answer in clear: that is their word.
    """
    return replace(status(), name="drill", authenticated=True)


def _body(answer: bytes) -> Body:
    return Body.from_message(reply.body_answer(answer, "vehicleStatus").vehicleStatus)


def _remote_key(name: str, action: RKEAction_E, shown: Callable[[Body], bool | None]) -> Command:
    """A button of the remote key."""
    return Command(
        name=name,
        domain=Domain.VEHICLE_SECURITY,
        payload=UnsignedMessage(RKEAction=action).SerializeToString(),
        done=when(Body, shown),
    )


SPECIFICATIONS: Final = (
    Specification(
        name="lock",
        subject="security",
        summary="Lock the car.",
        build=lock,
        domain=Domain.VEHICLE_SECURITY,
        verified_by="status",
    ),
    Specification(
        name="unlock",
        subject="security",
        summary="Unlock the car.",
        build=unlock,
        domain=Domain.VEHICLE_SECURITY,
        verified_by="status",
        opens=True,
    ),
    Specification(
        name="auto_secure",
        subject="security",
        summary="Close the powered doors and lock (Model X).",
        build=auto_secure,
        domain=Domain.VEHICLE_SECURITY,
        verified_by="status",
    ),
    Specification(
        name="wake",
        subject="security",
        summary="Wake the car; it takes about ten seconds until it does everything.",
        build=wake,
        domain=Domain.VEHICLE_SECURITY,
        roles=CHARGING,
        verified_by="status",
    ),
    Specification(
        name="status",
        subject="security",
        summary="Read locks, doors, sleep and presence; needs no key and wakes nothing.",
        build=status,
        domain=Domain.VEHICLE_SECURITY,
        roles=EVERYBODY,
        authenticated=False,
        reads=True,
    ),
    Specification(
        name="drill",
        subject="security",
        summary="Try the whole way that a lock command goes, key included; moves and wakes nothing.",
        build=drill,
        domain=Domain.VEHICLE_SECURITY,
        roles=EVERYBODY,
        reads=True,
    ),
)
