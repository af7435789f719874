"""One car: is it heard, has it a place for us, does it answer, does it know our key, does it take what we sign.

Nothing here moves the car or wakes it: its status is asked for, its list of keys is read, and the one request that is
signed asks for the status again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from driveway_bridge.contract import Outcome
from driveway_bridge.doctor import strength
from driveway_bridge.doctor.case import CarCase, Case
from driveway_bridge.doctor.finding import Finding, broken, by_reason, ok, warning
from driveway_bridge.reasons import REASONS

if TYPE_CHECKING:
    from driveway_bridge.vehicle import Vehicle

LISTEN_S: Final = 9.0
"""A car calls several times a second; a scan of 2 s is too short, as owners found."""
NO_RADIO_S: Final = 2.0
"""What a radio says against itself counts when it still says so after this."""
MORE_S: Final = 3.0
"""After the first sign of the car it is listened to so much longer, for a mean."""
DIAL_S: Final = 5.0
ASK_S: Final = 10.0
GREET_S: Final = 6.0
SIGNED_S: Final = 6.0
ROLE_S: Final = 4.0
BRIDGE_GIVES_BACK_S: Final = 14.0
"""An idle link is given back after 10 s by default."""
_STAGES: Final = {"connecting": "calling it", "session": "connected", "sent": "asking it how it is"}
_MAY: Final = {
    "driver": "it may open and command",
    "owner": "it may open, command and change keys",
    "charging_manager": "it may charge, not lock or unlock",
    "vehicle_monitor": "it may read, not lock or unlock",
    "guest": "what it may do is limited",
}


async def examine_heard(case: Case, car: CarCase, tell: Callable[[str], None]) -> Finding:
    """It is there: by its call over the air, or somebody answers at its address."""
    return await (_listen(case, car, tell) if car.by_radio else _dial(case, car))


async def _dial(case: Case, car: CarCase) -> Finding:
    link = await case.dialer_of(car).connect(DIAL_S)
    await link.close()
    return ok("somebody answers at its address")


async def _listen(case: Case, car: CarCase, tell: Callable[[str], None]) -> Finding:
    case.dialer_of(car).on_sighting(car.heard)
    listening = case.listen()
    tell("listening for its call")
    if not await _sighted(case, car, listening):
        told = case.told_of(car)
        # While one program is connected to the car, BlueZ may tell another one nothing for a while.
        if told is not None and (told.linked or told.in_range):
            return ok(f"the running bridge {'is connected to' if told.linked else 'hears'} it")
        return _not_heard(case)
    tell("heard; measuring its signal")
    await asyncio.wait((listening,), timeout=MORE_S)
    if not car.signals:
        return ok("heard")
    mean = sum(car.signals) / len(car.signals)
    word = strength.word(mean)
    found = f"heard, {mean:.0f} dBm: {word}"
    return warning(found, f"{strength.NEARER} {strength.WIFI}") if word == "weak" else ok(found)


async def _sighted(case: Case, car: CarCase, listening: asyncio.Task[None]) -> bool:
    """Whether it was heard within LISTEN_S; soon False when the radio cannot listen at all."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    sighted = asyncio.ensure_future(car.sighting.wait())
    try:
        while not sighted.done() and (waited := loop.time() - begun) < LISTEN_S:
            await asyncio.wait((sighted, listening), timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()  # raises why the radio cannot be used
            if waited > NO_RADIO_S and case.air().report().get("reason"):
                break
    finally:
        sighted.cancel()
    return car.sighting.is_set()


def _not_heard(case: Case) -> Finding:
    """Tell a car that is away from a radio that hears nobody."""
    report = case.air().report()
    if (reason := report.get("reason")) in REASONS:
        return by_reason(str(reason), str(report.get("detail") or ""))
    if report.get("heard_per_minute"):
        detail = "other devices were heard, so the radio works: the car is away, or too far off"
    else:
        detail = "nor was any other device: the radio may be deaf, or stand in a bad place"
    entry = REASONS["not_in_range"]
    remedy = f"{entry.remedy} {strength.WIFI} `driveway signal` helps to find the best place."
    return broken(f"{entry.meaning} ({detail})", remedy, reason="not_in_range")


async def examine_place(case: Case, car: CarCase, tell: Callable[[str], None]) -> Finding:
    """A connection comes about; it is kept for the next checks."""
    if car.last is not None and car.last.connectable is False:
        return by_reason("places_full")
    if car.by_radio and case.chosen.bluetooth.hci is None and (held := await _held_by_bridge(case, car, tell)):
        return held
    from driveway_bridge.commands import security  # protobuf: 0.2 s

    def on_stage(stage: str) -> None:
        car.linked = car.linked or stage not in ("connecting", "waking")
        tell(_STAGES.get(stage, ""))

    async with case.one_visit:
        car.execution = await case.vehicle_of(car).execute(security.status(), timeout_s=ASK_S, progress=on_stage)
    if car.execution.reason == "link_lost":
        # A car at an address takes a call before it says that it has no place: by hanging up.
        return by_reason("link_lost" if car.by_radio else "places_full", "it hung up at once")
    if car.linked or car.execution.outcome is Outcome.CONFIRMED:
        return ok("a place was free, and a connection came about")
    return by_reason(car.execution.reason, car.execution.detail)


async def examine_answer(case: Case, car: CarCase, _tell: Callable[[str], None]) -> Finding:
    """It said what its state is, which needs no key and wakes nothing."""
    if car.held or car.execution is None:
        told = case.told_of(car)
        if told is not None and told.why_not:
            return by_reason(told.why_not, "says the running bridge")
        return ok("it answers the running bridge, which keeps its connection to it")
    if car.execution.outcome is not Outcome.CONFIRMED:
        return by_reason(car.execution.reason, car.execution.detail)
    body = car.execution.body
    how = "; it is asleep, which does not matter for locks" if body is not None and body.asleep else ""
    return ok(f"within {car.execution.phases_ms['total'] / 1000:.1f} s{how}")


async def examine_key_known(case: Case, car: CarCase, tell: Callable[[str], None]) -> Finding:
    """It proves that it knows our key, and tells the key's role."""
    if car.held:
        return ok("left to the running bridge, which keeps its connection to the car")
    from driveway_bridge.protocol.domain import Domain
    from driveway_bridge.protocol.requests import Greeting

    async with case.one_visit:
        vehicle = case.vehicle_of(car)
        greeted = await vehicle.execute(Greeting(domain=Domain.VEHICLE_SECURITY), timeout_s=GREET_S)
        if greeted.outcome is not Outcome.CONFIRMED:
            return by_reason(greeted.reason, greeted.detail)
        tell("reading the key's role")
        role = await _role(vehicle)
    if role is None:
        return ok("the car knows it; it does not tell what it may do")
    return ok(f"the car knows it, as {role.replace('_', ' ')}: {_MAY.get(role, 'what it may do is limited')}")


async def examine_signed(case: Case, car: CarCase, _tell: Callable[[str], None]) -> Finding:
    """It takes a request that we have signed: the whole way of a command, but for the command."""
    if car.held:
        return ok("left to the running bridge, which keeps its connection to the car")
    from driveway_bridge.commands import security

    question = replace(security.status(), authenticated=True)
    async with case.one_visit:
        execution = await case.vehicle_of(car).execute(question, timeout_s=SIGNED_S)
    if execution.outcome is Outcome.CONFIRMED:
        return ok(f"it took one and answered it within {execution.phases_ms['total'] / 1000:.1f} s")
    if execution.reason == "car_busy":
        return warning(REASONS["car_busy"].meaning, REASONS["car_busy"].remedy)
    return by_reason(execution.reason, execution.detail)


async def _role(vehicle: Vehicle) -> str | None:
    """The role that the car has written down for our key; None when it does not tell within ROLE_S."""
    from driveway_bridge.enrolment import is_own, list_keys

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ROLE_S):
            _, entries = await list_keys(vehicle, timeout_s=ROLE_S)
            for entry in entries:
                if is_own(entry, vehicle.public_key):
                    return entry.role.value if entry.role else None
    return None


async def _held_by_bridge(case: Case, car: CarCase, tell: Callable[[str], None]) -> Finding | None:
    """Two programs cannot share one connection of the system's radio: wait until the running bridge gives it back."""
    loop = asyncio.get_running_loop()
    end = loop.time() + BRIDGE_GIVES_BACK_S
    while (told := case.told_of(car)) is not None and told.linked:
        tell("the running bridge is connected to it; waiting until it gives the place back")
        if case.post is None or not await case.post.news(end - loop.time()):
            car.held = True
            return ok("taken by the running bridge, which keeps its connection")
    return None
