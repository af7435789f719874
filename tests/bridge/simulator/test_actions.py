"""Every action of infotainment: what it does to the car, who may ask for it, and what the car has against it."""

from __future__ import annotations

from typing import Any

import pytest

from driveway_bridge.proto import Role, car_server, common, vehicle
from driveway_bridge.simulator.actions.row import CHARGERS, DRIVERS, OWNERS, READERS
from driveway_bridge.simulator.actions.table import ROWS
from driveway_bridge.simulator.car import CLOSED, OPEN, Car
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.parts.charging import Cable, Phase
from driveway_bridge.simulator.parts.climate import Keeper, Overheat
from driveway_bridge.simulator.parts.drive import HOME, WORK
from driveway_bridge.simulator.parts.equipment import EQUIPMENT
from driveway_bridge.simulator.parts.schedules import MAX_SCHEDULES, Mode
from driveway_bridge.simulator.virtual_car import VirtualCar
from tests.bridge.simulator.infotainment_client import Driver, fault_name
from tests.bridge.simulator.raw_client import VIN, Bench

VOID = common.Void()
C = car_server


@pytest.fixture
def driver(bench: Bench) -> Driver:
    return Driver(bench)


@pytest.fixture
def owner(bench: Bench) -> Driver:
    return Driver(bench, Role.ROLE_OWNER)


@pytest.fixture
def car(bench: Bench) -> Car:
    return bench.virtual.car


NAMES = """
chargingSetLimitAction chargingStartStopAction drivingClearSpeedLimitPinAction drivingSetSpeedLimitAction
drivingSpeedLimitAction hvacAutoAction hvacSetPreconditioningMaxAction hvacSteeringWheelHeaterAction
hvacTemperatureAdjustmentAction mediaUpdateVolume getNearbyChargingSites
vehicleControlScheduleSoftwareUpdateAction vehicleControlSetSentryModeAction vehicleControlSetValetModeAction
vehicleControlSunroofOpenCloseAction vehicleControlTriggerHomelinkAction vehicleControlWindowAction
hvacBioweaponModeAction hvacSeatHeaterActions scheduledChargingAction scheduledDepartureAction
setChargingAmpsAction hvacClimateKeeperAction ping autoSeatClimateAction hvacSeatCoolerActions
setCabinOverheatProtectionAction setVehicleNameAction guestModeAction setCopTempAction eraseUserDataAction
vehicleControlSetPinToDriveAction addChargeScheduleAction removeChargeScheduleAction
addPreconditionScheduleAction removePreconditionScheduleAction batchRemovePreconditionSchedulesAction
batchRemoveChargeSchedulesAction parentalControlsClearPinAction parentalControlsAction
parentalControlsEnableSettingsAction parentalControlsSetSpeedLimitAction setLowPowerModeAction
setKeepAccessoryPowerModeAction mediaPlayAction mediaNextFavorite mediaPreviousFavorite mediaNextTrack
mediaPreviousTrack vehicleControlCancelSoftwareUpdateAction vehicleControlFlashLightsAction
vehicleControlHonkHornAction vehicleControlResetValetPinAction chargePortDoorClose chargePortDoorOpen
vehicleControlResetPinToDriveAction drivingClearSpeedLimitPinAdminAction
vehicleControlResetPinToDriveAdminAction parentalControlsClearPinAdminAction
"""
PUBLISHED = NAMES.split()
"""The actions that the maker has published; beside them stands getVehicleData."""


def test_every_published_action_is_there() -> None:
    assert len(PUBLISHED) == 59
    assert not set(PUBLISHED) - set(ROWS)
    known = {field.name for field in car_server.VehicleAction.DESCRIPTOR.fields}
    assert set(ROWS) <= known


def test_action_of_another_firmware(driver: Driver) -> None:
    assert fault_name(driver.send(setTentModeRequestAction=C.SetTentModeRequestAction(on=True))) == "INVALID_COMMAND"
    assert fault_name(driver.send()) == "INVALID_COMMAND"


# Who may


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.ROLE_OWNER, set(ROWS)),
        (Role.ROLE_DRIVER, {name for name, row in ROWS.items() if row.may != OWNERS}),
        (Role.ROLE_GUEST, {name for name, row in ROWS.items() if row.may != OWNERS}),
        (Role.ROLE_CHARGING_MANAGER, {name for name, row in ROWS.items() if row.may in (CHARGERS, READERS)}),
        (Role.ROLE_VEHICLE_MONITOR, {"ping", "getNearbyChargingSites"}),
        (Role.ROLE_SERVICE, set()),
        (Role.ROLE_FM, set()),
        (Role.ROLE_NONE, set()),
    ],
)
def test_roles(bench: Bench, role: Role, may: set[str]) -> None:
    client = Driver(bench, role)
    for name in ROWS:
        message = type(getattr(car_server.VehicleAction(), name))()
        reply = client.send(**{name: message})
        assert (fault_name(reply) == "INSUFFICIENT_PRIVILEGES") == (name not in may), name


def test_what_a_charging_manager_may() -> None:
    charging = {name for name, row in ROWS.items() if row.may == CHARGERS}
    assert {"chargingSetLimitAction", "chargingStartStopAction", "setChargingAmpsAction"} <= charging
    assert "chargePortDoorOpen" not in charging
    assert ROWS["hvacAutoAction"].may == DRIVERS


@pytest.mark.parametrize("role", [Role.ROLE_CHARGING_MANAGER, Role.ROLE_VEHICLE_MONITOR])
def test_everybody_reads(bench: Bench, role: Role) -> None:
    assert Driver(bench, role).read("charge_state").battery_level == 62


# Charging


def charge(what: str) -> C.ChargingStartStopAction:
    return C.ChargingStartStopAction(**{what: VOID})


def test_charging(driver: Driver, car: Car) -> None:
    assert driver.reason(chargingStartStopAction=charge("start")) == "disconnected"
    assert driver.reason(chargingStartStopAction=charge("stop")) == "not_charging"
    assert driver.reason(chargingStartStopAction=charge("unknown")) == "invalid_command"
    car.plug_in("hand")
    assert driver.reason(chargingStartStopAction=charge("start")) == "is_charging"
    driver.done(chargingStartStopAction=charge("stop"))
    assert car.charging.phase is Phase.STOPPED
    driver.bench.virtual.switch(Fault.IS_NOT_CHARGING, on=True)
    assert driver.reason(chargingStartStopAction=charge("stop")) == "is_not_charging"
    driver.done(chargingStartStopAction=charge("start"))
    driver.done(chargingStartStopAction=charge("stop"))
    car.charging.level = 95.0
    assert driver.reason(chargingStartStopAction=charge("start")) == "complete"


def test_cable_without_power(driver: Driver, car: Car) -> None:
    car.plug_in("hand", Cable(amps=0))
    assert driver.reason(chargingStartStopAction=charge("start")) == "no_power"
    assert driver.read("charge_state").charging_state.WhichOneof("type") == "NoPower"


def test_limit(driver: Driver, car: Car) -> None:
    assert driver.reason(chargingStartStopAction=charge("start_standard")) == "already_standard"
    driver.done(chargingStartStopAction=charge("start_max_range"))
    assert car.charging.limit == 100
    assert driver.reason(chargingStartStopAction=charge("start_max_range")) == "already_max_range"
    driver.done(chargingSetLimitAction=C.ChargingSetLimitAction(percent=10))
    assert car.charging.limit == 50, "the least that the car allows"
    assert driver.reason(chargingSetLimitAction=C.ChargingSetLimitAction(percent=50)) == "already_set"


def test_limit_below_and_above_the_level(driver: Driver, car: Car) -> None:
    car.plug_in("hand")
    driver.done(chargingSetLimitAction=C.ChargingSetLimitAction(percent=60))
    assert car.facts()["charging"] == "Complete"
    driver.done(chargingSetLimitAction=C.ChargingSetLimitAction(percent=90))
    assert car.facts()["charging"] == "Charging"


def test_amps(driver: Driver, car: Car) -> None:
    car.plug_in("hand", Cable(amps=13))
    driver.done(setChargingAmpsAction=C.SetChargingAmpsAction(charging_amps=32))
    assert car.charging.amps == 13, "what the cable gives"
    driver.bench.virtual.switch(Fault.AMPS_IGNORED, on=True)
    driver.done(setChargingAmpsAction=C.SetChargingAmpsAction(charging_amps=6))
    assert driver.read("charge_state").charging_amps == 13


def test_charge_port(driver: Driver, car: Car) -> None:
    driver.done(chargePortDoorOpen=C.ChargePortDoorOpen())
    assert car.closures["charge_port"] == OPEN
    driver.done(chargePortDoorClose=C.ChargePortDoorClose())
    assert car.closures["charge_port"] == CLOSED
    car.plug_in("hand")
    driver.done(chargePortDoorClose=C.ChargePortDoorClose())
    assert car.closures["charge_port"] == OPEN, "the cable is in the way"
    assert driver.read("charge_state").charge_port_latch.HasField("Engaged")
    driver.done(chargePortDoorOpen=C.ChargePortDoorOpen())
    state = driver.read("charge_state")
    assert state.charge_port_latch.HasField("Disengaged"), "the cable is let go"
    assert state.charging_state.HasField("Stopped")


# Climate


def seat_heater(level: str, position: str) -> C.HvacSeatHeaterActions:
    one = C.HvacSeatHeaterActions.HvacSeatHeaterAction(**{f"SEAT_HEATER_{level}": VOID, f"CAR_SEAT_{position}": VOID})
    return C.HvacSeatHeaterActions(hvacSeatHeaterAction=[one])


def temperatures(**values: Any) -> C.HvacTemperatureAdjustmentAction:
    return C.HvacTemperatureAdjustmentAction(**values)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (temperatures(driver_temp_celsius=22.5, passenger_temp_celsius=18), (22.5, 18)),
        (temperatures(driver_temp_celsius=30), (28, 21)),
        (temperatures(passenger_temp_celsius=3), (21, 15)),
        (temperatures(absolute_celsius=20), (20, 20)),
        (temperatures(delta_celsius=-1), (20, 20)),
        (temperatures(level=C.HvacTemperatureAdjustmentAction.Temperature(TEMP_MAX=VOID)), (28, 28)),
        (temperatures(level=C.HvacTemperatureAdjustmentAction.Temperature(TEMP_MIN=VOID)), (15, 15)),
        (temperatures(level=C.HvacTemperatureAdjustmentAction.Temperature(TEMP_UNKNOWN=VOID)), (21, 21)),
        (temperatures(), (21, 21)),
    ],
)
def test_temperatures(
    driver: Driver, car: Car, message: C.HvacTemperatureAdjustmentAction, expected: tuple[float, float]
) -> None:
    driver.done(hvacTemperatureAdjustmentAction=message)
    assert (car.climate.driver_c, car.climate.passenger_c) == expected


def test_temperatures_as_the_makers_client_sends_them(driver: Driver, car: Car) -> None:
    action = bytes.fromhex("1210720e2a021a00350000ac413d0000ac41")
    request = driver.client.signed(action)
    assert driver.client.open(driver.bench.one(request), request) == b"\x0a\x00"
    assert (car.climate.driver_c, car.climate.passenger_c) == (21.5, 21.5)


def test_keeper_modes(driver: Driver, car: Car) -> None:
    for number, mode in enumerate((Keeper.OFF, Keeper.ON, Keeper.DOG, Keeper.CAMP)):
        driver.done(hvacClimateKeeperAction=C.HvacClimateKeeperAction(ClimateKeeperAction=number))  # type: ignore[arg-type]
        assert car.climate.keeper is mode
    assert car.climate.on
    driver.done(hvacAutoAction=C.HvacAutoAction(power_on=False))
    assert car.climate.keeper is Keeper.OFF
    assert driver.reason(hvacClimateKeeperAction=C.HvacClimateKeeperAction(ClimateKeeperAction=9)) == "not_supported"  # type: ignore[arg-type]


def test_modes_of_the_climate(driver: Driver, car: Car) -> None:
    driver.done(hvacSetPreconditioningMaxAction=C.HvacSetPreconditioningMaxAction(on=True))
    assert (car.climate.max_defrost, car.climate.on, car.climate.fan) == (True, True, 10)
    driver.done(hvacAutoAction=C.HvacAutoAction(power_on=False))
    driver.done(hvacBioweaponModeAction=C.HvacBioweaponModeAction(on=True))
    assert (car.climate.bioweapon, car.climate.on, car.climate.max_defrost) == (True, True, False)
    driver.done(hvacRecirculationAction=C.HvacRecirculationAction(on=True))
    assert car.climate.recirculation
    for on, fan_only, mode in (
        (True, False, Overheat.ON),
        (True, True, Overheat.FAN_ONLY),
        (False, True, Overheat.OFF),
    ):
        driver.done(setCabinOverheatProtectionAction=C.SetCabinOverheatProtectionAction(on=on, fan_only=fan_only))
        assert car.climate.overheat is mode
    driver.done(setCopTempAction=C.SetCopTempAction(copActivationTemp=3))  # type: ignore[arg-type]
    assert car.climate.overheat_level == 3
    assert driver.reason(setCopTempAction=C.SetCopTempAction()) == "not_supported"


def test_seats_and_wheel(driver: Driver, car: Car) -> None:
    driver.done(hvacSeatHeaterActions=seat_heater("HIGH", "THIRD_ROW_LEFT"))
    assert car.climate.seat_heaters["third_row_left"] == 3
    assert driver.reason(hvacSeatHeaterActions=seat_heater("LOW", "UNKNOWN")) == "not_supported"
    assert driver.reason(hvacSeatHeaterActions=seat_heater("UNKNOWN", "FRONT_LEFT")) == "not_supported"

    def cooler(level: int, position: int) -> C.HvacSeatCoolerActions:
        one = C.HvacSeatCoolerActions.HvacSeatCoolerAction(seat_cooler_level=level, seat_position=position)  # type: ignore[arg-type]
        return C.HvacSeatCoolerActions(hvacSeatCoolerAction=[one])

    driver.done(hvacSeatCoolerActions=cooler(4, 1))
    assert car.climate.seat_coolers["left"] == 3
    assert driver.reason(hvacSeatCoolerActions=cooler(0, 1)) == "not_supported"
    assert driver.reason(hvacSeatCoolerActions=cooler(2, 0)) == "not_supported"

    def auto(position: int) -> C.AutoSeatClimateAction:
        one = C.AutoSeatClimateAction.CarSeat(on=True, seat_position=position)  # type: ignore[arg-type]
        return C.AutoSeatClimateAction(carseat=[one])

    driver.done(autoSeatClimateAction=auto(2))
    assert car.climate.auto_seats["right"]
    assert driver.reason(autoSeatClimateAction=auto(0)) == "not_supported"

    driver.done(hvacSteeringWheelHeaterAction=C.HvacSteeringWheelHeaterAction(power_on=True))
    assert car.climate.wheel_level == 3
    driver.done(stwHeatLevelAction=C.StwHeatLevelAction(stw_heat_level=common.StwHeatLevel.StwHeatLevel_Low))
    assert car.climate.wheel_level == 1
    assert driver.reason(stwHeatLevelAction=C.StwHeatLevelAction()) == "not_supported"
    driver.done(autoStwHeatAction=C.AutoStwHeatAction(on=True))
    assert car.climate.auto_wheel


def test_comfort_that_is_not_allowed_from_afar(driver: Driver, car: Car) -> None:
    driver.bench.virtual.switch(Fault.COMFORT_DISABLED, on=True)
    assert driver.read("climate_state").remote_heater_control_enabled is False
    for action in (
        {"hvacSeatHeaterActions": seat_heater("LOW", "FRONT_LEFT")},
        {"hvacSeatCoolerActions": C.HvacSeatCoolerActions()},
        {"autoSeatClimateAction": C.AutoSeatClimateAction()},
        {"hvacSteeringWheelHeaterAction": C.HvacSteeringWheelHeaterAction(power_on=True)},
        {"stwHeatLevelAction": C.StwHeatLevelAction()},
        {"autoStwHeatAction": C.AutoStwHeatAction()},
    ):
        assert driver.reason(**action) == "cabin comfort remote settings not enabled"
    assert car.climate.seat_heaters["left"] == 0


def test_what_is_not_fitted_is_refused() -> None:
    virtual = VirtualCar(VIN, seed=1, car=Car(equipment=EQUIPMENT["cybertruck"]))
    driver = Driver(Bench(virtual))
    sunroof = C.VehicleControlSunroofOpenCloseAction(vent=VOID)
    assert driver.reason(vehicleControlSunroofOpenCloseAction=sunroof) == "not_supported"
    homelink = C.VehicleControlTriggerHomelinkAction()
    assert driver.reason(vehicleControlTriggerHomelinkAction=homelink) == "not_supported"
    assert driver.reason(hvacSeatHeaterActions=seat_heater("LOW", "THIRD_ROW_RIGHT")) == "not_supported"
    state = driver.read("closures_state")
    assert not state.HasField("sun_roof_percent_open")
    assert state.HasField("tonneau_percent_open")
    assert not driver.read("location_state").HasField("homelink_nearby")
    assert not driver.read("climate_state").HasField("seat_heater_third_row_left")


# Media


def test_media(driver: Driver, car: Car) -> None:
    driver.done(mediaUpdateVolume=C.MediaUpdateVolume(volume_delta=5))
    assert car.media.volume == pytest.approx(4 + 1 / 3), "only the sign counts"
    driver.done(mediaUpdateVolume=C.MediaUpdateVolume(volume_delta=-1))
    driver.done(mediaUpdateVolume=C.MediaUpdateVolume(volume_delta=0))
    assert car.media.volume == pytest.approx(4)
    driver.done(mediaUpdateVolume=C.MediaUpdateVolume(volume_absolute_float=99))
    assert car.media.volume == 11
    first = car.media.track
    driver.done(mediaPreviousTrack=C.MediaPreviousTrack())
    assert car.media.track != first
    driver.done(mediaNextTrack=C.MediaNextTrack())
    assert car.media.track == first
    station = car.media.station
    driver.done(mediaNextFavorite=C.MediaNextFavorite())
    assert car.media.station != station
    driver.done(mediaPreviousFavorite=C.MediaPreviousFavorite())
    driver.done(mediaPlayAction=C.MediaPlayAction())
    driver.done(mediaPlayAction=C.MediaPlayAction())
    assert driver.read("media_state").media_playback_status == 2


# What moves


def test_windows_and_sunroof(driver: Driver, car: Car) -> None:
    driver.done(vehicleControlWindowAction=C.VehicleControlWindowAction(vent=VOID))
    assert car.windows_open
    driver.done(vehicleControlWindowAction=C.VehicleControlWindowAction(close=VOID))
    assert driver.read("closures_state").window_open_driver_front is False
    unknown = C.VehicleControlWindowAction(unknown=VOID)
    assert driver.reason(vehicleControlWindowAction=unknown) == "invalid_command"
    roof = C.VehicleControlSunroofOpenCloseAction
    for message, percent in (
        (roof(vent=VOID), 20),
        (roof(open=VOID), 100),
        (roof(delta_level=-30), 70),
        (roof(absolute_level=40), 40),
        (roof(close=VOID), 0),
        (roof(delta_level=-5), 0),
    ):
        driver.done(vehicleControlSunroofOpenCloseAction=message)
        assert car.sunroof_percent == percent
    assert driver.reason(vehicleControlSunroofOpenCloseAction=roof()) == "invalid_command"


def test_garage_only_at_home(driver: Driver, car: Car) -> None:
    homelink = C.VehicleControlTriggerHomelinkAction()
    driver.done(vehicleControlTriggerHomelinkAction=homelink)
    car.drive.latitude += 1
    assert driver.reason(vehicleControlTriggerHomelinkAction=homelink) == "homelink_not_nearby"


def test_software_update(driver: Driver, car: Car) -> None:
    schedule = C.VehicleControlScheduleSoftwareUpdateAction(offset_sec=60)
    assert driver.reason(vehicleControlScheduleSoftwareUpdateAction=schedule) == "no_update_available"
    cancel = C.VehicleControlCancelSoftwareUpdateAction()
    assert driver.reason(vehicleControlCancelSoftwareUpdateAction=cancel) == "no_update_scheduled"
    car.offer_update("2026.44.1", "hand")
    driver.done(vehicleControlScheduleSoftwareUpdateAction=schedule)
    assert driver.read("software_update_state").warning_time_remaining_ms == 60_000
    driver.done(vehicleControlCancelSoftwareUpdateAction=cancel)
    driver.done(vehicleControlScheduleSoftwareUpdateAction=schedule)
    driver.bench.wait(60 + 750)
    state = driver.read("software_update_state")
    assert (state.status.WhichOneof("type"), state.install_perc) == ("Installing", 50)
    driver.bench.wait(751)
    assert driver.read("vehicle_detail_state").car_version == "2026.44.1"
    assert driver.read("software_update_state").version == ""


# Settings


def test_valet(driver: Driver, owner: Driver, car: Car) -> None:
    def valet(*, on: bool, pin: str = "") -> dict[str, C.VehicleControlSetValetModeAction]:
        return {"vehicleControlSetValetModeAction": C.VehicleControlSetValetModeAction(on=on, password=pin)}

    assert driver.reason(**valet(on=False)) == "valet mode already off"
    assert driver.reason(**valet(on=True, pin="12x4")) == "pin_must_have_4_digits"
    driver.done(**valet(on=True, pin="1234"))
    assert driver.read("closures_state").valet_mode is True
    assert driver.reason(**valet(on=False, pin="4321")) == "invalid_pin"
    driver.done(**valet(on=False, pin="1234"))
    driver.done(**valet(on=True))
    driver.done(**valet(on=False, pin="1234"))
    owner.done(vehicleControlResetValetPinAction=C.VehicleControlResetValetPinAction())
    assert driver.read("closures_state").valet_pin_needed is True
    driver.done(parentalControlsAction=C.ParentalControlsAction(activate=True, pin="2222"))
    assert driver.reason(**valet(on=True, pin="1234")) == "parental_controls_active"


def test_speed_limit(driver: Driver, owner: Driver, car: Car) -> None:
    def limit(*, activate: bool, pin: str) -> dict[str, C.DrivingSpeedLimitAction]:
        return {"drivingSpeedLimitAction": C.DrivingSpeedLimitAction(activate=activate, pin=pin)}

    clear = C.DrivingClearSpeedLimitPinAction
    driver.done(drivingSetSpeedLimitAction=C.DrivingSetSpeedLimitAction(limit_mph=65))
    too_fast = C.DrivingSetSpeedLimitAction(limit_mph=200)
    assert driver.reason(drivingSetSpeedLimitAction=too_fast) == "limit_out_of_range"
    driver.done(**limit(activate=True, pin="1111"))
    assert driver.reason(**limit(activate=True, pin="2222")) == "invalid_pin"
    assert driver.reason(drivingClearSpeedLimitPinAction=clear(pin="1111")) == "still_active"
    told = driver.read("closures_state").speed_limit_mode
    assert (told.active, told.pin_code_set, told.current_limit_mph) == (True, True, 65)
    driver.done(**limit(activate=False, pin="1111"))
    assert driver.reason(drivingClearSpeedLimitPinAction=clear(pin="9999")) == "invalid_pin"
    driver.done(drivingClearSpeedLimitPinAction=clear(pin="1111"))
    driver.done(**limit(activate=True, pin="3333"))
    owner.done(drivingClearSpeedLimitPinAdminAction=C.DrivingClearSpeedLimitPinAdminAction())
    assert not car.settings.speed_limit.active


def test_parental_controls(driver: Driver, owner: Driver, car: Car) -> None:
    driver.done(parentalControlsAction=C.ParentalControlsAction(activate=True, pin="1111"))
    setting = C.ParentalControlsEnableSettingsAction
    driver.done(parentalControlsEnableSettingsAction=setting(setting=1, enable=True))  # type: ignore[arg-type]
    driver.done(parentalControlsEnableSettingsAction=setting(setting=3, enable=True))  # type: ignore[arg-type]
    driver.done(parentalControlsEnableSettingsAction=setting(setting=3, enable=False))  # type: ignore[arg-type]
    driver.done(parentalControlsSetSpeedLimitAction=C.ParentalControlsSetSpeedLimitAction(limit_mph=55))
    fast = C.ParentalControlsSetSpeedLimitAction(limit_mph=5)
    assert driver.reason(parentalControlsSetSpeedLimitAction=fast) == "limit_out_of_range"
    state = driver.read("parental_controls_state")
    settings = state.parental_controls_settings
    assert (state.parental_controls_active, state.parental_controls_pin_set) == (True, True)
    assert (settings.chill_acceleration_enabled, settings.curfew_enabled) == (True, False)
    assert settings.current_limit_mph == 55
    driver.done(parentalControlsAction=C.ParentalControlsAction(activate=False, pin="1111"))
    driver.done(parentalControlsClearPinAction=C.ParentalControlsClearPinAction(pin="1111"))
    owner.done(parentalControlsClearPinAdminAction=C.ParentalControlsClearPinAdminAction())
    assert not car.settings.parental.pin


def test_power_saving(driver: Driver, car: Car) -> None:
    sentry = C.VehicleControlSetSentryModeAction
    keep = C.SetKeepAccessoryPowerModeAction
    driver.done(vehicleControlSetSentryModeAction=sentry(on=True))
    driver.done(setKeepAccessoryPowerModeAction=keep(keep_accessory_power_mode=True))
    driver.done(setLowPowerModeAction=C.SetLowPowerModeAction(low_power_mode=True))
    assert (car.settings.sentry, car.settings.keep_accessory_power) == (False, False)
    for action in (
        {"vehicleControlSetSentryModeAction": sentry(on=True)},
        {"setKeepAccessoryPowerModeAction": keep(keep_accessory_power_mode=True)},
        {"hvacAutoAction": C.HvacAutoAction(power_on=True)},
        {"hvacClimateKeeperAction": C.HvacClimateKeeperAction(ClimateKeeperAction=2)},  # type: ignore[arg-type]
    ):
        assert driver.reason(**action) == "low_power_mode_enforced"
    driver.done(vehicleControlSetSentryModeAction=sentry(on=False))


def test_guests_and_pin_to_drive(driver: Driver, owner: Driver, car: Car) -> None:
    erase = C.EraseUserDataAction(reason="handed back")
    assert driver.reason(eraseUserDataAction=erase) == "guest_mode_not_active"
    driver.done(guestModeAction=vehicle.VehicleState.GuestMode(GuestModeActive=True))
    assert driver.read("vehicle_state").guest_mode.GuestModeActive is True
    driver.done(eraseUserDataAction=erase)
    pin = C.VehicleControlSetPinToDriveAction
    owner.done(vehicleControlSetPinToDriveAction=pin(on=True, password="1111"))
    assert owner.reason(vehicleControlSetPinToDriveAction=pin(on=False, password="2222")) == "invalid_pin"
    assert owner.read("vehicle_state").pin_to_drive_enabled is True
    owner.done(vehicleControlResetPinToDriveAdminAction=C.VehicleControlResetPinToDriveAdminAction())
    assert not car.settings.pin_to_drive.active


def test_name(driver: Driver) -> None:
    driver.done(setVehicleNameAction=C.SetVehicleNameAction(vehicleName="Bertha"))
    assert driver.read("vehicle_detail_state").vehicle_name == "Bertha"
    assert driver.reason(setVehicleNameAction=C.SetVehicleNameAction()) == "invalid_name"


# Schedules


def test_one_mode_for_charging_and_departure(driver: Driver, car: Car) -> None:
    charging, departure = C.ScheduledChargingAction, C.ScheduledDepartureAction
    driver.done(scheduledChargingAction=charging(enabled=True, charging_time=90))
    state = driver.read("charge_state")
    assert (state.scheduled_charging_mode, state.scheduled_charging_start_time_minutes) == (1, 90)
    driver.done(
        scheduledDepartureAction=departure(
            enabled=True,
            departure_time=450,
            preconditioning_times=common.PreconditioningTimes(weekdays=VOID),
            off_peak_charging_times=common.OffPeakChargingTimes(all_week=VOID),
            off_peak_hours_end_time=360,
        )
    )
    state = driver.read("charge_state")
    assert (state.scheduled_charging_mode, state.scheduled_departure_time_minutes) == (2, 450)
    assert not state.HasField("scheduled_charging_start_time_minutes")
    assert state.preconditioning_times.HasField("weekdays")
    assert state.off_peak_charging_times.HasField("all_week")
    driver.done(scheduledChargingAction=charging(enabled=False))
    assert car.schedule.mode is Mode.OFF
    driver.done(scheduledDepartureAction=departure(enabled=False))


def test_charging_waits_for_its_time(driver: Driver, car: Car) -> None:
    midnight = car.unix_s - car.unix_s % 86_400
    car.unix_s = midnight + 10 * 60
    driver.done(scheduledChargingAction=C.ScheduledChargingAction(enabled=True, charging_time=30))
    driver.bench.do(lambda: car.plug_in("hand"))
    assert driver.read("charge_state").scheduled_charging_pending is True
    driver.done(scheduledChargingAction=C.ScheduledChargingAction(enabled=True, charging_time=20))
    driver.bench.wait(9 * 60)
    assert car.facts()["charging"] == "Stopped"
    driver.bench.wait(60)
    assert car.facts()["charging"] == "Charging"
    assert driver.read("charge_state").scheduled_charging_pending is False


def test_lists_of_schedules(driver: Driver, car: Car) -> None:
    def charge_at(number: int, place: tuple[float, float]) -> common.ChargeSchedule:
        return common.ChargeSchedule(
            id=number, name="Night", days_of_week=127, start_enabled=True, start_time=60, latitude=place[0],
            longitude=place[1], enabled=True,
        )  # fmt: skip

    for number in range(1, MAX_SCHEDULES + 1):
        driver.done(addChargeScheduleAction=charge_at(number, HOME if number % 2 else WORK))
    assert driver.reason(addChargeScheduleAction=charge_at(99, HOME)) == "max_schedules_reached"
    driver.done(addChargeScheduleAction=charge_at(1, (0.0, 0.0)))
    state = driver.read("charge_schedule_state")
    assert [entry.id for entry in state.charge_schedules] == list(range(1, MAX_SCHEDULES + 1))
    batch = C.BatchRemoveChargeSchedulesAction
    driver.done(batchRemoveChargeSchedulesAction=batch(home=True))
    assert [entry.id for entry in driver.read("charge_schedule_state").charge_schedules] == [1, 2, 4]
    driver.done(batchRemoveChargeSchedulesAction=batch(other=True))
    driver.done(removeChargeScheduleAction=C.RemoveChargeScheduleAction(id=2))
    assert driver.reason(removeChargeScheduleAction=C.RemoveChargeScheduleAction(id=2)) == "schedule_not_found"
    driver.done(batchRemoveChargeSchedulesAction=batch(work=True))
    assert not driver.read("charge_schedule_state").charge_schedules

    warm = common.PreconditionSchedule(id=5, days_of_week=62, precondition_time=420, enabled=True)
    driver.done(addPreconditionScheduleAction=warm)
    assert driver.read("preconditioning_schedule_state").precondition_schedules[0] == warm
    driver.done(removePreconditionScheduleAction=C.RemovePreconditionScheduleAction(id=5))
    driver.done(batchRemovePreconditionSchedulesAction=C.BatchRemovePreconditionSchedulesAction(home=True))


# Navigation, sites, ping


def test_navigation(driver: Driver, car: Car) -> None:
    driver.done(navigationRequest=C.NavigationRequest(destination="Lake"))
    assert driver.read("drive_state").active_route_destination == "Lake"
    assert driver.reason(navigationRequest=C.NavigationRequest()) == "invalid_destination"
    driver.done(navigationGpsRequest=C.NavigationGpsRequest(lat=48.1, lon=11.5))
    assert driver.reason(navigationGpsRequest=C.NavigationGpsRequest(lat=200)) == "invalid_destination"
    driver.done(navigationSuperchargerRequest=C.NavigationSuperchargerRequest(id=1))
    assert driver.read("drive_state").active_route_destination == "Lakeside"
    there = C.NavigationGpsDestinationRequest(lat=1, lon=2, destination="There")
    driver.done(navigationGpsDestinationRequest=there)
    assert driver.read("drive_state").active_route_destination == "There"


def test_charging_sites(driver: Driver) -> None:
    answer = driver.act(
        getNearbyChargingSites=C.GetNearbyChargingSites(include_meta_data=True, radius=200, count=10)
    ).getNearbyChargingSites
    assert [site.name for site in answer.superchargers] == ["Northgate", "Lakeside", "Motorway Services East"]
    assert answer.superchargers[0].city == "Berlin"
    near = driver.act(getNearbyChargingSites=C.GetNearbyChargingSites(radius=5)).getNearbyChargingSites
    assert [site.available_stalls for site in near.superchargers] == [9]
    assert near.superchargers[0].city == ""


def test_ping(driver: Driver) -> None:
    ping = C.Ping(ping_id=7)
    ping.local_timestamp.seconds = 5
    answer = driver.act(ping=ping).ping
    assert (answer.ping_id, answer.last_remote_timestamp.seconds) == (7, 5)
    assert answer.local_timestamp.seconds > 1_700_000_000


def test_remote_start_does_not_work_over_bluetooth(driver: Driver) -> None:
    assert driver.reason(remoteStartDrive=C.RemoteStartDrive()) == "not_supported"


def test_events_say_who_and_why(driver: Driver, events: list[dict[str, Any]]) -> None:
    driver.done(hvacAutoAction=C.HvacAutoAction(power_on=True))
    command, state = events[-2:]
    assert (command["event"], command["name"], command["domain"]) == ("command", "hvacAutoAction", "infotainment")
    assert (state["event"], state["climate_on"], state["by"]) == ("state", True, f"key {command['key']}")
    driver.reason(chargingStartStopAction=charge("stop"))
    assert (events[-1]["event"], events[-1]["fault"]) == ("refused", "not_charging")
