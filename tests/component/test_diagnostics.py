"""The report for helpers: everything that they need, nothing that is private."""

import ast
import json
import re
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props
from tests.component.conftest import Press
from tests.component.fake_bridge import ANNA, BERT, CODE, FakeBridge

from custom_components.driveway import disclosure
from custom_components.driveway.contract import Outcome

ROOT = Path(__file__).parents[2]
OF_NOW = props(
    "age_s", "home_assistant", "heard_s_ago", "contact_s_ago", "last_contact_s_ago", "ended_s_ago", "took_ms",
    "recent_s", "expected_s", "entities",
)  # fmt: skip
"""What differs from run to run, or with every entity that is added."""
HEALTH = json.loads(
    (ROOT / "docs/mqtt.md").read_text("utf-8").split("## Health", 1)[1].split("```json", 1)[1].split("```", 1)[0]
)
"""The example of the contract's page."""
PLACE = 48.1371540
"""Where nobody shall learn that the car stands."""


@pytest.fixture(autouse=True)
async def _diagnostics(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "diagnostics", {})


def health_of(bridge: FakeBridge, **changes: object) -> dict[str, Any]:
    """The example, as if this bridge had told it of Anna."""
    [car] = HEALTH["cars"].values()
    return deepcopy({**HEALTH, "boot": bridge.info.boot, "cars": {ANNA.id: car}, **changes})


def device_of(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> dr.DeviceEntry:
    [device] = [
        device
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if ("driveway", identifier) in device.identifiers
    ]
    assert isinstance(device, dr.DeviceEntry)
    return device


async def test_a_household_that_works(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    home: MockConfigEntry,
    bridge: FakeBridge,
    press: Press,
    snapshot: SnapshotAssertion,
) -> None:
    bridge.health(**health_of(bridge))
    bridge.tell_state("charge", battery_percent=64, charging="charging", home={"latitude": PLACE, "longitude": 11.5})
    await press("unlock")
    await home.runtime_data.drill.async_drill(ANNA.id)
    report: Any = await get_diagnostics_for_config_entry(hass, hass_client, home)
    assert report == snapshot(exclude=OF_NOW)
    assert report["cars"]["car_1"]["entities"]["lock"] == {"there": 1, "disabled": 0, "unavailable": 0, "unknown": 0}
    assert report["cloud_watch"] == "off"
    assert (report["cars"]["car_1"]["last_drill"]["reason"], report["cars"]["car_1"]["last_drill"]["failures"]) == (
        "done",
        0,
    )
    for private in (CODE, "Anna", "Carport", ANNA.id, bridge.info.bridge, bridge.signer.client, str(PLACE)):
        assert private not in json.dumps(report)


async def test_before_the_bridge_was_heard(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry, snapshot: SnapshotAssertion
) -> None:
    assert await get_diagnostics_for_config_entry(hass, hass_client, entry) == snapshot(exclude=OF_NOW)


async def test_of_a_car_and_of_a_bridge(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    home: MockConfigEntry,
    bridge: FakeBridge,
    press: Press,
    snapshot: SnapshotAssertion,
) -> None:
    bridge.announce(cars=(ANNA, BERT))
    bridge.health(**health_of(bridge, problems=[{"part": ANNA.id, "reason": "places_full"}]))
    bridge.end(Outcome.FAILED, "places_full")
    with pytest.raises(HomeAssistantError):
        await press("unlock")

    of_anna: Any = await get_diagnostics_for_device(hass, hass_client, home, device_of(hass, home, ANNA.id))
    assert of_anna == snapshot(exclude=OF_NOW)
    assert of_anna["car_1"]["last_command"]["reason"] == "places_full"
    assert "car_2" not in json.dumps(of_anna)

    of_the_bridge: Any = await get_diagnostics_for_device(
        hass, hass_client, home, device_of(hass, home, bridge.info.bridge)
    )
    assert of_the_bridge["bridge_1"]["problems"] == [{"part": "car", "reason": "places_full"}]
    assert of_the_bridge["bridge_1"]["cars"].keys() == {"car_1", "car_2"}


async def test_nothing_of_a_document_full_of_secrets_is_shown(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, home: MockConfigEntry, bridge: FakeBridge, press: Press
) -> None:
    """Every text and every name that a newer or a mad bridge may tell is private until this version knows better."""
    numbers = count()

    def secret() -> str:
        return f"geheim{next(numbers)}"

    def spoilt(tree: Any) -> Any:
        """The same document with a secret for each leaf, and one more in each object."""
        if isinstance(tree, dict):
            return {name: spoilt(value) for name, value in tree.items()} | {secret(): secret(), secret(): PLACE}
        if isinstance(tree, list):
            return [*map(spoilt, tree), {secret(): secret()}, secret(), PLACE]
        return secret()

    hass.config_entries.async_update_entry(
        home, title=secret(), options={"watch": True, "url": secret(), "day": "monday", "part": {"url": secret()}}
    )
    [subentry] = home.subentries.values()
    hass.config_entries.async_update_subentry(home, subentry, data={**subentry.data, "route": f"lock.{secret()}"})
    await hass.async_block_till_done()  # it may be set up anew for this
    await bridge.come_up()

    document = health_of(bridge, problems=[{"part": "radio", "reason": "radio_deaf"}])
    document["radio"]["steps"] = [{"step": "scan", "why": "deaf", "worked": True, "detail": ""}]
    document["radio"]["radios"] = [{"name": "hci0", "kind": "adapter", "state": "ok", "reason": None}]
    bridge.health(**spoilt(document))
    for subject, names in disclosure.READINGS.items():
        values: dict[str, Any] = {name: secret() for name in names}
        values |= {secret(): PLACE, secret(): [secret(), {secret(): PLACE}], "latitude": PLACE}
        values |= {"route_destination": secret(), "home": {"latitude": PLACE}}
        bridge.tell_state(subject, **values)
    unheard_of: dict[str, Any] = {secret(): secret()}
    bridge.tell_state(secret(), **unheard_of)
    bridge.link(why_not=secret())
    bridge.announce(
        name=secret(),
        version=secret(),
        cars=(type(ANNA)(id=ANNA.id, name=secret(), model=secret(), role=secret(), commands=("lock", secret())),),
        clients=(bridge.signer.client, secret()),
        commands=("lock", secret()),
    )
    bridge.end(Outcome.REFUSED, secret())
    with pytest.raises(HomeAssistantError):
        await press("lock")
    reports = [
        await get_diagnostics_for_config_entry(hass, hass_client, home),
        await get_diagnostics_for_device(hass, hass_client, home, device_of(hass, home, ANNA.id)),
        await get_diagnostics_for_device(hass, hass_client, home, device_of(hass, home, bridge.info.bridge)),
    ]
    written = json.dumps(reports)
    assert "geheim" not in written
    assert str(PLACE) not in written
    assert next(numbers) > 400
    entry_report: Any = reports[0]
    assert entry_report["options"] == {"watch": True, "url": True, "day": "monday", "part": True}
    assert entry_report["cars"]["car_1"]["settings"] == ["car", "route"]
    assert entry_report["recent_commands"][0]["reason"] == "other"


async def test_documents_of_any_other_shape_are_no_error(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    bridge.health(
        version=None, mqtt=7, radio=[], cars={ANNA.id: "well"}, process=None, plain={"opens": "all"}, problems={}
    )
    report: Any = await get_diagnostics_for_config_entry(hass, hass_client, home)
    assert report["bridges"]["bridge_1"]["health"]["radio"] == {}


def test_whatever_the_contract_says_of_health_is_shown_or_left_out_on_purpose() -> None:
    """So that the report does not fall behind the document."""
    private = {
        "boot", "problems", "cars",  # shown elsewhere
        "adapter", "address", "detail", "hash", "held_by", "asking", "question", "holder", "others",
    }  # fmt: skip

    def names(tree: Any) -> set[str]:
        if isinstance(tree, list):
            return {name for item in tree for name in names(item)}
        return (
            set(tree) | {name for value in tree.values() for name in names(value)} if isinstance(tree, dict) else set()
        )

    [car] = HEALTH["cars"].values()
    told = names({**HEALTH, "cars": {}}) | names(car)
    shown = names(disclosure.BRIDGE_HEALTH(HEALTH)) | names(disclosure.CAR_HEALTH(car))
    assert shown
    assert told - shown <= private


def test_every_word_of_a_reading_that_is_shown_is_known() -> None:
    """The bridge's enumerations; those of subjects and readings that are never shown do not count."""
    wanted: dict[str, set[str]] = {}
    for path in sorted((ROOT / "bridge/driveway_bridge/state").glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        words: dict[str, set[str]] = {
            name: {
                str(item.value.value)
                for item in node.body
                if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)
            }
            for name, node in classes.items()
            if any(isinstance(base, ast.Name) and base.id == "StrEnum" for base in node.bases)
        }
        subjects = disclosure.READINGS.get(path.stem, frozenset())
        for node in classes.values():
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id in subjects:
                    kinds = re.findall(r"\w+", ast.unparse(item.annotation))
                    wanted.setdefault(path.stem, set()).update(*(words.get(kind, set()) for kind in kinds))
    assert wanted["body"] >= {"locked", "ajar"}
    for words_of_subject in wanted.values():
        assert words_of_subject <= disclosure.WORDS


def test_every_reading_that_is_shown_exists() -> None:
    for subject, names in disclosure.READINGS.items():
        file = {"media_detail": "media", "charge_schedules": "schedules", "precondition_schedules": "schedules"}
        source = (ROOT / f"bridge/driveway_bridge/state/{file.get(subject, subject)}.py").read_text("utf-8")
        for name in names:
            assert re.search(rf"^    {name}: ", source, re.MULTILINE), (subject, name)
