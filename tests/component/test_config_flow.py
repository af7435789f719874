"""Setting up: found or sought, opened with the bridge's code."""

from dataclasses import replace
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_MQTT, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, BERT, CODE, OTHER_CODE, FakeBridge
from tests.component.flows import found, sought, step, while_listening

from custom_components.driveway.contract import Signer
from custom_components.driveway.contract_topics import Topics


def hint(result: ConfigFlowResult) -> Any:
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    return placeholders["command"]


async def test_found_and_set_up(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.info = replace(bridge.info, cars=(ANNA, BERT))
    flow = await found(hass, bridge)
    assert flow["context"]["title_placeholders"] == {"name": "Carport"}
    shown = await hass.config_entries.flow.async_configure(flow["flow_id"])
    assert shown["step_id"] == "code"
    assert shown["description_placeholders"] == {"bridge": "Carport", "cars": "Anna, Bert", "command": "driveway code"}

    result = await step(hass, flow, code=" 0l23 4567-89ab cdefghjk ")  # typed as people type
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Carport"
    assert result["data"] == {"base_topic": "driveway", "bridges": {"bridge-0badcafe": {"code": CODE}}}
    entry = result["result"]
    assert entry.unique_id == "driveway"
    assert [(s.subentry_type, s.unique_id, dict(s.data), s.title) for s in entry.subentries.values()] == [
        ("vehicle", ANNA.id, {"car": ANNA.id}, "Anna"),
        ("vehicle", BERT.id, {"car": BERT.id}, "Bert"),
    ]
    await hass.async_block_till_done()
    assert hass.states.get("lock.anna")
    assert hass.states.get("lock.bert")


async def test_wrong_code_then_the_right_one(hass: HomeAssistant, bridge: FakeBridge) -> None:
    flow = await found(hass, bridge)
    result = await while_listening(hass, lambda: step(hass, flow, code=OTHER_CODE), bridge)
    assert result["errors"] == {"code": "code_wrong"}
    assert hint(result) == "driveway code"
    result = await step(hass, flow, code="0123-4567")
    assert result["errors"] == {"code": "malformed_code"}
    result = await step(hass, flow, code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def test_the_bridge_got_a_new_code_after_it_was_found(hass: HomeAssistant, bridge: FakeBridge) -> None:
    flow = await found(hass, bridge)
    bridge.info = replace(bridge.info, clients=(Signer.from_code(OTHER_CODE).client,))
    result = await while_listening(hass, lambda: step(hass, flow, code=OTHER_CODE), bridge)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("driveway/bridge-1/info", "", "invalid_discovery_info"),
        ("driveway/bridge-1/info", b"\x00", "invalid_discovery_info"),
        ("driveway/bridge-1/info", "{}", "invalid_discovery_info"),
        ("driveway/bridge-1/info", "[1]", "invalid_discovery_info"),
        (
            "driveway/bridge-1/info",
            '{"bridge": "bridge-2", "name": "x", "version": "1", "boot": "b", "contract": 1}',
            "invalid_discovery_info",
        ),
        (
            "driveway/bridge-1/info",
            '{"bridge": "bridge-1", "name": "x", "version": "1", "boot": "b", "contract": 2}',
            "other_contract",
        ),
    ],
)
@pytest.mark.usefixtures("mqtt_mock")
async def test_found_something_else(hass: HomeAssistant, topic: str, payload: str | bytes, reason: str) -> None:
    result = await hass.config_entries.flow.async_init(
        "driveway",
        context={"source": SOURCE_MQTT},
        data=MqttServiceInfo(
            topic=topic, payload=payload, qos=0, retain=True, subscribed_topic="driveway/+/info", timestamp=0.0
        ),
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == reason


async def test_found_what_is_set_up_already(hass: HomeAssistant, bridge: FakeBridge, home: MockConfigEntry) -> None:
    bridge.announce(boot="boot2")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.config_entries.flow.async_progress() == []
    assert hass.config_entries.async_entries("driveway") == [home]


async def test_sought_and_set_up(hass: HomeAssistant, bridge: FakeBridge) -> None:
    second = FakeBridge(hass, name="Garage")
    second.info = replace(second.info, bridge="bridge-2", cars=())
    second.topics = Topics("driveway", "bridge-2")
    result = await sought(hass, bridge, second)
    assert result["step_id"] == "bridge"
    schema = result["data_schema"]
    assert schema is not None
    options = next(iter(schema.schema.values())).config["options"]
    assert [(option["value"], option["label"]) for option in options] == [
        ("bridge-0badcafe", "Carport (Anna)"),
        ("bridge-2", "Garage"),
        ("other", "other"),
    ]
    result = await step(hass, result, bridge="bridge-0badcafe")
    assert result["step_id"] == "code"
    result = await step(hass, result, code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    # The card of the bridge is gone; that of the other one, which was found at the same time, is there.
    cards = hass.config_entries.flow.async_progress_by_handler("driveway")
    assert [card["context"]["unique_id"] for card in cards] == ["driveway/bridge-2"]


async def test_sought_under_another_base_topic(hass: HomeAssistant, bridge: FakeBridge) -> None:
    elsewhere = FakeBridge(hass, base="home/cars")
    result = await sought(hass)
    assert result["step_id"] == "base_topic"
    assert result["errors"] == {}
    result = await step(hass, result, base_topic="no spaces, please")
    assert result["errors"] == {"base_topic": "invalid_base_topic"}
    result = await step(hass, result, base_topic="home/cars")
    assert result["errors"] == {"base_topic": "no_bridge"}
    flow = result
    result = await while_listening(hass, lambda: step(hass, flow, base_topic=" home/cars/ "), elsewhere)
    assert result["step_id"] == "bridge"
    result = await step(hass, result, bridge=elsewhere.info.bridge)
    result = await step(hass, result, code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["base_topic"] == "home/cars"
    await hass.async_block_till_done()


async def test_the_owner_wants_another_than_those_found(hass: HomeAssistant, bridge: FakeBridge) -> None:
    result = await sought(hass, bridge)
    result = await step(hass, result, bridge="other")
    assert result["step_id"] == "base_topic"


async def test_nothing_new_is_sought(hass: HomeAssistant, bridge: FakeBridge, home: MockConfigEntry) -> None:
    result = await sought(hass, bridge)
    assert result["step_id"] == "base_topic"
    flow = result
    result = await while_listening(hass, lambda: step(hass, flow, base_topic="driveway"), bridge)
    assert result["errors"] == {"base_topic": "nothing_new"}


async def test_what_is_not_a_bridge_is_not_offered(hass: HomeAssistant, bridge: FakeBridge) -> None:
    hass.loop.call_later(0.03, bridge.tell, bridge.topics.info, "moo")
    hass.loop.call_later(0.03, bridge.tell, "driveway/somebody-else/info", bridge.info.payload())
    result = await sought(hass)
    assert result["step_id"] == "base_topic"


async def test_no_mqtt(hass: HomeAssistant) -> None:
    result = await sought(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "mqtt_not_available")


async def test_no_broker(hass: HomeAssistant, mqtt_mock: MqttMockHAClient) -> None:
    mqtt_mock.connected = False
    result = await sought(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "broker_away")


async def reconfigure(hass: HomeAssistant, entry: MockConfigEntry, what: str) -> ConfigFlowResult:
    flow = await entry.start_reconfigure_flow(hass)
    assert flow["type"] is FlowResultType.MENU
    return await step(hass, flow, next_step_id=what)


async def test_new_code(hass: HomeAssistant, bridge: FakeBridge, home: MockConfigEntry) -> None:
    bridge.code, bridge.signer = OTHER_CODE, Signer.from_code(OTHER_CODE)
    bridge.info = replace(bridge.info, clients=(bridge.signer.client,))
    flow = await reconfigure(hass, home, "new_code")
    assert hint(flow) == "driveway code"
    result = await step(hass, flow, code="what?")
    assert result["errors"] == {"code": "malformed_code"}
    result = await step(hass, flow, code=OTHER_CODE)
    assert result["errors"] == {"code": "no_bridge"}
    result = await while_listening(hass, lambda: step(hass, flow, code=CODE), bridge)
    assert result["errors"] == {"code": "code_wrong"}
    result = await while_listening(hass, lambda: step(hass, flow, code=OTHER_CODE.lower()), bridge)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "new_code")
    assert home.data["bridges"] == {"bridge-0badcafe": {"code": OTHER_CODE}}
    await hass.async_block_till_done()
    await bridge.come_up()
    await hass.services.async_call("lock", "unlock", {"entity_id": "lock.anna"}, blocking=True)
    assert len(bridge.commands) == 1  # its signature was verified when it arrived


async def test_new_code_without_a_broker(hass: HomeAssistant, mqtt_mock: MqttMockHAClient) -> None:
    entry = household(FakeBridge(hass))
    entry.add_to_hass(hass)
    mqtt_mock.connected = False
    flow = await reconfigure(hass, entry, "new_code")
    result = await step(hass, flow, code=CODE)
    assert result["errors"] == {"code": "no_bridge"}


async def test_new_base_topic(hass: HomeAssistant, bridge: FakeBridge, home: MockConfigEntry) -> None:
    stranger = FakeBridge(hass, base="home/cars", code=OTHER_CODE, bridge="bridge-2")
    moved = FakeBridge(hass, base="home/cars")
    other = household(FakeBridge(hass, base="taken", bridge="bridge-3"))
    other.add_to_hass(hass)
    flow = await reconfigure(hass, home, "new_base_topic")
    for base, error in (("#", "invalid_base_topic"), ("taken", "base_topic_taken"), ("home/cars", "no_bridge")):
        result = await step(hass, flow, base_topic=base)
        assert result["errors"] == {"base_topic": error}
    result = await while_listening(hass, lambda: step(hass, flow, base_topic="home/cars"), stranger)
    assert result["errors"] == {"base_topic": "other_bridges"}
    result = await while_listening(hass, lambda: step(hass, flow, base_topic="home/cars/"), stranger, moved)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "new_base_topic")
    await hass.async_block_till_done()
    assert (home.unique_id, home.data["base_topic"]) == ("home/cars", "home/cars")
    await moved.listen()
    await moved.come_up()
    await hass.services.async_call("lock", "unlock", {"entity_id": "lock.anna"}, blocking=True)
    assert len(moved.commands) == 1


@pytest.mark.parametrize("step_id", ["new_code", "new_base_topic"])
async def test_the_household_is_removed_meanwhile(hass: HomeAssistant, home: MockConfigEntry, step_id: str) -> None:
    menu = await home.start_reconfigure_flow(hass)
    await hass.config_entries.async_remove(home.entry_id)
    result = await step(hass, menu, next_step_id=step_id)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_household")
