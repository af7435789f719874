"""What the owner should know and can change stands in Home Assistant's repairs while it is so, and no longer."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from tests.component.conftest import household
from tests.component.fake_bridge import ANNA, BERT, OTHER_CODE, FakeBridge

from custom_components.driveway import issues, signal_week
from custom_components.driveway.contract import CarInfo, Outcome
from custom_components.driveway.signal_week import SignalWeek

BUDGET = {"wakes_today": 1, "wakes_allowed": 20, "awake_minutes_today": 2.0, "awake_minutes_allowed": 60}


def raised(hass: HomeAssistant) -> dict[str, dict[str, str]]:
    """What the owner sees of us: kinds and names."""
    return {
        str(issue.translation_key): dict(issue.translation_placeholders or {})
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == "driveway" and issue.active
    }


def told(**budget: float) -> dict[str, Any]:
    return {"cars": {ANNA.id: {"budget": BUDGET | budget}}}


@pytest.mark.usefixtures("home")
async def test_all_is_well(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.health(mqtt={"ear": {"ok": True}, "twice": False}, plain={"opens": []}, **told())
    assert raised(hass) == {}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("trouble", "health"),
    [
        ("commands_not_heard", {"mqtt": {"ear": {"ok": False}}}),
        ("commands_not_heard", {"problems": [{"part": "ear", "reason": "commands_not_heard"}]}),
        ("bridge_twice", {"mqtt": {"twice": True}}),
        ("bridge_twice", {"problems": [{"part": "broker", "reason": "bridge_twice"}]}),
        ("plain_opens", {"plain": {"opens": ["unlock"]}}),
        ("wakes_spent", told(wakes_today=20)),
        ("awake_minutes_spent", told(awake_minutes_today=60.5)),
    ],
)
async def test_what_the_bridge_says_of_itself(
    hass: HomeAssistant, bridge: FakeBridge, trouble: str, health: dict[str, Any]
) -> None:
    for _ in range(2):
        bridge.health(**health)
        assert set(raised(hass)) == {trouble}
    assert raised(hass)[trouble]["bridge"] == "Carport"
    bridge.offline()
    assert set(raised(hass)) == {trouble}  # nobody can tell now
    bridge.online()
    bridge.health(**told())
    assert raised(hass) == {}


@pytest.mark.usefixtures("home")
async def test_a_budget_of_nothing_is_not_spent(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.health(**told(wakes_today=0, wakes_allowed=0, awake_minutes_allowed=0))
    assert raised(hass) == {}


@pytest.mark.usefixtures("home")
async def test_who_speaks_another_contract(hass: HomeAssistant, bridge: FakeBridge) -> None:
    for contract, trouble in ((0, "bridge_outdated"), (2, "component_outdated")):
        bridge.announce(contract=contract)
        assert raised(hass) == {trouble: {"bridge": "Carport"}}
    bridge.announce(contract=1)
    assert raised(hass) == {}


async def test_what_the_owner_ignores_stays_ignored(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, issue_registry: ir.IssueRegistry
) -> None:
    bridge.health(plain={"opens": ["unlock"]})
    [issue_id] = [name for domain, name in issue_registry.issues if domain == "driveway"]
    issue_registry.async_ignore("driveway", issue_id, ignore=True)
    assert await hass.config_entries.async_reload(home.entry_id)
    await bridge.come_up()
    bridge.health(plain={"opens": ["unlock"]})
    issue = issue_registry.async_get_issue("driveway", issue_id)
    assert issue is not None
    assert issue.dismissed_version is not None
    # As Home Assistant keeps it over a restart: without what it says.
    ir.async_get(hass).issues["driveway", issue_id] = replace(issue, active=False, data=None)
    assert await hass.config_entries.async_reload(home.entry_id)
    await bridge.come_up()
    bridge.health(plain={"opens": ["unlock"]})
    again = issue_registry.async_get_issue("driveway", issue_id)
    assert again is not None
    assert (again.active, again.dismissed_version) == (True, issue.dismissed_version)


async def test_what_goes_takes_its_repairs_along(hass: HomeAssistant, bridge: FakeBridge) -> None:
    """A car, a bridge, and at last the household."""
    second = FakeBridge(hass, name="Garage", bridge="bridge-2")
    entry = household([bridge, second], ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    for one in (bridge, second):
        await one.come_up()
        one.health(plain={"opens": ["unlock"]}, **told(wakes_today=20))
    registry = ir.async_get(hass)

    def left() -> set[str]:
        known = {name: one for name, one in registry.issues.items() if name[0] == "driveway"}
        return {
            f"{issue.translation_key} {(issue.translation_placeholders or {})['bridge']}" for issue in known.values()
        }

    assert left() == {"plain_opens Carport", "plain_opens Garage", "wakes_spent Carport", "wakes_spent Garage"}
    [subentry] = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry)
    await hass.async_block_till_done()
    assert left() == {"plain_opens Carport", "plain_opens Garage"}
    bridges = {bridge.info.bridge: entry.data["bridges"][bridge.info.bridge]}
    hass.config_entries.async_update_entry(entry, data=entry.data | {"bridges": bridges})
    await hass.async_block_till_done()
    assert left() == {"plain_opens Carport"}
    await hass.config_entries.async_remove(entry.entry_id)
    assert left() == set()


async def test_a_bridge_that_no_longer_has_a_car_has_no_trouble_with_it(
    hass: HomeAssistant, bridge: FakeBridge
) -> None:
    """The owner has taken the car out of its configuration; another bridge looks after it."""
    garage = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-2")
    entry = household([bridge, garage], ANNA, BERT)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.come_up()
    garage.announce(cars=(ANNA, BERT))
    garage.online()
    lost = [{"part": car.id, "reason": "key_not_enrolled"} for car in (ANNA, BERT)]
    garage.health(problems=lost, **told(wakes_today=20))
    await hass.async_block_till_done()
    assert set(raised(hass)) == {"key_lost", "wakes_spent"}
    garage.offline()
    assert set(raised(hass)) == {"key_lost", "wakes_spent"}
    garage.announce(cars=(), boot="boot2")
    await hass.async_block_till_done()
    assert raised(hass) == {}
    assert hass.config_entries.flow.async_progress_by_handler("driveway") == []


async def test_a_household_that_is_disabled_says_nothing(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, issue_registry: ir.IssueRegistry
) -> None:
    bridge.health(plain={"opens": ["unlock"]}, mqtt={"twice": True}, **told(wakes_today=20))
    assert set(raised(hass)) == {"plain_opens", "bridge_twice", "wakes_spent"}
    [ignored] = [issue.issue_id for issue in issue_registry.issues.values() if issue.translation_key == "plain_opens"]
    issue_registry.async_ignore("driveway", ignored, ignore=True)
    await hass.config_entries.async_set_disabled_by(home.entry_id, ConfigEntryDisabler.USER)
    assert set(raised(hass)) == {"plain_opens"}
    await hass.config_entries.async_set_disabled_by(home.entry_id, None)
    await bridge.come_up()
    bridge.health(mqtt={"twice": True})
    assert set(raised(hass)) == {"bridge_twice"}


async def test_no_repair_is_called_by_what_is_private(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, hass_client: ClientSessionGenerator
) -> None:
    """Home Assistant adds them to the diagnostics, beside what we give."""
    assert await async_setup_component(hass, "diagnostics", {})
    lost = {"part": ANNA.id, "reason": "key_not_enrolled"}
    bridge.announce(cars=(ANNA, BERT))
    bridge.health(plain={"opens": ["unlock"]}, problems=[lost, lost | {"part": BERT.id}], **told(wakes_today=20))
    bridge.end(Outcome.FAILED, "not_in_range")
    for _ in range(2):
        with pytest.raises(HomeAssistantError):
            await home.runtime_data.drill.async_drill(ANNA.id)
    assert set(raised(hass)) == {"plain_opens", "key_lost", "wakes_spent", "drill_failed"}
    answer = await (await hass_client()).get(f"/api/diagnostics/config_entry/{home.entry_id}")
    document = await answer.text()
    assert "plain_opens" in document
    for private in (ANNA.id, BERT.id, bridge.info.bridge, "Anna", "Carport"):
        assert private not in document


async def test_the_failed_drill_of_a_car_that_goes(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    bridge.end(Outcome.FAILED, "not_in_range")
    for _ in range(2):
        with pytest.raises(HomeAssistantError):
            await home.runtime_data.drill.async_drill(ANNA.id)
    assert set(raised(hass)) == {"drill_failed"}
    [subentry] = home.subentries
    hass.config_entries.async_remove_subentry(home, subentry)
    await hass.async_block_till_done()
    assert raised(hass) == {}


# A lost key ----------------------------------------------------------------------------------------------------------


def drop_keys(bridge: FakeBridge, *cars: CarInfo) -> None:
    bridge.health(problems=[{"part": car.id, "reason": "key_not_enrolled"} for car in cars])


@pytest.fixture
async def lost(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> AsyncIterator[str]:
    """Two cars have dropped the key: one is on Home Assistant's own card, the other one waits. Gives its repair."""
    assert await async_setup_component(hass, "repairs", {})
    bridge.announce(cars=(ANNA, BERT))
    drop_keys(bridge, ANNA, BERT)
    await hass.async_block_till_done()
    [issue] = [issue for issue in ir.async_get(hass).issues.values() if issue.translation_key == "key_lost"]
    yield issue.issue_id
    for flow in [*hass.config_entries.flow.async_progress(), *hass.config_entries.subentries.async_progress()]:
        manager = hass.config_entries.flow if isinstance(flow["handler"], str) else hass.config_entries.subentries
        manager.async_abort(flow["flow_id"])


async def fix(hass: HomeAssistant, issue_id: str) -> Any:
    """Press "Fix" and go on."""
    manager = repairs_flow_manager(hass)
    assert manager is not None
    form = await manager.async_init("driveway", context={"issue_id": issue_id})
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "confirm")
    assert form["description_placeholders"] == {"bridge": "Carport", "car": "Bert"}
    return await manager.async_configure(form["flow_id"], {})


async def test_a_lost_key_leads_to_the_pairing(hass: HomeAssistant, bridge: FakeBridge, lost: str) -> None:
    assert raised(hass) == {"key_lost": {"bridge": "Carport", "car": "Bert"}}
    result = await fix(hass, lost)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "pairing")
    kind, flow_id = result["next_flow"]
    assert kind == "config_subentries_flow"
    form = hass.config_entries.subentries.async_get(flow_id)
    assert form["step_id"] == "pair"
    assert set(raised(hass)) == {"key_lost"}  # until the car knows the key
    drop_keys(bridge, ANNA)
    assert raised(hass) == {}


async def test_the_card_takes_it_over_when_it_is_its_turn(hass: HomeAssistant, bridge: FakeBridge, lost: str) -> None:
    drop_keys(bridge, BERT)
    await hass.async_block_till_done()
    assert raised(hass) == {}
    [card] = hass.config_entries.flow.async_progress_by_handler("driveway")
    assert card["context"]["title_placeholders"] == {"name": "Bert"}


async def test_a_dialog_that_was_left_without_success_leaves_a_repair(
    hass: HomeAssistant, bridge: FakeBridge, lost: str
) -> None:
    [card] = hass.config_entries.flow.async_progress_by_handler("driveway")
    hass.config_entries.flow.async_abort(card["flow_id"])
    for _ in range(2):  # with each word of the bridge it is looked at anew
        drop_keys(bridge, ANNA, BERT)
        await hass.async_block_till_done()
    assert raised(hass) == {"key_lost": {"bridge": "Carport", "car": "Anna"}}
    [card] = hass.config_entries.flow.async_progress_by_handler("driveway")
    assert card["context"]["title_placeholders"] == {"name": "Bert"}
    drop_keys(bridge, BERT)
    assert raised(hass) == {}
    assert len(hass.config_entries.flow.async_progress_by_handler("driveway")) == 1


async def test_a_lost_key_of_a_car_that_no_bridge_has(hass: HomeAssistant, bridge: FakeBridge, lost: str) -> None:
    manager = repairs_flow_manager(hass)
    assert manager is not None
    form = await manager.async_init("driveway", context={"issue_id": lost})
    bridge.announce(cars=(ANNA,))
    assert raised(hass) == {}
    result = await manager.async_configure(form["flow_id"], {})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_bridge_for_car")


async def test_a_lost_key_of_a_car_that_is_gone(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, lost: str
) -> None:
    manager = repairs_flow_manager(hass)
    assert manager is not None
    form = await manager.async_init("driveway", context={"issue_id": lost})
    [subentry] = [one for one in home.subentries.values() if one.data["car"] == BERT.id]
    hass.config_entries.async_remove_subentry(home, subentry.subentry_id)
    await hass.async_block_till_done()
    assert raised(hass) == {}
    result = await manager.async_configure(form["flow_id"], {})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_car")


# A weak signal -------------------------------------------------------------------------------------------------------


class Days:
    """Days that pass, on each of which the bridge hears the car now and then."""

    def __init__(self, hass: HomeAssistant, bridge: FakeBridge, freezer: FrozenDateTimeFactory) -> None:
        self.hass = hass
        self.bridge = bridge
        self.freezer = freezer
        self.heard_at = 0

    async def hear(self, *dbm: int) -> None:
        for strength in dbm:
            self.heard_at += 1
            self.bridge.link(reachable=True, signal_dbm=strength, heard_at=float(self.heard_at))
        await self.hass.async_block_till_done()

    async def next(self, days: int = 1) -> None:
        self.freezer.tick(timedelta(days=days))


@pytest.fixture
async def days(
    hass: HomeAssistant, bridge: FakeBridge, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> Days:
    monkeypatch.setattr(signal_week, "EVERY_S", 0.0)
    return Days(hass, bridge, freezer)


async def test_a_weak_signal_for_a_week(hass: HomeAssistant, home: MockConfigEntry, days: Days) -> None:
    await days.next()  # on the first of the seven it was good
    for _ in range(5):
        await days.hear(-92, -88, -60)
        assert raised(hass) == {}
        await days.next()
    await days.hear(-92, -88, -60)
    assert raised(hass) == {"weak_signal": {"bridge": "Carport", "car": "Anna"}}
    await days.next(6)
    await days.hear(*[-70] * 5)
    for _ in range(4):
        await days.next()
        await days.hear(*[-70] * 5)
    assert raised(hass) == {}


async def test_a_car_that_was_hardly_there_says_little(hass: HomeAssistant, home: MockConfigEntry, days: Days) -> None:
    await days.hear(-95)
    await days.next(6)
    await days.hear(-95)
    assert raised(hass) == {}


async def test_it_is_remembered_over_a_restart_of_home_assistant(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, days: Days, hass_storage: dict[str, Any]
) -> None:
    key = f"driveway.signal.{home.entry_id}"
    await days.hear(-90, -90)
    days.freezer.tick(issues.STORED_AFTER_S)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    [stored] = hass_storage[key]["data"].values()
    [strengths] = stored.values()
    assert strengths["-90"] == 2
    await days.hear(-91)
    assert await hass.config_entries.async_reload(home.entry_id)
    assert hass_storage[key]["data"][f"{bridge.info.bridge}/{ANNA.id}"].popitem()[1]["-91"] == 1
    await hass.config_entries.async_remove(home.entry_id)
    assert key not in hass_storage


def test_time_counts_and_not_messages() -> None:
    week = SignalWeek()
    pair = ("bridge", "car")
    assert week.note(pair, -90, 1.0, day=1, now=0.0)
    assert not week.note(pair, -60, 2.0, day=1, now=signal_week.EVERY_S - 1)
    assert not week.note(pair, -90, 1.0, day=1, now=signal_week.EVERY_S)  # the same as before, told again
    assert week.note(pair, -60, 2.0, day=1, now=signal_week.EVERY_S)
    assert week.as_stored() == {"bridge/car": {"1": {"-90": 1, "-60": 1}}}
    assert SignalWeek(week.as_stored()).as_stored() == week.as_stored()


def test_a_clock_that_was_set_back_forgets_nothing() -> None:
    """After a power cut the computer may begin in 1970."""
    week = SignalWeek()
    pair = ("bridge", "car")
    for number, day in enumerate([*range(20001, 20008), 1, 20008]):
        week.note(pair, -90, float(number), day=day, now=number * signal_week.EVERY_S)
    assert week.median(pair, 20008) == -90
    week.keep(set())
    assert week.median(pair, 20008) is None


async def test_another_bridge_is_a_matter_of_its_own(hass: HomeAssistant, bridge: FakeBridge, days: Days) -> None:
    second = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-2")
    entry = household([bridge, second], ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    for one in (bridge, second):
        await one.come_up()
    await days.next()
    for _ in range(7):
        await days.hear(-90)
        second.link(reachable=True, signal_dbm=-60, heard_at=float(days.heard_at))
        await days.next()
    await days.hear(-90)
    assert raised(hass) == {"weak_signal": {"bridge": "Carport", "car": "Anna"}}
