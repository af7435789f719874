"""A day in the life of a parked car, on a fast clock, with and without a bridge that looks after it.

What the bridge costs the car's sleep is measured at the far end: the virtual car counts when it is awake, to the
second. And while the day is played, each value that is told is held against what the car was at the value's own time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from driveway_bridge.contract import Outcome
from driveway_bridge.errand import Execution
from driveway_bridge.judgement.pace import QUESTIONS
from driveway_bridge.poller import LOOK_S
from driveway_bridge.presence import GONE_S
from tests.bridge.joined.day import SIGHTING_S, Bridge, Street, clock, ordinary_day, play

pytestmark = [pytest.mark.looptime, pytest.mark.timeout(300)]
LEAST_VALUES = 10_000
"""The day tells more than that, so a day on which nothing is checked cannot pass."""


async def alone() -> Street:
    """The day without a bridge."""
    street = Street()
    await play(ordinary_day(street))
    street.live.close()
    return street


async def watched(*orders: tuple[str, str, dict[str, object]]) -> tuple[Bridge, list[Execution]]:
    """The day with a bridge; orders are given to it at their hour: (hour, command, arguments)."""
    street = Street()
    given: list[asyncio.Task[Execution]] = []
    async with Bridge(street) as bridge:

        def order(name: str, arguments: dict[str, object]) -> Callable[[], None]:
            return lambda: given.append(asyncio.create_task(bridge.give(name, **arguments)))

        steps = [(clock(at), order(name, arguments)) for at, name, arguments in orders]
        await play([*ordinary_day(street), *steps])
        executions = list(await asyncio.gather(*given))
        figures(bridge)
    street.live.close()
    assert bridge.checked > LEAST_VALUES
    return bridge, executions


async def watched_undisturbed() -> Bridge:
    """The day with a bridge that is given no orders; it is played once, what is left of it only has to be looked at."""
    if not _played:
        _played.append((await watched())[0])
    return _played[0]


_played: list[Bridge] = []


def figures(bridge: Bridge) -> None:
    street = bridge.street
    print(  # noqa: T201 - the figures of the day are to be seen
        f"\nawake {street.awake_s():.1f} s of the day; wake commands {street.wakes()}; infotainment spoken to"
        f" {len(street.infotainment)} times; links {bridge.dialer.links}; values checked {bridge.checked}"
        f"\nthe bridge's own account: {bridge.budget.report()}"
    )


def spoken_to(bridge: Bridge, begin: str, end: str) -> int:
    """How often infotainment was spoken to between two hours."""
    street = bridge.street
    return sum(clock(begin) <= at - street.born < clock(end) for at in street.infotainment)


def awake_s(street: Street, begin: str, end: str) -> float:
    """How long the car was awake between two hours."""
    return sum(
        not facts["asleep"]
        for second in range(int(clock(begin)), int(clock(end)))
        for facts in street.was(street.born + second, street.born + second)[-1:]
    )


async def test_a_day_in_the_life() -> None:
    """Park, sleep, lock at night, charge, drive off, return: the car does not notice that it is looked after.

    Pains 57, 58, 61, 64, 66, 68, 74.
    """
    undisturbed = await alone()
    bridge = await watched_undisturbed()
    street = bridge.street
    cost_s = street.awake_s() - undisturbed.awake_s()
    print(f"awake {undisturbed.awake_s():.1f} s without the bridge: {cost_s:.1f} s are its doing")  # noqa: T201 - as above
    assert street.wakes() == 0
    assert cost_s < 30
    assert round(cost_s / 60) == 0
    assert abs(bridge.budget.report()["awake_minutes_today"] - cost_s / 60) < 1
    assert bridge.budget.report()["wakes_today"] == 0
    # All that the car can tell was told meanwhile, and nothing was asked while it slept.
    assert bridge.told.keys() == {"body", *QUESTIONS}
    assert bridge.told["charge"]["charging"]["value"] == "disconnected"
    for begin, end in (("17:13:40", "21:40:22"), ("23:30", "07:30"), ("16:10", "16:29:59")):
        assert spoken_to(bridge, begin, end) == 0
        assert awake_s(street, begin, end) == 0
    # The end of charging was seen within seconds, though the body does not tell it.
    (ended,) = [at for at, facts in street.facts if facts["charging"] == "Complete"][:1]
    assert 0 < min(at for at in street.infotainment if at > ended) - ended < 15
    assert not [at for at in street.infotainment if ended + 15 < at < street.born + clock("07:30")]


async def test_a_car_that_went_away_and_came_back() -> None:
    """Away is told from hearing nothing, and the car is asked as soon as it is heard again.

    Pains 4, 22, 70.
    """
    bridge = await watched_undisturbed()
    street = bridge.street
    gone = [state for state in bridge.link_states if state.in_range is False]
    assert gone
    left, back = street.born + clock("07:33:40"), street.born + clock("15:55")
    assert not [at for at in bridge.heard if left + 1 < at < back]
    assert min(at for at in bridge.heard if at > back) - back < SIGHTING_S + 3


async def test_what_happens_on_such_a_day_is_told_once() -> None:
    """The bridge is started in the afternoon, while the car is away, and remembers that."""
    bridge = await watched_undisturbed()
    happened = [
        ("17:00", "arrived"),
        ("17:02:31", "locked"),
        ("21:40:07", "unlocked"),
        ("21:41:05", "locked"),
        ("23:30:00", "unlocked"),
        ("23:31:00", "locked"),
        ("07:30:02", "unlocked"),
        ("07:33:40", "drove_off"),
        ("15:55:00", "arrived"),
        ("15:56:00", "locked"),
    ]
    assert [event.event for _, event in bridge.events] == [event for _, event in happened]
    assert {event.by for _, event in bridge.events if "locked" in event.event} == {"other"}
    for (told_at, event), (hour, _) in zip(bridge.events, happened, strict=True):
        late_s = told_at - bridge.street.born - clock(hour)
        least, most = (GONE_S - SIGHTING_S, GONE_S + LOOK_S) if event.event == "drove_off" else (0, 31)
        assert least <= late_s <= most, (event, late_s)


async def test_a_lock_command_at_night_wakes_nobody() -> None:
    """Pains 57, 63."""
    undisturbed = await alone()
    bridge, (unlock, lock) = await watched(("03:00", "unlock", {}), ("03:01", "lock", {}))
    for execution in (unlock, lock):
        assert execution.outcome is Outcome.CONFIRMED
    street = bridge.street
    assert [name for at, _, name in street.commands if at - street.born > clock("03:00")][:2] == ["unlock", "lock"]
    assert street.wakes() == 0
    assert spoken_to(bridge, "23:30", "07:30") == 0
    assert awake_s(street, "23:30", "07:30") == 0
    assert street.awake_s() - undisturbed.awake_s() < 30
    assert bridge.budget.report()["wakes_today"] == 0


async def test_a_comfort_command_at_night_costs_one_wake_and_is_counted() -> None:
    """Pains 58, 62, 63, 65, 67."""
    undisturbed = await alone()
    bridge, (execution,) = await watched(("03:00", "charge_limit", {"percent": 70}))
    assert execution.outcome is Outcome.CONFIRMED
    assert execution.wakes > 0
    street = bridge.street
    report = bridge.budget.report()
    cost_s = street.awake_s() - undisturbed.awake_s()
    print(f"awake {undisturbed.awake_s():.1f} s without the bridge: {cost_s:.1f} s are its doing")  # noqa: T201 - as above
    assert report["wakes_today"] == 1
    assert abs(report["awake_minutes_today"] - cost_s / 60) < 1
    # Awake for the command, eleven minutes more, and what reading its effect takes.
    assert 660 < awake_s(street, "02:59", "07:30") < 660 + 60
    assert bridge.told["charge"]["limit_percent"]["value"] == 70
    assert spoken_to(bridge, "03:01", "07:30") == 0
