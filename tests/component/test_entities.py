"""What is shown of a car besides its lock, and how it is registered."""

from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props
from tests.component.fake_bridge import ANNA, FakeBridge
from tests.component.whole_car import tell_everything

from custom_components.driveway.sensor_way import OBSTACLES

OPENINGS = {
    "front_driver_door": "binary_sensor.anna_front_driver_door",
    "front_passenger_door": "binary_sensor.anna_front_passenger_door",
    "rear_driver_door": "binary_sensor.anna_rear_driver_door",
    "rear_passenger_door": "binary_sensor.anna_rear_passenger_door",
    "front_trunk": "binary_sensor.anna_frunk",
    "rear_trunk": "binary_sensor.anna_trunk",
    "charge_port": "binary_sensor.anna_charge_port",
}


def state(hass: HomeAssistant, entity_id: str) -> str:
    current = hass.states.get(entity_id)
    assert current is not None, entity_id
    return current.state


@pytest.mark.usefixtures("every_entity_enabled")
async def test_all_of_it(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, snapshot: SnapshotAssertion
) -> None:
    bridge.now = (dt_util.utcnow() - dt_util.utc_from_timestamp(0)).total_seconds()  # so that its zero is 1970
    await bridge.come_up()
    bridge.now = 900.0
    tell_everything(bridge)
    await hass.async_block_till_done()
    registered = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert len(registered) > 100
    for item in sorted(registered, key=lambda item: item.entity_id):
        assert item == snapshot(
            name=f"{item.entity_id}-entry", exclude=props("config_entry_id", "config_subentry_id", "device_id")
        )
        assert hass.states.get(item.entity_id) == snapshot(name=f"{item.entity_id}-state")


async def test_devices(
    hass: HomeAssistant,
    home: MockConfigEntry,
    bridge: FakeBridge,
    device_registry: dr.DeviceRegistry,
    snapshot: SnapshotAssertion,
) -> None:
    """Pain 84."""
    devices = dr.async_entries_for_config_entry(device_registry, home.entry_id)
    for device in sorted(devices, key=lambda device: device.name or ""):
        assert device == snapshot(name=f"{device.name}-device")
    service = device_registry.async_get_device_by_identifier(("driveway", bridge.info.bridge), home.entry_id)
    assert service is not None
    assert (service.name, service.sw_version, service.entry_type) == ("Carport", "0.1.0", dr.DeviceEntryType.SERVICE)
    car = device_registry.async_get_device_by_identifier(("driveway", ANNA.id), home.entry_id)
    assert car is not None
    assert (car.name, car.manufacturer, car.model, car.serial_number) == ("Anna", "Tesla", "Model 3", None)
    assert car.via_device_id == service.id


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("name", "entity_id"), OPENINGS.items())
async def test_openings(hass: HomeAssistant, bridge: FakeBridge, name: str, entity_id: str) -> None:
    assert state(hass, entity_id) == STATE_UNKNOWN
    for told in ("open", "ajar", "opening", "closing", "failed_unlatch"):
        bridge.body(ANNA, **{name: told})
        assert state(hass, entity_id) == STATE_ON
    bridge.body(ANNA, **{name: "closed"})
    assert state(hass, entity_id) == STATE_OFF
    bridge.body(ANNA, **{name: None})  # the car sleeps
    assert state(hass, entity_id) == STATE_UNKNOWN


@pytest.mark.usefixtures("home")
async def test_sleep_and_presence(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.body(asleep=True, user_present=False)
    assert state(hass, "binary_sensor.anna_sleep") == STATE_ON
    assert state(hass, "binary_sensor.anna_user_present") == STATE_OFF
    bridge.body(asleep="yes")
    assert state(hass, "binary_sensor.anna_sleep") == STATE_UNKNOWN
    assert state(hass, "binary_sensor.anna_user_present") == STATE_UNKNOWN


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("reason", [*OBSTACLES, None, "eaten_by_a_dog", "configuration_wrong"])
async def test_not_reached_and_why(hass: HomeAssistant, bridge: FakeBridge, reason: str | None) -> None:
    """Pains 77, 96."""
    assert state(hass, "binary_sensor.anna_reachable") == STATE_ON
    assert state(hass, "sensor.anna_connection_problem") == "none"
    bridge.link(reachable=False, why_not=reason)
    assert state(hass, "binary_sensor.anna_reachable") == STATE_OFF
    assert state(hass, "sensor.anna_connection_problem") == (reason if reason in OBSTACLES else "other")


@pytest.mark.usefixtures("home")
async def test_nobody_tried_yet(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.link(reachable=None)
    assert state(hass, "binary_sensor.anna_reachable") == STATE_UNKNOWN
    assert state(hass, "sensor.anna_connection_problem") == STATE_UNKNOWN
    bridge.tell(bridge.topics.link(ANNA.id), "")
    assert state(hass, "binary_sensor.anna_reachable") == STATE_UNKNOWN
    bridge.tell(bridge.topics.state(ANNA.id, "body"), "")
    assert state(hass, "lock.anna") == STATE_UNKNOWN


@pytest.mark.usefixtures("every_entity_enabled", "home")
async def test_last_contact_needs_no_clock_but_the_bridges(
    hass: HomeAssistant, bridge: FakeBridge, freezer: FrozenDateTimeFactory
) -> None:
    entity_id = "sensor.anna_last_contact"
    freezer.move_to("2026-11-22T17:00:00+00:00")
    bridge.now = 5000.0
    bridge.tell_clock()
    bridge.link(reachable=True, contact_at=5000.0 - 60)
    assert state(hass, entity_id) == "2026-11-22T16:59:00+00:00"

    # Clocks are never quite equal: that moves nothing, although 1.9 seconds would be seen.
    freezer.tick(timedelta(seconds=4.9))
    bridge.now += 3.0
    bridge.tell_clock()
    bridge.link(reachable=True, contact_at=5000.0 - 60)
    assert state(hass, entity_id) == "2026-11-22T16:59:00+00:00"

    # Home Assistant's own clock was wrong until it found the time: that does.
    freezer.move_to("2026-11-23T17:00:00+00:00")
    bridge.tell_clock()
    assert state(hass, entity_id) == "2026-11-23T16:58:57+00:00"

    # After a restart of the bridge nobody knows when "before" was, but for what it remembers.
    bridge.announce(boot="boot2")
    bridge.now = 10.0
    bridge.tell_clock()
    assert state(hass, entity_id) == STATE_UNKNOWN
    bridge.link()
    bridge.remembers(at=None, lock="locked")
    assert state(hass, entity_id) == STATE_UNKNOWN
    bridge.remembers(at=-50.0, lock="locked", asleep=False)
    assert state(hass, entity_id) == "2026-11-23T16:59:00+00:00"
    bridge.link(reachable=True, contact_at=8.0)
    assert state(hass, entity_id) == "2026-11-23T16:59:58+00:00"
    bridge.link(reachable=True, contact_at=1e15)
    assert state(hass, entity_id) == "2026-11-23T16:59:00+00:00"


@pytest.mark.usefixtures("every_entity_enabled", "entry")
async def test_stored_clocks_are_not_believed(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.announce()
    bridge.online()
    bridge.tell_clock(retain=True)
    bridge.link(reachable=True, contact_at=990.0)
    assert state(hass, "sensor.anna_last_contact") == STATE_UNKNOWN
    bridge.tell_clock()
    assert state(hass, "sensor.anna_last_contact") != STATE_UNKNOWN


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("link", "{}"),
        ("link", '{"boot": "boot1", "reachable": "no"}'),
        ("link", "x" * 70000),
        ("state", '{"lock": {"value": "unlocked"}}'),
        ("state", "not JSON"),
        ("clock", '{"boot": "boot1", "signatures": {}}'),
        ("clock", '{"boot": "boot1", "now": true}'),
        ("clock", '{"boot": "boot1", "now": 1e16}'),
        ("clock", ""),
        ("info", '{"bridge": "bridge-0badcafe"}'),
        ("info", ""),
        ("result", '{"id": "1", "outcome": "perhaps"}'),
        ("result", '{"id": null, "outcome": "confirmed"}'),
        ("result", '{"id": "1", "outcome": "sent", "stage": 1}'),
        ("result", ""),
    ],
)
async def test_what_is_no_message_changes_nothing(
    hass: HomeAssistant, bridge: FakeBridge, caplog: pytest.LogCaptureFixture, kind: str, payload: str
) -> None:
    before = {item.entity_id: item.state for item in hass.states.async_all()}
    topics = bridge.topics
    topic = {
        "link": topics.link(ANNA.id),
        "state": topics.state(ANNA.id, "body"),
        "clock": topics.clock,
        "info": topics.info,
        "result": topics.result(ANNA.id),
    }[kind]
    bridge.tell(topic, payload)
    assert {item.entity_id: item.state for item in hass.states.async_all()} == before
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR") and _ours(record.name)]


def _ours(logger: str) -> bool:
    return logger.startswith("custom_components.driveway")


@pytest.mark.usefixtures("home")
async def test_strangers_are_not_listened_to(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.tell(f"driveway/bridge-stranger/{ANNA.id}/state/body", '{"boot": "b", "lock": {"value": "unlocked"}}')
    assert state(hass, "lock.anna") == "locked"
    bridge.tell(bridge.topics.info, bridge.info.payload().replace("bridge-0badcafe", "bridge-stranger"))
    assert state(hass, "lock.anna") == "locked"


async def test_everything_waits_for_the_bridge(hass: HomeAssistant, entry: MockConfigEntry, bridge: FakeBridge) -> None:
    assert {item.state for item in hass.states.async_all() if ".anna" in item.entity_id} == {STATE_UNAVAILABLE}
    bridge.body(lock="locked")
    bridge.online()
    assert state(hass, "lock.anna") == STATE_UNAVAILABLE
    bridge.announce()
    assert state(hass, "lock.anna") == "locked"
