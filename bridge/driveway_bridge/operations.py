"""What the bridge does itself when it is asked over MQTT, beside the queue of commands: pairing, and listing keys.

Pairing waits for a person for minutes; it does not hold up a lock command, nor is it broken off by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast
from weakref import WeakKeyDictionary

from driveway_bridge.car import Car
from driveway_bridge.commands.parameter import Parameter, check_arguments, choice, integer
from driveway_bridge.contract import Outcome

if TYPE_CHECKING:  # these bring the protobuf messages along, which the start of the bridge cannot wait for
    from driveway_bridge.pairing import Step
    from driveway_bridge.state.keys import KeyEntry

LIST_S: Final = 8.0
"""For each reading of the list of keys."""
PAIR_S: Final = 120
_ROLES: Final = ("driver", "charging_manager", "vehicle_monitor", "owner")
_WHILE_IT_RUNS: Final = ("asleep", "card")
"""Stages that are told when their step begins, as somebody has to do something; all others when they are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResult:
    """What became of it; `data` is what JSON can hold."""

    outcome: Outcome
    reason: str
    detail: str = ""
    data: Mapping[str, Any] | None = None


class Run(Protocol):
    """Does it for one car. NotAdmitted when the arguments are wrong; `progress` hears stages."""

    def __call__(
        self, car: Car, arguments: Mapping[str, object], progress: Callable[[str], None]
    ) -> Awaitable[OperationResult]:
        """Begin."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that the bridge does itself."""

    name: str
    summary: str
    """What it does, in the owner's words: one sentence."""
    run: Run
    parameters: tuple[Parameter, ...] = ()
    stages: tuple[str, ...] = ()
    """What `progress` may hear, in this order, each at most once."""
    opens: bool = False
    """It gives somebody rights to the car: nothing that may be asked for without a signature unless that is allowed."""


@dataclass(slots=True, eq=False)
class _Running:
    """A pairing that is going on."""

    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


_PAIRINGS: Final[WeakKeyDictionary[Car, _Running]] = WeakKeyDictionary()
"""At most one for each car: every presented key raises a question on its screen."""


async def _pair(car: Car, arguments: Mapping[str, object], progress: Callable[[str], None]) -> OperationResult:
    check_arguments("pair", _PAIR_PARAMETERS, arguments)
    if car in _PAIRINGS:
        return OperationResult(outcome=Outcome.REFUSED, reason="pairing_runs")
    running = _PAIRINGS[car] = _Running()
    try:
        return await _pair_alone(car, arguments, progress, running.cancelled)
    finally:
        del _PAIRINGS[car]
        running.over.set()


async def _pair_alone(
    car: Car, arguments: Mapping[str, object], progress: Callable[[str], None], cancelled: asyncio.Event
) -> OperationResult:
    equipment = await car.equipment()
    from driveway_bridge.pairing import StepState, pair  # here: see above
    from driveway_bridge.state.keys import Role

    told: set[str] = set()

    def tell(step: Step) -> None:
        due = StepState.RUNNING if step.name in _WHILE_IT_RUNS else StepState.OK
        if step.state is due and step.name in _PAIR_STAGES and step.name not in told:
            told.add(step.name)
            progress(step.name.value)

    role, timeout_s = arguments.get("role"), arguments.get("timeout_s")
    pairing = await pair(
        equipment.vehicle,
        role=None if role is None else Role(cast("str", role)),
        timeout_s=float(cast("int", timeout_s or PAIR_S)),
        progress=tell,
        heard=lambda: equipment.dialer.last_heard,
        cancelled=cancelled,
    )
    if pairing.role is not None:
        car.learn(role=pairing.role.value, slot=pairing.slot)
    data = None
    if pairing.role is not None or pairing.outcome is Outcome.CONFIRMED:
        car.note_pairing()
        data = {"role": pairing.role.value if pairing.role else None, "slot": pairing.slot}
    return OperationResult(outcome=pairing.outcome, reason=pairing.reason, detail=pairing.detail, data=data)


async def _cancel(car: Car, arguments: Mapping[str, object], progress: Callable[[str], None]) -> OperationResult:  # noqa: ARG001 - nothing is told on the way
    check_arguments("pair_cancel", (), arguments)
    running = _PAIRINGS.get(car)
    if running is None:
        return OperationResult(outcome=Outcome.CONFIRMED, reason="already_so")
    running.cancelled.set()
    await running.over.wait()
    return OperationResult(outcome=Outcome.CONFIRMED, reason="done")


async def _keys(car: Car, arguments: Mapping[str, object], progress: Callable[[str], None]) -> OperationResult:  # noqa: ARG001 - nothing is told on the way
    check_arguments("keys", (), arguments)
    equipment = await car.equipment()
    from driveway_bridge.enrolment import is_own, list_keys  # here: see above

    vehicle = equipment.vehicle
    execution, entries = await list_keys(vehicle, timeout_s=LIST_S)
    rows = []
    for entry in entries:
        own = is_own(entry, vehicle.public_key)
        rows.append(_row(entry, own=own))
        if own and entry.role is not None:
            car.learn(role=entry.role.value, slot=entry.slot)
    data = {"keys": rows} if execution.outcome is Outcome.CONFIRMED else None
    return OperationResult(outcome=execution.outcome, reason=execution.reason, detail=execution.detail, data=data)


def _row(entry: KeyEntry, *, own: bool) -> dict[str, Any]:
    return {
        "slot": entry.slot,
        "id": entry.id.hex(),
        "role": entry.role.value if entry.role else None,
        "form": entry.form_factor.value if entry.form_factor else None,
        "own": own,
    }


_PAIR_PARAMETERS: Final = (
    choice("role", _ROLES, default=None),
    integer("timeout_s", "s", 30, 600, default=PAIR_S),
)
_PAIR_STAGES: Final = ("heard", "asleep", "presented", "card", "confirm", "known", "synchronised", "role")
OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        operation.name: operation
        for operation in (
            Operation(
                name="pair",
                summary="Make the bridge's key known to the car: somebody in it taps a key card and confirms.",
                run=_pair,
                parameters=_PAIR_PARAMETERS,
                stages=_PAIR_STAGES,
                opens=True,
            ),
            Operation(name="pair_cancel", summary="End a pairing that is going on.", run=_cancel),
            Operation(name="keys", summary="List the keys that the car knows; needs none.", run=_keys),
        )
    }
)
"""By name. Those who look at a bridge that is starting find the names in `mqtt.catalogue`."""
