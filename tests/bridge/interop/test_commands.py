"""Every command that the partner has and the car's firmware knows: asked for by the one, seen in the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("tesla_fleet_api", minversion="1.18", reason="the partner needs Python 3.13 or later")

from driveway_bridge.proto import Role
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.car import CLOSED, OPEN, Car
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.parts.charging import Cable, Phase
from driveway_bridge.simulator.parts.climate import Keeper, Overheat
from driveway_bridge.simulator.parts.drive import HOME
from driveway_bridge.simulator.parts.media import Playback
from driveway_bridge.simulator.parts.schedules import Mode
from driveway_bridge.simulator.virtual_car import VirtualCar
from tests.bridge.interop.conftest import Partner

DONE = {"response": {"result": True, "reason": ""}}

Ask = Callable[[Partner], Awaitable[dict[str, Any]]]
See = Callable[[Car], bool]

BODY: dict[str, tuple[Ask, See]] = {
    "unlock": (lambda p: p.door_unlock(), lambda car: not car.locked),
    "trunk": (lambda p: p.actuate_trunk("rear"), lambda car: car.closures["rear_trunk"] == OPEN),
    "frunk": (lambda p: p.actuate_trunk("front"), lambda car: car.closures["front_trunk"] == OPEN),
    "tonneau": (lambda p: p.open_tonneau(), lambda car: car.closures["tonneau"] == OPEN),
    "tonneau closed": (lambda p: p.close_tonneau(), lambda car: car.closures["tonneau"] == CLOSED),
    "charge port": (lambda p: p.charge_port_door_open(), lambda car: car.closures["charge_port"] == OPEN),
    "charge port closed": (lambda p: p.charge_port_door_close(), lambda car: car.closures["charge_port"] == CLOSED),
    "auto secure": (lambda p: p.auto_secure_vehicle(), lambda car: car.locked),
    "windows": (lambda p: p.window_control("vent"), lambda car: car.windows_open),
    "sunroof": (lambda p: p.sun_roof_control("vent"), lambda car: car.sunroof_percent == 20),
    "homelink": (lambda p: p.trigger_homelink(lat=HOME[0], lon=HOME[1]), lambda car: True),
    "horn": (lambda p: p.honk_horn(), lambda car: True),
    "lights": (lambda p: p.flash_lights(), lambda car: True),
    "boombox": (lambda p: p.remote_boombox(0), lambda car: True),
}
CHARGING: dict[str, tuple[Ask, See]] = {
    "limit": (lambda p: p.set_charge_limit(70), lambda car: car.charging.limit == 70),
    "max range": (lambda p: p.charge_max_range(), lambda car: car.charging.limit == 100),
    "amps": (lambda p: p.set_charging_amps(8), lambda car: car.charging.amps == 8),
    "stop": (lambda p: p.charge_stop(), lambda car: car.charging.phase is Phase.STOPPED),
    "scheduled": (lambda p: p.set_scheduled_charging(True, 90), lambda car: car.schedule.start_min == 90),
    "departure": (
        lambda p: p.set_scheduled_departure(True, True, True, 450, True, True, 360),
        lambda car: car.schedule.mode is Mode.DEPART_BY and car.schedule.preconditioning == "weekdays",
    ),
    "schedule": (
        lambda p: p.add_charge_schedule(62, True, *HOME, start_time=60, id=7, name="Night"),
        lambda car: car.charge_schedules.entries[7].start_time == 60,
    ),
    "preconditioning": (
        lambda p: p.add_precondition_schedule(127, True, *HOME, 420, id=8),
        lambda car: car.preconditioning_schedules.entries[8].precondition_time == 420,
    ),
    "schedules removed": (lambda p: p.batch_remove_charge_schedules(True, False, False), lambda car: True),
    "preconditioning removed": (
        lambda p: p.batch_remove_precondition_schedules(True, True, True),
        lambda car: not car.preconditioning_schedules.entries,
    ),
}
CLIMATE: dict[str, tuple[Ask, See]] = {
    "on": (lambda p: p.auto_conditioning_start(), lambda car: car.climate.on),
    "off": (lambda p: p.auto_conditioning_stop(), lambda car: not car.climate.on),
    "temperatures": (
        lambda p: p.set_temps(22.5, 19.0),
        lambda car: (car.climate.driver_c, car.climate.passenger_c) == (22.5, 19.0),
    ),
    "dog mode": (lambda p: p.set_climate_keeper_mode(2), lambda car: car.climate.keeper is Keeper.DOG),
    "defrost": (lambda p: p.set_preconditioning_max(True, False), lambda car: car.climate.max_defrost),
    "bioweapon": (lambda p: p.set_bioweapon_mode(True, False), lambda car: car.climate.bioweapon),
    "recirculation": (lambda p: p.set_recirculation(True), lambda car: car.climate.recirculation),
    "overheat": (
        lambda p: p.set_cabin_overheat_protection(True, True),
        lambda car: car.climate.overheat is Overheat.FAN_ONLY,
    ),
    "overheat level": (lambda p: p.set_cop_temp(2), lambda car: car.climate.overheat_level == 3),
    "seat heater": (
        lambda p: p.remote_seat_heater_request(0, 3),
        lambda car: car.climate.seat_heaters["left"] == 3,
    ),
    "rear seat heater": (
        lambda p: p.remote_seat_heater_request(5, 1),
        lambda car: car.climate.seat_heaters["rear_right"] == 1,
    ),
    "seat cooler": (
        lambda p: p.remote_seat_cooler_request(2, 2),
        lambda car: car.climate.seat_coolers["right"] == 2,
    ),
    "auto seat": (lambda p: p.remote_auto_seat_climate_request(1, True), lambda car: car.climate.auto_seats["left"]),
    "wheel": (lambda p: p.remote_steering_wheel_heater_request(True), lambda car: car.climate.wheel_level == 3),
    "wheel level": (lambda p: p.remote_steering_wheel_heat_level_request(1), lambda car: car.climate.wheel_level == 1),
    "auto wheel": (
        lambda p: p.remote_auto_steering_wheel_heat_climate_request(True),
        lambda car: car.climate.auto_wheel,
    ),
}
MEDIA: dict[str, tuple[Ask, See]] = {
    "play": (lambda p: p.media_toggle_playback(), lambda car: car.media.playback is Playback.PLAYING),
    "next": (lambda p: p.media_next_track(), lambda car: car.media.position == 1),
    "previous": (lambda p: p.media_prev_track(), lambda car: car.media.position == 0),
    "next favourite": (lambda p: p.media_next_fav(), lambda car: car.media.favourite == 1),
    "previous favourite": (lambda p: p.media_prev_fav(), lambda car: car.media.favourite == 0),
    "louder": (lambda p: p.media_volume_up(), lambda car: car.media.volume > 4),
    "quieter": (lambda p: p.media_volume_down(), lambda car: car.media.volume == pytest.approx(4.0)),
    "volume": (lambda p: p.adjust_volume(7.5), lambda car: car.media.volume == 7.5),
}
SETTINGS: dict[str, tuple[Ask, See]] = {
    "sentry": (lambda p: p.set_sentry_mode(True), lambda car: car.settings.sentry),
    "accessory power": (
        lambda p: p.set_keep_accessory_power_mode(True),
        lambda car: car.settings.keep_accessory_power,
    ),
    "low power": (lambda p: p.set_low_power_mode(True), lambda car: car.settings.low_power),
    "valet": (lambda p: p.set_valet_mode(True, "1234"), lambda car: car.settings.valet.active),
    "valet off": (lambda p: p.set_valet_mode(False, "1234"), lambda car: not car.settings.valet.active),
    "valet PIN": (lambda p: p.reset_valet_pin(), lambda car: not car.settings.valet.pin),
    "speed limit": (lambda p: p.speed_limit_set_limit(70), lambda car: car.settings.speed_limit_mph == 70),
    "speed limit on": (lambda p: p.speed_limit_activate("4321"), lambda car: car.settings.speed_limit.active),
    "speed limit off": (lambda p: p.speed_limit_deactivate("4321"), lambda car: not car.settings.speed_limit.active),
    "speed limit PIN": (lambda p: p.speed_limit_clear_pin("4321"), lambda car: not car.settings.speed_limit.pin),
    "PIN to drive": (lambda p: p.set_pin_to_drive(True, "1111"), lambda car: car.settings.pin_to_drive.active),
    "PIN to drive reset": (lambda p: p.reset_pin_to_drive_pin(), lambda car: not car.settings.pin_to_drive.pin),
    "guest mode": (lambda p: p.guest_mode(True), lambda car: car.settings.guest_mode),
    "erase": (lambda p: p.erase_user_data(), lambda car: True),
    "parental": (lambda p: p.parental_controls(True, "2222"), lambda car: car.settings.parental.active),
    "parental setting": (
        lambda p: p.parental_controls_enable_setting(3, True),
        lambda car: car.settings.parental_settings == {3},
    ),
    "parental limit": (
        lambda p: p.parental_controls_set_speed_limit(60),
        lambda car: car.settings.parental_limit_mph == 60,
    ),
    "parental off": (lambda p: p.parental_controls(False, "2222"), lambda car: not car.settings.parental.active),
    "parental PIN": (lambda p: p.parental_controls_clear_pin_admin(), lambda car: not car.settings.parental.pin),
    "name": (lambda p: p.set_vehicle_name("Bertha"), lambda car: car.settings.name == "Bertha"),
}
NAVIGATION: dict[str, tuple[Ask, See]] = {
    "place": (lambda p: p.navigation_request("Lake"), lambda car: car.drive.route is not None),
    "coordinates": (lambda p: p.navigation_gps_request(48.1, 11.5), lambda car: car.drive.miles_to_go > 300),
    "named coordinates": (
        lambda p: p.navigation_gps_destination_request(48.1, 11.5, "Aunt", 1),
        lambda car: car.drive.route is not None and car.drive.route.destination == "Aunt",
    ),
    "charger": (lambda p: p.navigation_sc_request(1), lambda car: car.drive.route is not None),
}


@pytest.fixture
def owner(stranger: Partner, virtual: VirtualCar, key: PrivateKey) -> Partner:
    virtual.enrol(key.public, Role.ROLE_OWNER)
    return stranger


@pytest.mark.parametrize(
    "commands",
    [BODY, CHARGING, CLIMATE, MEDIA, SETTINGS, NAVIGATION],
    ids=["body", "charging", "climate", "media", "settings", "navigation"],
)
async def test_commands(owner: Partner, live: LiveCar, commands: dict[str, tuple[Ask, See]]) -> None:
    car = live.virtual.car
    if commands is CHARGING:
        live.do(lambda: car.plug_in("hand", Cable()))
    for name, (ask, see) in commands.items():
        assert await ask(owner) == DONE, name
        assert see(car), name


async def test_software_update(owner: Partner, live: LiveCar) -> None:
    live.do(lambda: live.virtual.car.offer_update("2026.44.1", "hand"))
    assert await owner.schedule_software_update(3600) == DONE
    state = await owner.software_update_state()
    assert (state.status.WhichOneof("type"), state.version) == ("Scheduled", "2026.44.1")
    assert await owner.cancel_software_update() == DONE


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda p: p.charge_start(), "disconnected"),
        (lambda p: p.charge_stop(), "not_charging"),
        (lambda p: p.charge_standard(), "already_standard"),
        (lambda p: p.set_charge_limit(80), "already_set"),
        (lambda p: p.set_valet_mode(False), "valet mode already off"),
        (lambda p: p.erase_user_data(), "guest_mode_not_active"),
        (lambda p: p.cancel_software_update(), "no_update_scheduled"),
        (lambda p: p.remove_charge_schedule(99), "schedule_not_found"),
        (lambda p: p.speed_limit_set_limit(10), "limit_out_of_range"),
        (lambda p: p.remote_start_drive(), None),
    ],
    ids=str,
)
async def test_refusals_name_their_reason(owner: Partner, ask: Ask, reason: str | None) -> None:
    answer = (await ask(owner))["response"]
    assert answer["result"] is False
    assert reason in (None, answer["reason"])


async def test_charging_from_plug_to_limit(owner: Partner, live: LiveCar) -> None:
    car = live.virtual.car
    live.do(lambda: car.plug_in("hand"))
    state = await owner.charge_state()
    assert state.charging_state.WhichOneof("type") == "Charging"
    assert (state.charger_power, state.charger_phases, state.charger_voltage) == (11, 3, 230)
    assert (await owner.charge_start())["response"] == {"result": False, "reason": "is_charging"}
    car.pace = 100_000.0
    while car.charging.phase is Phase.CHARGING:
        await owner.ping()
    state = await owner.charge_state()
    assert state.charging_state.WhichOneof("type") == "Complete"
    assert state.battery_level == 80
    assert (await owner.charge_start())["response"] == {"result": False, "reason": "complete"}


async def test_nearby_charging_sites(owner: Partner) -> None:
    answer = (await owner.nearby_charging_sites(count=2, radius=200, detail=True))["response"]
    assert answer["result"] is True
    assert len(answer["getNearbyChargingSites"].superchargers) == 2
