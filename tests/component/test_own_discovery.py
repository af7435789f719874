"""What the bridge tells Home Assistant's own MQTT discovery, fed to a real one; and what that says back."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.driveway.sensor_charge import CHARGES
from driveway_bridge.contract import CarInfo, Event, Info
from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.discovery_device import of_bridge, of_car
from driveway_bridge.mqtt.things import THINGS, Deed
from driveway_bridge.settings import PLAIN_TOPICS

TOPICS = Topics("driveway", "bridge-0badcafe")
ANNA = CarInfo(id="car-0a1b2c3d", name="Anna", model="Model 3")
INFO = Info(bridge=TOPICS.bridge, name="Carport", version="0.1.0", boot="boot1", cars=(ANNA,))
EVERYTHING = ("everything",)


class Told:
    """A bridge as far as Home Assistant's own MQTT hears it."""

    def __init__(self, hass: HomeAssistant, mqtt: MqttMockHAClient) -> None:
        self.hass = hass
        self.mqtt = mqtt

    async def tell(self, topic: str, payload: object) -> None:
        async_fire_mqtt_message(self.hass, topic, payload if isinstance(payload, str) else json.dumps(payload))
        await self.hass.async_block_till_done()

    async def discover(self, allowed: Sequence[str], car: CarInfo = ANNA) -> None:
        await self.tell(f"homeassistant/device/{INFO.bridge}/config", of_bridge(TOPICS, INFO))
        await self.tell(f"homeassistant/device/{car.id}/config", of_car(TOPICS, INFO, car, allowed))

    async def be_there(self) -> None:
        await self.tell(TOPICS.status, "online")
        await self.tell(TOPICS.link(ANNA.id), {"boot": "boot1", "reachable": True, "in_range": True, "asleep": False})

    async def say(self, subject: str, **values: object) -> None:
        readings = {name: {"value": value, "at": 1.0, "source": "read"} for name, value in values.items()}
        await self.tell(TOPICS.state(ANNA.id, subject), {"boot": "boot1", **readings})

    def state(self, entity_id: str) -> str:
        state = self.hass.states.get(entity_id)
        assert state is not None, sorted(self.hass.states.async_entity_ids())
        return state.state

    async def press(self, domain: str, service: str, entity_id: str, **data: Any) -> Deed:
        """Use a service; what the bridge makes of what Home Assistant publishes."""
        self.mqtt.async_publish.reset_mock()
        await self.hass.services.async_call(domain, service, {"entity_id": entity_id, **data}, blocking=True)
        [call] = self.mqtt.async_publish.call_args_list
        topic, payload, qos, retain = call.args[:4]
        assert (qos, retain) == (0, False)
        thing = topic.removeprefix(f"driveway/{TOPICS.bridge}/{ANNA.id}/").removesuffix("/set")
        deed = THINGS[thing].deed(str(payload).encode())
        assert deed is not None, (thing, payload)
        return deed


@pytest.fixture
async def told(hass: HomeAssistant, mqtt_mock: MqttMockHAClient, every_entity_enabled: None) -> Told:
    return Told(hass, mqtt_mock)


async def test_by_default_nothing_is_offered_that_would_be_refused(
    hass: HomeAssistant, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    await told.discover(PLAIN_TOPICS)
    await told.be_there()
    assert hass.states.get("lock.anna") is None
    assert told.state("binary_sensor.anna_lock") == "unknown"
    await told.say("body", lock="locked", rear_trunk="open", front_trunk="closed", front_driver_door="ajar")
    assert told.state("binary_sensor.anna_lock") == "off"
    assert told.state("cover.anna_trunk") == "open"
    assert told.state("binary_sensor.anna_frunk") == "off"
    assert told.state("binary_sensor.anna_front_driver_s_door") == "on"
    assert await told.press("button", "press", "button.anna_lock") == Deed("lock")
    assert await told.press("cover", "close_cover", "cover.anna_trunk") == Deed("trunk_close")
    assert hass.states.get("button.anna_unlock") is None
    assert hass.states.get("switch.anna_sentry_mode") is None
    assert told.state("binary_sensor.anna_sentry_mode") == "unknown"
    assert hass.states.get("cover.anna_trunk").attributes["supported_features"] == 2  # type: ignore[union-attr]
    assert "Invalid" not in caplog.text
    assert not [one for one in caplog.records if one.levelname in ("WARNING", "ERROR") and "mqtt" in one.name]


async def test_every_word_that_home_assistant_says_is_understood(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    await told.discover(EVERYTHING)
    await told.be_there()
    await told.say("body", lock="locked", rear_trunk="closed", front_trunk="closed", charge_port="closed")
    climate = {"on": False, "inside_celsius": 12.5, "driver_celsius": 21.0, "keeper": "off", "defrost": "off"}
    climate |= {"wheel_heat": False, "front_left_seat_heat": 0, "rear_center_seat_heat": 3, "overheat_protection": "on"}
    await told.say("climate", **climate)
    await told.say("charge", charging="stopped", limit_percent=80, set_amps=16, battery_percent=64)
    await told.say("closures", sentry="armed", **{f"{where}_window_open": False for where in (
        "front_driver", "front_passenger", "rear_driver", "rear_passenger")})  # fmt: skip
    assert told.state("lock.anna") == "locked"
    assert await told.press("lock", "unlock", "lock.anna") == Deed("unlock")
    assert told.state("lock.anna") == "locked"  # only the car says otherwise
    assert await told.press("lock", "lock", "lock.anna") == Deed("lock")
    assert await told.press("cover", "open_cover", "cover.anna_trunk") == Deed("trunk_open")
    assert await told.press("cover", "open_cover", "cover.anna_windows") == Deed("windows_vent")
    assert await told.press("climate", "set_hvac_mode", "climate.anna_climate", hvac_mode="heat_cool") == Deed(
        "climate_on"
    )
    assert await told.press("climate", "set_hvac_mode", "climate.anna_climate", hvac_mode="off") == Deed("climate_off")
    warmer = await told.press("climate", "set_temperature", "climate.anna_climate", temperature=22.5)
    assert warmer == Deed("climate_temperature", {"driver_celsius": 22.5})
    limit = await told.press("number", "set_value", "number.anna_charge_limit", value=90)
    assert limit == Deed("charge_limit", {"percent": 90})
    assert await told.press("number", "set_value", "number.anna_charging_current", value=10) == Deed(
        "charge_amps", {"amps": 10}
    )
    assert await told.press("switch", "turn_on", "switch.anna_charging") == Deed("charge_start")
    assert await told.press("switch", "turn_off", "switch.anna_sentry_mode") == Deed("sentry_mode", {"on": False})
    seat = await told.press("select", "select_option", "select.anna_seat_heat_front_left", option="medium")
    assert seat == Deed("seat_heat", {"level": "medium", "seat": "front_left"})
    assert await told.press("select", "select_option", "select.anna_climate_keeper", option="dog") == Deed(
        "climate_keeper", {"mode": "dog"}
    )
    assert await told.press("button", "press", "button.anna_honk") == Deed("honk_horn")
    assert {name: told.state(name) for name in (
        "climate.anna_climate", "number.anna_charge_limit", "switch.anna_charging", "switch.anna_sentry_mode",
        "select.anna_seat_heat_front_left", "select.anna_seat_heat_rear_center", "select.anna_overheat_protection",
        "cover.anna_windows", "sensor.anna_battery", "binary_sensor.anna_near", "binary_sensor.anna_reachable",
        "sensor.anna_obstacle",
    )} == {
        "climate.anna_climate": "off", "number.anna_charge_limit": "80", "switch.anna_charging": "off",
        "switch.anna_sentry_mode": "on", "select.anna_seat_heat_front_left": "off",
        "select.anna_seat_heat_rear_center": "high", "select.anna_overheat_protection": "on",
        "cover.anna_windows": "closed", "sensor.anna_battery": "64", "binary_sensor.anna_near": "on",
        "binary_sensor.anna_reachable": "on", "sensor.anna_obstacle": "none",
    }  # fmt: skip
    assert not [one for one in caplog.records if one.levelname in ("WARNING", "ERROR") and "mqtt" in one.name]


async def test_what_the_car_does_not_say_is_unknown(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    await told.discover(EVERYTHING)
    await told.be_there()
    nothing = dict.fromkeys(
        ("lock", "user_present", "rear_trunk", "front_trunk", "charge_port", "tonneau", "front_driver_door")
    )
    await told.say("body", **nothing)
    await told.say("charge", charging=None, battery_percent=None, limit_percent=None, set_amps=None)
    await told.say("climate", on=None, keeper=None, front_left_seat_heat=None, driver_celsius=None, inside_celsius=None)
    for entity_id in ("lock.anna", "cover.anna_trunk", "switch.anna_charging", "number.anna_charge_limit",
                      "select.anna_climate_keeper", "select.anna_seat_heat_front_left", "climate.anna_climate",
                      "binary_sensor.anna_occupied", "sensor.anna_battery"):  # fmt: skip
        assert told.state(entity_id) == "unknown", entity_id
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_charging_means_the_same_as_to_the_component(told: Told) -> None:
    await told.discover(EVERYTHING)
    await told.be_there()
    for word in ("disconnected", "no_power", "starting", "charging", "complete", "stopped", "calibrating"):
        await told.say("charge", charging=word)
        assert told.state("switch.anna_charging") == ("on" if word in CHARGES else "off"), word


async def test_a_car_that_is_away_is_shown_and_a_bridge_that_is_gone_is_not(told: Told) -> None:
    await told.discover(EVERYTHING)
    assert told.state("lock.anna") == "unavailable"
    await told.be_there()
    await told.say("body", lock="locked")
    await told.tell(
        TOPICS.link(ANNA.id), {"boot": "boot1", "reachable": False, "in_range": False, "why_not": "not_in_range"}
    )
    assert told.state("lock.anna") == "locked"
    assert told.state("binary_sensor.anna_near") == "off"
    assert told.state("sensor.anna_obstacle") == "not_in_range"
    await told.tell(TOPICS.status, "offline")
    assert told.state("lock.anna") == "unavailable"
    assert told.state("binary_sensor.carport_connected") == "off"
    await told.tell(TOPICS.status, "online")
    assert told.state("lock.anna") == "locked"
    await told.tell(TOPICS.link(ANNA.id), "")  # the bridge no longer looks after it
    assert told.state("lock.anna") == "unavailable"


async def test_what_happens(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """Told by whichever bridge of the car."""
    await told.discover(EVERYTHING)
    await told.be_there()
    assert told.state("event.anna_event") == "unknown"
    for bridge, kind, more in (
        (TOPICS, "unlocked", {"by": "client", "client": "3f0a9c11d2e4b567"}),
        (Topics("driveway", "bridge-other"), "locked", {"by": "other"}),
        (TOPICS, "pairing", {"stage": "card"}),
    ):
        event = Event(event=kind, boot="boot1", at=12.0, **more)
        await told.tell(bridge.event(ANNA.id), event.payload())
        state = told.hass.states.get("event.anna_event")
        assert state is not None
        assert (state.attributes["event_type"], state.attributes["by"], state.attributes["stage"]) == (
            kind,
            event.by,
            event.stage,
        )
    before = told.state("event.anna_event")
    await told.tell(TOPICS.event(ANNA.id), Event(event="flew", boot="boot1", at=13.0).payload())
    assert told.state("event.anna_event") == before
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING and ".mqtt." in one.name]


async def test_the_car_hangs_on_its_bridge(hass: HomeAssistant, told: Told) -> None:
    await told.discover(EVERYTHING)
    devices = {device.name: device for device in dr.async_get(hass).devices}
    assert devices["Anna"].via_device_id == devices["Carport"].id
    assert (devices["Anna"].manufacturer, devices["Anna"].model) == ("Tesla", "Model 3")
    assert devices["Carport"].sw_version == "0.1.0"


async def test_what_the_role_may_not_is_taken_out(hass: HomeAssistant, told: Told) -> None:
    """The role of the key is read a while after the first message."""
    await told.discover(EVERYTHING)
    assert hass.states.get("lock.anna") is not None
    commands = ("charge_start", "charge_stop", "charge_limit", "charge_amps", "wake")
    car = CarInfo(id=ANNA.id, name="Anna", model="Model 3", role="charging_manager", commands=commands)
    await told.discover(EVERYTHING, car)
    ids = set(hass.states.async_entity_ids())
    assert {"switch.anna_charging", "number.anna_charge_limit", "button.anna_wake", "binary_sensor.anna_lock"} <= ids
    assert not {one for one in ids if one.startswith(("lock.", "cover.", "climate.", "select."))}


async def test_a_car_goes_and_the_component_comes(hass: HomeAssistant, told: Told) -> None:
    await told.discover(EVERYTHING)
    assert hass.states.async_entity_ids()
    await told.tell(f"homeassistant/device/{ANNA.id}/config", "")
    await told.tell(f"homeassistant/device/{INFO.bridge}/config", "")
    assert not hass.states.async_entity_ids()
    assert not [one for one in er.async_get(hass).entities.values() if one.platform == "mqtt"]
    await told.discover(EVERYTHING)
    assert hass.states.get("lock.anna") is not None
