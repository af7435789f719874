"""Coming and going: of the bridge, the broker, the cars, the entry and MQTT itself."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import mqtt
from homeassistant.components.mqtt import client as mqtt_client
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import Press, household
from tests.component.fake_bridge import ANNA, BERT, FakeBridge

from custom_components.driveway.broker import CALL_EVERY
from custom_components.driveway.coordinator import Coordinator


def state(hass: HomeAssistant, entity_id: str) -> str:
    current = hass.states.get(entity_id)
    assert current is not None, entity_id
    return current.state


async def test_the_bridge_goes_and_comes_back(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    for _ in range(2):
        bridge.offline()
        assert {item.state for item in hass.states.async_all() if ".anna" in item.entity_id} == {STATE_UNAVAILABLE}
    for _ in range(2):
        bridge.online()
        assert state(hass, "lock.anna") == "locked"
    ours = [record.getMessage() for record in caplog.records if "driveway.ear" in record.name]
    assert ours == ["Bridge Carport is away", "Bridge Carport is there"]


async def test_the_broker_goes_and_comes_back(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    mqtt_mock._mqttc.on_disconnect(None, None, 0, 0)
    await hass.async_block_till_done()
    assert state(hass, "lock.anna") == STATE_UNAVAILABLE
    mqtt_mock._mqttc.on_connect(mqtt_mock._mqttc, None, 0, _success())
    await hass.async_block_till_done()
    assert state(hass, "lock.anna") == STATE_UNAVAILABLE  # the bridge may have died in the meantime
    bridge.online()
    async_fire_time_changed(hass, dt_util.utcnow() + CALL_EVERY)  # nobody knows what is subscribed before the echo
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state(hass, "lock.anna") == "locked"


async def test_a_bridge_that_says_nothing_any_more_is_not_there(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, press: Press, freezer: FrozenDateTimeFactory
) -> None:
    """A broker that hangs keeps its connections, and says of nobody that he is away."""

    async def pass_by(seconds: float) -> None:
        freezer.tick(seconds)
        async_fire_time_changed(hass)
        await hass.async_block_till_done()

    for _ in range(4):
        await pass_by(6)
        bridge.tell_clock()
    assert state(hass, "lock.anna") == "locked"
    await pass_by(21)
    assert state(hass, "lock.anna") == STATE_UNAVAILABLE
    with pytest.raises(HomeAssistantError) as refused:
        await press("lock")
    assert refused.value.translation_key == "bridge_away"
    bridge.tell_clock()
    assert state(hass, "lock.anna") == "locked"


async def test_results_are_heard_before_anything_can_be_commanded(
    hass: HomeAssistant, home: MockConfigEntry, mqtt_mock: MqttMockHAClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant subscribes to one topic after the other, and the stored status makes the lock available."""
    monkeypatch.setattr(mqtt_client, "INITIAL_SUBSCRIBE_COOLDOWN", 0.0)
    mqtt_mock._mqttc.on_disconnect(None, None, 0, 0)
    mqtt_mock._mqttc.subscribe.reset_mock()
    mqtt_mock._mqttc.on_connect(mqtt_mock._mqttc, None, 0, _success())
    done = asyncio.Event()
    forget = mqtt.async_on_subscribe_done(hass, "driveway/+/status", 0, done.set)
    async with asyncio.timeout(5):
        await done.wait()
    forget()
    order = [call.args[0] for call in mqtt_mock._mqttc.subscribe.call_args_list]
    assert order.index("driveway/+/+/result") < order.index("driveway/+/status")


def _success() -> object:
    class Success:
        value = 0
        is_failure = False

    return Success()


@pytest.mark.usefixtures("home")
async def test_the_bridge_restarts_unheard(hass: HomeAssistant, bridge: FakeBridge, press: Press) -> None:
    """A command must not be given for the boot before; what the car told before stays on show."""
    bridge.announce(boot="boot2")
    bridge.now = 3.0
    assert state(hass, "lock.anna") == "locked"
    await press("unlock")
    assert bridge.clock_requests == 1
    assert [command.boot for command in bridge.commands] == ["boot2"]


@pytest.mark.usefixtures("home")
async def test_a_report_from_before_the_bridges_restart_counts(hass: HomeAssistant, bridge: FakeBridge) -> None:
    """Pain 75."""
    bridge.body(boot="boot0", lock="unlocked")
    assert state(hass, "lock.anna") == "unlocked"


async def test_a_car_is_added_to_the_bridge(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, press: Press
) -> None:
    """Pain 92."""
    bridge.announce(cars=(ANNA, BERT))
    bridge.body(BERT, lock="locked")
    await hass.async_block_till_done()
    assert [(s.title, s.unique_id) for s in home.subentries.values()] == [("Anna", ANNA.id), ("Bert", BERT.id)]
    assert state(hass, "lock.bert") == "locked"
    assert state(hass, "binary_sensor.bert_reachable") == "unknown"
    await press("unlock", "lock.bert")
    assert (state(hass, "lock.anna"), state(hass, "lock.bert")) == ("locked", "unlocked")
    [command] = bridge.commands
    assert command.car == BERT.id
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier(("driveway", BERT.id), home.entry_id)
    assert device is not None
    assert device.model == "Model Y"


async def test_a_car_is_removed_from_the_bridge(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.announce(cars=(BERT,))
    await hass.async_block_till_done()
    bridge.forget(ANNA)
    assert state(hass, "lock.anna") == STATE_UNAVAILABLE
    assert state(hass, "lock.bert") == "unknown"
    # Nothing of before is left when it comes back.
    bridge.announce(cars=(ANNA, BERT))
    assert state(hass, "lock.anna") == "unknown"
    bridge.body(lock="unlocked")
    assert state(hass, "lock.anna") == "unlocked"


@pytest.mark.usefixtures("home")
async def test_the_bridge_learns_the_role_of_its_key(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing flaps and nothing is said: the lock can be pressed as before, and the bridge says what may not be."""
    caplog.clear()
    for role, commands in ((None, None), ("charging_manager", ("charge_start",)), ("driver", ("lock", "unlock"))):
        bridge.announce(cars=(replace(ANNA, role=role, commands=commands),))
        await hass.async_block_till_done()
        assert state(hass, "lock.anna") == "locked"
    assert not [record for record in caplog.records if "driveway" in record.name]


@pytest.mark.usefixtures("home")
async def test_how_the_bridge_itself_is_changes_nothing_of_the_car(hass: HomeAssistant, bridge: FakeBridge) -> None:
    def of_the_car() -> dict[str, str]:
        return {item.entity_id: item.state for item in hass.states.async_all() if ".anna" in item.entity_id}

    before = of_the_car()
    bridge.tell(bridge.topics.health, '{"boot": "boot1", "radio": {"state": "deaf"}}')
    bridge.tell(bridge.topics.state(ANNA.id, "charge"), '{"boot": "boot1", "level": {"value": 80}}')
    bridge.tell(f"{bridge.topics.base}/{bridge.info.bridge}/link", "not that of a car")
    assert of_the_car() == before


async def test_the_owner_removes_a_car(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    [subentry] = home.subentries
    hass.config_entries.async_remove_subentry(home, subentry)
    await hass.async_block_till_done()
    assert not [item for item in hass.states.async_all() if ".anna" in item.entity_id]
    left = er.async_entries_for_config_entry(er.async_get(hass), home.entry_id)
    assert {item.config_subentry_id for item in left} == {None}  # those of the bridge
    # The bridge goes on telling of it, and it does not come back by itself; nor when Home Assistant starts anew.
    bridge.link(reachable=True)
    bridge.announce(boot="boot2")
    await hass.async_block_till_done()
    assert await hass.config_entries.async_reload(home.entry_id)
    bridge.announce(boot="boot3")
    await hass.async_block_till_done()
    assert not [item for item in hass.states.async_all() if ".anna" in item.entity_id]
    assert home.data["ignored_cars"] == [ANNA.id]


async def test_a_removed_car_that_no_bridge_had_any_more_may_come_back(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    bridge.announce(cars=())
    [subentry] = home.subentries
    hass.config_entries.async_remove_subentry(home, subentry)
    await hass.async_block_till_done()
    assert "ignored_cars" not in home.data
    bridge.announce(cars=(ANNA,))
    await hass.async_block_till_done()
    assert state(hass, "lock.anna") == "locked"


async def test_names_follow_the_bridge(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, device_registry: dr.DeviceRegistry
) -> None:
    bridge.announce(name="Garage", version="0.2.0", cars=(replace(ANNA, name="Annabel", model="Model S"),))
    [subentry] = home.subentries.values()
    assert subentry.title == "Annabel"
    car = device_registry.async_get_device_by_identifier(("driveway", ANNA.id), home.entry_id)
    service = device_registry.async_get_device_by_identifier(("driveway", bridge.info.bridge), home.entry_id)
    assert car is not None
    assert service is not None
    assert (car.name, car.model) == ("Annabel", "Model S")
    assert (service.name, service.sw_version) == ("Garage", "0.2.0")
    # They are remembered when Home Assistant starts before the bridge.
    assert await hass.config_entries.async_reload(home.entry_id)
    service = device_registry.async_get_device_by_identifier(("driveway", bridge.info.bridge), home.entry_id)
    assert service is not None
    assert (service.name, service.sw_version) == ("Garage", "0.2.0")


async def test_a_bridge_that_speaks_another_contract(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, caplog: pytest.LogCaptureFixture
) -> None:
    bridge.announce(contract=2, cars=(ANNA, BERT))
    await hass.async_block_till_done()
    assert state(hass, "lock.anna") == STATE_UNAVAILABLE
    assert len(home.subentries) == 1
    assert "Bridge Carport speaks version 2 of the contract, this component version 1" in caplog.text


async def test_two_bridges_hear_the_same_car(hass: HomeAssistant, bridge: FakeBridge) -> None:
    """Pain 89."""
    second = FakeBridge(hass, name="Garage", bridge="bridge-2")
    await second.listen()
    entry = household([bridge, second], ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await bridge.come_up()
    await second.come_up()
    bridge.link(reachable=False, why_not="not_in_range")
    await hass.services.async_call("lock", "unlock", {"entity_id": "lock.anna"}, blocking=True)
    assert (bridge.commands, len(second.commands)) == ([], 1)
    second.offline()
    assert state(hass, "lock.anna") == "unlocked"  # the car's last word, whoever has heard it
    await hass.services.async_call("lock", "unlock", {"entity_id": "lock.anna"}, blocking=True)
    assert len(bridge.commands) == 1


async def test_unloading_ends_what_is_under_way(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, press: Press
) -> None:
    bridge.on_command = bridge.accept
    pressed = hass.async_create_task(press("unlock"))
    await asyncio.sleep(0.01)
    assert await hass.config_entries.async_unload(home.entry_id)
    with pytest.raises(HomeAssistantError, match="Driveway was stopped or reloaded in Home Assistant"):
        await pressed
    assert state(hass, "lock.anna") == STATE_UNAVAILABLE
    assert home.state is ConfigEntryState.NOT_LOADED


async def test_one_ear_after_a_reload(hass: HomeAssistant, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a reload of MQTT, unsubscribing acts on the client of before it, and the old ear goes on hearing."""
    subscribe = mqtt.async_subscribe
    topics: list[str] = []

    async def subscribe_for_ever(*args: Any, **kwargs: Any) -> CALLBACK_TYPE:
        topics.append(args[1])
        await subscribe(*args, **kwargs)
        return lambda: None

    heard: list[Coordinator] = []
    changed = Coordinator.changed

    def note(self: Coordinator, *what: str) -> None:
        heard.append(self)
        changed(self, *what)

    monkeypatch.setattr(mqtt, "async_subscribe", subscribe_for_ever)
    monkeypatch.setattr(Coordinator, "changed", note)
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert len(topics) == 2 * 9
    await hass.async_block_till_done()
    await bridge.come_up()
    heard.clear()
    bridge.body(lock="unlocked")
    assert heard == [entry.runtime_data]
    assert state(hass, "lock.anna") == "unlocked"


async def test_no_ear_after_unloading(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    coordinator = home.runtime_data
    assert await hass.config_entries.async_unload(home.entry_id)
    coordinator._ear._hear_connection(connected=False)
    coordinator.broker._echoes = None  # one may have come back before
    coordinator.broker._hear_echo(None)
    assert coordinator.broker._echoes is None
    bridge.body(lock="unlocked")
    assert state(hass, "lock.anna") == STATE_UNAVAILABLE


async def test_without_mqtt(hass: HomeAssistant) -> None:
    """Pain 115."""
    entry = household(FakeBridge(hass), ANNA)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.reason is not None
    assert entry.reason.startswith("The MQTT integration is not set up or not ready")
    assert await hass.config_entries.async_unload(entry.entry_id)
