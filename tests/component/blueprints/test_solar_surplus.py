"""The car takes the sun's surplus, and is left to sleep."""

from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant, ServiceCall, callback
from tests.component.blueprints.story import (
    BATTERY,
    PLUG,
    Pass,
    at,
    settle,
    use,
)

GRID: Final = "sensor.grid"
CHARGING, AMPS, LIMIT = "switch.anna_charging", "number.anna_amps", "number.anna_limit"


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

    @callback
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
    assert [name for name, _ in roof.calls] == ["set_value", "turn_on"]
    await clock(hours=10, step=2)
    # A bridge wakes its car twenty times a day at most, and the owner wants some of them.
    assert [name for name, _ in roof.calls] == ["set_value", "turn_on"] * 11


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


async def test_the_sun_sets_while_it_waits_in_the_dark(roof: Roof, clock: Pass) -> None:
    """Whatever the meter shows for a moment then: the night is not charged from the grid."""
    roof.show(CHARGING, "on")
    roof.exports(-500)
    await clock(minutes=3)
    roof.show("sun.sun", "below_horizon")
    await clock(minutes=1)
    roof.exports(300)
    await clock(hours=2, step=5)
    assert roof.calls == [("turn_off", None)]
    roof.show(CHARGING, "on")  # somebody charges by night
    await clock(hours=2, step=5)
    assert roof.calls == [("turn_off", None)]


async def test_the_car_does_not_stop_at_sunset_at_once(roof: Roof, clock: Pass) -> None:
    roof.show(CHARGING, "on")
    roof.exports(300)
    await clock(minutes=2)
    roof.car_obeys = False
    roof.show("sun.sun", "below_horizon")
    await settle()
    roof.car_obeys = True
    await clock(minutes=5)
    assert roof.calls == [("turn_off", None)] * 2
    await clock(hours=2, step=5)
    assert len(roof.calls) == 2
