"""Bridges join a household and leave it; one that is ignored stays so; a car is shown once."""

from dataclasses import replace

import pytest
from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, BERT, CODE, OTHER_CODE, FakeBridge
from tests.component.flows import found, found_as, sought, step, while_listening

from custom_components.driveway import async_remove_config_entry_device


@pytest.fixture
async def garage(hass: HomeAssistant, home: MockConfigEntry) -> FakeBridge:
    """A second bridge under the same base topic, with a car of its own beside the one that is known."""
    garage = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-2")
    garage.info = replace(garage.info, cars=(ANNA, BERT))
    await garage.listen()
    return garage


async def test_a_further_bridge_is_found_and_joins(
    hass: HomeAssistant, home: MockConfigEntry, garage: FakeBridge
) -> None:
    card = await found(hass, garage)
    assert card["context"]["title_placeholders"] == {"name": "Garage"}
    result = await step(hass, card, code=CODE)
    assert result["errors"] == {"code": "code_wrong"}
    result = await step(hass, card, code=OTHER_CODE)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "bridge_joined")
    assert result["description_placeholders"] == {"bridge": "Garage", "household": "Carport"}
    await hass.async_block_till_done()
    assert hass.config_entries.async_entries("driveway") == [home]
    assert home.data["bridges"] == {"bridge-0badcafe": {"code": CODE}, "bridge-2": {"code": OTHER_CODE}}
    assert {key.key for keys in home.discovery_keys.values() for key in keys} == {garage.topics.info}
    await garage.come_up()
    assert {subentry.title for subentry in home.subentries.values()} == {"Anna", "Bert"}
    await hass.services.async_call("lock", "unlock", {"entity_id": "lock.bert"}, blocking=True)
    assert [command.car for command in garage.commands] == [BERT.id]


async def test_a_further_bridge_is_sought_and_joins(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, garage: FakeBridge
) -> None:
    form = await sought(hass, bridge, garage)
    assert form["step_id"] == "bridge"
    result = await step(hass, form, bridge="bridge-2")
    result = await step(hass, result, code=OTHER_CODE)
    assert result["reason"] == "bridge_joined"
    await hass.async_block_till_done()
    assert set(home.data["bridges"]) == {"bridge-0badcafe", "bridge-2"}
    # The card of what was found at the same time is gone.
    assert hass.config_entries.flow.async_progress_by_handler("driveway") == []


async def test_two_bridges_are_found_before_anything_is_set_up(hass: HomeAssistant, bridge: FakeBridge) -> None:
    """The first one makes the entry, and the second one belongs to it."""
    garage = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-2")
    cards = [await found(hass, one) for one in (bridge, garage)]
    first = await step(hass, cards[0], code=CODE)
    assert first["type"] is FlowResultType.CREATE_ENTRY
    second = await step(hass, cards[1], code=OTHER_CODE)
    assert second["reason"] == "bridge_joined"
    await hass.async_block_till_done()
    [entry] = hass.config_entries.async_entries("driveway")
    assert set(entry.data["bridges"]) == {"bridge-0badcafe", "bridge-2"}


async def test_a_bridge_is_on_one_card_however_often_it_says_something_new(
    hass: HomeAssistant, bridge: FakeBridge
) -> None:
    await found(hass, bridge)
    bridge.announce(boot="boot2")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(hass.config_entries.flow.async_progress_by_handler("driveway")) == 1


async def test_an_ignored_bridge_is_not_found_again_but_can_be_sought(
    hass: HomeAssistant, home: MockConfigEntry, garage: FakeBridge
) -> None:
    card = await found(hass, garage)
    await hass.config_entries.flow.async_init(
        "driveway",
        context={"source": SOURCE_IGNORE},
        data={"unique_id": card["context"]["unique_id"], "title": "Garage"},
    )
    garage.announce(boot="boot2")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.config_entries.flow.async_progress() == []
    ignored = hass.config_entries.async_entry_for_domain_unique_id("driveway", found_as(garage))
    assert ignored is not None
    form = await sought(hass, garage)
    result = await step(hass, form, bridge="bridge-2")
    result = await step(hass, result, code=OTHER_CODE)
    assert result["reason"] == "bridge_joined"
    await hass.async_block_till_done()
    assert hass.config_entries.async_entries("driveway") == [home]


async def test_a_bridge_that_is_found_wakes_an_entry_that_waits(
    hass: HomeAssistant, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    bridge.announce()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED
    assert hass.config_entries.flow.async_progress() == []


async def test_a_car_stays_with_the_household_that_shows_it(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    elsewhere = FakeBridge(hass, base="cabin", name="Cabin", code=OTHER_CODE, bridge="bridge-3")
    elsewhere.info = replace(elsewhere.info, cars=(ANNA, BERT))
    await elsewhere.listen()
    form = await sought(hass)

    async def enter() -> object:
        return await step(hass, form, base_topic="cabin")

    task = hass.async_create_task(enter())
    hass.loop.call_later(0.03, elsewhere.announce)
    await task
    result = await step(hass, form, bridge="bridge-3")
    result = await step(hass, form, code=OTHER_CODE)
    assert result["step_id"] == "cars"
    assert result["description_placeholders"] == {"bridge": "Cabin", "cars": "Anna", "household": "Carport"}
    result = await step(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    await elsewhere.come_up()
    entry = result["result"]
    assert [subentry.title for subentry in entry.subentries.values()] == ["Bert"]
    assert {entry.source for entry in hass.config_entries.async_entries("driveway")} == {SOURCE_USER}
    assert {item.entity_id for item in hass.states.async_all("lock")} == {"lock.anna", "lock.bert"}


async def test_a_car_that_comes_later_to_a_second_household_stays_too(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    elsewhere = FakeBridge(hass, base="cabin", name="Cabin", code=OTHER_CODE, bridge="bridge-3")
    entry = household(elsewhere, BERT)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    elsewhere.announce(cars=(ANNA, BERT))
    await hass.async_block_till_done()
    assert [subentry.title for subentry in entry.subentries.values()] == ["Bert"]


async def test_a_bridge_is_taken_out(hass: HomeAssistant, bridge: FakeBridge) -> None:
    """One that is away, and not the last one; what is left of it goes with it."""
    second = FakeBridge(hass, name="Garage", bridge="bridge-2")
    entry = household([bridge, second], ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await bridge.come_up()
    devices = dr.async_get(hass)

    async def take_out(name: str) -> bool:
        device = devices.async_get_device_by_identifier(("driveway", name), entry.entry_id)
        assert isinstance(device, dr.DeviceEntry)
        gone = await async_remove_config_entry_device(hass, entry, device)
        await hass.async_block_till_done()
        return gone

    assert not await take_out(bridge.info.bridge)  # it is there
    assert not await take_out(ANNA.id)
    assert await take_out("bridge-2")
    assert set(entry.data["bridges"]) == {bridge.info.bridge}
    assert set(entry.runtime_data.household.bridges) == {bridge.info.bridge}
    assert not await take_out(bridge.info.bridge)  # it is the last one
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not await take_out(bridge.info.bridge)


@pytest.mark.parametrize("ignored", [False, True])
async def test_a_household_moves_to_where_its_bridge_was_found(
    hass: HomeAssistant, bridge: FakeBridge, ignored: bool
) -> None:
    """The bridge came up under its new base topic before the owner told Home Assistant of it."""
    entry = household(FakeBridge(hass, base="before"), ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    card = await found(hass, bridge)
    if ignored:
        await hass.config_entries.flow.async_init(
            "driveway", context={"source": SOURCE_IGNORE}, data={"unique_id": card["context"]["unique_id"], "title": ""}
        )
    flow = await step(hass, await entry.start_reconfigure_flow(hass), next_step_id="new_base_topic")
    result = await while_listening(hass, lambda: step(hass, flow, base_topic="driveway"), bridge)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "new_base_topic")
    await hass.async_block_till_done()
    assert hass.config_entries.flow.async_progress_by_handler("driveway") == []
    assert hass.config_entries.async_entries("driveway") == [entry]


async def test_a_new_code_is_that_of_a_bridge_which_was_found(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    garage = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-2")
    await found(hass, garage)
    flow = await step(hass, await home.start_reconfigure_flow(hass), next_step_id="new_code")
    result = await while_listening(hass, lambda: step(hass, flow, code=OTHER_CODE), bridge, garage)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "new_code")
    await hass.async_block_till_done()
    assert home.data["bridges"].keys() == {bridge.info.bridge, "bridge-2"}
    assert hass.config_entries.flow.async_progress_by_handler("driveway") == []
