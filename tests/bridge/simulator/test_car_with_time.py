"""What time does to the car: lids, battery, cabin, road, sleep."""

from __future__ import annotations

from typing import Any

import pytest

from driveway_bridge.proto import ClosureMoveRequest, UnsignedMessage, VehicleStatus
from driveway_bridge.simulator.car import AJAR, CLOSED, OPEN, CannotError, Car
from driveway_bridge.simulator.parts.charging import Cable
from driveway_bridge.simulator.parts.climate import Climate, Overheat
from driveway_bridge.simulator.parts.equipment import EQUIPMENT
from driveway_bridge.simulator.parts.lids import CLOSING, OPENING
from driveway_bridge.simulator.parts.media import Media
from driveway_bridge.simulator.profiles import Profile
from driveway_bridge.simulator.virtual_car import VirtualCar
from tests.bridge.simulator.infotainment_client import Driver
from tests.bridge.simulator.raw_client import VIN, WAKE, Bench, RawClient


@pytest.fixture
def slow(client: RawClient, events: list[dict[str, Any]]) -> Bench:
    """A car whose lids take 5 s, and which sleeps after 600 s."""
    virtual = VirtualCar(VIN, seed=1, profile=Profile(lid_s=5.0, idle_sleep_s=600.0), report=events.append)
    virtual.enrol(client.key.public)
    bench = Bench(virtual)
    bench.start_session(client)
    return bench


def move(client: RawClient, bench: Bench, **closures: int) -> None:
    message = UnsignedMessage(closureMoveRequest=ClosureMoveRequest(**closures))  # type: ignore[arg-type]
    client.clock = int(bench.now - 1000)
    bench.one(client.signed(message.SerializeToString()))


# Lids


def test_a_lid_takes_its_time(slow: Bench, client: RawClient) -> None:
    lids = slow.virtual.car.closures
    move(client, slow, rearTrunk=1)
    assert lids["rear_trunk"] == OPENING
    slow.wait(4.9)
    assert lids["rear_trunk"] == OPENING
    slow.wait(0.2)
    assert lids["rear_trunk"] == OPEN
    told = [push.vehicleStatus.closureStatuses.rearTrunk for push in slow.pushes if push.HasField("vehicleStatus")]
    assert told == [OPENING, OPEN]
    move(client, slow, rearTrunk=1)
    assert lids["rear_trunk"] == CLOSING
    move(client, slow, rearTrunk=4)
    slow.wait(5.0)
    assert lids["rear_trunk"] == CLOSED


def test_tonneau_stops_halfway(slow: Bench, client: RawClient) -> None:
    car = slow.virtual.car
    move(client, slow, tonneau=3)
    slow.wait(2.0)
    assert car.lids.percent_open("tonneau", slow.now) == 40
    status = slow.status(client)
    assert status.detailedClosureStatus.tonneauPercentOpen == 40
    assert Driver(slow).read("closures_state").tonneau_in_motion is True
    move(client, slow, tonneau=2)
    assert car.closures["tonneau"] == AJAR
    assert car.lids.percent_open("tonneau", slow.now) == 50
    move(client, slow, tonneau=4)
    slow.wait(1.0)
    assert car.lids.percent_open("tonneau", slow.now) == 80
    slow.wait(5.0)
    assert car.closures["tonneau"] == CLOSED
    assert not slow.status(client).HasField("detailedClosureStatus")


def test_power_doors_and_no_tonneau(client: RawClient) -> None:
    virtual = VirtualCar(VIN, car=Car(equipment=EQUIPMENT["x"]))
    virtual.enrol(client.key.public)
    bench = Bench(virtual)
    bench.start_session(client)
    move(client, bench, frontDriverDoor=3)
    assert virtual.car.closures["front_driver_door"] == OPEN
    message = UnsignedMessage(closureMoveRequest=ClosureMoveRequest(tonneau=3))  # type: ignore[arg-type]
    request = client.signed(message.SerializeToString())
    assert client.open(bench.one(request), request) == bytes.fromhex("f202020809"), "not supported"


def test_no_lid_moves_on_the_road(slow: Bench, client: RawClient) -> None:
    slow.do(lambda: slow.virtual.car.drive_off("hand"))
    message = UnsignedMessage(closureMoveRequest=ClosureMoveRequest(rearTrunk=1))  # type: ignore[arg-type]
    request = client.signed(message.SerializeToString())
    assert client.open(slow.one(request), request) == bytes.fromhex("f202020805"), "vehicle not in park"


@pytest.mark.parametrize(
    ("payload", "closure", "state"),
    [("1002", "rear_trunk", OPEN), ("1003", "front_trunk", OPEN), ("1004", "charge_port", OPEN)],
)
def test_unpublished_names_of_moves(bench: Bench, session: RawClient, payload: str, closure: str, state: int) -> None:
    bench.one(session.signed(bytes.fromhex(payload)))
    assert bench.virtual.car.closures[closure] == state
    bench.one(session.signed(bytes.fromhex("1005")))
    assert bench.virtual.car.closures["charge_port"] == CLOSED


# Battery


def test_battery_fills_up_to_the_limit(slow: Bench, events: list[dict[str, Any]]) -> None:
    car = slow.virtual.car
    slow.do(lambda: car.plug_in("hand"))
    hours = 18 / (11.04 / 75 * 100)
    slow.wait(hours * 3600 / 2)
    assert car.charging.level == pytest.approx(71, abs=0.01)
    assert car.charging.phase.value == "Charging"
    slow.wait(hours * 3600 / 2 + 1)
    assert car.facts()["charging"] == "Complete"
    assert car.charging.level == 80
    assert car.charging.added_kwh == pytest.approx(13.5)
    ended = [event for event in events if event["event"] == "state" and event["charging"] == "Complete"]
    assert ended[0]["by"] == "time"
    slow.do(lambda: car.unplug("hand"))
    assert car.facts()["charging"] == "Disconnected"
    assert car.closures["charge_port"] == CLOSED


def test_full_range_is_counted(slow: Bench) -> None:
    car = slow.virtual.car
    car.charging.limit = 100
    slow.do(lambda: car.plug_in("hand"))
    slow.wait(5 * 3600)
    assert (car.charging.level, car.charging.to_max_range) == (100, 1)


def test_pace(slow: Bench) -> None:
    slow.virtual.car.pace = 3600.0
    slow.do(lambda: slow.virtual.car.plug_in("hand", Cable(amps=8)))
    slow.wait(1)
    assert slow.virtual.car.charging.level == pytest.approx(62 + 5.52 / 75 * 100)


def test_what_cannot_be_done() -> None:
    car = Car()
    with pytest.raises(CannotError, match="not plugged in"):
        car.unplug("hand")
    car.plug_in("hand")
    with pytest.raises(CannotError, match="already plugged in"):
        car.plug_in("hand")
    with pytest.raises(CannotError, match="the cable is plugged in"):
        car.drive_off("hand")
    assert car.next_deadline() is None, "no time has passed yet"


# Cabin, music


def test_cabin_drifts() -> None:
    climate = Climate(EQUIPMENT["3"])
    climate.inside_c, climate.outside_c = 40.0, 30.0
    climate.overheat = Overheat.ON
    assert climate.cooling_a_hot_cabin
    climate.advance(3600)
    assert climate.inside_c == pytest.approx(33.68, abs=0.01)
    climate.switch(on=True)
    assert climate.fan == 7
    climate.advance(20 * 60)
    assert climate.inside_c == pytest.approx(21.0, abs=0.2)
    assert climate.fan == 3
    climate.switch(on=False)
    assert climate.fan == 0


def test_music_goes_round() -> None:
    media = Media()
    media.advance(10)
    assert media.elapsed_s == 0, "it is paused"
    media.toggle()
    media.advance(220)
    assert media.elapsed_s == pytest.approx(6)


# Road


def test_drive_there_and_back(slow: Bench) -> None:
    car = slow.virtual.car
    driver = Driver(slow)
    slow.do(lambda: car.drive_off("hand"))
    slow.wait(600)
    assert car.drive.driven_mi == pytest.approx(5.0)
    assert car.drive.odometer_mi == pytest.approx(12_350.67)
    assert car.charging.level == pytest.approx(62 - 5 / 3.1)
    assert not driver.read("location_state").HasField("location_name")
    assert (car.user_present, car.locked, car.asleep) == (True, False, False)
    slow.do(lambda: car.drive_home("hand"))
    assert driver.read("location_state").location_name == "Home"
    assert driver.read("drive_state").odometer_in_hundredths_of_a_mile == 1_235_067


# Sleep


def test_idle_car_falls_asleep(slow: Bench, client: RawClient, events: list[dict[str, Any]]) -> None:
    slow.wait(599)
    assert slow.status(client).vehicleSleepStatus == 1
    slow.wait(2)
    assert slow.status(client).vehicleSleepStatus == 2, "which a question to the body controller does not prevent"
    assert events[-1]["by"] == "time"
    slow.one(client.signed(WAKE, expires_at=0x3FFFFFFF))
    slow.wait(590)
    assert not slow.virtual.car.asleep
    slow.wait(20)
    assert slow.virtual.car.asleep


def test_infotainment_keeps_it_awake(slow: Bench) -> None:
    driver = Driver(slow)
    for _ in range(4):
        slow.wait(500)
        driver.read("charge_state")
    assert not slow.virtual.car.asleep


@pytest.mark.parametrize("what", ["user", "charging", "climate", "sentry", "accessory", "driving"])
def test_what_holds_it_awake(slow: Bench, what: str) -> None:
    car = slow.virtual.car
    doing = {
        "user": lambda: car.enter("hand"),
        "charging": lambda: car.plug_in("hand", Cable(amps=6, phases=1)),
        "climate": lambda: car.climate.switch(on=True),
        "sentry": lambda: setattr(car.settings, "sentry", True),
        "accessory": lambda: setattr(car.settings, "keep_accessory_power", True),
        "driving": lambda: car.drive_off("hand"),
    }
    slow.do(doing[what])
    slow.wait(3000)
    assert not car.asleep


def test_starts_take_between_seven_and_ten_seconds(client: RawClient) -> None:
    def start(seed: int) -> float:
        virtual = VirtualCar(VIN, seed=seed, profile=Profile(boot_s=7.0, boot_spread_s=3.0), car=Car(asleep=True))
        virtual.enrol(client.key.public)
        bench = Bench(virtual)
        bench.do(lambda: virtual.car.wake("hand"))
        media = RawClient(client.key, domain=virtual.infotainment.domain)
        began = bench.now
        while not bench.say(media.handshake()):
            bench.wait(0.1)
        return bench.now - began

    times = {start(seed) for seed in range(5)}
    assert 6.9 < min(times) < max(times) < 10.2
    assert len(times) > 1


def test_nothing_is_closed_while_asleep(slow: Bench, client: RawClient) -> None:
    slow.wait(700)
    assert slow.status(client) == VehicleStatus.FromString(bytes.fromhex("100118022001"))
