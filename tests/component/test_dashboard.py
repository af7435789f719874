"""The dashboard of a car: made of what the car has, in the owner's language, and of Home Assistant's own cards."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util.yaml import dump, parse_yaml
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway.dashboard import async_dashboard_for

LITTLE: Final = {
    "binary_sensor": ("asleep", "front_driver_door", "rear_passenger_door", "reachable", "user_present"),
    "lock": ("lock",),
    "sensor": ("last_contact", "obstacle", "signal"),
}
"""What a car has with a key that may only lock and unlock, and of which nothing more is known, by platform."""
EVERYTHING: Final = LITTLE | {
    "button": ("drill", "homelink", "horn", "lights", "wake"),
    "climate": ("climate",),
    "cover": ("charge_port", "frunk", "trunk", "windows"),
    "number": ("charge_amps", "charge_limit"),
    "select": ("climate_keeper", "seat_heat_front_left", "seat_heat_front_right"),
    "sensor": (*LITTLE["sensor"], "battery", "charging_state", "drill_result", "inside_temperature", "range"),
    "switch": ("charging", "defrost", "sentry", "wheel_heat"),
}
CARDS: Final = {"heading", "markdown", "tile"}
FEATURES: Final = {
    "bar-gauge",
    "climate-hvac-modes",
    "cover-open-close",
    "lock-commands",
    "numeric-input",
    "select-options",
    "target-temperature",
}


@pytest.fixture
async def registered(hass: HomeAssistant, bridge: FakeBridge) -> MockConfigEntry:
    """The household with Anna, whose entities stand in the registry; it is not set up."""
    entry = household(bridge, ANNA)
    entry.add_to_hass(hass)
    [subentry] = entry.subentries
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, config_subentry_id=subentry, identifiers={("driveway", ANNA.id)}, name="Anna"
    )
    return entry


def register(hass: HomeAssistant, things: Mapping[str, Iterable[str]]) -> None:
    """Put entities of Anna into the registry, each named like its key."""
    for platform, keys in things.items():
        for key in keys:
            name = "anna" if platform == "lock" else f"anna_{key}"
            er.async_get(hass).async_get_or_create(
                platform, "driveway", f"{ANNA.id}-{key}", suggested_object_id=name, original_name=key
            )


@pytest.fixture
def equipped(hass: HomeAssistant, registered: MockConfigEntry) -> MockConfigEntry:
    """The household, whose car has everything, and whose owner watches the cloud."""
    register(hass, EVERYTHING)
    unique_id = f"{registered.entry_id}-cloud"
    er.async_get(hass).async_get_or_create("sensor", "driveway", unique_id, suggested_object_id="maker_cloud")
    return registered


def found(tree: object, key: str) -> Iterator[Any]:
    """Give every value of a key, wherever it stands."""
    if isinstance(tree, dict):
        if key in tree:
            yield tree[key]
        for value in tree.values():
            yield from found(value, key)
    elif isinstance(tree, list):
        for value in tree:
            yield from found(value, key)


def cards(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [card for section in dashboard["views"][0]["sections"] for card in section["cards"]]


@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_car_with_everything(
    hass: HomeAssistant, equipped: MockConfigEntry, snapshot: SnapshotAssertion, language: str
) -> None:
    hass.config.language = language
    dashboard = await async_dashboard_for(hass, equipped, ANNA.id)
    assert dashboard == snapshot
    assert parse_yaml(dump(dashboard)) == dashboard


async def test_all_cards_are_home_assistants_own(hass: HomeAssistant, equipped: MockConfigEntry) -> None:
    dashboard = await async_dashboard_for(hass, equipped, ANNA.id)
    assert {card["type"] for card in cards(dashboard)} == CARDS
    assert {feature["type"] for features in found(dashboard, "features") for feature in features} <= FEATURES
    assert all(len(section["cards"]) > 1 for section in dashboard["views"][0]["sections"])


async def test_every_entity_on_it_is_there(hass: HomeAssistant, equipped: MockConfigEntry) -> None:
    registry = er.async_get(hass)
    shown = set(found(await async_dashboard_for(hass, equipped, ANNA.id), "entity"))
    assert {"lock.anna", "climate.anna_climate", "sensor.maker_cloud"} < shown
    assert {entity for entity in shown if registry.async_get(entity) is None} == set()


async def test_a_car_of_which_little_is_known(hass: HomeAssistant, registered: MockConfigEntry) -> None:
    """Without climate and charging there is no empty section for them."""
    register(hass, LITTLE)
    dashboard = await async_dashboard_for(hass, registered, ANNA.id)
    headings = [section["cards"][0]["heading"] for section in dashboard["views"][0]["sections"]]
    assert headings == ["Anna", "Does it work?"]
    assert "sensor.maker_cloud" not in set(found(dashboard, "entity"))


async def test_a_car_as_it_is_set_up(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """The keys are those of the entities that there are."""
    shown = set(found(await async_dashboard_for(hass, home, ANNA.id), "entity"))
    assert {"lock.anna", "binary_sensor.anna_reachable", "sensor.anna_connection_problem"} < shown


async def test_what_the_owner_disabled_hid_or_renamed(hass: HomeAssistant, equipped: MockConfigEntry) -> None:
    registry = er.async_get(hass)
    registry.async_update_entity("switch.anna_sentry", disabled_by=er.RegistryEntryDisabler.USER)
    registry.async_update_entity("button.anna_horn", hidden_by=er.RegistryEntryHider.USER)
    registry.async_update_entity("lock.anna", new_entity_id="lock.my_car")
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier(("driveway", ANNA.id), equipped.entry_id)
    assert device
    devices.async_update_device(device.id, name_by_user="The red one")
    dashboard = await async_dashboard_for(hass, equipped, ANNA.id)
    shown = set(found(dashboard, "entity"))
    assert "lock.my_car" in shown
    assert not shown & {"switch.anna_sentry", "button.anna_horn", "lock.anna"}
    assert dashboard["views"][0]["path"] == "the_red_one"
    assert cards(dashboard)[0]["heading"] == "The red one"


async def test_what_is_in_the_way_is_shown_only_while_it_is(hass: HomeAssistant, equipped: MockConfigEntry) -> None:
    shown = {
        (card.get("entity") or card["content"], condition["entity"], condition["state"])
        for card in cards(await async_dashboard_for(hass, equipped, ANNA.id))
        for condition in card.get("visibility", ())
    }
    assert ("sensor.anna_obstacle", "binary_sensor.anna_reachable", "off") in shown
    assert ("binary_sensor.anna_front_driver_door", "binary_sensor.anna_front_driver_door", "on") in shown
    banners = {(entity, state) for content, entity, state in shown if content.startswith("**")}
    assert banners == {
        ("lock.anna", "unavailable"),
        ("sensor.maker_cloud", "failing"),
        ("sensor.maker_cloud", "no_internet"),
    }


async def test_a_car_of_somebody_else(hass: HomeAssistant, registered: MockConfigEntry) -> None:
    with pytest.raises(KeyError):
        await async_dashboard_for(hass, registered, "car-00000000")
