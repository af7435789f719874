"""A car that is left unlocked at night is locked, and the owner is told."""

import pytest
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.blueprints.story import (
    LOCK,
    TELL,
    Begin,
    Pass,
    at,
    commands,
    sentences,
    use,
)
from tests.component.fake_bridge import FakeBridge

from custom_components.driveway.contract import Outcome


async def test_unlocked_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 19:00")
    bridge.body(lock="unlocked")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 21:50"), step=20)
    await clock(at("2026-11-20 22:04"))
    assert (commands(bridge), sentences(told)) == ([], [])
    await clock(minutes=2)
    assert commands(bridge) == ["lock"]
    assert sentences(told) == ["Anna had been left unlocked, and is locked now."]
    await clock(at("2026-11-21 06:30"), step=20)
    assert len(told) == 1


async def test_unlocked_in_the_night_and_locked_in_time(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 21:50")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 23:00"), step=5)
    bridge.body(lock="unlocked")
    await clock(minutes=4)
    bridge.body(lock="locked")
    await clock(minutes=30)
    assert (commands(bridge), sentences(told)) == ([], [])


@pytest.mark.parametrize("lock", ["locked", None])
async def test_nothing_to_do_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall], lock: str | None,
) -> None:  # fmt: skip
    """Locked already, or nobody knows."""
    begin("2026-11-20 21:50")
    bridge.body(lock=lock)
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 23:00"), step=5)
    bridge.offline()
    await clock(minutes=10)
    bridge.online()
    await clock(minutes=30)
    assert (commands(bridge), sentences(told)) == ([], [])


async def test_by_day_a_car_may_stand_open(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 05:56")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    bridge.body(lock="unlocked")  # the night is over before the grace is
    await clock(at("2026-11-20 21:59"), step=20)
    assert (commands(bridge), sentences(told)) == ([], [])


async def test_a_car_that_cannot_be_locked_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 21:50")
    bridge.tell_clock()
    bridge.body(lock="unlocked")
    bridge.end(Outcome.REFUSED, "closures_open")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 22:10"))
    assert commands(bridge) == ["lock"]
    [sentence] = sentences(told)
    assert sentence.startswith("Anna is unlocked and could not be locked. It was heard last at ")


async def test_nobody_knows_whether_the_car_was_locked_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    """The bridge falls silent with the command."""
    begin("2026-11-20 21:50")
    bridge.body(lock="unlocked")
    bridge.on_command = bridge.fall_silent
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 22:10"))
    assert commands(bridge) == ["lock"]
    assert sentences(told) == ["Anna had been left unlocked, and it is not known whether it is locked now."]


async def test_only_told_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 23:00")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL, lock_it=False, grace=10)
    bridge.body(lock="unlocked")
    await clock(minutes=9)
    assert sentences(told) == []
    await clock(minutes=2)
    assert commands(bridge) == []
    [sentence] = sentences(told)
    assert sentence.startswith("Anna is unlocked. It was heard last at ")


async def test_a_restart_in_the_night_with_the_car_unlocked(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    """The lock is there before the automations are, so nothing changes any more that they could hear."""
    begin("2026-11-21 02:00")
    bridge.body(lock="unlocked")
    hass.set_state(CoreState.not_running)
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await hass.async_start()
    await clock(minutes=6)
    assert commands(bridge) == ["lock"]
    assert len(told) == 1


async def test_the_bridge_comes_back_in_the_night_with_the_car_unlocked(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-21 02:00")
    bridge.offline()
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(minutes=10)
    bridge.online()
    bridge.body(lock="unlocked")
    await clock(minutes=6)
    assert commands(bridge) == ["lock"]


async def test_the_night_in_which_the_clocks_go_back(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    """The hour from 2 to 3 comes twice; a car that is left unlocked between the two is locked after five minutes."""
    begin("2026-10-25 01:50")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(minutes=68)
    bridge.body(lock="unlocked")  # 2:58, and two minutes later 2:00 again
    await clock(minutes=4)
    assert commands(bridge) == []
    await clock(minutes=2)
    assert commands(bridge) == ["lock"]
    await clock(hours=6, step=5)
    assert len(told) == 1
