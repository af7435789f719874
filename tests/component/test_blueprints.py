"""The blueprints, each run by Home Assistant's own automations: what they do, and what they leave alone."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.core import CoreState, HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed, async_mock_service
from tests.component.fake_bridge import ANNA, FakeBridge

from custom_components.driveway.contract import Outcome

FOLDER: Final = Path(__file__).parents[2] / "blueprints" / "automation" / "driveway"
NAMES: Final = {
    "cloud_down",
    "door_open_too_long",
    "everyone_left",
    "solar_surplus",
    "unlocked_at_night",
    "warm_before_appointment",
}
BERLIN: Final = ZoneInfo("Europe/Berlin")
AUTOMATION: Final = "automation"
LOCK: Final = "lock.anna"
TELL: Final = [{"action": "test.tell", "data": {"message": "{{ message }}"}}]


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """A configuration folder with the blueprints where Home Assistant keeps those that were imported."""
    shutil.copytree(FOLDER, Path(hass_tmp_config_dir) / "blueprints" / AUTOMATION / "driveway")
    return hass_tmp_config_dir


@pytest.fixture(autouse=True)
async def _in_berlin(hass: HomeAssistant) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")


@pytest.fixture
def told(hass: HomeAssistant) -> list[ServiceCall]:
    """What the owner is told."""
    return async_mock_service(hass, "test", "tell")


type Pass = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture
def clock(hass: HomeAssistant, freezer: FrozenDateTimeFactory, bridge: FakeBridge) -> Pass:
    """Let time pass until a moment, or for a while, in steps of minutes."""

    async def pass_time(until: datetime | None = None, *, step: int = 1, **span: float) -> None:
        end = until.astimezone(UTC) if until else datetime.now(UTC) + timedelta(**span)
        while (now := datetime.now(UTC)) < end:
            freezer.move_to(min(now + timedelta(minutes=step), end))
            bridge.tell_clock()  # it lives
            async_fire_time_changed(hass, datetime.now(BERLIN))
            await settle()

    return pass_time


async def settle() -> None:
    """Let all run that can. Home Assistant's own way to wait would wait for automations that are in a delay, too."""
    for _ in range(40):
        await asyncio.sleep(0)


type Begin = Callable[[str], None]


@pytest.fixture
def begin(freezer: FrozenDateTimeFactory, bridge: FakeBridge) -> Begin:
    """Begin a story at a time of the day in Berlin, with a bridge that lives then."""

    def begin(when: str) -> None:
        freezer.move_to(at(when))
        bridge.tell_clock()

    return begin


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


async def use(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Make an automation of a blueprint, as its form does."""
    automation = {"id": name, "alias": name, "use_blueprint": {"path": f"driveway/{name}.yaml", "input": inputs}}
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: automation})
    await hass.async_block_till_done()
    state = hass.states.get(f"automation.{name}")
    assert state is not None
    assert state.state == "on", "the log says what is wrong with it"


def sentences(told: list[ServiceCall]) -> list[str]:
    return [call.data["message"] for call in told]


def commands(bridge: FakeBridge) -> list[str]:
    return [command.command for command in bridge.commands]


async def test_all_are_what_home_assistant_takes_for_a_blueprint(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, AUTOMATION, {})
    found = await async_get_blueprints(hass).async_get_blueprints()
    ours = {Path(path).stem: blueprint for path, blueprint in found.items() if path.startswith("driveway/")}
    assert set(ours) == NAMES
    for name, blueprint in ours.items():
        assert isinstance(blueprint, Blueprint), blueprint
        assert blueprint.metadata["source_url"].endswith(f"/blob/main/blueprints/automation/driveway/{name}.yaml")
        assert blueprint.validate() is None


# The car left unlocked at night --------------------------------------------------------------------------------------


async def test_unlocked_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 19:00")
    bridge.body(lock="unlocked")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 21:50"), step=20)
    await clock(at("2026-11-20 22:04"))
    assert (commands(bridge), sentences(told)) == ([], [])
    await clock(minutes=2)
    assert commands(bridge) == ["lock"]
    assert sentences(told) == ["Anna had been left unlocked, and is locked now."]
    await clock(at("2026-11-21 06:30"), step=20)
    assert len(told) == 1


async def test_unlocked_in_the_night_and_locked_in_time(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 21:50")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 23:00"), step=5)
    bridge.body(lock="unlocked")
    await clock(minutes=4)
    bridge.body(lock="locked")
    await clock(minutes=30)
    assert (commands(bridge), sentences(told)) == ([], [])


@pytest.mark.parametrize("lock", ["locked", None])
async def test_nothing_to_do_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall], lock: str | None,
) -> None:  # fmt: skip
    """Locked already, or nobody knows."""
    begin("2026-11-20 21:50")
    bridge.body(lock=lock)
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 23:00"), step=5)
    bridge.offline()
    await clock(minutes=10)
    bridge.online()
    await clock(minutes=30)
    assert (commands(bridge), sentences(told)) == ([], [])


async def test_by_day_a_car_may_stand_open(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 05:56")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    bridge.body(lock="unlocked")  # the night is over before the grace is
    await clock(at("2026-11-20 21:59"), step=20)
    assert (commands(bridge), sentences(told)) == ([], [])


async def test_a_car_that_cannot_be_locked_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 21:50")
    bridge.tell_clock()
    bridge.body(lock="unlocked")
    bridge.end(Outcome.REFUSED, "closures_open")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(at("2026-11-20 22:10"))
    assert commands(bridge) == ["lock"]
    [sentence] = sentences(told)
    assert sentence.startswith("Anna is unlocked and could not be locked. It was heard last at ")


async def test_only_told_at_night(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-20 23:00")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL, lock_it=False, grace=10)
    bridge.body(lock="unlocked")
    await clock(minutes=9)
    assert sentences(told) == []
    await clock(minutes=2)
    assert commands(bridge) == []
    [sentence] = sentences(told)
    assert sentence.startswith("Anna is unlocked. It was heard last at ")


async def test_a_restart_in_the_night_with_the_car_unlocked(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    """The lock is there before the automations are, so nothing changes any more that they could hear."""
    begin("2026-11-21 02:00")
    bridge.body(lock="unlocked")
    hass.set_state(CoreState.not_running)
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await hass.async_start()
    await clock(minutes=6)
    assert commands(bridge) == ["lock"]
    assert len(told) == 1


async def test_the_bridge_comes_back_in_the_night_with_the_car_unlocked(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    begin("2026-11-21 02:00")
    bridge.offline()
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(minutes=10)
    bridge.online()
    bridge.body(lock="unlocked")
    await clock(minutes=6)
    assert commands(bridge) == ["lock"]


async def test_the_night_in_which_the_clocks_go_back(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, clock: Pass, begin: Begin,
    told: list[ServiceCall],
) -> None:  # fmt: skip
    """The hour from 2 to 3 comes twice; a car that is left unlocked between the two is locked after five minutes."""
    begin("2026-10-25 01:50")
    await use(hass, "unlocked_at_night", lock=LOCK, notify=TELL)
    await clock(minutes=68)
    bridge.body(lock="unlocked")  # 2:58, and two minutes later 2:00 again
    await clock(minutes=4)
    assert commands(bridge) == []
    await clock(minutes=2)
    assert commands(bridge) == ["lock"]
    await clock(hours=6, step=5)
    assert len(told) == 1


# Everyone left -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def family(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """Two people at home, with the car in the carport."""
    hass.states.async_set("person.ada", "home")
    hass.states.async_set("person.ben", "home")
    hass.states.async_set("cover.anna_windows", "closed", {"friendly_name": "Anna Windows"})
    openings = ["cover.anna_windows", "binary_sensor.anna_front_driver_door"]
    await use(
        hass, "everyone_left", lock=LOCK, people=["person.ada", "person.ben"], openings=openings, notify=TELL, grace=3
    )


async def test_the_last_one_leaves(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(lock="unlocked", front_driver_door="closed")
    hass.states.async_set("person.ada", "not_home")
    await clock(minutes=10)
    assert (commands(bridge), sentences(told)) == ([], [])  # Ben is there
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=2)
    hass.states.async_set("person.ben", "Work")
    assert commands(bridge) == []
    await clock(minutes=2)
    assert commands(bridge) == ["lock"]
    assert sentences(told) == ["Everybody has left. Anna had been unlocked, and is locked now."]


async def test_what_is_open_when_all_have_left(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    hass.states.async_set("cover.anna_windows", "open", {"friendly_name": "Anna Windows"})
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    assert commands(bridge) == []  # it was locked
    assert sentences(told) == ["Everybody has left. Anna is locked. Open: Anna Windows."]


async def test_all_is_well_when_all_have_left(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=10)
    assert (commands(bridge), sentences(told)) == ([], [])


@pytest.mark.parametrize("why", ["gone with the car", "back at once", "a tracker is lost", "one cannot be found"])
async def test_nobody_has_left_the_car_behind(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall], why: str
) -> None:
    bridge.body(lock="unlocked")
    hass.states.async_set("person.ada", "unknown" if why == "one cannot be found" else "not_home")
    if why == "gone with the car":
        bridge.link(reachable=False, in_range=False, why_not="not_in_range")
    hass.states.async_set("person.ben", "unavailable" if why == "a tracker is lost" else "not_home")
    if why == "back at once":
        await clock(minutes=2)
        hass.states.async_set("person.ben", "home")
    await clock(minutes=15)
    assert (commands(bridge), sentences(told)) == ([], [])


async def test_away_from_one_place_to_another(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    """Somebody who is away already locks nothing by going on: the neighbour may be loading the car."""
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    bridge.body(lock="unlocked")
    hass.states.async_set("person.ben", "Work")
    await clock(minutes=5)
    assert (commands(bridge), sentences(told)) == ([], [])


async def test_a_tracker_comes_back_when_all_are_away(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(lock="unlocked")
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "unknown")
    await clock(minutes=5)
    assert commands(bridge) == []
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    assert commands(bridge) == ["lock"]


async def test_all_have_left_and_the_car_refuses(
    hass: HomeAssistant, bridge: FakeBridge, family: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(lock="unlocked", front_driver_door="open")
    bridge.end(Outcome.REFUSED, "closures_open")
    hass.states.async_set("person.ada", "not_home")
    hass.states.async_set("person.ben", "not_home")
    await clock(minutes=5)
    assert commands(bridge) == ["lock"]
    assert sentences(told) == ["Everybody has left, and Anna could not be locked. Open: Anna Front driver door."]


# The cloud is down ---------------------------------------------------------------------------------------------------

CLOUD: Final = "sensor.carport_cloud"
FAILING: Final = (
    "The maker's cloud is failing, so its app may not open Anna. Use Anna in Home Assistant: that goes over Bluetooth"
    " and needs neither."
)


async def test_the_cloud_goes_and_comes_back(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall]
) -> None:
    hass.states.async_set(CLOUD, "reachable")
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL)
    hass.states.async_set(CLOUD, "failing")
    await clock(minutes=4)
    assert told == []
    await clock(minutes=2)
    assert sentences(told) == [FAILING]
    hass.states.async_set(CLOUD, "no_internet")
    await clock(hours=2, step=5)
    assert len(told) == 1  # one outage
    hass.states.async_set(CLOUD, "reachable")
    await clock(minutes=6)
    assert sentences(told)[1:] == ["The maker's cloud can be reached again."]
    hass.states.async_set(CLOUD, "no_internet")
    await clock(minutes=6)
    assert sentences(told)[2].startswith("There is no Internet, so its app")


@pytest.mark.parametrize("states", [("failing", "reachable"), ("unavailable",), ("unknown",), ("unknown", "reachable")])
async def test_the_cloud_is_not_down(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall], states: tuple[str, ...]
) -> None:
    """It only stumbled, or nobody knows."""
    hass.states.async_set(CLOUD, "reachable")
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL)
    for state in states:
        hass.states.async_set(CLOUD, state)
        await clock(minutes=2)
    await clock(minutes=20)
    assert told == []


async def test_a_restart_while_the_cloud_is_down(
    hass: HomeAssistant, home: MockConfigEntry, clock: Pass, told: list[ServiceCall]
) -> None:
    await use(hass, "cloud_down", cloud=CLOUD, lock=LOCK, notify=TELL)
    hass.states.async_set(CLOUD, "unavailable")
    hass.states.async_set(CLOUD, "failing")
    await clock(minutes=6)
    assert sentences(told) == [FAILING]


# A door is open too long ---------------------------------------------------------------------------------------------

DOOR: Final = "binary_sensor.anna_front_driver_door"


@pytest.fixture
async def watched_door(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    bridge.body(lock="locked", user_present=False, front_driver_door="closed")
    await use(hass, "door_open_too_long", openings=[DOOR, "cover.anna_trunk"], minutes=10, notify=TELL)


async def test_a_door_stays_open(
    hass: HomeAssistant, bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(user_present=False, front_driver_door="open")
    hass.states.async_set("cover.anna_trunk", "open", {"friendly_name": "Anna Trunk"})
    await clock(minutes=9)
    assert told == []
    await clock(minutes=2)
    await clock(hours=2, step=5)
    assert sorted(call.data["message"] for call in told) == [
        "Anna Front driver door has been open for 10 minutes.",
        "Anna Trunk has been open for 10 minutes.",
    ]


async def test_a_door_is_closed_in_time(
    bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    for _ in range(3):
        bridge.body(user_present=False, front_driver_door="open")
        await clock(minutes=9)
        bridge.body(user_present=False, front_driver_door="closed")
        await clock(minutes=2)
    assert told == []


async def test_somebody_sits_at_the_open_door(
    bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(user_present=True, front_driver_door="open")
    await clock(minutes=30)
    assert told == []
    bridge.body(user_present=False, front_driver_door="open")
    await clock(minutes=1)
    [sentence] = sentences(told)
    assert sentence in {f"Anna Front driver door has been open for {minutes} minutes." for minutes in (29, 30, 31)}


async def test_somebody_closes_the_door_and_goes(
    bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(user_present=True, front_driver_door="open")
    await clock(minutes=15)
    bridge.body(user_present=True, front_driver_door="closed")
    await clock(minutes=1)
    bridge.body(user_present=False, front_driver_door="open")  # to get out
    await clock(minutes=5)
    assert told == []


async def test_the_bridge_is_away_while_a_door_is_open(
    bridge: FakeBridge, watched_door: None, clock: Pass, told: list[ServiceCall]
) -> None:
    bridge.body(user_present=False, front_driver_door="open")
    await clock(minutes=5)
    bridge.offline()
    await clock(minutes=20)
    assert told == []  # nobody knows
    bridge.online()
    await clock(minutes=11)
    assert len(told) == 1


# The sun's surplus ---------------------------------------------------------------------------------------------------

GRID: Final = "sensor.grid"
CHARGING, AMPS, PLUG = "switch.anna_charging", "number.anna_amps", "binary_sensor.anna_plug"
BATTERY, LIMIT = "sensor.anna_battery", "number.anna_limit"


class Roof:
    """A car at a wall box on one phase of 230 V, and a meter; what the automation asks of the car is done at once."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self.calls: list[tuple[str, Any]] = []
        self.car_obeys = True
        for domain, service in (("switch", "turn_on"), ("switch", "turn_off"), ("number", "set_value")):
            hass.services.async_register(domain, service, self._obey)
        hass.states.async_set("sun.sun", "above_horizon")
        self.show(PLUG, "on")
        self.show(CHARGING, "off")
        self.show(AMPS, 5, max=16)
        self.show(BATTERY, 60)
        self.show(LIMIT, 80)

    def show(self, entity: str, state: object, **attributes: object) -> None:
        self._hass.states.async_set(entity, str(state), attributes)

    def exports(self, watts: object, unit: str = "W") -> None:
        """Say what goes to the grid now."""
        self.show(GRID, -watts if isinstance(watts, int | float) else watts, unit_of_measurement=unit)

    def _obey(self, call: ServiceCall) -> None:
        self.calls.append((call.service, call.data.get("value")))
        if not self.car_obeys:
            return
        if call.service == "set_value":
            self.show(AMPS, call.data["value"], max=16)
        else:
            self.show(CHARGING, call.service.removeprefix("turn_"))


@pytest.fixture
async def roof(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> Roof:
    freezer.move_to(at("2026-06-20 10:00"))
    roof = Roof(hass)
    inputs = {"charging": CHARGING, "amps": AMPS, "plug": PLUG, "battery": BATTERY, "limit": LIMIT, "grid": GRID}
    await use(hass, "solar_surplus", **inputs)
    return roof


async def test_a_day_with_sun(roof: Roof, clock: Pass) -> None:
    roof.exports(1200)
    await clock(minutes=10)
    assert roof.calls == []  # not enough for five amps and the reserve
    roof.exports(2060)
    await clock(minutes=1)
    assert roof.calls == [("set_value", 8), ("turn_on", None)]
    roof.exports(200)
    await clock(minutes=10)
    assert len(roof.calls) == 2  # it is used up, all but the reserve
    roof.exports(200 + 3 * 230)
    await clock(minutes=1)
    assert roof.calls[2:] == [("set_value", 11)]
    roof.exports(-300)
    await clock(minutes=3)
    assert len(roof.calls) == 3  # not so soon
    await clock(minutes=3)
    assert roof.calls[3:] == [("set_value", 8)]
    roof.exports(9000)
    await clock(minutes=6)
    assert roof.calls[4:] == [("set_value", 16)]  # the largest


async def test_a_cloud_passes(roof: Roof, clock: Pass) -> None:
    roof.show(CHARGING, "on")
    roof.show(AMPS, 10, max=16)
    roof.exports(-2500)
    await clock(minutes=1)
    assert roof.calls == [("set_value", 5)]
    await clock(minutes=5)
    roof.exports(300)
    await clock(hours=1, step=2)
    assert roof.calls == [("set_value", 5)]


async def test_it_stays_dark(roof: Roof, clock: Pass) -> None:
    roof.show(CHARGING, "on")
    roof.exports(-500)
    await clock(minutes=9)
    assert roof.calls == []
    await clock(minutes=3)
    assert roof.calls == [("turn_off", None)]
    roof.exports(3000)
    await clock(minutes=15)
    assert roof.calls == [("turn_off", None)]  # a start may wake the car: not yet
    await clock(minutes=20)
    assert [name for name, _ in roof.calls[:3]] == ["turn_off", "set_value", "turn_on"]


async def test_a_car_that_does_not_begin_is_not_woken_again_and_again(roof: Roof, clock: Pass) -> None:
    roof.car_obeys = False
    roof.exports(3000)
    await clock(minutes=59)
    assert [name for name, _ in roof.calls] == ["set_value", "turn_on"] * 2


@pytest.mark.parametrize(
    ("entity", "state"),
    [
        (GRID, "unknown"), (GRID, "unavailable"), (PLUG, "off"), (PLUG, "unknown"), (CHARGING, "unavailable"),
        (BATTERY, "79"), (BATTERY, "unknown"), (LIMIT, "unavailable"), ("sun.sun", "below_horizon"),
    ],
)  # fmt: skip
async def test_no_start(roof: Roof, clock: Pass, entity: str, state: str) -> None:
    roof.exports(3000)
    roof.show(entity, state)
    await clock(minutes=40)
    assert roof.calls == []


@pytest.mark.parametrize(("entity", "state"), [(GRID, "unknown"), (AMPS, "unavailable"), (PLUG, "unavailable")])
async def test_no_change(roof: Roof, clock: Pass, entity: str, state: str) -> None:
    roof.show(CHARGING, "on")
    roof.exports(3000)
    roof.show(entity, state)
    await clock(minutes=20)
    assert roof.calls == []


async def test_a_meter_in_kilowatts(roof: Roof, clock: Pass) -> None:
    roof.exports(2.06, "kW")
    await clock(minutes=1)
    assert roof.calls == [("set_value", 8), ("turn_on", None)]


async def test_sunset(hass: HomeAssistant, roof: Roof, clock: Pass) -> None:
    roof.show(CHARGING, "on")
    roof.exports(300)
    await clock(minutes=2)
    roof.show("sun.sun", "below_horizon")
    await settle()
    assert roof.calls == [("turn_off", None)]
    roof.show(CHARGING, "on")  # somebody charges by night
    roof.exports(-3000)
    await clock(hours=1, step=2)
    assert roof.calls == [("turn_off", None)]


# Warm before the first appointment -----------------------------------------------------------------------------------

CALENDAR, CLIMATE = "calendar.family", "climate.anna"
type Diary = list[dict[str, str]]


@pytest.fixture
def diary(hass: HomeAssistant) -> Diary:
    """What stands in the calendar."""
    events: Diary = []

    def between(call: ServiceCall) -> dict[str, Any]:
        """Give all that is not over before the time asked for, as Home Assistant's calendars do."""
        first, last = (datetime.fromisoformat(str(call.data[key])) for key in ("start_date_time", "end_date_time"))
        assert first < last
        found = [event for event in events if first < _moment(event["end"]) and _moment(event["start"]) < last]
        return {CALENDAR: {"events": found}}

    hass.services.async_register("calendar", "get_events", between, supports_response=SupportsResponse.ONLY)
    return events


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=BERLIN)


def appointment(begins: str, **more: str) -> dict[str, str]:
    begin = at(begins)
    end = begin + timedelta(hours=1)
    return {"start": begin.isoformat(), "end": end.isoformat(), "summary": "Somewhere", **more}


@pytest.fixture
def warmed(hass: HomeAssistant, home: MockConfigEntry) -> list[ServiceCall]:
    """Every call to the car's climate, which is off, and belongs to the car's device."""
    device = dr.async_get(hass).async_get_device_by_identifier(("driveway", ANNA.id), home.entry_id)
    assert device
    registry = er.async_get(hass)
    registry.async_get_or_create(
        "climate", "driveway", f"{ANNA.id}-played", suggested_object_id="anna", device_id=device.id
    )
    hass.states.async_set(CLIMATE, "off")
    calls: list[ServiceCall] = []

    def obey(call: ServiceCall) -> None:
        calls.append(call)
        hass.states.async_set(CLIMATE, "heat_cool")

    for service in ("turn_on", "set_temperature"):
        hass.services.async_register("climate", service, obey)
    return calls


async def warm(hass: HomeAssistant, **inputs: Any) -> None:
    await use(hass, "warm_before_appointment", calendar=CALENDAR, climate=CLIMATE, **inputs)


async def test_warm_before_the_first_appointment(
    hass: HomeAssistant, warmed: list[ServiceCall], diary: Diary, clock: Pass, begin: Begin
) -> None:
    begin("2026-11-20 04:00")
    diary += [appointment("2026-11-20 08:10"), appointment("2026-11-20 10:00"), appointment("2026-11-21 09:00")]
    await warm(hass, temperature=21)
    await clock(at("2026-11-20 07:35"), step=5)
    assert warmed == []
    await clock(at("2026-11-20 07:40"))
    assert [(call.service, call.data) for call in warmed] == [
        ("turn_on", {"entity_id": [CLIMATE]}),
        ("set_temperature", {"entity_id": [CLIMATE], "temperature": 21}),
    ]
    hass.states.async_set(CLIMATE, "off")  # the owner does not want it
    await clock(at("2026-11-20 23:00"), step=5)
    assert len(warmed) == 2  # the second of the day is not the first
    await clock(at("2026-11-21 08:31"), step=5)
    assert len(warmed) == 4


@pytest.mark.parametrize(
    "event",
    [
        {"start": "2026-11-20", "end": "2026-11-21", "summary": "A holiday"},
        appointment("2026-11-20 03:00"),
        appointment("2026-11-20 15:00"),
    ],
    ids=["all day", "by night", "in the afternoon"],
)
async def test_what_does_not_count_as_an_appointment(
    hass: HomeAssistant,
    warmed: list[ServiceCall],
    diary: Diary,
    clock: Pass,
    begin: Begin,
    event: dict[str, str],
) -> None:
    begin("2026-11-20 00:01")
    diary.append(event)
    await warm(hass)
    await clock(at("2026-11-21 00:00"), step=5)
    assert warmed == []


async def test_an_appointment_that_was_cancelled(
    hass: HomeAssistant, warmed: list[ServiceCall], diary: Diary, clock: Pass, begin: Begin
) -> None:
    begin("2026-11-20 06:00")
    diary += [appointment("2026-11-20 08:00"), appointment("2026-11-20 09:00")]
    await warm(hass)
    await clock(at("2026-11-20 07:28"))
    del diary[0]
    await clock(at("2026-11-20 08:20"))
    assert warmed == []
    await clock(at("2026-11-20 08:40"))
    assert len(warmed) == 1  # then the other one is the first


@pytest.mark.parametrize(
    "why", ["away", "bridge away", "warm already", "climate unavailable", "unplugged", "empty", "no place"]
)
async def test_the_car_is_not_warmed(
    hass: HomeAssistant, bridge: FakeBridge, warmed: list[ServiceCall], diary: Diary, clock: Pass,
    begin: Begin, why: str,
) -> None:  # fmt: skip
    begin("2026-11-20 07:00")
    diary.append(appointment("2026-11-20 08:00"))
    hass.states.async_set(PLUG, "off" if why == "unplugged" else "on")
    hass.states.async_set(BATTERY, "12" if why == "empty" else "60")
    match why:
        case "away":
            bridge.link(reachable=False, in_range=False, why_not="not_in_range")
        case "bridge away":
            bridge.offline()
        case "warm already":
            hass.states.async_set(CLIMATE, "heat_cool")
        case "climate unavailable":
            hass.states.async_set(CLIMATE, "unavailable")
    await warm(hass, plug=[PLUG], battery=[BATTERY], with_place=why == "no place")
    await clock(at("2026-11-20 08:30"))
    assert warmed == []


async def test_a_restart_when_it_would_have_been_time(
    hass: HomeAssistant, warmed: list[ServiceCall], diary: Diary, clock: Pass, begin: Begin
) -> None:
    begin("2026-11-20 07:43")
    diary.append(appointment("2026-11-20 08:00", location="Town hall"))
    hass.set_state(CoreState.not_running)
    await warm(hass, with_place=True)
    await hass.async_start()
    await settle()
    assert [call.service for call in warmed] == ["turn_on"]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
async def test_the_morning_after_the_clocks_were_changed(
    hass: HomeAssistant, warmed: list[ServiceCall], diary: Diary, clock: Pass, begin: Begin, day: str
) -> None:
    begin(f"{day} 00:30")
    diary.append(appointment(f"{day} 07:00"))
    await warm(hass)
    await clock(at(f"{day} 06:25"), step=5)
    assert warmed == []
    await clock(at(f"{day} 06:31"))
    assert len(warmed) == 1
