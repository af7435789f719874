"""Whether a state shows what was wished: yes, no, or nothing of it."""

from __future__ import annotations

import hashlib

import pytest

from driveway_bridge.commands import (
    charging,
    climate,
    closures,
    keys,
    media,
    restrictions,
    schedules,
    seats,
    security,
    sentry,
    settings,
    software,
)
from driveway_bridge.commands.base import Command
from driveway_bridge.state.body import Body, ClosureState, LockState
from driveway_bridge.state.charge import Charge, ChargingState, PlannedMode
from driveway_bridge.state.climate import Climate, Defrost, Keeper, OverheatProtection, OverheatTemperature, WheelHeat
from driveway_bridge.state.closures import Closures, Sentry, SpeedLimit, SunRoof
from driveway_bridge.state.keys import KeyList
from driveway_bridge.state.media import Media
from driveway_bridge.state.parental_controls import ParentalControls, ParentalSettings
from driveway_bridge.state.reading import State
from driveway_bridge.state.schedules import (
    ChargeSchedule,
    ChargeSchedules,
    PreconditionSchedule,
    PreconditionSchedules,
)
from driveway_bridge.state.software import SoftwareUpdate, UpdateStatus

KEY = b"\x04" + bytes(64)
ENTRY = {"name": "", "one_time": False, "enabled": True, "latitude": 1.0, "longitude": 2.0, "day_mask": 127}
CHARGE_ENTRY = ChargeSchedule(
    id=7,
    start_enabled=True,
    start_minutes=60,
    end_enabled=False,
    end_minutes=0,
    **ENTRY,  # type: ignore[arg-type]
)
WARM_ENTRY = PreconditionSchedule(id=7, ready_minutes=450, **ENTRY)  # type: ignore[arg-type]
WINDOWS_SHUT = Closures(
    front_driver_window_open=False,
    front_passenger_window_open=False,
    rear_driver_window_open=False,
    rear_passenger_window_open=False,
)
LIMIT = restrictions.speed_limit_set(70)
CHARGE_ADD = schedules.charge_schedule_add(schedule_id=7, latitude=1, longitude=2, start_minutes=60)
CHARGE_END = schedules.charge_schedule_add(schedule_id=7, latitude=1, longitude=2, end_minutes=0)
WARM_ADD = schedules.precondition_schedule_add(schedule_id=7, latitude=1, longitude=2, ready_minutes=450)
OFF, DEPART = PlannedMode.OFF, PlannedMode.DEPART_BY
DEPARTURE = schedules.scheduled_departure(on=True, departure_minutes=420)
START_AT = Charge(planned_mode=PlannedMode.START_AT, planned_start_minutes=60)

STORIES: list[tuple[Command, State, bool | None]] = [
    (security.lock(), Body(lock=LockState.LOCKED), True),
    (security.lock(), Body(lock=LockState.UNLOCKED), False),
    (security.lock(), Body(), None),
    (security.unlock(), Body(lock=LockState.SELECTIVE_UNLOCKED), True),
    (security.unlock(), Body(), None),
    (security.wake(), Body(asleep=False), True),
    (security.auto_secure(), Body(lock=LockState.LOCKED), True),
    (closures.trunk_close(), Body(rear_trunk=ClosureState.CLOSING), True),
    (closures.trunk_close(), Body(rear_trunk=ClosureState.OPEN), False),
    (closures.trunk_close(), Body(), None),
    (closures.tonneau_open(), Body(tonneau=ClosureState.OPENING), True),
    (closures.tonneau_close(), Body(tonneau=ClosureState.CLOSED), True),
    (closures.tonneau_stop(), Body(tonneau=ClosureState.AJAR), True),
    (closures.tonneau_stop(), Body(tonneau=ClosureState.OPENING), False),
    (closures.tonneau_stop(), Body(), None),
    (closures.door_open("rear_driver"), Body(rear_driver_door=ClosureState.OPEN), True),
    (closures.door_open("rear_driver"), Body(front_driver_door=ClosureState.OPEN), None),
    (closures.door_close("front_driver"), Body(front_driver_door=ClosureState.CLOSED), True),
    (closures.charge_port_open(), Body(charge_port=ClosureState.OPEN), True),
    (closures.charge_port_close(), Body(charge_port=ClosureState.OPEN), False),
    (closures.charge_port_open_direct(), Body(charge_port=ClosureState.CLOSED), False),
    (closures.charge_port_close_direct(), Body(charge_port=ClosureState.CLOSED), True),
    (closures.windows_vent(), Closures(rear_driver_window_open=True), True),
    (closures.windows_vent(), WINDOWS_SHUT, False),
    (closures.windows_close(), WINDOWS_SHUT, True),
    (closures.windows_close(), Closures(rear_driver_window_open=False), None),
    (closures.sunroof_open(), Closures(sun_roof=SunRoof.OPEN), True),
    (closures.sunroof_vent(), Closures(sun_roof=SunRoof.CLOSED), False),
    (closures.sunroof_close(), Closures(sun_roof=SunRoof.MOVING), None),
    (charging.charge_start(), Charge(charging=ChargingState.CHARGING), True),
    (charging.charge_start(), Charge(charging=ChargingState.COMPLETE), True),
    (charging.charge_start(), Charge(charging=ChargingState.STOPPED), False),
    (charging.charge_start(), Charge(charging=ChargingState.CALIBRATING), None),
    (charging.charge_start(), Charge(), None),
    (charging.charge_stop(), Charge(charging=ChargingState.STOPPED), True),
    (charging.charge_stop(), Charge(charging=ChargingState.CHARGING), False),
    (charging.charge_stop(), Charge(), None),
    (charging.charge_limit(80), Charge(limit_percent=80), True),
    (charging.charge_limit(80), Charge(limit_percent=0), False),
    (charging.charge_amps(16), Charge(set_amps=16, requested_amps=5), True),
    (charging.charge_amps(16), Charge(requested_amps=16), True),
    (charging.charge_amps(16), Charge(set_amps=0, requested_amps=16), False),
    (charging.charge_standard(), Charge(limit_percent=80, standard_limit_percent=80), True),
    (charging.charge_standard(), Charge(limit_percent=80), None),
    (charging.charge_max_range(), Charge(limit_percent=80, maximum_limit_percent=100), False),
    (charging.charge_max_range(), Charge(limit_percent=80), None),
    (climate.climate_on(), Climate(on=True), True),
    (climate.climate_off(), Climate(on=True), False),
    (climate.climate_temperature(21.5), Climate(driver_celsius=21.5, passenger_celsius=21.5), True),
    (climate.climate_temperature(21.4, 20), Climate(driver_celsius=21.5, passenger_celsius=20.0), True),
    (climate.climate_temperature(21.5, 20), Climate(driver_celsius=21.5, passenger_celsius=21.5), False),
    (climate.climate_temperature(21.5), Climate(driver_celsius=21.5), None),
    (climate.climate_keeper("camp"), Climate(keeper=Keeper.CAMP), True),
    (climate.defrost_max(on=True), Climate(defrost=Defrost.MAX), True),
    (climate.defrost_max(on=False), Climate(defrost=Defrost.NORMAL), True),
    (climate.defrost_max(on=False), Climate(), None),
    (climate.overheat_protection("fan_only"), Climate(overheat_protection=OverheatProtection.FAN_ONLY), True),
    (climate.overheat_temperature("low"), Climate(overheat_temperature=OverheatTemperature.HIGH), False),
    (climate.bioweapon(on=True), Climate(bioweapon=True), True),
    (seats.seat_heat("rear_left", "medium"), Climate(rear_left_seat_heat=2), True),
    (seats.seat_heat("rear_left", "off"), Climate(rear_left_seat_heat=0), True),
    (seats.seat_cooling("front_left", "high"), Climate(front_left_seat_cooling=3), True),
    (seats.seat_automatic("front_right", on=False), Climate(front_right_seat_automatic=True), False),
    (seats.wheel_heat(on=True), Climate(wheel_heat=True), True),
    (seats.wheel_heat_level("high"), Climate(wheel_heat_level=WheelHeat.HIGH), True),
    (seats.wheel_heat_automatic(on=True), Climate(wheel_heat_automatic=False), False),
    (media.media_volume(5), Media(volume=5.1), True),
    (media.media_volume(5), Media(volume=8.0), False),
    (sentry.sentry_mode(on=True), Closures(sentry=Sentry.IDLE), True),
    (sentry.sentry_mode(on=False), Closures(sentry=Sentry.AWARE), False),
    (sentry.sentry_mode(on=False), Closures(), None),
    (restrictions.valet_mode(on=False), Closures(valet_mode=False), True),
    (restrictions.speed_limit(on=True, pin="1234"), Closures(speed_limit=SpeedLimit(active=True)), True),
    (restrictions.speed_limit(on=True, pin="1234"), Closures(), None),
    (LIMIT, Closures(speed_limit=SpeedLimit(limit_mph=70.0)), True),
    (LIMIT, Closures(), None),
    (restrictions.speed_limit_pin_clear("1234"), Closures(speed_limit=SpeedLimit(pin_set=False)), True),
    (restrictions.speed_limit_pin_clear("1234"), Closures(), None),
    (restrictions.speed_limit_pin_clear_admin(), Closures(speed_limit=SpeedLimit(pin_set=True)), False),
    (restrictions.speed_limit_pin_clear_admin(), Closures(), None),
    (restrictions.parental_controls(on=True, pin="1234"), ParentalControls(active=True), True),
    (
        restrictions.parental_controls_setting("acceleration", on=True),
        ParentalControls(settings=ParentalSettings(chill_acceleration=True)),
        True,
    ),
    (
        restrictions.parental_controls_setting("curfew", on=True),
        ParentalControls(settings=ParentalSettings(curfew=False)),
        False,
    ),
    (restrictions.parental_controls_setting("curfew", on=True), ParentalControls(), None),
    (
        restrictions.parental_controls_speed_limit(60),
        ParentalControls(settings=ParentalSettings(limit_mph=60.2)),
        True,
    ),
    (restrictions.parental_controls_speed_limit(60), ParentalControls(), None),
    (restrictions.parental_controls_pin_clear("1234"), ParentalControls(pin_set=False), True),
    (restrictions.parental_controls_pin_clear_admin(), ParentalControls(pin_set=True), False),
    (settings.low_power_mode(on=True), Charge(low_power_mode=True), True),
    (settings.accessory_power(on=False), Charge(keeps_accessory_power=True), False),
    (software.update_schedule(), SoftwareUpdate(status=UpdateStatus.SCHEDULED), True),
    (software.update_schedule(), SoftwareUpdate(), None),
    (software.update_cancel(), SoftwareUpdate(status=UpdateStatus.AVAILABLE), True),
    (software.update_cancel(), SoftwareUpdate(), None),
    (CHARGE_ADD, ChargeSchedules(entries=(CHARGE_ENTRY,)), True),
    (CHARGE_ADD, ChargeSchedules(), False),
    (CHARGE_END, ChargeSchedules(entries=(CHARGE_ENTRY,)), False),
    (schedules.charge_schedule_remove(7), ChargeSchedules(entries=(CHARGE_ENTRY,)), False),
    (schedules.charge_schedule_remove(8), ChargeSchedules(entries=(CHARGE_ENTRY,)), True),
    (WARM_ADD, PreconditionSchedules(entries=(WARM_ENTRY,)), True),
    (schedules.precondition_schedule_remove(7), PreconditionSchedules(entries=(WARM_ENTRY,)), False),
    (schedules.scheduled_charging(on=True, start_minutes=60), START_AT, True),
    (schedules.scheduled_charging(on=True, start_minutes=61), START_AT, False),
    (schedules.scheduled_charging(on=True, start_minutes=60), Charge(planned_mode=OFF), False),
    (schedules.scheduled_charging(on=False), Charge(planned_mode=DEPART), True),
    (schedules.scheduled_charging(on=False), Charge(), None),
    (DEPARTURE, Charge(planned_mode=DEPART, planned_departure_minutes=420), True),
    (schedules.scheduled_departure(on=False), Charge(planned_mode=DEPART), False),
    (keys.key_add(KEY, "driver"), KeyList(ids=(hashlib.sha1(KEY).digest()[:4],)), True),
    (keys.key_add(KEY, "driver"), KeyList(ids=(b"", b"\1\2\3\4")), False),
    (keys.key_remove(KEY), KeyList(), True),
]


@pytest.mark.parametrize(("command", "state", "shown"), STORIES)
def test_a_state_shows_whether_it_was_done(command: Command, state: State, shown: bool | None) -> None:
    """Pain 118."""
    assert command.done is not None
    assert command.done(state) is shown


def test_other_subjects_tell_nothing() -> None:
    """Whoever hears a state may ask every command that is under way."""
    for command, _, _ in STORIES:
        assert command.done is not None
        if command.read_back is not None:
            assert command.done(Body(lock=LockState.LOCKED)) is None
        else:
            assert command.done(Charge(charging=ChargingState.CHARGING)) is None


def test_toggles_claim_nothing() -> None:
    for command in (closures.trunk_open(), closures.frunk_open(), media.media_toggle()):
        assert command.done is None
        assert not command.idempotent
