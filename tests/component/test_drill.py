"""The drill: the way of a lock command is walked on request and once a week, and what came of it is kept."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.lock.const import DATA_COMPONENT
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, BERT, FakeBridge
from tests.component.test_second_lock import OTHER, CloudLock, name_second_lock

from custom_components.driveway.const import CONF_DRILL, CONF_DRILL_TIME, DOMAIN
from custom_components.driveway.contract import Command, Outcome
from custom_components.driveway.drill import WAITS_S, last_due

ABLE = replace(ANNA, commands=("lock", "unlock", "drill"))
BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = datetime(2026, 11, 22, 10, 0, tzinfo=BERLIN)
WEEK = timedelta(days=7)

At = Callable[[datetime], Coroutine[Any, Any, None]]
Drilling = Callable[..., Coroutine[Any, Any, MockConfigEntry]]


@pytest.fixture
def drilling(hass: HomeAssistant, bridge: FakeBridge) -> Drilling:
    """Set up Anna with a bridge whose key may drill; with the schedule that the owner chose."""

    async def set_up(*, bridge_there: bool = True, **options: object) -> MockConfigEntry:
        bridge.announce(cars=(ABLE,))
        entry = household(bridge, ABLE)
        entry.add_to_hass(hass)
        hass.config_entries.async_update_entry(entry, options=options)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        if bridge_there:
            await bridge.come_up()
        return entry

    return set_up


async def press(hass: HomeAssistant) -> None:
    await hass.services.async_call("button", "press", {"entity_id": "button.anna_drill"}, blocking=True)


def shown(hass: HomeAssistant, entity_id: str) -> State:
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state


def result(hass: HomeAssistant) -> str:
    return shown(hass, "sensor.anna_result_of_the_last_drill").state


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    issues = ir.async_get(hass).issues.values()
    return next((issue for issue in issues if issue.translation_key == "drill_failed"), None)


def drills(bridge: FakeBridge) -> int:
    return sum(command.command == "drill" for command in bridge.commands)


# On request -----------------------------------------------------------------------------------------------------------


async def test_a_good_one(hass: HomeAssistant, drilling: Drilling, bridge: FakeBridge) -> None:
    def answer(command: Command) -> None:
        bridge.result(command, Outcome.ACCEPTED)
        bridge.result(command, Outcome.CONFIRMED, "done", phases_ms={"waiting": 0.001, "total": 3.0})

    await drilling()
    assert result(hass) == STATE_UNKNOWN
    bridge.on_command = answer
    await press(hass)
    [command] = bridge.commands
    assert (command.command, command.arguments) == ("drill", {})
    assert 0 < command.ttl <= 5  # as long as a lock command
    assert result(hass) == "good"
    assert shown(hass, "sensor.anna_result_of_the_last_drill").attributes["reason"] == "done"
    assert 0 < float(shown(hass, "sensor.anna_duration_of_the_last_drill").state) < 5000
    at = dt_util.parse_datetime(shown(hass, "sensor.anna_last_drill").state)
    assert at is not None
    assert dt_util.utcnow() - at < timedelta(minutes=1)
    assert issue(hass) is None


async def test_the_time_that_it_waited_for_others_does_not_count(
    hass: HomeAssistant, drilling: Drilling, bridge: FakeBridge
) -> None:
    """A lock command would not have waited."""
    await drilling()
    bridge.on_command = lambda command: bridge.result(
        command, Outcome.CONFIRMED, "done", phases_ms={"waiting": 100_000.0}
    )
    await press(hass)
    assert float(shown(hass, "sensor.anna_duration_of_the_last_drill").state) == 0


async def test_twice_failed_is_a_repair_until_it_goes_well(
    hass: HomeAssistant, drilling: Drilling, bridge: FakeBridge
) -> None:
    hass.config.language = "de"
    await drilling()
    drill_button = {"entity_id": "button.anna_ubung"}
    bridge.end(Outcome.REFUSED, "key_not_enrolled")
    for failures in (1, 2):
        with pytest.raises(HomeAssistantError) as caught:
            await hass.services.async_call("button", "press", drill_button, blocking=True)
        assert caught.value.translation_key == "key_not_enrolled"
        assert (issue(hass) is None) is (failures == 1)
    told = issue(hass)
    assert told is not None
    assert told.translation_placeholders is not None
    assert told.translation_placeholders["car"] == "Anna"
    assert told.translation_placeholders["why"].startswith("Anna: Das Auto kennt den Schlüssel dieser Bridge nicht")
    assert shown(hass, "sensor.anna_dauer_der_letzten_ubung").state == STATE_UNKNOWN
    bridge.on_command = bridge.confirm
    await hass.services.async_call("button", "press", drill_button, blocking=True)
    assert issue(hass) is None


async def test_the_second_lock_takes_no_part(hass: HomeAssistant, drilling: Drilling, bridge: FakeBridge) -> None:
    entry = await drilling()
    cloud = CloudLock()
    await hass.data[DATA_COMPONENT].async_add_entities([cloud])
    name_second_lock(hass, entry, OTHER)
    await hass.async_block_till_done()
    await bridge.come_up()
    bridge.end(Outcome.FAILED, "not_in_range")
    with pytest.raises(HomeAssistantError) as caught:
        await press(hass)
    assert caught.value.translation_key == "not_in_range"
    assert cloud.calls == []


async def test_it_outlives_a_restart_and_stands_without_a_bridge(
    hass: HomeAssistant, drilling: Drilling, bridge: FakeBridge
) -> None:
    entry = await drilling()
    bridge.end(Outcome.FAILED, "not_in_range")
    for _ in range(2):
        with pytest.raises(HomeAssistantError):
            await press(hass)
    raised = issue(hass)
    assert raised is not None
    ir.async_delete_issue(hass, DOMAIN, raised.issue_id)  # as a restart of Home Assistant does
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert shown(hass, "button.anna_drill").state == STATE_UNAVAILABLE
    assert result(hass) == "failed"
    assert shown(hass, "sensor.anna_result_of_the_last_drill").attributes["reason"] == "not_in_range"
    assert issue(hass) is not None
    await hass.config_entries.async_remove(entry.entry_id)
    assert issue(hass) is None


async def test_without_a_bridge_it_fails_and_says_so(
    hass: HomeAssistant, drilling: Drilling, bridge: FakeBridge
) -> None:
    await drilling()
    bridge.offline()
    with pytest.raises(HomeAssistantError) as caught:
        await press(hass)
    assert caught.value.translation_key == "bridge_away"
    assert result(hass) == "failed"


async def test_a_drill_that_a_reload_broke_off_is_none(
    hass: HomeAssistant, drilling: Drilling, bridge: FakeBridge
) -> None:
    entry = await drilling()
    begun = asyncio.Event()

    def begin(command: Command) -> None:
        bridge.accept(command)
        begun.set()

    bridge.on_command = begin
    pressed = hass.async_create_task(press(hass))
    await begun.wait()
    await hass.config_entries.async_reload(entry.entry_id)
    with pytest.raises(HomeAssistantError) as caught:
        await pressed
    assert caught.value.translation_key == "unloaded"
    await bridge.come_up()
    assert result(hass) == STATE_UNKNOWN


async def test_a_bridge_that_knows_no_drill_offers_none(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    assert hass.states.get("button.anna_drill") is None
    assert hass.states.get("sensor.anna_last_drill") is None


# Once a week ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def clock(hass: HomeAssistant, bridge: FakeBridge, freezer: FrozenDateTimeFactory) -> At:
    """Set the time of day, and let happen what is due by then; the bridge has told its clock all the time."""
    await hass.config.async_set_time_zone("Europe/Berlin")

    async def at(time: datetime) -> None:
        freezer.move_to(time)
        bridge.tell_clock()
        async_fire_time_changed(hass, time)
        await hass.async_block_till_done(wait_background_tasks=True)

    freezer.move_to(SUNDAY - timedelta(days=2))
    return at


WEEKLY = {CONF_DRILL: "sunday", CONF_DRILL_TIME: "10:00:00"}


async def test_on_its_day_and_at_its_time(
    hass: HomeAssistant, clock: At, drilling: Drilling, bridge: FakeBridge
) -> None:
    await drilling(**WEEKLY)
    assert drills(bridge) == 0  # last Sunday is nothing that was missed
    await clock(SUNDAY - timedelta(days=1))
    assert drills(bridge) == 0
    await clock(SUNDAY)
    assert drills(bridge) == 1
    assert result(hass) == "good"
    await clock(SUNDAY + timedelta(days=1))
    await clock(SUNDAY + WEEK)
    assert drills(bridge) == 2


async def test_a_time_that_the_clock_skips_in_spring_is_made_up_for_the_next_day(
    clock: At, drilling: Drilling, bridge: FakeBridge, freezer: FrozenDateTimeFactory
) -> None:
    changes = datetime(2027, 3, 28, 3, 30, tzinfo=BERLIN)
    freezer.move_to(changes - timedelta(days=1))
    await drilling(**WEEKLY | {CONF_DRILL_TIME: "02:30:00"})
    await clock(changes)
    await clock(datetime(2027, 3, 29, 2, 30, tzinfo=BERLIN))
    assert drills(bridge) == 1
    await clock(datetime(2027, 3, 30, 2, 30, tzinfo=BERLIN))
    assert drills(bridge) == 1
    await clock(datetime(2027, 4, 4, 2, 30, tzinfo=BERLIN))
    assert drills(bridge) == 2


async def test_the_repair_goes_with_the_car(hass: HomeAssistant, drilling: Drilling, bridge: FakeBridge) -> None:
    entry = await drilling()
    bridge.end(Outcome.REFUSED, "key_not_enrolled")
    for _ in range(2):
        with pytest.raises(HomeAssistantError):
            await press(hass)
    assert issue(hass) is not None
    [subentry] = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry)
    await hass.async_block_till_done()
    assert issue(hass) is None
    assert entry.runtime_data.drill.results == {}


async def test_never(hass: HomeAssistant, clock: At, drilling: Drilling, bridge: FakeBridge) -> None:
    await drilling(**{CONF_DRILL: "never", CONF_DRILL_TIME: "10:00:00"})
    for day in range(8):
        await clock(SUNDAY + timedelta(days=day))
    assert drills(bridge) == 0


async def test_a_failed_one_waits_for_the_next_week(
    hass: HomeAssistant, clock: At, drilling: Drilling, bridge: FakeBridge, caplog: pytest.LogCaptureFixture
) -> None:
    await drilling(**WEEKLY)
    bridge.end(Outcome.FAILED, "not_in_range")
    await clock(SUNDAY)
    assert (drills(bridge), result(hass)) == (1, "failed")
    assert "The weekly drill failed: Anna: The car was not heard over Bluetooth." in caplog.text
    await clock(SUNDAY + timedelta(hours=1))
    assert drills(bridge) == 1


async def test_a_missed_one_is_made_up_for_once_when_a_bridge_is_there(
    hass: HomeAssistant, clock: At, drilling: Drilling, bridge: FakeBridge
) -> None:
    entry = await drilling(**WEEKLY)
    await hass.config_entries.async_unload(entry.entry_id)
    await clock(SUNDAY + timedelta(hours=3))
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert drills(bridge) == 0  # the bridge is not there yet
    await bridge.come_up()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert drills(bridge) == 1
    await hass.config_entries.async_reload(entry.entry_id)
    await bridge.come_up()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert drills(bridge) == 1
    await clock(SUNDAY + WEEK)
    assert drills(bridge) == 2


async def test_a_missed_one_does_not_wait_for_ever(
    hass: HomeAssistant, clock: At, drilling: Drilling, freezer: FrozenDateTimeFactory
) -> None:
    assert WAITS_S < 3600
    entry = await drilling(**WEEKLY)
    await hass.config_entries.async_unload(entry.entry_id)
    await clock(SUNDAY + timedelta(hours=3))
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    freezer.tick(WAITS_S + 1)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert shown(hass, "sensor.anna_result_of_the_last_drill").attributes["reason"] == "bridge_away"


async def test_another_day_begins_anew(hass: HomeAssistant, clock: At, drilling: Drilling, bridge: FakeBridge) -> None:
    entry = await drilling(**WEEKLY)
    await hass.async_block_till_done(wait_background_tasks=True)
    hass.config_entries.async_update_entry(entry, options=WEEKLY | {CONF_DRILL: "thursday"})
    await hass.config_entries.async_reload(entry.entry_id)
    await bridge.come_up()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert drills(bridge) == 0  # yesterday was Thursday, and not yet a day for it
    await clock(SUNDAY)
    assert drills(bridge) == 0
    await clock(SUNDAY + timedelta(days=4))
    assert drills(bridge) == 1


async def test_what_fell_into_a_time_without_a_schedule_was_not_missed(
    hass: HomeAssistant, clock: At, drilling: Drilling, bridge: FakeBridge
) -> None:
    entry = await drilling(**WEEKLY)
    for day, time in (("never", SUNDAY + timedelta(hours=1)), ("sunday", SUNDAY + timedelta(hours=2))):
        hass.config_entries.async_update_entry(entry, options=WEEKLY | {CONF_DRILL: day})
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        await clock(time)
    await bridge.come_up()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert drills(bridge) == 0


async def test_the_hour_that_comes_twice_brings_one(
    hass: HomeAssistant, clock: At, drilling: Drilling, bridge: FakeBridge, freezer: FrozenDateTimeFactory
) -> None:
    night = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    freezer.move_to(night - timedelta(days=1))
    await drilling(**WEEKLY | {CONF_DRILL_TIME: "02:30:00"})
    await clock(night)
    await clock(night.replace(fold=1))
    assert drills(bridge) == 1


async def test_only_cars_whose_key_may(hass: HomeAssistant, clock: At, bridge: FakeBridge) -> None:
    bert = replace(BERT, role="driver", commands=("lock", "unlock"))
    bridge.announce(cars=(ABLE, bert))
    entry = household(bridge, ABLE, bert)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, options=WEEKLY)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.come_up()
    await clock(SUNDAY)
    assert [command.car for command in bridge.commands] == [ANNA.id]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (SUNDAY, SUNDAY),
        (SUNDAY - timedelta(seconds=1), SUNDAY - WEEK),
        (SUNDAY + timedelta(days=6, hours=23), SUNDAY),
    ],
)
def test_when_it_was_due_last(now: datetime, due: datetime) -> None:
    assert last_due(now, 6, due.time()) == due
