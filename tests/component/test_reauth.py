"""What only the owner can put right is on Home Assistant's own card: a dropped key, a code that has changed."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, BERT, CODE, OTHER_CODE, FakeBridge
from tests.component.flows import step, while_listening

from custom_components.driveway import reauth
from custom_components.driveway.contract import CarInfo, Clock, Outcome, Signer


@pytest.fixture(autouse=True)
def _ends_what_is_open(hass: HomeAssistant) -> Iterator[None]:
    yield
    for card in hass.config_entries.flow.async_progress():
        hass.config_entries.flow.async_abort(card["flow_id"])


def cards(hass: HomeAssistant) -> list[ConfigFlowResult]:
    """The red cards."""
    flows = hass.config_entries.flow.async_progress_by_handler("driveway")
    return [flow for flow in flows if flow["context"]["source"] == "reauth"]


def names(hass: HomeAssistant) -> list[str]:
    return [card["context"]["title_placeholders"]["name"] for card in cards(hass)]


async def shown(hass: HomeAssistant) -> Any:
    """What is behind the one card."""
    [card] = cards(hass)
    return await hass.config_entries.flow.async_configure(card["flow_id"])


def drop_key(bridge: FakeBridge, *cars: CarInfo) -> None:
    """The bridge has found out that these cars, and no others, do not know its key. It reaches them all the same."""
    bridge.health(problems=[{"part": car.id, "reason": "key_not_enrolled"} for car in cars])


async def test_a_dropped_key_is_asked_for_once_and_paired(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, issue_registry: ir.IssueRegistry
) -> None:
    for _ in range(3):
        drop_key(bridge, ANNA)
        await hass.async_block_till_done()
    assert names(hass) == ["Anna"]
    assert issue_registry.async_get_issue("homeassistant", f"config_entry_reauth_driveway_{home.entry_id}")
    form = await shown(hass)
    assert form["step_id"] == "pair"
    assert form["description_placeholders"] == {"bridge": "Carport", "car": "Anna", "name": "Carport", "reason": ""}
    bridge.end(Outcome.REFUSED, "card_not_tapped")
    await step(hass, form, role="driver")
    await hass.async_block_till_done(wait_background_tasks=True)
    form = await shown(hass)
    assert form["errors"] == {"base": "card_not_tapped"}
    bridge.on_command = bridge.accept
    await step(hass, form, role="driver")
    await asyncio.sleep(0.01)
    drop_key(bridge)  # none: the bridge says so before it has told how the pairing ended
    await hass.async_block_till_done()
    assert names(hass) == ["Anna"]
    bridge.result(bridge.commands[-1], Outcome.CONFIRMED, "done")
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await shown(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "paired")
    assert not issue_registry.async_get_issue("homeassistant", f"config_entry_reauth_driveway_{home.entry_id}")


@pytest.mark.usefixtures("home")
async def test_nobody_waits_for_the_end_of_the_pairing(
    hass: HomeAssistant, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser was closed meanwhile. The card goes when there has been time to see how it ended."""
    drop_key(bridge, ANNA)
    await hass.async_block_till_done()
    bridge.end(Outcome.CONFIRMED, "done")
    await step(hass, await shown(hass), role="driver")
    await hass.async_block_till_done(wait_background_tasks=True)
    bridge.health()
    assert names(hass) == ["Anna"]
    monkeypatch.setattr(reauth, "SEEN_WITHIN_S", 0.0)
    bridge.health()
    assert cards(hass) == []


@pytest.mark.usefixtures("home")
async def test_the_car_knows_the_key_again_by_itself(hass: HomeAssistant, bridge: FakeBridge) -> None:
    drop_key(bridge, ANNA)
    await hass.async_block_till_done()
    bridge.offline()
    bridge.online()
    bridge.announce(boot="boot2")
    await hass.async_block_till_done()
    assert names(hass) == ["Anna"]  # nobody can tell now
    bridge.health()
    await hass.async_block_till_done()
    assert cards(hass) == []
    drop_key(bridge, ANNA)
    await hass.async_block_till_done()
    assert names(hass) == ["Anna"]


async def test_after_a_reload_it_is_the_same_card(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    drop_key(bridge, ANNA)
    await hass.async_block_till_done()
    assert await hass.config_entries.async_reload(home.entry_id)
    bridge.announce()
    bridge.online()
    drop_key(bridge, ANNA)
    await hass.async_block_till_done()
    assert names(hass) == ["Anna"]
    bridge.health()
    await hass.async_block_till_done()
    assert cards(hass) == []


async def test_two_keys_are_asked_for_one_after_the_other(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    bridge.announce(cars=(ANNA, BERT))
    drop_key(bridge, ANNA, BERT)
    await hass.async_block_till_done()
    assert names(hass) == ["Anna"]
    drop_key(bridge, BERT)
    await hass.async_block_till_done()
    assert names(hass) == ["Bert"]


async def test_the_car_is_removed(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    drop_key(bridge, ANNA)
    await hass.async_block_till_done()
    [subentry] = home.subentries
    hass.config_entries.async_remove_subentry(home, subentry)
    await hass.async_block_till_done()
    assert cards(hass) == []


async def test_a_new_code(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge signs for others now, and says so in its clock and in who may sign."""
    monkeypatch.setattr(reauth, "CLOCK_LASTS_S", -1.0)
    bridge.signer = Signer.from_code(OTHER_CODE)
    bridge.announce(clients=(bridge.signer.client,))
    bridge.tell_clock()
    bridge.tell_clock()
    await hass.async_block_till_done()
    assert names(hass) == ["Carport"]
    form = await shown(hass)
    assert form["step_id"] == "new_code"
    assert form["description_placeholders"]["bridge"] == "Carport"
    stranger = FakeBridge(hass, bridge="bridge-2")
    result = await while_listening(hass, lambda: step(hass, form, code=CODE), bridge, stranger)
    assert result["errors"] == {"code": "code_wrong"}  # that of another bridge is no help
    monkeypatch.undo()
    monkeypatch.setattr("custom_components.driveway.discovery.LISTEN_S", 0.1)
    result = await while_listening(hass, lambda: step(hass, form, code=OTHER_CODE), bridge)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "new_code")
    await hass.async_block_till_done()
    await bridge.come_up()
    await hass.services.async_call("lock", "unlock", {"entity_id": "lock.anna"}, blocking=True)
    assert len(bridge.commands) == 1
    assert cards(hass) == []


@pytest.mark.usefixtures("home")
async def test_a_forged_clock_beside_genuine_ones_asks_for_nothing(hass: HomeAssistant, bridge: FakeBridge) -> None:
    forged = Clock.signed("boot1", 1.0, [Signer.from_code(OTHER_CODE)])
    bridge.tell(bridge.topics.clock, forged.payload())
    await hass.async_block_till_done()
    assert cards(hass) == []


async def test_the_old_code_is_the_right_one_after_all(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has told clocks in the name of a bridge that was silent; then it speaks itself."""
    monkeypatch.setattr(reauth, "CLOCK_LASTS_S", -1.0)
    bridge.tell(bridge.topics.clock, Clock.signed("boot1", 1.0, []).payload())
    await hass.async_block_till_done()
    assert names(hass) == ["Carport"]
    monkeypatch.undo()
    bridge.tell_clock()
    await hass.async_block_till_done()
    assert cards(hass) == []


async def test_the_name_of_a_bridge_that_was_not_heard_for_long(hass: HomeAssistant, bridge: FakeBridge) -> None:
    """The dialog is open while the entry is not."""
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    entry.async_start_reauth(hass, data={"bridge": bridge.info.bridge})
    await hass.async_block_till_done()
    form = await shown(hass)
    assert form["description_placeholders"]["bridge"] == "Carport"


async def test_a_key_that_is_told_of_while_home_assistant_starts(
    hass: HomeAssistant, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the broker has retained may be here before the entities are."""
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    forward = hass.config_entries.async_forward_entry_setups

    async def slowly(*args: Any) -> None:
        await forward(*args)
        bridge.announce()
        bridge.online()
        drop_key(bridge, ANNA)

    monkeypatch.setattr(hass.config_entries, "async_forward_entry_setups", slowly)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert names(hass) == ["Anna"]
    assert [issue.translation_key for issue in ir.async_get(hass).issues.values() if issue.active] == [
        "config_entry_reauth"
    ]
