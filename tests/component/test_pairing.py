"""Pairing from a dialog: what to do at the car stands there as the bridge tells it; each failure by its cause."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, BERT, OTHER_CODE, FakeBridge
from tests.component.flows import options, vehicle, vehicle_step

from custom_components.driveway import commands, pairing_flow
from custom_components.driveway.contract import Command, Outcome
from custom_components.driveway.pairing_flow import FAILURES


class Dialog:
    """A dialog that is open, and the person before it."""

    def __init__(self, hass: HomeAssistant, bridge: FakeBridge, shown: Any) -> None:
        self.hass = hass
        self.bridge = bridge
        self.shown = shown
        self.taken = asyncio.Event()
        bridge.on_command = self._take

    def _take(self, command: Command) -> None:
        self.taken.set()
        self.bridge.accept(command)
        if command.command == "pair_cancel":
            self.bridge.result(command, Outcome.CONFIRMED, "done")

    async def enter(self, **entered: Any) -> Any:
        self.shown = await vehicle_step(self.hass, self.shown, **entered)
        return self.shown

    async def begin(self, **entered: Any) -> Any:
        """Go on, and see the bridge begin."""
        self.taken.clear()
        await self.enter(**entered)
        async with asyncio.timeout(5):
            await self.taken.wait()
        return self.shown

    async def settle(self) -> Any:
        """Let everything arrive, and ask what is shown now, as the front end does when it is told of a change."""
        for _ in range(20):
            await asyncio.sleep(0)
        await self.hass.async_block_till_done()
        self.shown = await self.hass.config_entries.subentries.async_configure(self.shown["flow_id"])
        return self.shown

    async def stage(self, *stages: str) -> str:
        """What is shown after the bridge has told these stages."""
        for stage in stages:
            self.bridge.result(self.bridge.commands[-1], Outcome.ACCEPTED, stage=stage)
        shown = await self.settle()
        assert shown["type"] is FlowResultType.SHOW_PROGRESS
        return str(shown["progress_action"])

    async def end(self, outcome: Outcome, reason: str) -> Any:
        self.bridge.result(self.bridge.commands[-1], outcome, reason)
        return await self.settle()


@pytest.fixture
async def dialog(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> AsyncIterator[Dialog]:
    """ "Pair again" of Anna, with the form before one."""
    dialog = Dialog(hass, bridge, await vehicle(hass, home, ANNA.id))
    await dialog.enter(next_step_id="pair")
    yield dialog
    for flow in hass.config_entries.subentries.async_progress():
        hass.config_entries.subentries.async_abort(flow["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_step_by_step(hass: HomeAssistant, dialog: Dialog, bridge: FakeBridge) -> None:
    progress = async_capture_events(hass, "data_entry_flow_progress_update")
    refreshed = async_capture_events(hass, "data_entry_flow_progressed")
    assert dialog.shown["step_id"] == "pair"
    assert dialog.shown["errors"] == {}
    assert dialog.shown["description_placeholders"] == {"bridge": "Carport", "car": "Anna", "reason": ""}
    assert options(dialog.shown, "role") == ["driver", "charging_manager", "vehicle_monitor", "owner"]
    shown = await dialog.begin(role="driver")
    assert (shown["type"], shown["progress_action"]) == (FlowResultType.SHOW_PROGRESS, "reach")
    assert shown["description_placeholders"] == {"bridge": "Carport", "car": "Anna"}
    [command] = bridge.commands
    assert (command.command, command.arguments) == ("pair", {"role": "driver", "timeout_s": 180})
    assert 1 < command.ttl <= 5
    assert await dialog.stage("heard") == "reach"
    assert await dialog.stage("asleep") == "wake"
    assert await dialog.stage("presented", "card") == "card"
    assert await dialog.stage("something a newer bridge tells") == "card"
    assert await dialog.stage("confirm") == "verify"
    assert await dialog.stage("known", "synchronised", "role") == "verify"
    told = [event.data["progress"] for event in progress]
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] < 1
    assert len(refreshed) == 3


@pytest.mark.parametrize(
    ("reason", "end"),
    [("done", "paired"), ("already_enrolled", "already_enrolled"), ("not_synchronised", "not_synchronised")],
)
async def test_it_ends_well(dialog: Dialog, bridge: FakeBridge, reason: str, end: str) -> None:
    await dialog.begin(role="driver")
    result = await dialog.end(Outcome.CONFIRMED, reason)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, end)
    assert result["description_placeholders"] == {"bridge": "Carport", "car": "Anna"}
    assert [command.command for command in bridge.commands] == ["pair"]


@pytest.mark.parametrize("reason", sorted(FAILURES))
async def test_it_fails_and_is_tried_again(dialog: Dialog, bridge: FakeBridge, reason: str) -> None:
    await dialog.begin(role="vehicle_monitor")
    shown = await dialog.end(Outcome.REFUSED, reason)
    assert (shown["step_id"], shown["errors"]) == ("pair", {"base": reason})
    shown = await dialog.begin(role="driver")
    assert shown["progress_action"] == "reach"
    assert [command.arguments["role"] for command in bridge.commands] == ["vehicle_monitor", "driver"]
    assert (await dialog.end(Outcome.CONFIRMED, "done"))["reason"] == "paired"


async def test_the_end_waits_until_the_text_before_it_was_read(
    dialog: Dialog, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks what is shown at the very end is not told that there is no such dialog."""
    monkeypatch.setattr(pairing_flow, "SHOWN_S", 1.5)
    await dialog.begin(role="driver")
    for _ in range(3):
        shown = await dialog.end(Outcome.CONFIRMED, "done")
        assert shown["type"] is FlowResultType.SHOW_PROGRESS
    await asyncio.sleep(1.5)
    assert (await dialog.settle())["reason"] == "paired"


async def test_it_fails_for_a_reason_of_a_newer_bridge(dialog: Dialog) -> None:
    await dialog.begin(role="driver")
    shown = await dialog.end(Outcome.FAILED, "moon_in_the_way")
    assert shown["errors"] == {"base": "unknown_reason"}
    assert shown["description_placeholders"]["reason"] == "moon_in_the_way"


async def test_the_bridge_goes_away_meanwhile(dialog: Dialog, bridge: FakeBridge) -> None:
    await dialog.begin(role="driver")
    assert await dialog.stage("card") == "card"
    bridge.offline()
    shown = await dialog.settle()
    assert shown["errors"] == {"base": "bridge_away"}


async def test_the_bridge_is_silent(dialog: Dialog, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "ACCEPTED_WITHIN_S", 0.05)
    bridge.on_command = bridge.ignore
    await dialog.enter(role="driver")
    await asyncio.sleep(0.1)
    shown = await dialog.settle()
    assert shown["errors"] == {"base": "bridge_silent"}


async def test_an_owners_key_is_warned_of(dialog: Dialog, bridge: FakeBridge) -> None:
    shown = await dialog.enter(role="owner")
    assert (shown["step_id"], bridge.commands) == ("owner", [])
    await dialog.begin()
    assert [command.arguments["role"] for command in bridge.commands] == ["owner"]


async def test_the_dialog_is_closed(hass: HomeAssistant, dialog: Dialog, bridge: FakeBridge) -> None:
    """The car must not go on asking."""
    await dialog.begin(role="driver")
    await dialog.stage("card")
    hass.config_entries.subentries.async_abort(dialog.shown["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [command.command for command in bridge.commands] == ["pair", "pair_cancel"]


async def test_the_dialog_is_closed_and_the_bridge_does_not_hear_it(
    hass: HomeAssistant, dialog: Dialog, bridge: FakeBridge, complaints: Callable[[], list[str]]
) -> None:
    await dialog.begin(role="driver")
    bridge.offline()
    bridge.online()
    bridge.end(Outcome.FAILED, "internal")
    hass.config_entries.subentries.async_abort(dialog.shown["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert complaints() == []


async def test_the_dialog_is_closed_before_anything_has_begun(
    hass: HomeAssistant, dialog: Dialog, bridge: FakeBridge
) -> None:
    hass.config_entries.subentries.async_abort(dialog.shown["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert bridge.commands == []


async def test_driveway_is_reloaded_meanwhile(
    hass: HomeAssistant, home: MockConfigEntry, dialog: Dialog, bridge: FakeBridge
) -> None:
    await dialog.begin(role="driver")
    assert await hass.config_entries.async_reload(home.entry_id)
    await bridge.come_up()
    shown = await dialog.settle()
    assert shown["errors"] == {"base": "unloaded"}


async def test_not_loaded(hass: HomeAssistant, home: MockConfigEntry) -> None:
    assert await hass.config_entries.async_unload(home.entry_id)
    result = await vehicle(hass, home)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_loaded")


async def test_no_bridge_has_the_car(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.announce(cars=())
    menu = await vehicle(hass, home, ANNA.id)
    result = await vehicle_step(hass, menu, next_step_id="pair")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_bridge_for_car")


async def test_one_of_two_bridges(hass: HomeAssistant, bridge: FakeBridge) -> None:
    """The one that is there is proposed, and the role that its key had."""
    garage = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-2")
    garage.info = replace(garage.info, cars=(replace(ANNA, role="vehicle_monitor"),))
    await garage.listen()
    entry = household([bridge, garage], ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await garage.come_up()
    bridge.announce()
    dialog = Dialog(hass, garage, await vehicle(hass, entry, ANNA.id))
    shown = await dialog.enter(next_step_id="pair")
    assert options(shown, "bridge") == ["bridge-2", "bridge-0badcafe"]
    assert shown["data_schema"]({}) == {"role": "vehicle_monitor", "bridge": "bridge-2"}
    await dialog.begin(role="driver", bridge="bridge-2")
    assert ([command.command for command in garage.commands], bridge.commands) == (["pair"], [])
    shown = await dialog.end(Outcome.FAILED, "not_in_range")
    assert shown["data_schema"]({}) == {"role": "driver", "bridge": "bridge-2"}
    assert await dialog.enter(role="driver", bridge="bridge-0badcafe")
    await dialog.settle()
    assert dialog.shown["errors"] == {"base": "bridge_away"}


# Pair a car ----------------------------------------------------------------------------------------------------------


async def test_one_car_needs_no_choice(hass: HomeAssistant, home: MockConfigEntry) -> None:
    assert (await vehicle(hass, home))["step_id"] == "pair"


async def test_one_of_two_cars(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.announce(cars=(ANNA, BERT))
    await hass.async_block_till_done()
    dialog = Dialog(hass, bridge, await vehicle(hass, home))
    assert (dialog.shown["step_id"], options(dialog.shown, "car")) == ("user", [ANNA.id, BERT.id])
    await dialog.enter(car=BERT.id)
    await dialog.begin(role="driver")
    assert [command.car for command in bridge.commands] == [BERT.id]
    await dialog.end(Outcome.CONFIRMED, "done")
    assert len(home.subentries) == 2


@pytest.mark.parametrize("way", ["pair", "add_only"])
async def test_a_car_that_the_owner_had_removed(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, way: str
) -> None:
    [subentry] = home.subentries
    hass.config_entries.async_remove_subentry(home, subentry)
    bridge.announce(boot="boot2")
    await hass.async_block_till_done()
    assert hass.states.get("lock.anna") is None
    dialog = Dialog(hass, bridge, await vehicle(hass, home))
    assert (dialog.shown["type"], dialog.shown["step_id"]) == (FlowResultType.MENU, "add")
    await dialog.enter(next_step_id=way)
    if way == "pair":
        await dialog.begin(role="driver")
        await dialog.end(Outcome.CONFIRMED, "already_enrolled")
    await hass.async_block_till_done()
    [added] = home.subentries.values()
    assert (added.title, added.unique_id, dict(added.data)) == ("Anna", ANNA.id, {"car": ANNA.id})
    assert home.data["ignored_cars"] == []
    lock = hass.states.get("lock.anna")
    assert lock is not None
    assert lock.state == "locked"


async def test_a_car_that_the_owner_had_removed_is_added_in_two_dialogs(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    [subentry] = home.subentries
    hass.config_entries.async_remove_subentry(home, subentry)
    await hass.async_block_till_done()
    first, second = await vehicle(hass, home), await vehicle(hass, home)
    await vehicle_step(hass, first, next_step_id="add_only")
    result = await vehicle_step(hass, second, next_step_id="add_only")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert len(home.subentries) == 1


@pytest.mark.parametrize("step", ["pair", "route"])
@pytest.mark.parametrize("gone", ["car", "household"])
async def test_what_is_to_be_changed_is_removed_meanwhile(
    hass: HomeAssistant, home: MockConfigEntry, step: str, gone: str
) -> None:
    menu = await vehicle(hass, home, ANNA.id)
    shown = await vehicle_step(hass, menu, next_step_id="route") if step == "route" else menu
    if gone == "car":
        [subentry] = home.subentries
        hass.config_entries.async_remove_subentry(home, subentry)
    else:
        await hass.config_entries.async_remove(home.entry_id)
    await hass.async_block_till_done()
    entered: dict[str, str] = {} if step == "route" else {"next_step_id": "pair"}
    result = await vehicle_step(hass, shown, **entered)
    if (step, gone) == ("pair", "car"):
        assert result["step_id"] == "pair"  # the bridge has the car all the same
    else:
        assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_car")


async def test_the_household_is_removed_while_a_bridge_is_paired(
    hass: HomeAssistant, home: MockConfigEntry, dialog: Dialog
) -> None:
    await dialog.begin(role="driver")
    await hass.config_entries.async_remove(home.entry_id)
    shown = await dialog.settle()
    assert (shown["type"], shown["reason"]) == (FlowResultType.ABORT, "no_car")


async def test_there_is_no_car(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.announce(cars=())
    result = await vehicle(hass, home)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_cars")


async def test_all_cars_are_elsewhere(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    elsewhere = FakeBridge(hass, base="cabin", name="Cabin", bridge="bridge-3")
    entry = household(elsewhere)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await elsewhere.come_up()
    result = await vehicle(hass, entry)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "cars_elsewhere")
    assert result["description_placeholders"] == {"household": "Carport"}


# The way through the cloud -------------------------------------------------------------------------------------------


async def test_the_way_through_the_cloud(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    hass.states.async_set("lock.tesla_cloud", "locked")

    async def form() -> Any:
        menu = await vehicle(hass, home, ANNA.id)
        assert menu["menu_options"] == ["pair", "route"]
        return await vehicle_step(hass, menu, next_step_id="route")

    shown = await form()
    for entity, error in (("lock.anna", "own_lock"), ("lock.nobody", "no_such_lock")):
        shown = await vehicle_step(hass, shown, route=entity)
        assert shown["errors"] == {"route": error}
    coordinator = home.runtime_data
    result = await vehicle_step(hass, shown, route="lock.tesla_cloud")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await hass.async_block_till_done()
    [subentry] = home.subentries.values()
    assert dict(subentry.data) == {"car": ANNA.id, "route": "lock.tesla_cloud"}
    assert home.runtime_data is not coordinator  # it began anew, with the route
    shown = await form()
    [field] = shown["data_schema"].schema
    assert field.description == {"suggested_value": "lock.tesla_cloud"}
    await vehicle_step(hass, shown)
    [subentry] = home.subentries.values()
    assert dict(subentry.data) == {"car": ANNA.id}
    await hass.async_block_till_done()
