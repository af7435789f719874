"""What infotainment tells, category by category: what is there, what is left out, and how much fits."""

from __future__ import annotations

import pytest

from driveway_bridge.proto import car_server, common
from driveway_bridge.simulator.car import OPEN, Car
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.parts.charging import Cable
from driveway_bridge.simulator.parts.schedules import MAX_SCHEDULES
from driveway_bridge.simulator.states.table import CATEGORIES
from driveway_bridge.simulator.virtual_car import VirtualCar
from tests.bridge.simulator.infotainment_client import Driver, fault_name
from tests.bridge.simulator.raw_client import Bench

PUBLISHED = [
    "charge_state",
    "climate_state",
    "drive_state",
    "location_state",
    "closures_state",
    "charge_schedule_state",
    "preconditioning_schedule_state",
    "tire_pressure_state",
    "media_state",
    "media_detail_state",
    "software_update_state",
    "parental_controls_state",
]


@pytest.fixture
def driver(bench: Bench) -> Driver:
    return Driver(bench)


@pytest.fixture
def car(bench: Bench) -> Car:
    return bench.virtual.car


@pytest.mark.parametrize("category", PUBLISHED)
def test_published_category(driver: Driver, category: str) -> None:
    state = driver.read(category)
    assert state.timestamp.seconds >= 1_800_000_000


def test_busy_car_fits_into_its_answers(driver: Driver, car: Car) -> None:
    """The longest that each category becomes; the longest reply ever seen had 453 bytes."""
    car.plug_in("hand")
    driver.done(navigationRequest=car_server.NavigationRequest(destination="Hauptstrasse 1, Berlin"))
    for number in range(MAX_SCHEDULES):
        entry = common.ChargeSchedule(
            id=1_700_000_000 + number, name="Home", days_of_week=127, start_time=60, end_time=300, enabled=True,
            start_enabled=True, end_enabled=True, latitude=52.5, longitude=13.4,
        )  # fmt: skip
        driver.done(addChargeScheduleAction=entry)
    sizes = {}
    for category in (category.field for category in CATEGORIES.values()):
        driver.read(category)
        sizes[category] = driver.bench.last_size
    assert max(sizes.values()) <= 512
    assert sizes["charge_state"] > 200


@pytest.mark.parametrize(
    ("asked", "fault"),
    [(PUBLISHED[:2], "RESPONSE_MTU_EXCEEDED"), (PUBLISHED, "RESPONSE_MTU_EXCEEDED")],
)
def test_one_category_at_a_time(driver: Driver, asked: list[str], fault: str) -> None:
    request = car_server.GetVehicleData()
    for category in asked:
        getattr(request, "get" + "".join(part.capitalize() for part in category.split("_"))).SetInParent()
    assert fault_name(driver.send(getVehicleData=request)) == fault


def test_category_of_another_firmware(driver: Driver) -> None:
    request = car_server.GetVehicleData()
    request.getAlertState.SetInParent()
    answer = driver.act(getVehicleData=request)
    assert answer.HasField("vehicleData")
    assert answer.vehicleData.ByteSize() == 0
    assert driver.act(getVehicleData=car_server.GetVehicleData()).vehicleData.ByteSize() == 0


def test_destination_that_makes_the_answer_too_long(driver: Driver) -> None:
    driver.done(navigationRequest=car_server.NavigationRequest(destination="x" * 400))
    request = car_server.GetVehicleData()
    request.getDriveState.SetInParent()
    assert fault_name(driver.send(getVehicleData=request)) == "RESPONSE_MTU_EXCEEDED"
    assert driver.read("location_state").location_name == "Home"


# Presence


def test_zero_is_told_and_the_unknown_is_not(driver: Driver, car: Car) -> None:
    car.charging.level = 0.0
    state = driver.read("charge_state")
    assert state.HasField("battery_level")
    assert state.battery_level == 0
    for unplugged in ("charger_voltage", "charger_actual_current", "charge_rate_mph", "minutes_to_full_charge"):
        assert not state.HasField(unplugged)
    assert state.conn_charge_cable.WhichOneof("type") == "SNA"
    assert driver.read("closures_state").HasField("window_open_driver_front")


def test_charging_flows(driver: Driver, car: Car) -> None:
    car.plug_in("hand", Cable(amps=16, phases=1))
    state = driver.read("charge_state")
    assert state.charging_state.WhichOneof("type") == "Charging"
    assert (state.charger_voltage, state.charger_phases, state.charger_actual_current) == (230, 1, 16)
    assert (state.charger_power, state.charge_rate_mph) == (4, 15)
    assert state.minutes_to_charge_limit == pytest.approx(18 / (3.68 / 75 * 100) * 60, abs=1)
    assert state.conn_charge_cable.WhichOneof("type") == "IEC"
    assert state.charge_port_color == 5


@pytest.mark.parametrize(("line", "color"), [("complete", 2), ("stopped", 3), ("no power", 1), ("open", 4)])
def test_light_of_the_port(driver: Driver, car: Car, line: str, color: int) -> None:
    if line == "open":
        car.move("charge_port", OPEN, "hand")
    else:
        car.charging.level = 90.0 if line == "complete" else 50.0
        car.plug_in("hand", Cable(amps=0 if line == "no power" else 16))
        if line == "stopped":
            car.charging.stop()
    assert driver.read("charge_state").charge_port_color == color


def test_speed_only_out_of_park(driver: Driver, car: Car) -> None:
    state = driver.read("drive_state")
    assert state.shift_state.WhichOneof("type") == "P"
    assert not state.HasField("speed_float")
    assert not state.HasField("active_route_destination")
    car.drive_off("hand")
    state = driver.read("drive_state")
    assert (state.shift_state.WhichOneof("type"), state.speed, state.power) == ("D", 30, 8)


@pytest.mark.parametrize(
    ("words", "display"),
    [("", "Off"), ("enter", "On"), ("drive", "Driving"), ("sentry", "Sentry"), ("dog", "Dog"), ("plug", "Charging")],
)
def test_screen(driver: Driver, car: Car, words: str, display: str) -> None:
    match words:
        case "enter":
            car.enter("hand")
        case "drive":
            car.drive_off("hand")
        case "sentry":
            car.settings.sentry = True
        case "dog":
            driver.done(hvacClimateKeeperAction=car_server.HvacClimateKeeperAction(ClimateKeeperAction=2))  # type: ignore[arg-type]
        case "plug":
            car.plug_in("hand")
    assert driver.read("closures_state").center_display_state.WhichOneof("type") == display


@pytest.mark.parametrize(("percent", "state"), [(0, "Closed"), (15, "Vent"), (100, "Open")])
def test_sunroof(driver: Driver, car: Car, percent: int, state: str) -> None:
    car.sunroof_percent = percent
    assert driver.read("closures_state").sun_roof_state.WhichOneof("type") == state


def test_media_without_titles(driver: Driver) -> None:
    assert driver.read("media_state").now_playing_title == "Driveway at Dawn"
    assert driver.read("media_detail_state").now_playing_duration == 214_000
    driver.bench.virtual.switch(Fault.NO_TITLES, on=True)
    assert not driver.read("media_state").HasField("now_playing_title")
    assert not driver.read("media_detail_state").HasField("now_playing_album")


def test_places(driver: Driver, car: Car) -> None:
    assert driver.read("location_state").homelink_nearby is True
    car.drive.latitude = 52.47
    state = driver.read("location_state")
    assert (state.location_name, state.homelink_nearby) == ("Work", False)
    car.drive.latitude = 0.0
    assert not driver.read("location_state").HasField("location_name")


def test_fields_from_the_future(driver: Driver) -> None:
    driver.bench.virtual.switch(Fault.FUTURE_VALUES, on=True)
    assert driver.read("media_state").now_playing_title


def test_calendar_is_the_real_one_without_a_seed() -> None:
    state = Driver(Bench(VirtualCar("5YJ30123456789ABC"))).read("charge_state")
    assert state.timestamp.seconds != 1_800_000_000
    assert state.timestamp.seconds > 1_600_000_000
