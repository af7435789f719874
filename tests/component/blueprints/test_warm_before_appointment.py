"""The car is warm before the first appointment of the morning."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from homeassistant.core import CoreState, HomeAssistant, ServiceCall, SupportsResponse, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.blueprints.story import (
    BATTERY,
    BERLIN,
    PLUG,
    Begin,
    Pass,
    at,
    settle,
    use,
)
from tests.component.fake_bridge import ANNA, FakeBridge

CALENDAR, CLIMATE = "calendar.family", "climate.anna"
Diary = list[dict[str, str]]


@pytest.fixture
def diary(hass: HomeAssistant) -> Diary:
    """What stands in the calendar."""
    events: Diary = []

    @callback
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

    @callback
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


async def test_a_house_that_reckons_in_fahrenheit(
    hass: HomeAssistant, everything: MockConfigEntry, bridge: FakeBridge, diary: Diary, clock: Pass, begin: Begin
) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    begin("2026-11-20 07:20")
    diary.append(appointment("2026-11-20 08:00"))
    bridge.tell_state("climate", on=False)
    bridge.obey("climate", on=True)
    await use(
        hass, "warm_before_appointment", calendar=CALENDAR, climate="climate.anna_climate", temperature=21, lead=30
    )
    await clock(at("2026-11-20 07:31"))
    assert [(command.command, command.arguments) for command in bridge.commands] == [
        ("climate_on", {}),
        ("climate_temperature", {"driver_celsius": 21.0}),
    ]


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
