"""Making our key known to the car: ask once, wait for somebody with a key card, and believe only proof.

Most cars answer nothing until the card is tapped and the screen confirmed, so the car is asked every few seconds
whether it knows the key; that it does is proved by the session info's tag, not by a word that anybody could send.
Source: the vehicle-command protocol, "key enrolment and key management".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from driveway_bridge.car import Vehicle
from driveway_bridge.commands import keys
from driveway_bridge.contract import Outcome
from driveway_bridge.errand import Execution
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.requests import Greeting, Presentation
from driveway_bridge.state.keys import FormFactor, KeyEntry, KeyList, Role

TIMEOUT_S: Final = 120.0
POLL_S: Final = 3.0
_GREET_S: Final = 4.0
_READ_S: Final = 8.0
_GONE_S: Final = 15.0
"""So long without an answer, and the car is away rather than waiting for a card."""
_FIRST_PAUSE_S: Final = 0.5
SYNCHRONISE_S: Final = 30.0
"""How long the rest of the car is given to hear of a key that its locks know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What became of it."""

    outcome: Outcome
    """Confirmed: the car proved that it knows the key. Refused: it said why not. Failed: the key was not presented.
    Unconfirmed: it was, and the car does not know it so far; a question on its screen may still be open."""
    reason: str
    """A code of `reasons.REASONS`; confirmed it is `done`, `already_enrolled` or `not_synchronised`."""
    detail: str = ""
    role: Role | None = None
    """The role that the car has written down, which is not always the one that was wished; None: it did not tell."""
    slot: int | None = None


async def enrol(
    vehicle: Vehicle,
    *,
    role: Role = Role.DRIVER,
    form_factor: FormFactor = FormFactor.CLOUD_KEY,
    timeout_s: float = TIMEOUT_S,
    progress: Callable[[str], None] = lambda _stage: None,
) -> Enrolment:
    """Ask the car to add our key, and wait until it has, somebody says no, or the time is up. Never asks twice.

    `progress` hears `connecting`, `presenting` (the key goes out), `presented` (now a card has to be tapped), `card`
    (the car says so itself), `confirm` (the car says that it was allowed), `known` (the locks have proved that they
    know the key), `synchronised`. Cancelling stops waiting; the car's question may stay open.
    """
    end = asyncio.get_running_loop().time() + timeout_s
    first = await _greet(vehicle, Domain.VEHICLE_SECURITY, min(timeout_s, 2 * _GREET_S), progress)
    if first.outcome is Outcome.CONFIRMED:
        return await _conclude(vehicle, "already_enrolled", end, progress)
    if first.reason != "key_not_enrolled":
        return Enrolment(outcome=first.outcome, reason=first.reason, detail=first.detail)
    request = Presentation(payload=keys.enrolment_request(vehicle.public_key, role.value, form_factor.value))
    words = {"connecting": "connecting", "sent": "presented", "card": "card"}

    def tell(stage: str) -> None:
        if stage in words:
            progress(words[stage])

    progress("presenting")
    task = asyncio.ensure_future(vehicle.execute(request, timeout_s=timeout_s, progress=tell))
    try:
        return await _wait_for_proof(vehicle, task, end, progress)
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def list_keys(vehicle: Vehicle, *, timeout_s: float = _READ_S) -> tuple[Execution, tuple[KeyEntry, ...]]:
    """Read all keys that the car knows, which needs none; the execution is that of the last reading.

    `timeout_s` is for each reading. What the car does not tell of a key is missing in its entry.
    """
    execution = await vehicle.execute(keys.keys_list(), timeout_s=timeout_s)
    if not isinstance(execution.state, KeyList):
        return execution, ()
    entries = []
    for slot in execution.state.slots:
        execution = await vehicle.execute(keys.key_entry(slot), timeout_s=timeout_s)
        if not isinstance(execution.state, KeyEntry):
            break
        entries.append(execution.state)
    return execution, tuple(entries)


async def remove_key(vehicle: Vehicle, public_key: bytes) -> Execution:
    """Remove another key than ours, which must be an owner's."""
    return await vehicle.execute(keys.key_remove(public_key))


async def _wait_for_proof(
    vehicle: Vehicle, presented: asyncio.Task[Execution], end: float, progress: Callable[[str], None]
) -> Enrolment:
    loop = asyncio.get_running_loop()
    answered_at, allowed = loop.time(), False
    silence = ""
    while (left := end - loop.time()) > 0:
        if presented.done():
            word = presented.result()
            if word.outcome is Outcome.FAILED or (
                word.outcome is Outcome.REFUSED and word.reason not in ("already_enrolled", "key_not_enrolled")
            ):
                return Enrolment(outcome=word.outcome, reason=word.reason, detail=word.detail)
            if word.outcome is Outcome.CONFIRMED and not allowed:
                allowed = True
                progress("confirm")
            await asyncio.sleep(min(POLL_S if word.outcome is Outcome.UNCONFIRMED else 1.0, left))
        else:
            await asyncio.wait((presented,), timeout=min(POLL_S, left))
            if presented.done() and presented.result().outcome is not Outcome.CONFIRMED:
                continue
        within = min(_GREET_S, max(1.0, end - loop.time()))
        heard = await _greet(vehicle, Domain.VEHICLE_SECURITY, within)
        if heard.outcome is Outcome.CONFIRMED:
            return await _conclude(vehicle, "done", end, progress)
        silence = heard.reason
        if heard.reason == "key_not_enrolled":
            answered_at = loop.time()
    # What stands in the way at the end is told only if it does not come from the end alone.
    gone = silence and loop.time() - answered_at > _GONE_S
    return Enrolment(outcome=Outcome.UNCONFIRMED, reason=silence if gone else "not_enrolled_in_time")


async def _conclude(vehicle: Vehicle, reason: str, end: float, progress: Callable[[str], None]) -> Enrolment:
    """The locks know the key: see whether the rest of the car does, and read the role back."""
    progress("known")
    loop = asyncio.get_running_loop()
    end = max(end, loop.time() + 2 * _GREET_S)
    last = min(end, loop.time() + SYNCHRONISE_S)
    pause_s = _FIRST_PAUSE_S
    while True:
        heard = await _greet(vehicle, Domain.INFOTAINMENT, _GREET_S)
        if heard.outcome is Outcome.CONFIRMED:
            progress("synchronised")
            break
        if heard.reason == "car_asleep" or loop.time() + pause_s > last:
            reason = "not_synchronised"
            break
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, POLL_S)
    detail = "" if heard.outcome is Outcome.CONFIRMED else heard.reason
    entry = await own_entry(vehicle)
    role, slot = (None, None) if entry is None else (entry.role, entry.slot)
    return Enrolment(outcome=Outcome.CONFIRMED, reason=reason, detail=detail, role=role, slot=slot)


async def own_entry(vehicle: Vehicle) -> KeyEntry | None:
    """Read what the car has written down of our key; None when it does not tell, or does not know it."""
    execution = await vehicle.execute(keys.keys_list(), timeout_s=_READ_S)
    if not isinstance(execution.state, KeyList):
        return None
    for slot in likely_first(execution.state, keys.key_id(vehicle.public_key)):
        answer = await vehicle.execute(keys.key_entry(slot), timeout_s=_READ_S)
        if not isinstance(answer.state, KeyEntry):
            return None
        if is_own(answer.state, vehicle.public_key):
            return answer.state
    return None


def likely_first(listed: KeyList, whole_id: bytes) -> list[int]:
    """Order the slots so that ours comes early: a car tells its ids in the order of its slots, as far as is known."""
    likely = [
        slot for slot, known in zip(listed.slots, listed.ids, strict=False) if known and whole_id.startswith(known)
    ]
    return [*likely, *(slot for slot in listed.slots if slot not in likely)]


def is_own(entry: KeyEntry, public_key: bytes) -> bool:
    """Whether an entry is that of this key, by the key itself or, where the car does not tell it, by its id."""
    if entry.public_key:
        return entry.public_key == public_key
    return bool(entry.id) and keys.key_id(public_key).startswith(entry.id)


async def _greet(
    vehicle: Vehicle, domain: Domain, timeout_s: float, progress: Callable[[str], None] = lambda _stage: None
) -> Execution:
    """Ask whether our key is known: confirmed, or refused with `key_not_enrolled`."""
    return await vehicle.execute(
        Greeting(domain=domain),
        timeout_s=timeout_s,
        progress=lambda stage: progress(stage) if stage == "connecting" else None,
    )
