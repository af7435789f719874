"""Requests to infotainment: actions, and the subjects about which it can be asked.

The classes of the states are loaded when an answer is read, not before: most of what the bridge does needs none.
Source: the vehicle-command protocol, `VehicleAction`, `GetVehicleData`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from driveway_bridge.commands import reply
from driveway_bridge.commands.base import Command, when
from driveway_bridge.proto import Action, car_server
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.body import Body
from driveway_bridge.state.reading import State

if TYPE_CHECKING:
    from driveway_bridge.state.charge import Charge
    from driveway_bridge.state.climate import Climate
    from driveway_bridge.state.closures import Closures
    from driveway_bridge.state.drive import Drive
    from driveway_bridge.state.location import Location
    from driveway_bridge.state.media import Media, MediaDetail
    from driveway_bridge.state.parental_controls import ParentalControls
    from driveway_bridge.state.schedules import ChargeSchedules, PreconditionSchedules
    from driveway_bridge.state.software import SoftwareUpdate
    from driveway_bridge.state.tyres import Tyres

S = TypeVar("S", bound=State)
NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject(Generic[S]):
    """One category of vehicle data. Only one goes into a request: the answer to two is too long for Bluetooth."""

    name: str
    """The command that asks for it."""
    module: str
    cls: str
    request: str
    """The field of GetVehicleData."""
    part: str
    """The field of VehicleData."""

    def command(self) -> Command:
        """Ask for this subject."""
        question = car_server.GetVehicleData()
        getattr(question, self.request).SetInParent()
        return Command(
            name=self.name,
            domain=Domain.INFOTAINMENT,
            payload=payload(car_server.VehicleAction(getVehicleData=question)),
            reads=True,
            state=self.parse,
        )

    def parse(self, answer: bytes) -> S:
        """Read an answer; errors.Refused or errors.Unanswered when it is none."""
        return self.load().from_message(getattr(reply.vehicle_data(answer, self.part), self.part))

    def load(self) -> type[S]:
        """Give the class of the state."""
        cls: type[S] = getattr(import_module(f"driveway_bridge.state.{self.module}"), self.cls)
        return cls

    def when(self, shown: Callable[[S], bool | None]) -> Callable[[object], bool | None]:
        """Make a `done` that judges this subject's states and says None for any other."""
        return lambda state: shown(state) if isinstance(state, self.load()) else None


CHARGE: Final[Subject[Charge]] = Subject("read_charge", "charge", "Charge", "getChargeState", "charge_state")
CLIMATE: Final[Subject[Climate]] = Subject("read_climate", "climate", "Climate", "getClimateState", "climate_state")
DRIVE: Final[Subject[Drive]] = Subject("read_drive", "drive", "Drive", "getDriveState", "drive_state")
LOCATION: Final[Subject[Location]] = Subject(
    "read_location", "location", "Location", "getLocationState", "location_state"
)
CLOSURES: Final[Subject[Closures]] = Subject(
    "read_closures", "closures", "Closures", "getClosuresState", "closures_state"
)
CHARGE_SCHEDULES: Final[Subject[ChargeSchedules]] = Subject(
    "read_charge_schedules", "schedules", "ChargeSchedules", "getChargeScheduleState", "charge_schedule_state"
)
PRECONDITION_SCHEDULES: Final[Subject[PreconditionSchedules]] = Subject(
    "read_precondition_schedules",
    "schedules",
    "PreconditionSchedules",
    "getPreconditioningScheduleState",
    "preconditioning_schedule_state",
)
TYRES: Final[Subject[Tyres]] = Subject("read_tyres", "tyres", "Tyres", "getTirePressureState", "tire_pressure_state")
MEDIA: Final[Subject[Media]] = Subject("read_media", "media", "Media", "getMediaState", "media_state")
MEDIA_DETAIL: Final[Subject[MediaDetail]] = Subject(
    "read_media_detail", "media", "MediaDetail", "getMediaDetailState", "media_detail_state"
)
SOFTWARE_UPDATE: Final[Subject[SoftwareUpdate]] = Subject(
    "read_software_update", "software", "SoftwareUpdate", "getSoftwareUpdateState", "software_update_state"
)
PARENTAL_CONTROLS: Final[Subject[ParentalControls]] = Subject(
    "read_parental_controls",
    "parental_controls",
    "ParentalControls",
    "getParentalControlsState",
    "parental_controls_state",
)
SUBJECTS: Final[tuple[Subject[Any], ...]] = (
    CHARGE,
    CLIMATE,
    DRIVE,
    LOCATION,
    CLOSURES,
    CHARGE_SCHEDULES,
    PRECONDITION_SCHEDULES,
    TYRES,
    MEDIA,
    MEDIA_DETAIL,
    SOFTWARE_UPDATE,
    PARENTAL_CONTROLS,
)
"""All twelve."""


def payload(action: car_server.VehicleAction) -> bytes:
    """Serialize an application message."""
    return Action(vehicleAction=action).SerializeToString()


def act(
    name: str, action: car_server.VehicleAction, *, idempotent: bool = True, already_so: frozenset[str] = NOTHING
) -> Command:
    """Make an action whose effect cannot be read."""
    return Command(
        name=name,
        domain=Domain.INFOTAINMENT,
        payload=payload(action),
        idempotent=idempotent,
        already_so=already_so,
    )


def act_and_read(
    name: str,
    action: car_server.VehicleAction,
    subject: Subject[S],
    shown: Callable[[S], bool | None],
    *,
    already_so: frozenset[str] = NOTHING,
) -> Command:
    """Make an idempotent action whose effect a subject's state shows."""
    return Command(
        name=name,
        domain=Domain.INFOTAINMENT,
        payload=payload(action),
        done=subject.when(shown),
        read_back=subject.command(),
        already_so=already_so,
    )


def act_and_look(name: str, action: car_server.VehicleAction, shown: Callable[[Body], bool | None]) -> Command:
    """Make an idempotent action whose effect the body controller shows, which is cheaper to ask."""
    return Command(name=name, domain=Domain.INFOTAINMENT, payload=payload(action), done=when(Body, shown))
