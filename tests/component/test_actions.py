"""Actions for what no entity can do: what they send, what they answer, and what they do not let pass."""

import json
import math
import re
from collections.abc import Callable, Coroutine, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import probatio
import pytest
from homeassistant.core import Context, HomeAssistant, ServiceResponse, SupportsResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.setup import async_setup_component
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway import actions, async_setup
from custom_components.driveway.const import DOMAIN
from custom_components.driveway.contract import Outcome

KEY = "04" + "ab" * 64
CATALOGUE = Path(__file__).parents[2] / "docs/commands.md"
FOLDER = Path(actions.__file__).parent
EXAMPLES: dict[str, dict[str, Any]] = {
    "navigate": {"destination": "Hauptstraße 1, Bremen"},
    "charge_schedule_add": {"start": "23:30:00"},
    "charge_schedule_remove": {"schedule_id": 7},
    "precondition_schedule_add": {"ready": "07:15:00"},
    "precondition_schedule_remove": {"schedule_id": 7},
    "valet_mode": {"on": True, "pin": "1234"},
    "speed_limit": {"limit": 120, "unit": "km/h"},
    "guest_mode": {"on": True},
    "guest_key_add": {"public_key": KEY},
    "guest_key_remove": {"public_key": KEY},
    "command": {"command": "charge_limit", "arguments": {"percent": 80}},
    "read": {"question": "read_charge"},
}

Act = Callable[..., Coroutine[Any, Any, ServiceResponse]]


@pytest.fixture
def act(hass: HomeAssistant, home: MockConfigEntry) -> Act:
    """Do it with Anna; with an answer where there is one."""

    async def act(name: str, /, *, context: Context | None = None, **data: object) -> ServiceResponse:
        return await hass.services.async_call(
            DOMAIN,
            name,
            {"entity_id": "lock.anna"} | data,
            blocking=True,
            context=context,
            return_response=actions.ACTIONS[name].response is not SupportsResponse.NONE,
        )

    return act


def sent(bridge: FakeBridge) -> list[tuple[str, Mapping[str, Any]]]:
    return [(command.command, command.arguments) for command in bridge.commands]


def home_of(hass: HomeAssistant) -> dict[str, float]:
    return {"latitude": hass.config.latitude, "longitude": hass.config.longitude}


# What is sent ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "command", "arguments"),
    [
        ("navigate", {"destination": "Bremen"}, "navigate", {"destination": "Bremen"}),
        (
            "navigate",
            {"location": {"latitude": 53.0, "longitude": 8.8, "radius": 100}},
            "navigate_to_point",
            {"latitude": 53.0, "longitude": 8.8},
        ),
        ("charge_schedule_remove", {"schedule_id": 17}, "charge_schedule_remove", {"schedule_id": 17}),
        ("precondition_schedule_remove", {"schedule_id": "17"}, "precondition_schedule_remove", {"schedule_id": 17}),
        ("charge_schedule_remove", {"schedule_id": 17.0}, "charge_schedule_remove", {"schedule_id": 17}),
        ("valet_mode", {"on": True, "pin": "0815"}, "valet_mode", {"on": True, "pin": "0815"}),
        ("valet_mode", {"on": False}, "valet_mode", {"on": False}),
        ("speed_limit", {"limit": 70, "unit": "mph"}, "speed_limit_set", {"limit_mph": 70.0}),
        ("speed_limit", {"limit": 120}, "speed_limit_set", {"limit_mph": 74.56}),
        ("speed_limit", {"on": False, "pin": "0815"}, "speed_limit", {"on": False, "pin": "0815"}),
        ("guest_mode", {"on": True}, "guest_mode", {"on": True}),
        ("guest_key_add", {"public_key": KEY}, "key_add", {"public_key": KEY, "role": "guest"}),
        ("guest_key_remove", {"public_key": KEY}, "key_remove", {"public_key": KEY}),
    ],
)
async def test_an_action_is_a_command(
    act: Act, bridge: FakeBridge, name: str, data: dict[str, Any], command: str, arguments: dict[str, Any]
) -> None:
    assert await act(name, **data) is None
    assert sent(bridge) == [(command, arguments)]


async def test_a_charging_schedule_at_home(hass: HomeAssistant, act: Act, bridge: FakeBridge) -> None:
    answer = await act("charge_schedule_add", start="23:30:00", end="06:00:00", days=["monday", "friday"], name="Night")
    [(command, arguments)] = sent(bridge)
    schedule_id = arguments["schedule_id"]
    assert schedule_id > 1_700_000_000
    assert (command, arguments) == (
        "charge_schedule_add",
        {
            "schedule_id": schedule_id,
            **home_of(hass),
            "start_minutes": 1410,
            "end_minutes": 360,
            "days": ["monday", "friday"],
            "name": "Night",
        },
    )
    assert answer == {"lock.anna": {"schedule_id": schedule_id}}


@pytest.mark.usefixtures("freezer")
async def test_schedules_of_the_same_second_do_not_replace_each_other(act: Act, bridge: FakeBridge) -> None:
    await act("charge_schedule_add", start="23:30:00")
    await act("charge_schedule_add", start="12:00:00")
    await act("precondition_schedule_add", ready="07:15:00")
    assert len({arguments["schedule_id"] for _, arguments in sent(bridge)}) == 3


async def test_a_schedule_is_changed_elsewhere(act: Act, bridge: FakeBridge) -> None:
    place = {"latitude": 53.0, "longitude": 8.8}
    await act(
        "precondition_schedule_add", ready="07:15:00", schedule_id=17, location=place, one_time=True, enabled=False
    )
    wished = {"schedule_id": 17, **place, "ready_minutes": 435, "one_time": True, "enabled": False}
    assert sent(bridge) == [("precondition_schedule_add", wished)]


async def test_a_limit_is_set_before_it_is_switched_on(hass: HomeAssistant, act: Act, bridge: FakeBridge) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    await act("speed_limit", limit=65, on=True, pin="0815")
    assert sent(bridge) == [
        ("speed_limit_set", {"limit_mph": 65.0}),
        ("speed_limit", {"on": True, "pin": "0815"}),
    ]


async def test_any_command_by_its_name(act: Act, bridge: FakeBridge) -> None:
    bridge.on_command = lambda command: bridge.result(
        command, Outcome.CONFIRMED, "done", route="bluetooth", phases_ms={"total": 312.0}, data={"percent": 80}
    )
    answer = await act("command", command="charge_limit", arguments={"percent": 80})
    assert sent(bridge) == [("charge_limit", {"percent": 80})]
    assert answer == {
        "lock.anna": {
            "outcome": "confirmed",
            "reason": "done",
            "route": "bluetooth",
            "phases_ms": {"total": 312.0},
            "data": {"percent": 80},
        }
    }
    bridge.on_command = bridge.confirm
    answer = await act("command", command="wake")
    assert answer is not None
    assert answer["lock.anna"]["data"] is None  # type: ignore[index,call-overload]


async def test_a_question_is_answered(act: Act, bridge: FakeBridge) -> None:
    sites = {"superchargers": [{"name": "Stuhr", "available": 8}]}
    bridge.on_command = lambda command: bridge.result(command, Outcome.CONFIRMED, "done", data=sites)
    assert await act("read", question="nearby_sites", arguments={"count": 1}) == {"lock.anna": sites}
    assert sent(bridge) == [("nearby_sites", {"count": 1})]


async def test_the_device_stands_for_the_car(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, ANNA.id), home.entry_id)
    assert device is not None
    await hass.services.async_call(DOMAIN, "guest_mode", {"device_id": device.id, "on": False}, blocking=True)
    assert sent(bridge) == [("guest_mode", {"on": False})]


# How long it lives ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "lives_s"),
    [("valet_mode", 5.0), ("guest_key_add", 5.0), ("speed_limit", 5.0), ("navigate", 60.0), ("read", 60.0)],
)
async def test_what_opens_or_gives_rights_does_not_live_long(
    act: Act, bridge: FakeBridge, name: str, lives_s: float
) -> None:
    await act(name, **EXAMPLES[name])
    [command] = bridge.commands
    assert lives_s - 4 < command.ttl <= lives_s


async def test_a_dashboard_asks_nobody(act: Act, bridge: FakeBridge) -> None:
    bridge.offline()
    answer = await act("dashboard")
    assert answer is not None
    dashboard = answer["lock.anna"]
    assert isinstance(dashboard, dict)
    assert dashboard["title"] == "Anna"
    assert not bridge.commands


async def test_a_dashboard_in_a_language_that_was_chosen_just_now(hass: HomeAssistant, act: Act) -> None:
    """Home Assistant has cached the texts of the one before."""
    await hass.config.async_update(language="de")
    answer = await act("dashboard")
    assert answer is not None
    assert "Funktioniert es?" in json.dumps(answer, ensure_ascii=False)


async def test_so_it_is_with_commands_by_name(act: Act, bridge: FakeBridge) -> None:
    for name in ("unlock", "trunk_open", "pair", "climate_on"):
        await act("command", command=name)
    assert [command.ttl <= 5 for command in bridge.commands] == [True, True, True, False]


def test_opening_commands_are_those_of_the_catalogue() -> None:
    page = CATALOGUE.read_text("utf-8")
    assert actions.OPENING - {"pair"} >= set(re.findall(r"^\| `(\w+)` 🔑", page, re.MULTILINE))
    listed = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert actions.OPENING - {"pair"} <= listed
    assert set(actions.QUESTIONS) - {"keys"} <= listed


# What does not pass ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("navigate", {}, "destination_or_location"),
        (
            "navigate",
            {"destination": "Bremen", "location": {"latitude": 53.0, "longitude": 8.8}},
            "destination_or_location",
        ),
        ("charge_schedule_add", {"name": "Night"}, "start_or_end"),
        ("valet_mode", {"on": True}, "pin_missing"),
        ("speed_limit", {}, "limit_or_on"),
        ("speed_limit", {"on": True}, "pin_missing"),
        ("speed_limit", {"limit": 40, "unit": "mph"}, "limit_out_of_range"),
        ("speed_limit", {"limit": 200, "on": True, "pin": "0815"}, "limit_out_of_range"),
    ],
)
async def test_what_does_not_fit_together_is_said(
    act: Act, bridge: FakeBridge, name: str, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await act(name, **data)
    assert (caught.value.translation_domain, caught.value.translation_key) == (DOMAIN, key)
    assert bridge.commands == []


async def test_the_range_is_told_in_the_owners_unit(act: Act) -> None:
    with pytest.raises(ServiceValidationError, match="goes from 81 km/h to 144 km/h"):
        await act("speed_limit", limit=30)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("navigate", {"destination": ""}),
        ("navigate", {"location": {"latitude": 91, "longitude": 0}}),
        ("charge_schedule_add", {"start": "25:00"}),
        ("charge_schedule_add", {"start": "23:00", "days": ["someday"]}),
        ("charge_schedule_remove", {}),
        ("charge_schedule_remove", {"schedule_id": 0}),
        ("charge_schedule_remove", {"schedule_id": 17.5}),
        ("charge_schedule_remove", {"schedule_id": True}),
        ("precondition_schedule_add", {}),
        ("valet_mode", {"on": True, "pin": "12"}),
        ("valet_mode", {"on": True, "pin": "12345"}),
        ("guest_key_add", {"public_key": "04abcd"}),
        ("guest_key_add", {"public_key": KEY + "00"}),
        ("command", {"command": "Unlock!"}),
        ("command", {"command": "charge_limit", "arguments": {"until": date(2026, 11, 23)}}),
        ("command", {"command": "charge_limit", "arguments": {"percent": math.nan}}),
        ("read", {"question": "nearby_sites", "arguments": {"count": {5}}}),
        ("read", {"question": "unlock"}),
        ("guest_mode", {"on": True, "more": 1}),
    ],
)
async def test_what_is_malformed_is_not_sent(act: Act, bridge: FakeBridge, name: str, data: dict[str, Any]) -> None:
    with pytest.raises(probatio.Invalid):
        await act(name, **data)
    assert bridge.commands == []


@pytest.mark.parametrize("name", sorted(EXAMPLES))
async def test_the_cars_no_reaches_whoever_asked(act: Act, bridge: FakeBridge, name: str) -> None:
    bridge.end(Outcome.REFUSED, "role_forbids")
    with pytest.raises(HomeAssistantError) as caught:
        await act(name, **EXAMPLES[name])
    assert caught.value.translation_key == "role_forbids"


@pytest.mark.parametrize("name", sorted(EXAMPLES))
async def test_without_a_bridge_nothing_is_swallowed(act: Act, bridge: FakeBridge, name: str) -> None:
    bridge.offline()
    with pytest.raises(HomeAssistantError) as caught:
        await act(name, **EXAMPLES[name])
    assert caught.value.translation_key == "bridge_away"


@pytest.mark.parametrize("name", ["command", "guest_key_add", "guest_key_remove"])
async def test_keys_and_any_command_are_for_administrators(
    hass: HomeAssistant, act: Act, bridge: FakeBridge, hass_admin_user: MockUser, name: str
) -> None:
    nanny = MockUser().add_to_hass(hass)
    nanny.mock_policy({"entities": True})
    with pytest.raises(Unauthorized):
        await act(name, context=Context(user_id=nanny.id), **EXAMPLES[name])
    assert bridge.commands == []
    await act("navigate", context=Context(user_id=nanny.id), **EXAMPLES["navigate"])
    await act(name, context=Context(user_id=hass_admin_user.id), **EXAMPLES[name])
    assert len(bridge.commands) == 2


# What Home Assistant shows of them ------------------------------------------------------------------------------------


async def test_they_are_there_without_an_entry(hass: HomeAssistant) -> None:
    assert await async_setup(hass, {})
    assert set(hass.services.async_services()[DOMAIN]) == set(actions.ACTIONS)


@pytest.mark.usefixtures("mqtt_mock")
async def test_every_action_is_described_in_every_language_and_has_an_icon(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    described = (await async_get_all_descriptions(hass))[DOMAIN]
    assert set(described) == set(actions.ACTIONS) == {*EXAMPLES, "dashboard"}
    icons = json.loads((FOLDER / "icons.json").read_text("utf-8"))["services"]
    assert set(icons) == set(actions.ACTIONS)
    for language in ("en", "de"):
        texts = json.loads((FOLDER / f"translations/{language}.json").read_text("utf-8"))
        assert set(texts["services"]) == set(actions.ACTIONS)
        for name, action in actions.ACTIONS.items():
            fields = {str(field): field for field in action.fields}
            assert set(texts["services"][name].get("fields", ())) == set(fields)
            shown = described[name]["fields"]
            assert set(shown) == set(fields)
            for field, row in shown.items():
                assert "example" in row, (name, field)
                assert row.get("required", False) is isinstance(fields[field], probatio.Required), (name, field)
                if options := (row["selector"].get("select") or {}).get("options"):
                    key = row["selector"]["select"].get("translation_key")
                    assert key is None or set(texts["selector"][key]["options"]) == set(options)
    assert tuple(described["read"]["fields"]["question"]["selector"]["select"]["options"]) == actions.QUESTIONS
